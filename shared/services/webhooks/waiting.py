"""Deliveries that wait for their subscription: it is slow, or its receiver has asked not to be called for some time.

The slow subscriptions of a tenant share its slots, one after the other, in each of which one attempt may begin. A slot
is as long as keeps SLOW_SENDERS senders busy. A delivery takes a slot once, waits for it in the queue or in the
due-time index, and is attempted then. So what waiting costs does not depend on how long it takes, except for a delivery
that finds no slot within MAX_SLOT_SECONDS: it asks again after that time. Every step may be killed at any point: a
delivery that waits is in the due-time index, as any pending one is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import (
    JITTER,
    MAX_RETRY_AFTER_SECONDS,
    MAX_SLOT_SECONDS,
    SLOW_SENDERS,
    Delivery,
    DeliveryAttemptResult,
    DeliveryRequest,
    seconds_of_wait,
)
from shared.domain.webhooks.subscription import Webhook

_ASKING = frozenset({429, 503})
"""Statuses whose `Retry-After` is about the receiver and not about one request (RFC 6585, section 4; RFC 9110, section
15.6.4)."""


class Subscriptions(Protocol):
    """The subscriptions of one tenant and their deliveries; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def mark_queued(self, delivery: Delivery, at: str) -> None: ...

    def save_delivery(self, before: Delivery, after: Delivery) -> None: ...

    def mark_paused(self, webhook: Webhook, until: str) -> None: ...

    def take_slot(self, *, at: str, seconds: float, horizon: str) -> str | None: ...


class Queue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None: ...


class WaitingRoom:
    """Decides whether a delivery waits, and makes it wait."""

    def __init__(self, queue: Queue, now: Callable[[], str], jitter: Callable[[], float]) -> None:
        self._queue = queue
        self._now = now
        self._jitter = jitter

    def hold(
        self, table: Subscriptions, request: DeliveryRequest, webhook: Webhook, delivery: Delivery
    ) -> bool:
        """Return whether the requested attempt is not to be made now; then another message will request it again.

        Does nothing when the delivery waits already: the message is a second one.
        """
        at = self._now()
        if delivery.is_waiting(at) and delivery.waits_until is not None:
            if seconds_of_wait(delivery.waits_until, at) is not None and not delivery.is_wait_queued:
                has_slot = delivery.slot_at is not None
                self._wait(table, request, delivery, delivery.waits_until, has_slot=has_slot)
            return True
        if webhook.paused_until is not None and webhook.is_paused(at):
            left = timestamps.to_milliseconds(webhook.paused_until) - timestamps.to_milliseconds(at)
            # Not all at the same moment.
            until = timestamps.plus(at, left / 1000 * (1 + JITTER * self._jitter()))
            self._wait(table, request, delivery, until, has_slot=False)
            return True
        if not webhook.is_slow(at) or delivery.has_slot(at):
            return False
        horizon = timestamps.plus(at, MAX_SLOT_SECONDS)
        seconds = webhook.slow_milliseconds / 1000 / SLOW_SENDERS
        slot = table.take_slot(at=at, seconds=seconds, horizon=horizon)
        if slot == at:
            return False
        self._wait(table, request, delivery, slot or horizon, has_slot=slot is not None)
        return True

    def _wait(
        self, table: Subscriptions, request: DeliveryRequest, before: Delivery, until: str, *, has_slot: bool
    ) -> None:
        at = self._now()
        after = before.wait(until, at=at, has_slot=has_slot, revision=new_id())
        try:
            table.save_delivery(before, after)
        except ConcurrentChange:  # another sender has the same message
            return
        delay = seconds_of_wait(until, at)
        if delay is not None:
            # After a kill in between, the index has the delivery sent LOST_MESSAGE_SECONDS after the end of its wait.
            self._queue.send([request], delay=delay)
            with suppress(Unavailable):
                table.mark_queued(after, at)


def note_pause(table: Subscriptions, webhook: Webhook, result: DeliveryAttemptResult) -> None:
    """Write until when a receiver asked not to be called, by `Retry-After` with 429 or 503; at most for a day."""
    if not result.retry_after or result.attempt.status not in _ASKING:
        return
    until = timestamps.plus(result.attempt.at, min(result.retry_after, MAX_RETRY_AFTER_SECONDS))
    if webhook.paused_until is None or webhook.paused_until < until:
        with suppress(Unavailable):  # the next such answer writes it
            table.mark_paused(webhook, until)
