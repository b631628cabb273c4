"""The webhook subscriptions of a tenant, as callers manage them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.stamp import Stamp
from shared.domain.webhooks.delivery import Delivery, DeliveryRequest
from shared.domain.webhooks.filters import WebhookFilterInput
from shared.domain.webhooks.secrets import SecretRotation, WebhookSecrets
from shared.domain.webhooks.subscription import (
    MANAGE_WEBHOOKS,
    REQUESTED,
    NewWebhook,
    Webhook,
    WebhookInput,
    WebhookPatch,
)
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import IfMatch, change_record
from shared.services.paging import Cursors, Page, read_page


class WebhookRepository(Protocol):
    """The subscriptions of one tenant; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[Webhook]: ...

    def create(self, webhook: Webhook, event: Event) -> None: ...

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None: ...

    def remove(self, before: Webhook, event: Event) -> None: ...

    def add_test(self, delivery: Delivery) -> None: ...

    def mark_queued(self, delivery: Delivery, at: str) -> None: ...


class Queue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class Vault(Protocol):
    """Seals and opens the secrets of webhooks; see `shared.services.webhooks.vault.Vault`."""

    def seal(self, tenant_id: str, webhook_id: str, secrets: WebhookSecrets) -> bytes: ...

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets: ...


class TestLimit(Protocol):
    """Limits the test events of webhooks; see `shared.services.limits.webhook_tests.WebhookTestLimit`."""

    def count(self, webhook_id: str) -> None: ...


class WebhookService:
    """The subscriptions that one caller may manage. `can_have_contacts`: whether an id is that of a user or an API
    client. `loopback` allows URLs of the local machine.
    """

    def __init__(
        self,
        caller: Caller,
        webhooks: WebhookRepository,
        cursors: Cursors,
        queue: Queue,
        vault: Vault,
        test_limit: Callable[[], TestLimit],
        can_have_contacts: Callable[[str], bool],
        *,
        loopback: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._webhooks = webhooks
        self._cursors = cursors
        self._queue = queue
        self._vault = vault
        self._test_limit = test_limit
        self._can_have_contacts = can_have_contacts
        self._loopback = loopback
        self._sleep = sleep
        self._announce = announce

    def create(self, given: WebhookInput) -> NewWebhook:
        """Create a subscription; return it with its secret, which is shown only this time.

        Each event type requires the permissions to read the records of its events (`shared.domain.event_rights`).
        Raises PermissionDenied naming the missing permission, Invalid for a URL that webhooks may not use or an owner
        who is no user, Conflict when the tenant has too many subscriptions, Unavailable when its secrets cannot be
        encrypted.
        """
        self._require()
        self._require_owner(given.filter)
        secrets = WebhookSecrets.create(given.headers)
        webhook, event = Webhook.create(
            given, webhook_id=new_id(), stamp=Stamp.now(self._caller), loopback=self._loopback
        )
        webhook = webhook.with_fields({"sealed": self._seal(webhook, secrets)})
        created = webhook.with_secret(secrets.latest)
        self._announce(created)
        self._webhooks.create(webhook, event)
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

    def change(self, webhook_id: str, given: WebhookPatch, if_match: IfMatch | None) -> Webhook:
        """Apply a merge patch (RFC 7396). The caller becomes the holder if what is sent where changes.

        Raises PermissionDenied when the caller would become the holder without the permissions for all event types, and
        Invalid for a URL that webhooks may not use or an owner who is no user.
        """
        self._require()
        self._require_owner(given.filter)
        fields = given.given_fields()
        named = "headers" in fields
        headers = fields.pop("headers", None)

        def decide(webhook: Webhook) -> tuple[Webhook, Event] | None:
            sealed = self._seal_headers(webhook, headers) if named else {}
            known = webhook.header_names if named and headers is None else headers or ()
            return webhook.change(
                fields | sealed, headers_given=known, stamp=Stamp.now(self._caller), loopback=self._loopback
            )

        return self._write(webhook_id, if_match, decide, self._save)

    def rotate_secret(self, webhook_id: str, given: SecretRotation, if_match: IfMatch | None) -> NewWebhook:
        """Replace the secret; return the subscription with the new one, which is shown only this time.

        Earlier secrets sign too until the overlap ends. Raises Conflict when too many secrets would be valid, and
        Unavailable when they cannot be encrypted.
        """
        stamp = Stamp.now(self._caller)
        latest = ""

        def decide(webhook: Webhook) -> tuple[Webhook, Event]:
            nonlocal latest
            secrets = self._open(webhook).rotate(at=stamp.at, overlap_hours=given.overlap_hours)
            latest = secrets.latest
            return webhook.rotate_secret(
                sealed=self._seal(webhook, secrets), rotation_ends_at=secrets.previous_until, stamp=stamp
            )

        def save(before: Webhook, after: Webhook, event: Event) -> None:
            self._announce(after.with_secret(latest))
            self._webhooks.replace(before, after, event)

        return self._write(webhook_id, if_match, decide, save).with_secret(latest)

    def enable(self, webhook_id: str, if_match: IfMatch | None) -> Webhook:
        """Enable a subscription. The caller becomes the holder.

        Raises PermissionDenied when the caller lacks a permission for one of the event types.
        """
        return self._write(
            webhook_id, if_match, lambda webhook: webhook.enable(stamp=Stamp.now(self._caller)), self._save
        )

    def disable(self, webhook_id: str, if_match: IfMatch | None) -> Webhook:
        """Disable a subscription; its pending deliveries are given up."""
        return self._write(
            webhook_id,
            if_match,
            lambda webhook: webhook.disable(REQUESTED, stamp=Stamp.now(self._caller)),
            self._save,
        )

    def delete(self, webhook_id: str, if_match: IfMatch | None) -> None:
        """Delete a subscription; its pending deliveries are given up."""
        self._write(
            webhook_id,
            if_match,
            lambda webhook: webhook.delete(stamp=Stamp.now(self._caller)),
            lambda before, _, event: self._webhooks.remove(before, event),
        )

    def test(self, webhook_id: str) -> Delivery:
        """Send a test event to a subscription; return its delivery, which is attempted within moments.

        Raises Conflict when the subscription is disabled, and RateLimited when it has been tested too often.
        """
        webhook = self.read(webhook_id)
        if not webhook.is_active:
            raise Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled")
        self._test_limit().count(webhook.id)
        at = timestamps.now()
        delivery = Delivery.create_test(webhook.id, webhook.version, event_id=new_id(), at=at)
        self._announce(delivery)
        self._webhooks.add_test(delivery)
        request = DeliveryRequest(
            self._caller.tenant_id, webhook.id, delivery.event_id, delivery.next_attempt
        )
        with suppress(Unavailable):  # the delivery is in the due-time index, and is queued from there
            self._queue.send([request])
            self._webhooks.mark_queued(delivery, at)
        return delivery

    def _write(
        self,
        webhook_id: str,
        if_match: IfMatch | None,
        decide: Callable[[Webhook], tuple[Webhook, Event] | None],
        save: Callable[[Webhook, Webhook, Event], None],
    ) -> Webhook:
        return change_record(lambda: self.read(webhook_id), if_match, decide, save, sleep=self._sleep)

    def _save(self, before: Webhook, after: Webhook, event: Event) -> None:
        self._announce(after)
        self._webhooks.replace(before, after, event)

    def _open(self, webhook: Webhook) -> WebhookSecrets:
        return self._vault.open(self._caller.tenant_id, webhook.id, webhook.sealed)

    def _seal(self, webhook: Webhook, secrets: WebhookSecrets) -> bytes:
        return self._vault.seal(self._caller.tenant_id, webhook.id, secrets)

    def _seal_headers(self, webhook: Webhook, changes: Mapping[str, str | None] | None) -> dict[str, Any]:
        """Return the fields of a webhook that change with its headers; none when no header changes."""
        before = self._open(webhook)
        after = before.change_headers(dict.fromkeys(before.headers) if changes is None else changes)
        if after.headers == before.headers:
            return {}
        return {"header_names": after.header_names, "sealed": self._seal(webhook, after)}

    def _require_owner(self, given: WebhookFilterInput | None) -> None:
        """Raise Invalid if a filter names an owner who can have no contacts, so that no event would ever pass."""
        if given is not None and given.owner_id is not None and not self._can_have_contacts(given.owner_id):
            raise Invalid.field(
                "filter.owner_id", "unknown_owner", "This is not the id of a user or an API client."
            )

    def _require(self) -> None:
        self._caller.require_all(MANAGE_WEBHOOKS)
