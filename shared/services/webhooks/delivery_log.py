"""The deliveries of a tenant's webhooks, as callers read them and have them sent again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import Conflict, NotFound, PermissionDenied, Unavailable
from shared.domain.event_patterns import covers
from shared.domain.event_rights import EVENT_RIGHTS, require_event_rights
from shared.domain.events import WEBHOOK_TEST
from shared.domain.ids import is_id, new_id
from shared.domain.webhooks.delivery import KEPT_SECONDS, Delivery, DeliveryRequest
from shared.domain.webhooks.subscription import MANAGE_WEBHOOKS, Webhook
from shared.services.idempotency import Announce, no_key
from shared.services.optimistic import retry_on_conflict
from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Budget
from shared.services.walks import Step, read_page_of_steps


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Conditions on deliveries, which must all hold.

    `state`: as in the delivery. `event_type`: a pattern that covers the delivery's. `first` and `last`: bounds of the
    time of the event, both included, as timestamps.
    """

    state: str | None = None
    event_type: str | None = None
    first: str | None = None
    last: str | None = None

    def matches(self, delivery: Delivery) -> bool:
        """Whether a delivery within the bounds of time meets the other conditions."""
        return self.state in (None, delivery.state) and (
            self.event_type is None or covers(self.event_type, delivery.event_type)
        )


class Deliveries(Protocol):
    """The deliveries of one tenant; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...

    def find_delivery(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]: ...

    def walk_deliveries(
        self,
        webhook_id: str,
        budget: Budget,
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, Delivery]]: ...

    def commit_delivery(self, before: Delivery, after: Delivery) -> None: ...

    def mark_queued(self, delivery: Delivery, at: str) -> None: ...


class Queue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class DeliveryLog:
    """The deliveries that one caller may see. All methods require `webhooks:manage` and the rights to the events.

    Deliveries name events, so the caller needs the permissions to see all event types of the subscription; where these
    depend on the record, only a caller who has been the holder of the subscription for as long as deliveries are kept
    may see them. Deliveries of other event types, which the subscription had before it was changed, are left out unless
    the caller may see events of these too.
    """

    def __init__(
        self,
        caller: Caller,
        deliveries: Deliveries,
        queue: Callable[[], Queue],
        cursors: Cursors,
        budget: Budget,
        *,
        now: Callable[[], str] = timestamps.now,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._deliveries = deliveries
        self._queue = queue
        self._cursors = cursors
        self._budget = budget
        self._now = now
        self._sleep = sleep
        self._announce = announce

    def list(
        self, webhook_id: str, conditions: DeliveryFilter, *, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """Return a page of a subscription's deliveries that match, newest event first.

        When the budget is spent the page ends with what was found, which may be nothing, and has a cursor. Raises
        NotFound for an unknown subscription, PermissionDenied, and RuleBroken for a cursor of another list.
        """
        self._caller.require_all(MANAGE_WEBHOOKS)
        webhook = self._deliveries.get(webhook_id) if is_id(webhook_id) else None
        self._require_rights(webhook)

        def steps(after: str | None) -> Iterator[Step[Delivery]]:
            walk = self._deliveries.walk_deliveries(
                webhook_id,
                self._budget,
                first=conditions.first,
                last=conditions.last,
                after=after,
                portion=limit + 1,
            )
            for position, delivery in walk:
                yield position, conditions.matches(delivery) and self._may_see(delivery), delivery

        return read_page_of_steps(
            steps,
            lambda delivery: delivery,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("deliveries", webhook_id, repr(conditions)),
        )

    def read(self, webhook_id: str, event_id: str) -> Delivery:
        """Return the delivery of an event. Raises NotFound and PermissionDenied."""
        _, delivery = self._find(webhook_id, event_id)
        return delivery

    def redeliver(self, webhook_id: str, event_id: str) -> Delivery:
        """Send an event again, now; return its delivery.

        A pending delivery is attempted now and keeps its schedule. One that has ended starts over, with the same
        `webhook-id`; its attempts so far stay in the log. Raises NotFound, PermissionDenied, and Conflict with code
        `webhook_disabled` or `too_many_attempts`.
        """
        after = retry_on_conflict(lambda: self._start_over(webhook_id, event_id), sleep=self._sleep)
        # The delivery is in the due-time index: if its message is lost, it is sent some minutes later.
        with suppress(Unavailable):
            self._queue().send(
                [DeliveryRequest(self._caller.tenant_id, webhook_id, event_id, after.next_attempt)]
            )
            self._deliveries.mark_queued(after, self._now())
        return after

    def _start_over(self, webhook_id: str, event_id: str) -> Delivery:
        webhook, delivery = self._find(webhook_id, event_id)
        if not webhook.is_active:
            raise Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled")
        after = delivery.redeliver(at=self._now(), revision=new_id())
        self._announce(after)
        self._deliveries.commit_delivery(delivery, after)
        return after

    def _find(self, webhook_id: str, event_id: str) -> tuple[Webhook, Delivery]:
        self._caller.require_all(MANAGE_WEBHOOKS)
        webhook, delivery = None, None
        if is_id(webhook_id) and is_id(event_id):
            webhook, delivery = self._deliveries.find_delivery(webhook_id, event_id)
        elif is_id(webhook_id):  # so that the answer says which of the two is missing
            webhook = self._deliveries.get(webhook_id)
        known = self._require_rights(webhook)
        if delivery is None or not self._may_see(delivery):
            raise NotFound("Delivery")
        return known, delivery

    def _require_rights(self, webhook: Webhook | None) -> Webhook:
        """Return a subscription if the caller may see its deliveries."""
        if webhook is None:
            raise NotFound("Webhook")
        require_event_rights(self._caller, webhook.events)
        since = timestamps.plus(self._now(), -KEPT_SECONDS)
        if any(
            EVENT_RIGHTS[one].depends_on_record(self._caller) for one in webhook.event_types
        ) and not webhook.was_held_by(self._caller.actor, since=since):
            raise PermissionDenied(
                "Only the holder of this webhook (`acts_as`), if it has had no other holder in the last 30 days, or a "
                "caller who may see everything that it is sent can see its deliveries."
            )
        return webhook

    def _may_see(self, delivery: Delivery) -> bool:
        if delivery.event_type == WEBHOOK_TEST:
            return True
        right = EVENT_RIGHTS.get(delivery.event_type)
        return right is not None and not right.missing_permissions(self._caller)
