"""The health of subscriptions: those that have failed for days are disabled, and slow ones are known as slow.

A healthy subscription costs nothing: its record is read for each attempt anyway. Its first failure writes when it began
to fail, and the next success removes that.
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
from shared.domain.webhooks.subscription import FAILING, Webhook, system_stamp


class Subscriptions(Protocol):
    """The subscriptions of one tenant; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def get(self, webhook_id: str) -> Webhook | None: ...

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None: ...

    def mark_failing(self, webhook_id: str, since: str) -> None: ...

    def mark_working(self, webhook_id: str, failing_since: str) -> None: ...

    def mark_slow(self, webhook_id: str, until: str) -> None: ...


def note_answer(table: Subscriptions, webhook: Webhook, attempt: Attempt, *, at: str) -> None:
    """Write what an attempt says of its subscription, before the attempt itself is written.

    A success ends a time of failures. It must not be lost, so Unavailable is raised and the attempt repeated. An
    attempt that took long makes the subscription slow for SLOW_FOR_SECONDS.
    """
    if attempt.duration_ms >= SLOW_MILLISECONDS and not webhook.is_slow(
        timestamps.plus(at, SLOW_FOR_SECONDS / 2)
    ):
        with suppress(Unavailable):  # the next slow attempt writes it
            table.mark_slow(webhook.id, timestamps.plus(at, SLOW_FOR_SECONDS))
    if attempt.has_succeeded and webhook.failing_since is not None:
        table.mark_working(webhook.id, webhook.failing_since)


def note_failure(table: Subscriptions, tenant_id: str, webhook: Webhook, *, at: str) -> None:
    """Write that a subscription fails, or disable it if it has failed for MAX_FAILING_SECONDS.

    If another writer is faster, or the table is busy, the next failure does it.
    """
    with suppress(ConcurrentChange, Unavailable):
        if webhook.failing_since is None:
            table.mark_failing(webhook.id, at)
        elif webhook.has_failed_for_long(at):
            _disable(table, tenant_id, webhook.id, at)


def _disable(table: Subscriptions, tenant_id: str, webhook_id: str, at: str) -> None:
    current = table.get(webhook_id)
    if current is None or not current.has_failed_for_long(at):
        return
    if disabled := current.disable(FAILING, stamp=system_stamp(tenant_id, at)):
        table.replace(current, *disabled)
