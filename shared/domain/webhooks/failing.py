"""Subscriptions whose receivers fail for so long that they are disabled."""

from __future__ import annotations

from shared.domain import timestamps
from shared.domain.webhooks.subscription import Webhook

MAX_FAILING_SECONDS = 5 * 86_400
"""Seconds after which a webhook is disabled to which every attempt has failed."""
MAX_PAUSE_SECONDS = 2 * 86_400
"""Seconds without an attempt after which a failure is the first of a new count: longer than the longest wait between
two attempts of a delivery (31 hours and a fifth more)."""
_NOTED_SECONDS = 3_600
"""Seconds after a failure was noted within which another one is not."""
_LATE_SUCCESS_SECONDS = 120
"""Seconds within which an attempt that was under way at a webhook's first failure may still succeed. Its sender has not
seen that the webhook is failing, so these do not count."""


def is_failing(webhook: Webhook, at: str) -> bool:
    """Whether attempts have failed lately, and none has succeeded since."""
    if webhook.failing_since is None:
        return False
    return timestamps.plus(webhook.last_failed_at or webhook.failing_since, MAX_PAUSE_SECONDS) > at


def has_failed_for_long(webhook: Webhook, at: str) -> bool:
    """Whether every attempt has failed, without a long pause, for so long that the subscription is to be disabled."""
    seconds = MAX_FAILING_SECONDS + _LATE_SUCCESS_SECONDS
    return (
        webhook.failing_since is not None
        and is_failing(webhook, at)
        and timestamps.plus(webhook.failing_since, seconds) <= at
    )


def needs_note(webhook: Webhook, at: str) -> bool:
    """Whether another failure of a failing subscription is to be written: the latest one that was is an hour old."""
    return webhook.last_failed_at is None or timestamps.plus(webhook.last_failed_at, _NOTED_SECONDS) <= at
