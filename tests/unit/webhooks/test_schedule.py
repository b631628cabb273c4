"""The times of attempts, and the ends of deliveries (checks 64 and 65)."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.events import Notice
from shared.domain.webhooks.delivery import (
    LOST_MESSAGE_SECONDS,
    MAX_ATTEMPTS,
    MAX_LOGGED_ATTEMPTS,
    MAX_QUEUED_WAIT_SECONDS,
    Attempt,
    Delivery,
)

START = "2026-05-04T09:30:00.000Z"
HOUR = 3600
NOTICE = Notice(
    id="e1",
    type="contact.created",
    tenant_id="t1",
    at=START,
    entity="contact",
    entity_id="c1",
    version=1,
    origin="api",
)


def attempted(at: str, status: int | None = 500, error: str | None = None) -> Attempt:
    return Attempt(at=at, status=status, error=error, duration_ms=5)


def recorded(
    delivery: Delivery, attempt: Attempt, *, retry_after: float | None = None, jitter: float = 0.0
) -> Delivery:
    revision = f"r{len(delivery.attempts) + 1}"
    return delivery.record(attempt, revision=revision, retry_after=retry_after, jitter=jitter)


def seconds_between(start: str, end: str) -> float:
    return (timestamps.to_milliseconds(end) - timestamps.to_milliseconds(start)) / 1000


def run_until_over(jitters: list[float]) -> Delivery:
    """A delivery whose receiver never accepts it, with each attempt made at its time."""
    delivery = Delivery.create(NOTICE, "w1", at=START)
    for jitter in jitters:
        if delivery.next_attempt_at is not None:
            delivery = recorded(delivery, attempted(delivery.next_attempt_at), jitter=jitter)
    return delivery


@given(st.lists(st.floats(0, 1), min_size=20, max_size=20))
def test_check_64_ten_attempts_are_made_and_the_last_is_at_72_hours_or_later(jitters: list[float]) -> None:
    delivery = run_until_over(jitters)
    assert (delivery.state, delivery.reason, len(delivery.attempts)) == ("failed", "exhausted", MAX_ATTEMPTS)
    assert MAX_ATTEMPTS == 10
    assert 72 * HOUR <= seconds_between(START, delivery.attempts[-1].at) <= 87 * HOUR


def test_check_64_waits_grow_and_jitter_only_lengthens_them() -> None:
    bare, jittered = run_until_over([0.0] * 20), run_until_over([1.0] * 20)
    waits = [[seconds_between(a.at, b.at) for a, b in pairwise(run.attempts)] for run in (bare, jittered)]
    assert waits[0] == sorted(waits[0])
    assert waits[0][:4] == [10, 60, 300, 900]
    assert [long / short for short, long in zip(*waits, strict=True)] == pytest.approx([1.2] * 9)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_check_65_any_2xx_ends_a_delivery_well(status: int) -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START, status))
    assert (after.state, after.next_attempt_at, after.due_at) == ("delivered", None, None)


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 503])
def test_check_65_all_else_but_410_is_tried_again(status: int | None) -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START, status))
    assert (after.state, after.next_attempt_at) == ("pending", timestamps.plus(START, 10))


def test_check_65_a_410_ends_a_delivery_at_once() -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START, 410))
    assert (after.state, after.reason, after.due_at) == ("failed", "gone", None)


@pytest.mark.parametrize(
    ("retry_after", "wait"), [(0, 10), (9, 10), (120, 120), (86_400, 86_400), (10**9, 86_400)]
)
def test_check_65_retry_after_lengthens_a_wait_up_to_a_day(retry_after: float, wait: int) -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START, 429), retry_after=retry_after)
    assert after.next_attempt_at == timestamps.plus(START, wait)


def test_a_short_wait_is_spent_in_the_queue_and_watched_over_by_the_index() -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START))
    assert after.queue_delay == 10
    assert after.due_at == timestamps.plus(START, 10 + LOST_MESSAGE_SECONDS)


def test_a_wait_longer_than_the_queue_can_is_spent_in_the_index() -> None:
    after = recorded(
        Delivery.create(NOTICE, "w1", at=START), attempted(START), retry_after=MAX_QUEUED_WAIT_SECONDS + 1
    )
    assert after.queue_delay is None
    assert after.due_at == after.next_attempt_at == timestamps.plus(START, MAX_QUEUED_WAIT_SECONDS + 1)


def test_a_new_delivery_is_sent_at_once_and_watched_over_by_the_index() -> None:
    delivery = Delivery.create(NOTICE, "w1", at=START)
    assert (delivery.queue_delay, delivery.due_at) == (0, timestamps.plus(START, LOST_MESSAGE_SECONDS))


def test_a_queued_message_never_comes_before_its_time() -> None:
    after = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START), jitter=0.333)
    assert after.queue_delay is not None
    assert after.next_attempt_at is not None
    assert after.queue_delay >= seconds_between(START, after.next_attempt_at)


def test_a_success_that_comes_after_the_end_counts() -> None:
    failed = run_until_over([0.0] * 20)
    after = recorded(failed, attempted(START, 200))
    assert (after.state, len(after.attempts)) == ("delivered", 11)


def test_a_failure_that_comes_after_a_success_only_enters_the_log() -> None:
    delivered = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START, 200))
    after = recorded(delivered, attempted(START, 500))
    assert (after.state, len(after.attempts), after.due_at) == ("delivered", 2, None)


def test_each_change_gives_a_delivery_another_revision() -> None:
    delivery = Delivery.create(NOTICE, "w1", at=START)
    changed = (
        recorded(delivery, attempted(START)),
        delivery.give_up("webhook_deleted", revision="b"),
        delivery.postpone(at=START, revision="c"),
        delivery.note_fault("service_fault", at=START, revision="d"),
    )
    assert len({delivery.revision, *(one.revision for one in changed)}) == 5


def test_a_shown_delivery_names_no_keys_of_ours() -> None:
    shown = recorded(Delivery.create(NOTICE, "w1", at=START), attempted(START)).model_dump()
    assert set(shown) == {
        "event_id", "event_type", "state", "reason", "attempts", "next_attempt_at", "created_at"
    }  # fmt: skip
    assert set(shown["attempts"][0]) == {"at", "status", "duration_ms", "error", "response"}


@pytest.mark.parametrize("text", ["\0" * 1024, "\ufffd" * 1024, '"' * 1024, "\U0001f600" * 1024])
def test_a_log_of_sixty_attempts_is_far_below_the_size_of_an_item(text: str) -> None:
    delivery = Delivery.create(NOTICE, "w1", at=START)
    while len(delivery.attempts) <= MAX_LOGGED_ATTEMPTS:
        delivery = delivery.redeliver(at=START, revision="again")
        for _ in range(MAX_ATTEMPTS):
            answer = attempted(START).model_copy(update={"response": text})
            delivery = recorded(delivery, answer)
    assert len(delivery.attempts) == 60
    written = json.dumps([attempt.model_dump() for attempt in delivery.attempts], ensure_ascii=False)
    assert len(written.encode()) <= 60 * 2_250
    with pytest.raises(Conflict):
        delivery.redeliver(at=START, revision="again")


def test_an_answer_in_json_is_kept_as_it_is() -> None:
    text = '{"error": "it\'s closed", "lines": "\\n"}' * 26
    assert 1_000 <= len(text) <= 1_024
    answer = attempted(START).model_copy(update={"response": text})
    assert recorded(Delivery.create(NOTICE, "w1", at=START), answer).attempts[0].response == text
