"""The webhook subscriptions of a tenant, as callers manage them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import FieldError, NotFound, PermissionDenied
from shared.domain.event_rights import EVENT_RIGHTS, require_event_rights
from shared.domain.ids import is_id, new_id
from shared.domain.webhooks.delivery import Delivery
from shared.domain.webhooks.subscription import MANAGE_WEBHOOKS, NewWebhook, Webhook, WebhookInput
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict
from shared.services.paging import Cursors, Page, read_page


class WebhookRepository(Protocol):
    """The subscriptions of one tenant; see `shared.table.webhooks.repository.WebhookTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[Webhook]: ...

    def create(self, webhook: Webhook) -> None: ...

    def delete(self, webhook: Webhook) -> None: ...

    def deliveries(self, webhook_id: str, *, limit: int, after: str | None) -> list[tuple[str, Delivery]]: ...


class WebhookService:
    """The subscriptions that one caller may manage. `loopback` allows URLs of the local machine."""

    def __init__(
        self,
        caller: Caller,
        webhooks: WebhookRepository,
        cursors: Cursors,
        *,
        loopback: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._webhooks = webhooks
        self._cursors = cursors
        self._loopback = loopback
        self._sleep = sleep
        self._announce = announce

    def create(self, given: WebhookInput) -> NewWebhook:
        """Create a subscription; return it with its secret, which is shown only this time.

        Each event type requires the permissions to read the records of its events (`shared.domain.event_rights`).
        Raises PermissionDenied naming the missing permission, Invalid for a URL that webhooks may not use, Conflict
        when the tenant has too many subscriptions.
        """
        self._require()
        require_event_rights(self._caller, given.events)
        webhook = Webhook.create(
            given, webhook_id=new_id(), at=timestamps.now(), caller=self._caller, loopback=self._loopback
        )
        created = webhook.with_secret()
        self._announce(created)
        self._webhooks.create(webhook)
        return created

    def faults_in(self, given: object) -> tuple[FieldError, ...]:
        """Return the faults of the URL in `given`, a parsed JSON value, that its schema does not find."""
        from shared.domain.faults import collect_faults
        from shared.domain.webhooks.addresses import parse_target

        url = given.get("url") if isinstance(given, dict) else None
        return (
            collect_faults(lambda: parse_target(url, loopback=self._loopback)) if isinstance(url, str) else ()
        )

    def read(self, webhook_id: str) -> Webhook:
        """Return a subscription. Raises NotFound."""
        self._require()
        webhook = self._webhooks.get(webhook_id) if is_id(webhook_id) else None
        if webhook is None:
            raise NotFound("Webhook")
        return webhook

    def list(self, *, limit: int, cursor: str | None) -> Page[Webhook]:
        """Return a page of the subscriptions, newest first."""
        self._require()
        return read_page(
            lambda count, after: self._webhooks.list_newest(limit=count, after=after),
            lambda webhook: webhook.id,
            lambda webhook: webhook,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("webhooks"),
        )

    def delete(self, webhook_id: str, if_match: IfMatch | None) -> None:
        """Delete a subscription; its pending deliveries are given up."""

        def delete_current() -> None:
            webhook = self.read(webhook_id)
            require_match(if_match, webhook.version)
            self._webhooks.delete(webhook)

        retry_on_conflict(delete_current, sleep=self._sleep)

    def deliveries(self, webhook_id: str, *, limit: int, cursor: str | None) -> Page[Delivery]:
        """Return a page of a subscription's deliveries, newest event first.

        Deliveries name events, so the caller needs the permissions to see them; where these depend on the record, only
        the creator of the subscription may see its deliveries. Raises PermissionDenied.
        """
        webhook = self.read(webhook_id)
        require_event_rights(self._caller, webhook.events)
        if webhook.created_by != self._caller.actor and any(
            EVENT_RIGHTS[one].depends_on_record(self._caller) for one in webhook.events
        ):
            raise PermissionDenied(
                "Only who created this webhook, or a caller who may see all it is sent, can see its deliveries."
            )
        return read_page(
            lambda count, after: self._webhooks.deliveries(webhook.id, limit=count, after=after),
            lambda entry: entry[0],
            lambda entry: entry[1],
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("deliveries", webhook.id),
        )

    def _require(self) -> None:
        self._caller.require_all(MANAGE_WEBHOOKS)
