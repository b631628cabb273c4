"""A subscription whose receiver fails for five days is disabled; one success starts the count again (check 74).

The times are those of a clock that the test moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.domain.webhooks.delivery import Attempt, Delivery, DeliveryAttemptResult, DeliveryRequest
from shared.domain.webhooks.failing import MAX_FAILING_SECONDS, MAX_PAUSE_SECONDS
from shared.domain.webhooks.subscription import FAILING, GONE, Webhook, system_stamp
from shared.services.webhooks import health, waiting
from tests.unit.webhooks.virtual_senders import START, Answering, Senders

DAY = 86_400
HOOK = "t1 hook"
LONG = MAX_FAILING_SECONDS + 3 * 60


class Scene:
    """One subscription, whose receiver answers as `status` says."""

    def __init__(self) -> None:
        self.receiver = Answering(0.0, 500)
        self.senders = Senders({HOOK: self.receiver}, count=1)
        self.table = self.senders.deliveries("t1")
        self.delivery: Delivery | None = None

    @property
    def webhook(self) -> Webhook:
        found = self.table.get(HOOK)
        assert found is not None
        return found

    def attempt(self, seconds: float, status: int | None) -> None:
        """Make the first attempt of an event when some seconds have passed."""
        self.receiver.status = status
        self.senders.time.seconds = seconds
        event_id = self.senders.add_event(HOOK, seconds)
        self.senders.sending().attempt(DeliveryRequest("t1", HOOK, event_id, 1))
        self.delivery = self.table.find_delivery(HOOK, event_id)[1]

    def fail_daily(self, first: float, last: float) -> None:
        """Make attempts that fail, one at `first`, one a day, and one at `last`."""
        for day in range(int((last - first) // DAY) + 1):
            self.attempt(first + day * DAY, 500)
        self.attempt(last, None)

    def replace_after(self, change: Callable[[Webhook], tuple[Webhook, Event] | None]) -> None:
        """Let a caller change the webhook while each attempt is under way."""
        send = self.senders.send

        def overtaken(*given: Any, **more: Any) -> DeliveryAttemptResult:
            result = send(*given, **more)
            if changed := change(self.webhook):
                self.table.replace(self.webhook, *changed)
            return result

        self.senders.send = overtaken  # type: ignore[method-assign]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_check_74_a_webhook_is_disabled_at_the_first_failure_after_five_failing_days(scene: Scene) -> None:
    for day in range(6):
        scene.attempt(day * DAY, 500)
    assert scene.webhook.failing_since == timestamps.from_milliseconds(START + 0)
    assert scene.webhook.is_active
    scene.attempt(LONG, None)
    webhook = scene.webhook
    assert (webhook.is_active, webhook.disabled_reason, webhook.version) == (False, FAILING, 2)
    assert webhook.updated_by == "system:webhooks"
    (event,) = scene.senders.events("webhook.disabled")
    assert event.data == {"reason": FAILING}
    assert event.changes == {"is_active": (True, False), "disabled_reason": (None, FAILING)}


@pytest.mark.parametrize("success", [10.0, DAY, 4.9 * DAY, LONG - 1])
def test_check_74_one_success_starts_the_count_again(scene: Scene, success: float) -> None:
    scene.fail_daily(0, min(success - 1, 5 * DAY))
    scene.attempt(success, 204)
    assert scene.webhook.failing_since is None
    scene.fail_daily(success + 10, success + 10 + 4.9 * DAY)
    assert scene.webhook.is_active
    scene.attempt(success + 10 + LONG, 500)
    assert not scene.webhook.is_active


def test_the_health_of_a_webhook_changes_no_version(scene: Scene) -> None:
    scene.attempt(0, 500)
    scene.attempt(10, 200)
    assert scene.webhook.version == 1


def test_a_failure_is_written_once_and_a_success_only_after_failures(scene: Scene) -> None:
    def writes_at(seconds: float, status: int) -> int:
        before = scene.senders.calls
        scene.attempt(seconds, status)
        return scene.senders.calls - before

    assert writes_at(0, 200) == writes_at(1, 200)
    usual = writes_at(2, 200)
    assert writes_at(4, 200) == usual
    retried = writes_at(5, 500) - 1
    assert writes_at(6, 500) == retried
    assert writes_at(7, 200) == usual + 1
    assert writes_at(8, 200) == usual


def test_a_success_that_began_before_the_first_failure_does_not_hide_later_ones(scene: Scene) -> None:
    """Its sender has not seen that the webhook fails, so it cannot end that. Five days count from a little later."""
    scene.fail_daily(0, MAX_FAILING_SECONDS + 60)
    assert scene.webhook.is_active


def test_a_success_at_the_same_moment_is_stronger_than_disabling(scene: Scene) -> None:
    scene.fail_daily(0, LONG - 120)
    replace = scene.senders.table_class.replace

    def overtaken(table: object, before: Webhook, *given: object) -> None:
        scene.table.mark_working(scene.webhook, scene.senders.time.now())
        replace(table, before, *given)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.senders.table_class, "replace", overtaken)
        scene.attempt(LONG, 500)
    assert scene.webhook.is_active
    assert scene.webhook.failing_since is None


@pytest.mark.parametrize("quiet", [MAX_PAUSE_SECONDS + 1, 8 * DAY])
def test_check_74_a_failure_does_not_count_when_the_receiver_was_not_called_for_days(
    scene: Scene, quiet: float
) -> None:
    """One failure long ago and one now say nothing of the time between: the count starts again."""
    scene.fail_daily(0, 4 * DAY)
    scene.attempt(4 * DAY + quiet, 500)
    assert scene.webhook.is_active
    assert scene.webhook.failing_since == scene.senders.time.now()
    scene.attempt(4 * DAY + quiet + 10, 500)
    assert scene.webhook.is_active


def test_a_success_ends_failures_that_began_before_it_whatever_its_sender_read(scene: Scene) -> None:
    scene.attempt(0, 500)
    read = scene.webhook
    scene.attempt(10, 200)
    scene.attempt(20, 500)
    at = timestamps.from_milliseconds(START + 30_000)
    answer = Attempt.model_construct(at=at, status=200, duration_ms=1)
    health.note_answer(scene.table, read, answer, at=timestamps.from_milliseconds(START + 15_000))
    assert scene.webhook.failing_since is not None
    health.note_answer(scene.table, read, answer, at=at)
    assert scene.webhook.failing_since is None


def move(scene: Scene, webhook: Webhook) -> tuple[Webhook, Event] | None:
    url = f"https://new.example.com/{webhook.version}"
    return webhook.change({"url": url}, stamp=scene.senders.stamp("t1"), loopback=False)


def enable_again(scene: Scene, webhook: Webhook) -> tuple[Webhook, Event] | None:
    at = scene.senders.time.now()
    disabled = webhook.disable(GONE, stamp=system_stamp("t1", at))
    assert disabled is not None
    scene.table.replace(webhook, *disabled)
    return disabled[0].enable(stamp=scene.senders.stamp("t1"))


@pytest.mark.parametrize("change", [move, enable_again])
def test_check_74_a_late_410_of_an_earlier_receiver_is_an_ordinary_failure(
    scene: Scene, change: Callable[[Scene, Webhook], tuple[Webhook, Event] | None]
) -> None:
    changes = iter([change])
    scene.replace_after(lambda webhook: one(scene, webhook) if (one := next(changes, None)) else None)
    scene.attempt(0, 410)
    assert scene.webhook.is_active
    assert scene.webhook.failing_since is None
    delivery = scene.delivery
    assert delivery is not None
    assert (delivery.state, len(delivery.attempts)) == ("pending", 1)
    scene.attempt(10, 410)
    assert (scene.webhook.is_active, scene.webhook.disabled_reason) == (False, GONE)


def test_a_late_answer_of_an_earlier_receiver_neither_slows_nor_pauses_the_present_one(scene: Scene) -> None:
    old = scene.webhook
    moved = move(scene, old)
    assert moved is not None
    scene.table.replace(old, *moved)
    at = timestamps.from_milliseconds(START)
    answer = Attempt.model_construct(at=at, status=503, duration_ms=9_000)
    health.note_answer(scene.table, old, answer, at=at)
    waiting.note_pause(scene.table, old, DeliveryAttemptResult(answer, 3_600.0))
    health.note_failure(scene.table, "t1", old, at=at)
    found = scene.webhook
    assert (found.slow_until, found.paused_until, found.failing_since) == (None, None, None)
    health.note_answer(scene.table, found, answer, at=at)
    waiting.note_pause(scene.table, found, DeliveryAttemptResult(answer, 3_600.0))
    health.note_failure(scene.table, "t1", found, at=at)
    assert scene.webhook.slow_until and scene.webhook.paused_until and scene.webhook.failing_since


def test_check_74_a_late_failure_of_an_earlier_receiver_does_not_disable_the_present_one(
    scene: Scene,
) -> None:
    scene.fail_daily(0, LONG - 120)
    scene.replace_after(lambda webhook: move(scene, webhook))
    scene.attempt(LONG, 500)
    assert scene.webhook.is_active
    assert scene.webhook.failing_since is None


def test_enabling_and_another_url_start_the_count_again(scene: Scene) -> None:
    scene.attempt(0, 500)
    stamp = scene.senders.stamp("t1")
    moved = scene.webhook.change({"url": "https://other.example.com/"}, stamp=stamp, loopback=False)
    assert moved is not None
    scene.table.replace(scene.webhook, *moved)
    assert scene.webhook.failing_since is None
    scene.fail_daily(10, 10 + LONG)
    assert not scene.webhook.is_active
    enabled = scene.webhook.enable(stamp=scene.senders.stamp("t1"))
    assert enabled is not None
    scene.table.replace(scene.webhook, *enabled)
    assert (scene.webhook.is_active, scene.webhook.failing_since) == (True, None)


@pytest.mark.parametrize(
    ("change", "left"),
    [(lambda found, stamp: found.change({"url": "https://b.example/"}, stamp=stamp, loopback=False), False),
     (lambda found, stamp: found.enable(stamp=stamp), True)],
    ids=["another URL", "enabled"],
)  # fmt: skip
def test_what_is_noted_of_an_earlier_receiver_while_its_webhook_changes_ends_with_the_change(
    scene: Scene, change: Callable[[Webhook, Stamp], tuple[Webhook, Event]], left: bool
) -> None:
    """The notes change no version, so the change does not fail by them."""
    if left:
        disabled = scene.webhook.disable(GONE, stamp=scene.senders.stamp("t1"))
        assert disabled is not None
        scene.table.replace(scene.webhook, *disabled)
    read = scene.webhook
    later = timestamps.from_milliseconds(START + DAY * 1_000)
    scene.table.mark_failing(read, later)
    scene.table.mark_paused(read, later)
    scene.table.mark_slow(read, later, 9_000)
    scene.table.replace(read, *change(read, scene.senders.stamp("t1")))
    found = scene.webhook
    assert (found.failing_since, found.last_failed_at, found.paused_until) == (None, None, None)
    assert found.slow_until == (later if left else None)


def test_a_deleted_webhook_is_not_brought_back_by_a_failure(scene: Scene) -> None:
    gone, at = scene.webhook.with_fields({"id": "t1 gone"}), timestamps.from_milliseconds(START)
    for mark in (
        scene.table.mark_failing,
        scene.table.mark_still_failing,
        scene.table.mark_paused,
        scene.table.mark_working,
    ):
        mark(gone, at)
    scene.table.mark_slow(gone, at, 15_000)
    assert scene.table.get("t1 gone") is None


def test_how_slow_a_webhook_is_is_written_when_it_becomes_slow_slower_or_still_is(scene: Scene) -> None:
    def known_after(seconds: float, duration: float) -> tuple[int, str | None]:
        scene.receiver.seconds = duration
        scene.attempt(seconds, 200)
        return scene.webhook.slow_milliseconds, scene.webhook.slow_until

    assert known_after(0, 2.9)[1] is None
    milliseconds, until = known_after(10, 3.0)
    assert (milliseconds, until) == (3_000, timestamps.from_milliseconds(START + 913_000))
    assert known_after(100, 4.0) == (milliseconds, until)
    assert known_after(200, 12.0)[0] == 12_000
    assert known_after(300, 4.0)[0] == 12_000
    assert known_after(900, 4.0)[0] == 4_000


def test_slots_of_a_tenant_have_a_distance_and_an_end(scene: Scene) -> None:
    def take(seconds: float) -> float | None:
        at, horizon = (
            timestamps.from_milliseconds(START + int(one * 1000)) for one in (seconds, seconds + 10)
        )
        slot = scene.table.take_slot(at=at, seconds=4.0, horizon=horizon)
        return None if slot is None else (timestamps.to_milliseconds(slot) - START) / 1000

    assert [take(0) for _ in range(5)] == [0, 4, 8, None, None]
    assert take(2.0) == 12
    assert [take(100.0) for _ in range(2)] == [100, 104]
