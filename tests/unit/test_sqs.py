"""The messages of a batch that are retried, and when."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.errors import ConcurrentChange, NotFound, Unavailable
from shared.sqs import backoff_delay, process_batch, process_with_backoff, retry_delay
from shared.table.store import Locked


class Queue:
    """A queue that records its calls. `refuses`: as SQS does for a receipt handle that is no longer valid."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.shown: dict[str, int] = {}
        self._refuses = refuses

    def show_again(self, receipt: str, *, after: int) -> bool:
        self.shown[receipt] = after
        return not self._refuses


def event(*bodies: str, received: int = 1) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(received)}
    return {
        "Records": [
            {"messageId": body, "receiptHandle": f"handle of {body}", "body": body, "attributes": attributes}
            for body in bodies
        ]
    }


ERRORS = {"busy": Unavailable(), "locked": Locked(), "raced": ConcurrentChange(), "gone": NotFound("Contact")}


def process(body: str) -> None:
    if body in ERRORS:
        raise ERRORS[body]
    if body == "bug":
        raise KeyError(body)


def failed(answer: dict[str, Any]) -> list[str]:
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_only_messages_that_failed_because_the_table_was_busy_are_retried_soon() -> None:
    queue = Queue()
    answer = process_batch(
        event("fine", "busy", "bug", "locked", "gone", "raced", "fine too"), queue, process
    )
    assert failed(answer) == ["busy", "bug", "locked", "gone", "raced"]
    assert queue.shown.keys() == {"handle of busy", "handle of locked", "handle of raced"}
    assert all(10 <= after <= 15 for after in queue.shown.values())


@pytest.mark.parametrize(("received", "least", "most"), [(1, 10, 15), (2, 30, 45), (3, 90, 135)])
def test_the_first_three_retries_come_within_minutes(received: int, least: int, most: int) -> None:
    drawn = {retry_delay(received) for _ in range(200)}
    assert all(after is not None and least <= after <= most for after in drawn)
    assert len(drawn) > 3  # so that messages that failed together are not retried together


def test_later_retries_wait_for_the_visibility_timeout_so_that_the_receives_last() -> None:
    queue = Queue()
    assert failed(process_batch(event("busy", received=4), queue, process)) == ["busy"]
    assert queue.shown == {}
    assert retry_delay(4) is None


def test_a_message_whose_visibility_cannot_be_changed_is_retried_all_the_same() -> None:
    assert failed(process_batch(event("busy", "fine"), Queue(refuses=True), process)) == ["busy"]


def test_with_backoff_every_failure_is_retried_after_longer_and_longer_waits() -> None:
    waits = []
    for received in range(1, 7):
        queue, seen = Queue(), list[tuple[str, int]]()

        def note(body: str, receives: int, seen: list[tuple[str, int]] = seen) -> None:
            seen.append((body, receives))
            process(body)

        answer = process_with_backoff(event("fine", "bug", "busy", received=received), queue, note, final=())
        assert failed(answer) == ["bug", "busy"]
        assert seen == [("fine", received), ("bug", received), ("busy", received)]
        assert queue.shown.keys() == {"handle of bug", "handle of busy"}
        waits.append(queue.shown["handle of bug"])
    shortest = [10, 30, 90, 270, 810, 2430]
    assert all(least <= wait <= 1.5 * least for least, wait in zip(shortest, waits, strict=True))


def test_the_longest_wait_is_one_that_sqs_takes() -> None:
    assert all(7_290 <= backoff_delay(1_000) <= 43_200 for _ in range(100))


def test_with_backoff_a_message_whose_visibility_cannot_be_changed_is_retried_all_the_same() -> None:
    answer = process_with_backoff(event("busy"), Queue(refuses=True), lambda body, _: process(body), final=())
    assert failed(answer) == ["busy"]


def test_with_backoff_a_message_that_cannot_succeed_is_soon_received_for_the_last_time() -> None:
    for received in range(1, 9):
        queue = Queue()
        batch = event("bug", "busy", "gone", received=received)
        answer = process_with_backoff(batch, queue, lambda body, _: process(body), final=(KeyError, NotFound))
        assert failed(answer) == ["bug", "busy", "gone"]
        assert queue.shown["handle of bug"] <= 10
        assert queue.shown["handle of gone"] <= 10
        assert queue.shown["handle of busy"] >= 10 * 3 ** min(received - 1, 6)
