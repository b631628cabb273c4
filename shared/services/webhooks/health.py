"""The health of subscriptions: those that have failed for days are disabled, and slow ones are known as slow.

A healthy subscription costs nothing: its record is read for each attempt anyway. Its first failure writes when it began
to fail, later ones write the time of the latest once an hour, and the next success removes both. What a receiver says
is written only while it is the present one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.events import Event
from shared.domain.webhooks.delivery import (
    SLOW_FOR_SECONDS,
    SLOW_MILLISECONDS,
    Attempt,
)
from shared.domain.webhooks.failing import has_failed_for_long, is_failing, needs_note
from shared.domain.webhooks.subscription import FAILING, Webhook, system_stamp

_ASSUMED_MILLISECONDS = 15_000
"""Milliseconds that an attempt under way is assumed to take: the longest that it may (`DEADLINE` in
`shared.publishing.transport`)."""


class Subscriptions(Protocol):
    """The subscriptions of one tenant; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None: ...

    def mark_failing(self, webhook: Webhook, at: str) -> None: ...

    def mark_still_failing(self, webhook: Webhook, at: str) -> None: ...

    def mark_working(self, webhook: Webhook, at: str) -> None: ...

    def mark_slow(self, webhook: Webhook, until: str, milliseconds: int) -> None: ...


def note_long_attempt(table: Subscriptions, webhook: Webhook, *, at: str) -> None:
    """Write that a subscription is slow while an attempt is under way that already takes long. `note_answer` corrects
    how long it takes.

    Otherwise deliveries would be attempted without a limit until the first attempt ends.
    """
    if not webhook.is_slow(at):
        with suppress(Unavailable):
            table.mark_slow(webhook, timestamps.plus(at, SLOW_FOR_SECONDS), _ASSUMED_MILLISECONDS)


def note_answer(table: Subscriptions, webhook: Webhook, attempt: Attempt, *, at: str) -> None:
    """Write what an attempt says of its subscription, before the attempt itself is written.

    A success ends a time of failures. It must not be lost, so Unavailable is raised and the attempt repeated. An
    attempt that took long makes the subscription slow for SLOW_FOR_SECONDS. That is written when half of this time has
    passed, or an attempt takes half as long again as is known.
    """
    is_known = webhook.is_slow(timestamps.plus(at, SLOW_FOR_SECONDS / 2)) and (
        attempt.duration_ms <= webhook.slow_milliseconds * 1.5
    )
    if attempt.duration_ms >= SLOW_MILLISECONDS and not is_known:
        with suppress(Unavailable):  # the next slow attempt writes it
            table.mark_slow(webhook, timestamps.plus(at, SLOW_FOR_SECONDS), attempt.duration_ms)
    if attempt.has_succeeded and webhook.failing_since is not None:
        table.mark_working(webhook, at)


def note_failure(table: Subscriptions, tenant_id: str, webhook: Webhook, *, at: str) -> None:
    """Write that a subscription fails, or disable it if it has failed for MAX_FAILING_SECONDS without a long pause.

    If another writer is faster, or the table is busy, the next failure does it.
    """
    with suppress(ConcurrentChange, Unavailable):
        if not is_failing(webhook, at):
            table.mark_failing(webhook, at)
        elif has_failed_for_long(webhook, at):
            _disable(table, tenant_id, webhook, at)
        elif needs_note(webhook, at):
            table.mark_still_failing(webhook, at)


def _disable(table: Subscriptions, tenant_id: str, webhook: Webhook, at: str) -> None:
    current = table.get(webhook.id)
    if current is None or not current.has_receiver_of(webhook) or not has_failed_for_long(current, at):
        return
    if disabled := current.disable(FAILING, stamp=system_stamp(tenant_id, at)):
        table.replace(current, *disabled)
