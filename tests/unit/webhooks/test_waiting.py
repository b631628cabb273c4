"""Deliveries of slow webhooks wait in the queue or in the due-time index, and one that is under way is left alone.

The times are those of a clock that the test moves.
"""

from __future__ import annotations

import pytest

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange
from shared.domain.webhooks.delivery import (
    CLOCK_SECONDS,
    EARLY_SECONDS,
    MAX_SLOT_SECONDS,
    SLOT_VALID_SECONDS,
    Delivery,
    DeliveryRequest,
)
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.deliveries import AttemptInProgress
from shared.services.webhooks.due import send_due
from shared.table.webhooks.due import DueDeliveries
from tests.unit.webhooks.virtual_senders import START, Answering, Senders

HOOK = "t1 hook"


class Scene:
    """A slow webhook, whose tenant's next slot is some seconds from now, and one event for it."""

    def __init__(self, next_slot: float) -> None:
        self.senders = Senders({HOOK: Answering(0.0)}, count=1)
        self.table = self.senders.deliveries("t1")
        self.senders.mark_slow(HOOK, self.at(1_000_000))
        self.table.take_slot(at=self.at(0), seconds=next_slot, horizon=self.at(0))
        self.event_id = self.senders.add_event(HOOK, 0.0)
        self.senders.sqs.clear()

    def at(self, seconds: float) -> str:
        return timestamps.from_milliseconds(START + round(seconds * 1000))

    @property
    def delivery(self) -> Delivery:
        _, found = self.table.find_delivery(HOOK, self.event_id)
        assert found is not None
        return found

    def attempt(self, seconds: float) -> int:
        """Process a message when some seconds have passed; return the number of calls that this took."""
        self.senders.time.seconds = seconds
        before = self.senders.calls
        self.senders.sending().attempt(DeliveryRequest("t1", HOOK, self.event_id, 1))
        return self.senders.calls - before

    def hand_over(self, seconds: float) -> tuple[int, int]:
        """Run the scheduled task; return the numbers of messages and of calls."""
        before, index = self.senders.calls, DueDeliveries(self.senders.store)
        sent = send_due(
            index,
            self.senders.queue,
            has_time=lambda: True,
            now=lambda: self.at(seconds),
            calls=SideBySide(1),
        )
        return sent, self.senders.calls - before


def test_a_near_slot_is_waited_for_in_the_queue() -> None:
    scene = Scene(100.0)
    assert scene.attempt(0) == 4  # webhook and delivery; slot; the wait written, and noted as queued
    assert (scene.delivery.slot_at, scene.senders.sqs.next_visible) == (scene.at(100), 100.0)
    assert scene.attempt(50) == 1, "a second message"
    assert scene.senders.sqs.sent == 1
    assert scene.attempt(100) == 3
    assert scene.delivery.state == "delivered"


def test_a_far_slot_is_waited_for_in_the_index_and_then_to_the_second_in_the_queue() -> None:
    far = 7_200.0
    scene = Scene(far)
    assert scene.attempt(0) == 3  # noted as queued it is not
    assert scene.senders.sqs.sent == 0
    early = far - EARLY_SECONDS
    assert scene.hand_over(early - 1) == (0, 4)  # four shards of the index
    assert scene.attempt(early - 400) == 1, "a second message"
    assert scene.hand_over(early + 59) == (1, 6)  # postponed, noted as queued
    assert scene.attempt(early + 60) == 3
    assert scene.senders.sqs.sent == 2
    assert scene.attempt(far) == 3
    assert scene.delivery.state == "delivered"


@pytest.mark.parametrize(("late", "is_attempted"), [(-CLOCK_SECONDS, True), (SLOT_VALID_SECONDS + 1, False)])
def test_a_slot_is_used_when_it_begins_or_taken_again(late: float, is_attempted: bool) -> None:
    scene = Scene(100.0)
    scene.attempt(0)
    for _ in range(3):  # others come first
        scene.table.take_slot(at=scene.at(100 + late), seconds=4.0, horizon=scene.at(10_000))
    scene.attempt(100 + late)
    assert (scene.delivery.state == "delivered") == is_attempted
    if not is_attempted:
        assert scene.delivery.slot_at is not None
        assert scene.delivery.slot_at > scene.at(100 + late)


def test_a_delivery_that_finds_no_slot_asks_again_later() -> None:
    scene = Scene(MAX_SLOT_SECONDS + 1.0)
    assert scene.attempt(0) == 3
    assert (scene.delivery.slot_at, scene.delivery.next_attempt_at) == (None, scene.at(MAX_SLOT_SECONDS))
    scene.hand_over(MAX_SLOT_SECONDS - EARLY_SECONDS)
    scene.attempt(MAX_SLOT_SECONDS - EARLY_SECONDS)
    scene.attempt(MAX_SLOT_SECONDS)
    assert scene.delivery.slot_at == scene.at(MAX_SLOT_SECONDS + 1)


def test_a_killed_sender_leaves_a_waiting_delivery_to_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(100.0)
    with monkeypatch.context() as patch:
        patch.setattr(scene.senders.queue, "send", _kill)
        with pytest.raises(KeyboardInterrupt):
            scene.attempt(0)
    assert scene.delivery.slot_at == scene.at(100)
    assert scene.hand_over(399)[0] == 0
    assert scene.hand_over(401)[0] == 1
    scene.attempt(402)
    assert scene.delivery.state == "delivered"


def test_a_redelivery_keeps_the_reservation_of_an_attempt_that_is_under_way() -> None:
    scene = Scene(0.0)
    assert scene.table.reserve(scene.delivery, by="first", at=scene.at(0), until=scene.at(120))
    before = scene.delivery
    scene.table.commit_delivery(before, before.redeliver(at=scene.at(1), revision="r1"))
    with pytest.raises(AttemptInProgress):
        scene.attempt(2)
    assert not scene.table.reserve(scene.delivery, by="second", at=scene.at(2), until=scene.at(122))
    scene.attempt(121)
    assert scene.delivery.state == "delivered"
    assert scene.delivery.claimed_by is None


def test_a_redelivery_notices_that_an_attempt_has_begun_since() -> None:
    scene = Scene(0.0)
    before = scene.delivery
    assert scene.table.reserve(before, by="first", at=scene.at(0), until=scene.at(120))
    with pytest.raises(ConcurrentChange):
        scene.table.commit_delivery(before, before.redeliver(at=scene.at(1), revision="r1"))


def _kill(*given: object, **named: object) -> None:
    raise KeyboardInterrupt
