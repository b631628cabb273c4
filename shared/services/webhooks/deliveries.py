"""From an event to the requests that tell of it. Done by the system, for whole tenants.

Every step may be done twice or cut off anywhere. What then counts: a delivery is in the table before its
message is queued, and in the due-time index as long as it is pending; so a lost message is sent again.

At most one message waits for a delivery: once it is queued, the delivery says so, and no other is sent while it may
still be there. A kill between the two is the exception: then a second message is sent. An attempt is reserved by the
sender that makes it, so that a second message uses up none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller, system_caller
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.events import Event, Notice
from shared.domain.ids import new_id
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import (
    CLAIM,
    QUEUED,
    SUSPENSION,
    TAKEN,
    Delivery,
    DeliveryRequest,
    Outcome,
)
from shared.domain.webhooks.subscription import Webhook
from shared.services.backoff import RECORD, fraction

_TOGETHER = 10  # what SQS takes in one call


class Subscriptions(Protocol):
    """The subscriptions of one tenant and their deliveries; see `shared.table.webhooks.repository.WebhookTable`."""

    def all(self) -> list[Webhook]: ...

    def add_delivery(self, delivery: Delivery) -> Delivery: ...

    def take_up(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]: ...

    def event_of(self, delivery: Delivery) -> Event | None: ...

    def note_queued(self, delivery: Delivery, at: str) -> None: ...

    def claim(self, delivery: Delivery, *, by: str, at: str, until: str) -> bool: ...

    def save_delivery(self, before: Delivery, after: Delivery) -> None: ...

    def save_with_webhook(
        self, before: Delivery, after: Delivery, webhook_before: Webhook, webhook_after: Webhook
    ) -> None: ...


class Sight(Protocol):
    """Decides what subscriptions are sent; see `shared.services.webhooks.event_sight.EventSight`."""

    def creator_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None: ...

    def shows(
        self, caller: Caller | None, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool: ...


class Queue(Protocol):
    """Where requests wait for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class DueQueue(Queue, Protocol):
    """The same queue, and whether it is empty."""

    def holds_messages(self) -> bool: ...


class Sender(Protocol):
    """Makes a request; see `shared.publishing.sender.Sender`."""

    def send(self, webhook: Webhook, event: Event) -> Outcome: ...


class DueIndex(Protocol):
    """What is due; see `shared.table.webhooks.due.DueDeliveries`."""

    def until(self, at: str) -> Iterable[list[tuple[str, DeliveryRequest]]]: ...

    def leave_waiting(
        self, position: str, due: DeliveryRequest, until: str, *, queued_since: str
    ) -> bool: ...

    def take(self, position: str, due: DeliveryRequest, until: str) -> bool: ...

    def note_queued(self, due: DeliveryRequest, due_at: str, at: str) -> None: ...


class UnknownTenant(Exception):
    """A message names a tenant that does not exist."""


class AttemptUnderWay(Exception):
    """Another sender is making the attempt. The message stays in the queue, in case they are killed."""


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

        Done again, it makes nothing new, and sends those alone whose message is not known to be in the queue and
        that no attempt was made at. Raises UnknownTenant.
        """
        tenant = self._tenant(notice.tenant_id)
        if tenant is None:
            raise UnknownTenant
        table = self._subscriptions(notice.tenant_id)
        creators: dict[str, Caller | None] = {}
        unsent = []
        for webhook in table.all():
            if not webhook.wants(notice.type):
                continue
            if webhook.created_by not in creators:
                creators[webhook.created_by] = self._sight.creator_of(webhook, tenant)
            fresh = Delivery.create(notice, webhook.id, at=self._now())
            if self._shows(table, creators[webhook.created_by], fresh):
                delivery = table.add_delivery(fresh)
                if delivery.state == "pending" and not delivery.attempts and delivery.queued_at is None:
                    unsent.append(delivery)
        for start in range(0, len(unsent), _TOGETHER):
            _queue(self._queue, table, notice.tenant_id, unsent[start : start + _TOGETHER], at=self._now())
        return len(unsent)

    def _shows(self, table: Subscriptions, creator: Caller | None, delivery: Delivery) -> bool:
        def actor() -> str | None:
            event = table.event_of(delivery)
            return event.actor if event else None

        return self._sight.shows(creator, delivery.event_type, delivery.entity_id, actor)


def _queue(
    queue: Queue,
    table: Subscriptions,
    tenant_id: str,
    deliveries: Sequence[Delivery],
    *,
    at: str,
    delay: int = 0,
) -> None:
    """Queue the next attempts of deliveries, and note that they are.

    In this order: after a kill in between, a message too many is sent by the due-time index, and never none.
    """
    queue.send(
        [DeliveryRequest(tenant_id, one.webhook_id, one.event_id, one.next_attempt) for one in deliveries],
        delay=delay,
    )
    for delivery in deliveries:
        with suppress(Unavailable):  # the messages are sent, and sending them again would not make it better
            table.note_queued(delivery, at)


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
        Raises AttemptUnderWay when another sender is at it.
        """
        table = self._subscriptions(request.tenant_id)
        webhook, delivery = table.take_up(request.webhook_id, request.event_id)
        if delivery is None or not _awaits(delivery, request):
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
        if not self._claim(table, delivery):
            _, current = table.take_up(request.webhook_id, request.event_id)
            if current is None or not _awaits(current, request):
                return _PASSED_OVER
            raise AttemptUnderWay
        outcome = self._sender.send(webhook, event)
        after = self._record(table, request, delivery, outcome)
        delay = after.queue_delay if after.state == "pending" else None
        if delay is not None:
            _queue(self._queue, table, request.tenant_id, [after], at=self._now(), delay=delay)
        return Report(
            done="attempted",
            state=after.state,
            reason=after.reason,
            status=outcome.attempt.status,
            error=outcome.attempt.error,
            duration_ms=outcome.attempt.duration_ms,
        )

    def _claim(self, table: Subscriptions, delivery: Delivery) -> bool:
        at = self._now()
        return table.claim(delivery, by=new_id(), at=at, until=timestamps.plus(at, CLAIM))

    def _record(
        self, table: Subscriptions, request: DeliveryRequest, before: Delivery, outcome: Outcome
    ) -> Delivery:
        """Enter an attempt in the log, even when another sender has changed the delivery meanwhile."""
        revision, jitter = new_id(), self._jitter()
        for _ in RECORD.tries():
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
                caller = system_caller(request.tenant_id, "webhooks", "system")
                asleep = webhook.disable("gone", at=self._now(), caller=caller)
                table.save_with_webhook(before, after, webhook, asleep)
                return
        table.save_delivery(before, after)

    def _postpone(self, table: Subscriptions, delivery: Delivery) -> Report:
        until = timestamps.plus(self._now(), SUSPENSION)
        return _change(table, delivery, delivery.postpone(until, revision=new_id()), "postponed")


def _awaits(delivery: Delivery, request: DeliveryRequest) -> bool:
    """Whether the attempt asked for is the delivery's next one."""
    return delivery.state == "pending" and delivery.next_attempt == request.attempt


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
    queue: DueQueue,
    *,
    has_time: Callable[[], bool],
    now: Callable[[], str] = timestamps.now,
) -> int:
    """Hand what is due to the sender, the longest overdue first; returns how many deliveries that were.

    A delivery whose message may still wait in the queue is looked at again later, and no other message is sent for
    it. In an empty queue there is none, so a message that got lost is noticed then; or else after QUEUED seconds.

    Each is put off before its message is sent and comes up again after TAKEN seconds, should that be cut off in
    between. So whatever was dealt with is behind a run that is killed, and the next one goes on from there.
    """
    sent = 0
    may_wait = queue.holds_messages()
    for portion in index.until(now()):
        for start in range(0, len(portion), _TOGETHER):
            if not has_time():
                return sent
            at = now()
            until, since = timestamps.plus(at, TAKEN), timestamps.plus(at, -QUEUED)
            taken = [
                request
                for position, request in portion[start : start + _TOGETHER]
                if not (may_wait and index.leave_waiting(position, request, until, queued_since=since))
                and index.take(position, request, until)
            ]
            if not taken:
                continue
            queue.send(taken)
            for request in taken:
                with suppress(Unavailable):
                    index.note_queued(request, until, at)
            sent += len(taken)
    return sent
