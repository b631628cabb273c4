"""Test events of a webhook are few, whoever asks for them."""

from __future__ import annotations

from contextlib import suppress

import pytest

from shared.domain.errors import RateLimited
from shared.services.limits.webhook_tests import WebhookTestLimit
from tests.buckets import Clock, MemoryBuckets


def count(limit: WebhookTestLimit, webhook_id: str, times: int) -> int:
    """Ask for so many test events at once; return how many are allowed."""
    allowed = 0
    for _ in range(times):
        with suppress(RateLimited):
            limit.count(webhook_id)
            allowed += 1
    return allowed


@pytest.mark.parametrize("processes", [1, 3])
def test_a_webhook_is_sent_thirty_and_then_one_in_ten_seconds_and_others_are_not_touched(
    processes: int,
) -> None:
    clock, buckets = Clock(), MemoryBuckets()
    limits = [WebhookTestLimit(buckets, "T1", clock=clock) for _ in range(processes)]
    assert sum(count(limit, "w1", 40) for limit in limits) == 30
    assert count(limits[0], "w2", 1) == count(WebhookTestLimit(buckets, "T2", clock=clock), "w1", 1) == 1
    clock.now += 600
    assert count(limits[-1], "w1", 40) == 30
    clock.now += 60
    assert 1 <= count(limits[-1], "w1", 40) <= 6
