"""The attempts of deliveries of events to webhooks.

The system does this for whole tenants. Every step may be repeated or be killed at any point. A delivery is in the table
before its message is queued, and in the due-time index as long as it is pending, so a lost message is sent again.

At most one message waits for a delivery: once it is queued, the delivery says so, and no other message is sent while
the first may still be in the queue. A kill between these two writes is the exception: then a second message is sent.
The sender that makes an attempt reserves it first, so a second message does not use up an attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange, Conflict, Unavailable
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import (
    MAX_FAULTS,
    RESERVATION_SECONDS,
    SLOW_MILLISECONDS,
    Delivery,
    DeliveryAttemptResult,
    DeliveryRequest,
)
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import GONE, HOLDER_LOST_RIGHTS, Webhook, system_stamp
from shared.services.backoff import RECORD, fraction
from shared.services.sealing import Unsealable
from shared.services.webhooks import health, waiting
from shared.services.webhooks.reminders import call_after


class Subscriptions(health.Subscriptions, waiting.Subscriptions, Protocol):
    """The subscriptions of one tenant and their deliveries; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def find_delivery(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]: ...

    def event_of(self, delivery: Delivery) -> Event | None: ...

    def note_unreadable(self, request: DeliveryRequest, *, at: str) -> None: ...

    def reserve(self, delivery: Delivery, *, by: str, at: str, until: str) -> bool: ...

    def save_with_webhook(
        self,
        before: Delivery,
        after: Delivery,
        webhook_before: Webhook,
        webhook_after: Webhook,
        event: Event,
    ) -> None: ...


class Rights(Protocol):
    """Decides which events a subscription receives; see `shared.services.webhooks.holder_rights.HolderRights`."""

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None: ...

    def may_see(
        self, caller: Caller, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool: ...


class Queue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class DeadLetters(Protocol):
    """The dead-letter queue of requests; see `shared.publishing.queue.DeadLetters`."""

    def add(self, request: DeliveryRequest, reason: str) -> None: ...


class Sender(Protocol):
    """Sends a request; see `shared.publishing.sender.Sender`."""

    def send(
        self,
        webhook: Webhook,
        event: Event,
        secrets: WebhookSecrets,
        *,
        record: dict[str, Any] | None = None,
    ) -> DeliveryAttemptResult: ...


class Secrets(Protocol):
    """Opens the secrets of webhooks; see `shared.services.webhooks.vault.Vault`."""

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets: ...


class Records(Protocol):
    """The records of events; see `shared.services.webhooks.shown_records.ShownRecords`."""

    def find(self, caller: Caller, entity: str, entity_id: str) -> dict[str, Any] | None: ...


CallAfter = Callable[[float, Callable[[], None]], AbstractContextManager[None]]
"""Calls a function when the body of a `with` statement has taken some seconds."""


class AttemptInProgress(Exception):
    """Another sender is making the attempt. The message stays in the queue in case that sender is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptReport:
    """The handling of one message by the sender, for the log.

    `done`: attempted, passed_over (the message arrived twice), given_up or postponed. `state` and `reason`: of the
    delivery afterwards. `status`, `error` and `duration_ms`: of the attempt.
    """

    done: str
    state: str | None = None
    reason: str | None = None
    status: int | None = None
    error: str | None = None
    duration_ms: int | None = None


_SKIPPED = AttemptReport(done="passed_over")


class Sending:
    """Makes the attempts of deliveries, one per message.

    `records`: reads what webhooks with `include` `full` receive; without it, all receive only what changed.
    `call_after`: see `shared.services.webhooks.reminders.call_after`.
    """

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        subscriptions: Callable[[str], Subscriptions],
        queue: Queue,
        dead_letters: DeadLetters,
        sender: Sender,
        rights: Rights,
        secrets: Secrets,
        *,
        records: Records | None = None,
        now: Callable[[], str] = timestamps.now,
        jitter: Callable[[], float] = fraction,
        call_after: CallAfter = call_after,
    ) -> None:
        self._call_after = call_after
        self._records = records
        self._tenant = tenant
        self._subscriptions = subscriptions
        self._queue = queue
        self._dead_letters = dead_letters
        self._sender = sender
        self._rights = rights
        self._secrets = secrets
        self._now = now
        self._jitter = jitter
        self._waiting = waiting.WaitingRoom(queue, now, jitter)

    def attempt(self, request: DeliveryRequest) -> AttemptReport:
        """Make an attempt, record it, and schedule the next one.

        Does nothing when the delivery has ended, or when the attempt is not its next one: the message arrived twice.
        A message from the dead-letter queue makes a delivery that had failed after all its attempts start over.
        Raises AttemptInProgress when another sender is making the attempt, and Unavailable when the secrets that sign
        the request cannot be read: nothing is sent unsigned, and no attempt is used up. Any other error is a fault of
        this service: it is counted and raised, and MAX_FAULTS of them end the delivery.
        """
        table = self._subscriptions(request.tenant_id)
        try:
            webhook, delivery = table.find_delivery(request.webhook_id, request.event_id)
            if webhook is not None and webhook.is_active and delivery is not None:
                delivery = self._start_over_if_redriven(table, delivery, request)
            is_awaited = delivery is not None and _awaits(delivery, request)
        except NOT_A_RECORD:  # the delivery cannot be read, or its subscription
            with suppress(Unavailable):
                table.note_unreadable(request, at=self._now())
            raise
        if delivery is None or not is_awaited:
            return _SKIPPED
        try:
            return self._decide(table, request, webhook, delivery)
        except (AttemptInProgress, ConcurrentChange, Unavailable):
            raise
        except Exception as error:
            reason = "secrets_unreadable" if isinstance(error, Unsealable) else "service_fault"
            with suppress(ConcurrentChange, Unavailable):
                counted = delivery.note_fault(reason, at=self._now(), revision=new_id())
                table.save_delivery(delivery, counted)
            raise

    def _decide(
        self, table: Subscriptions, request: DeliveryRequest, webhook: Webhook | None, delivery: Delivery
    ) -> AttemptReport:
        """Make the requested attempt, unless the delivery ends or waits."""
        if webhook is None:
            return _give_up(table, delivery, "webhook_deleted")
        if not webhook.is_active:
            return _give_up(table, delivery, "webhook_disabled")
        tenant = self._tenant(request.tenant_id)
        if tenant is None or tenant.suspended:
            return self._postpone(table, delivery)
        if delivery.is_under_way(self._now()):
            raise AttemptInProgress
        if delivery.faults >= MAX_FAULTS:  # the sender of the latest attempt was killed
            return _give_up(table, delivery, "service_fault")
        if self._waiting.hold(table, request, webhook, delivery):
            return AttemptReport(done="postponed", state=delivery.state)
        event = table.event_of(delivery)
        if event is None:
            return _give_up(table, delivery, "event_removed")
        # Checked again: while the delivery waited, the holder may have lost rights or the contact changed its owner.
        holder = self._rights.holder_of(webhook, tenant)
        if holder is None:
            return self._disable_without_holder(table, request, webhook, delivery)
        if not self._rights.may_see(holder, event.type, delivery.entity_id, lambda: event.actor):
            return _give_up(table, delivery, "not_permitted")
        record = None
        if webhook.include == "full" and self._records is not None:
            record = self._records.find(holder, event.entity, event.entity_id)
        secrets = self._secrets.open(request.tenant_id, webhook.id, webhook.sealed)
        send = partial(self._sender.send, webhook, event, secrets, record=record)
        return self._make(table, request, webhook, delivery, send)

    def _make(
        self,
        table: Subscriptions,
        request: DeliveryRequest,
        webhook: Webhook,
        delivery: Delivery,
        send: Callable[[], DeliveryAttemptResult],
    ) -> AttemptReport:
        if not self._reserve(table, delivery, new_id()):
            _, current = table.find_delivery(request.webhook_id, request.event_id)
            if current is None or not _awaits(current, request):
                return _SKIPPED
            raise AttemptInProgress
        with self._call_after(SLOW_MILLISECONDS / 1_000, partial(self._note_long_attempt, table, webhook)):
            result = send()
        health.note_answer(table, webhook, result.attempt, at=self._now())
        waiting.note_pause(table, webhook, result)
        after = self._record(table, request, webhook, delivery, result)
        delay = after.queue_delay if after.state == "pending" else None
        if delay is not None:
            following = DeliveryRequest(
                request.tenant_id, after.webhook_id, after.event_id, after.next_attempt
            )
            # In this order, a kill in between leads to one message too many, and never to none.
            self._queue.send([following], delay=delay)
            with suppress(Unavailable):  # the message is queued, and queueing it again would not help
                table.mark_queued(after, self._now())
        if not result.attempt.has_succeeded:
            health.note_failure(table, request.tenant_id, webhook, at=self._now())
        return AttemptReport(
            done="attempted",
            state=after.state,
            reason=after.reason,
            status=result.attempt.status,
            error=result.attempt.error,
            duration_ms=result.attempt.duration_ms,
        )

    def _note_long_attempt(self, table: Subscriptions, webhook: Webhook) -> None:
        health.note_long_attempt(table, webhook, at=self._now())

    def _disable_without_holder(
        self, table: Subscriptions, request: DeliveryRequest, webhook: Webhook, before: Delivery
    ) -> AttemptReport:
        """Give a delivery up, and disable its subscription, whose holder may no longer manage webhooks."""
        after = before.give_up("not_permitted", revision=new_id())
        if disabled := webhook.disable(
            HOLDER_LOST_RIGHTS, stamp=system_stamp(request.tenant_id, self._now())
        ):
            try:
                table.save_with_webhook(before, after, webhook, *disabled)
            except ConcurrentChange as error:
                raise AttemptInProgress from error  # another sender or a caller was faster: decide again later
        return AttemptReport(done="given_up", state=after.state, reason=after.reason)

    def _start_over_if_redriven(
        self, table: Subscriptions, delivery: Delivery, request: DeliveryRequest
    ) -> Delivery:
        if not delivery.is_redriven_by(request):
            return delivery
        try:
            after = delivery.redeliver(at=self._now(), revision=new_id())
            table.save_delivery(delivery, after)
        except Conflict:  # it was sent again too often, or another sender has the same message
            return delivery
        return after

    def _reserve(self, table: Subscriptions, delivery: Delivery, sender: str) -> bool:
        at = self._now()
        return table.reserve(delivery, by=sender, at=at, until=timestamps.plus(at, RESERVATION_SECONDS))

    def _record(
        self,
        table: Subscriptions,
        request: DeliveryRequest,
        webhook: Webhook,
        before: Delivery,
        result: DeliveryAttemptResult,
    ) -> Delivery:
        """Record an attempt, even when another sender has changed the delivery since.

        A receiver that answers 410 speaks for itself only: it disables the subscription, and ends the delivery, unless
        the subscription has got another URL or was enabled again since.
        """
        revision, jitter = new_id(), self._jitter()
        for _ in RECORD.tries():
            current = table.get(webhook.id) if result.attempt.is_gone else None
            after = before.record(
                result.attempt,
                revision=revision,
                retry_after=result.retry_after,
                jitter=jitter,
                is_present_receiver=current is None or current.has_receiver_of(webhook),
            )
            if after.reason == "exhausted" and before.state == "pending":
                # First, since a sender killed in between makes the attempt again. A message of an attempt that has been
                # made does nothing.
                self._dead_letters.add(
                    DeliveryRequest(request.tenant_id, after.webhook_id, after.event_id, after.next_attempt),
                    "exhausted",
                )
            try:
                self._save(table, request, current, before, after)
            except ConcurrentChange:
                _, found = table.find_delivery(request.webhook_id, request.event_id)
                if found is None:  # it has expired
                    return after
                before = found
            else:
                return after
        raise ConcurrentChange()

    def _save(
        self,
        table: Subscriptions,
        request: DeliveryRequest,
        webhook: Webhook | None,
        before: Delivery,
        after: Delivery,
    ) -> None:
        """Save a delivery with its new attempt; disable the subscription too when the receiver answered 410."""
        if after.reason == "gone" and before.state == "pending":
            stamp = system_stamp(request.tenant_id, self._now())
            if webhook is not None and (disabled := webhook.disable(GONE, stamp=stamp)):
                table.save_with_webhook(before, after, webhook, *disabled)
                return
        table.save_delivery(before, after)

    def _postpone(self, table: Subscriptions, delivery: Delivery) -> AttemptReport:
        after = delivery.postpone(at=self._now(), revision=new_id())
        return _change(table, delivery, after, "postponed")


def _awaits(delivery: Delivery, request: DeliveryRequest) -> bool:
    """Whether the requested attempt is the delivery's next one."""
    return delivery.state == "pending" and delivery.next_attempt == request.attempt


def _give_up(table: Subscriptions, delivery: Delivery, reason: str) -> AttemptReport:
    return _change(table, delivery, delivery.give_up(reason, revision=new_id()), "given_up")


def _change(table: Subscriptions, before: Delivery, after: Delivery, done: str) -> AttemptReport:
    """Change a delivery without an attempt, unless another sender has changed it first."""
    try:
        table.save_delivery(before, after)
    except ConcurrentChange:
        return _SKIPPED
    return AttemptReport(done=done, state=after.state, reason=after.reason)
