"""From an event to the requests that tell of it. Done by the system, for whole tenants.

Every step may be done twice or cut off anywhere. What then counts: a delivery is in the table before its
message is queued, and in the due-time index as long as it is pending; so a lost message is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller, system
from shared.domain.delivery import SUSPENSION, TAKEN, Delivery, DeliveryRequest, Outcome
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event, Notice
from shared.domain.ids import new_id
from shared.domain.tenant import Tenant
from shared.domain.webhook import Webhook
from shared.services.backoff import fraction

_ATTEMPTS = 12


class Subscriptions(Protocol):
    """The subscriptions of one tenant and their deliveries; see `shared.table.webhooks.WebhookTable`."""

    def all(self) -> list[Webhook]: ...

    def add_delivery(self, delivery: Delivery) -> Delivery: ...

    def take_up(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]: ...

    def event_of(self, delivery: Delivery) -> Event | None: ...

    def save_delivery(self, before: Delivery, after: Delivery) -> None: ...

    def save_with_webhook(
        self, before: Delivery, after: Delivery, webhook_before: Webhook, webhook_after: Webhook
    ) -> None: ...


class Sight(Protocol):
    """What subscriptions are sent; see `shared.services.event_sight.EventSight`."""

    def creator_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None: ...

    def shows(
        self, caller: Caller | None, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool: ...


class Queue(Protocol):
    """Where requests wait for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class Sender(Protocol):
    """Makes a request; see `shared.publishing.sender.Sender`."""

    def send(self, webhook: Webhook, event: Event) -> Outcome: ...


class DueIndex(Protocol):
    """What is due; see `shared.table.due.DueDeliveries`."""

    def until(self, at: str) -> Iterable[list[tuple[str, DeliveryRequest]]]: ...

    def put_off(self, position: str, due: DeliveryRequest, until: str) -> None: ...


class UnknownTenant(Exception):
    """A message names a tenant that does not exist."""


class FanOut:
    """Makes an event's deliveries."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        subscriptions: Callable[[str], Subscriptions],
        queue: Queue,
        sight: Sight,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._tenant = tenant
        self._subscriptions = subscriptions
        self._queue = queue
        self._sight = sight
        self._now = now

    def spread(self, notice: Notice) -> int:
        """Make one delivery for each subscription that wants the event and whose creator may be shown it, and have it
        sent; returns how many were queued.

        Done again, it makes nothing new, and sends again what no attempt was made at. Raises UnknownTenant.
        """
        tenant = self._tenant(notice.tenant_id)
        if tenant is None:
            raise UnknownTenant
        table = self._subscriptions(notice.tenant_id)
        creators: dict[str, Caller | None] = {}
        requests = []
        for webhook in table.all():
            if not webhook.wants(notice.type):
                continue
            if webhook.created_by not in creators:
                creators[webhook.created_by] = self._sight.creator_of(webhook, tenant)
            fresh = Delivery.create(notice, webhook.id, at=self._now())
            if self._shows(table, creators[webhook.created_by], fresh):
                delivery = table.add_delivery(fresh)
                if delivery.state == "pending" and not delivery.attempts:
                    requests.append(DeliveryRequest(notice.tenant_id, webhook.id, notice.id, 1))
        self._queue.send(requests)
        return len(requests)

    def _shows(self, table: Subscriptions, creator: Caller | None, delivery: Delivery) -> bool:
        def actor() -> str | None:
            event = table.event_of(delivery)
            return event.actor if event else None

        return self._sight.shows(creator, delivery.event_type, delivery.entity_id, actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the sender did with a message, for the log.

    `done`: attempted, passed_over (the message came twice), given_up or postponed. `state` and `reason` are the
    delivery's afterwards, `status`, `error` and `duration_ms` those of the attempt.
    """

    done: str
    state: str | None = None
    reason: str | None = None
    status: int | None = None
    error: str | None = None
    duration_ms: int | None = None


_PASSED_OVER = Report(done="passed_over")


class Sending:
    """Makes the attempts of deliveries."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        subscriptions: Callable[[str], Subscriptions],
        queue: Queue,
        sender: Sender,
        sight: Sight,
        *,
        now: Callable[[], str] = timestamps.now,
        jitter: Callable[[], float] = fraction,
    ) -> None:
        self._tenant = tenant
        self._subscriptions = subscriptions
        self._queue = queue
        self._sender = sender
        self._sight = sight
        self._now = now
        self._jitter = jitter

    def attempt(self, request: DeliveryRequest) -> Report:
        """Make an attempt and write it down, and have the next one made in its time.

        Nothing is done when the delivery is over, or the attempt is not its next one: the message came twice.
        """
        table = self._subscriptions(request.tenant_id)
        webhook, delivery = table.take_up(request.webhook_id, request.event_id)
        if delivery is None or delivery.state != "pending" or delivery.next_attempt != request.attempt:
            return _PASSED_OVER
        if webhook is None:
            return _give_up(table, delivery, "webhook_deleted")
        if not webhook.is_active:
            return _give_up(table, delivery, "webhook_disabled")
        tenant = self._tenant(request.tenant_id)
        if tenant is None or tenant.suspended:
            return self._postpone(table, delivery)
        event = table.event_of(delivery)
        if event is None:
            return _give_up(table, delivery, "event_removed")
        # Again, since rights may have shrunk while the delivery waited, or the contact gone to another owner.
        creator = self._sight.creator_of(webhook, tenant)
        if not self._sight.shows(creator, event.type, event.entity_id, lambda: event.actor):
            return _give_up(table, delivery, "not_permitted")
        outcome = self._sender.send(webhook, event)
        after = self._record(table, request, delivery, outcome)
        delay = after.queue_delay if after.state == "pending" else None
        if delay is not None:
            self._queue.send([replace(request, attempt=after.next_attempt)], delay=delay)
        return Report(
            done="attempted",
            state=after.state,
            reason=after.reason,
            status=outcome.attempt.status,
            error=outcome.attempt.error,
            duration_ms=outcome.attempt.duration_ms,
        )

    def _record(
        self, table: Subscriptions, request: DeliveryRequest, before: Delivery, outcome: Outcome
    ) -> Delivery:
        """Enter an attempt in the log, even when another sender has changed the delivery meanwhile."""
        revision, jitter = new_id(), self._jitter()
        for _ in range(_ATTEMPTS):
            after = before.record(
                outcome.attempt, revision=revision, retry_after=outcome.retry_after, jitter=jitter
            )
            try:
                self._save(table, request, before, after)
            except ConcurrentChange:
                _, found = table.take_up(request.webhook_id, request.event_id)
                if found is None:  # expired meanwhile
                    return after
                before = found
            else:
                return after
        raise ConcurrentChange()

    def _save(
        self, table: Subscriptions, request: DeliveryRequest, before: Delivery, after: Delivery
    ) -> None:
        """Write an attempt down and, when the receiver wants nothing more, put the subscription to sleep with it."""
        if after.reason == "gone" and before.state == "pending":
            webhook, _ = table.take_up(request.webhook_id, request.event_id)
            if webhook is not None and webhook.is_active:
                caller = system(request.tenant_id, "webhooks", "system")
                asleep = webhook.disable("gone", at=self._now(), caller=caller)
                table.save_with_webhook(before, after, webhook, asleep)
                return
        table.save_delivery(before, after)

    def _postpone(self, table: Subscriptions, delivery: Delivery) -> Report:
        until = timestamps.plus(self._now(), SUSPENSION)
        return _change(table, delivery, delivery.postpone(until, revision=new_id()), "postponed")


def _give_up(table: Subscriptions, delivery: Delivery, reason: str) -> Report:
    return _change(table, delivery, delivery.give_up(reason, revision=new_id()), "given_up")


def _change(table: Subscriptions, before: Delivery, after: Delivery, done: str) -> Report:
    """Change a delivery without an attempt; not when another sender was faster, who then knew better."""
    try:
        table.save_delivery(before, after)
    except ConcurrentChange:
        return _PASSED_OVER
    return Report(done=done, state=after.state, reason=after.reason)


def send_due(
    index: DueIndex,
    queue: Queue,
    *,
    has_time: Callable[[], bool],
    now: Callable[[], str] = timestamps.now,
) -> int:
    """Hand what is due to the sender, and put each off so that it comes up again should its message be lost;
    gives back how many there were.

    The message goes first: cut off in between, a request is made twice and never not at all.
    """
    sent = 0
    for portion in index.until(now()):
        for start in range(0, len(portion), 10):
            if not has_time():
                return sent
            due = portion[start : start + 10]
            queue.send([request for _, request in due])
            until = timestamps.plus(now(), TAKEN)
            for position, request in due:
                index.put_off(position, request, until)
            sent += len(due)
    return sent
