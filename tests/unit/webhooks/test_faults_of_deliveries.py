"""Deliveries that this service cannot make, or must not make yet, end after a time, with a reason in their log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD, Unavailable
from shared.domain.webhooks.delivery import (
    FAULT_SECONDS,
    KEPT_SECONDS,
    LOST_MESSAGE_SECONDS,
    MAX_FAULTS,
    RESERVATION_SECONDS,
    SUSPENSION_SECONDS,
    Delivery,
    DeliveryRequest,
)
from shared.services.reading_budget import Budget
from shared.services.sealing import Unsealable
from shared.table.keys import webhooks as webhook_keys
from tests.unit.webhooks.virtual_senders import START, Answering, Deliveries, Everything, Senders

HOOK = "t1 hook"
DAY = 86_400


class Scene:
    """A webhook and the delivery of one event to it."""

    def __init__(self) -> None:
        self.senders = Senders({HOOK: Answering(0.0)}, count=1)
        self.event = self.senders.add_event(HOOK, 0.0)

    @property
    def delivery(self) -> Delivery:
        found = self.senders.deliveries("t1").find_delivery(HOOK, self.event)[1]
        assert found is not None
        return found

    def due(self) -> list[int]:
        """Return when the delivery is due in the index, in Unix milliseconds less what a lost message takes."""
        item = self.senders.store.get(webhook_keys.delivery("t1", HOOK, self.event)) or {}
        at = item["WSK"]["S"].partition("#")[0] if "WSK" in item else ""
        due = [timestamps.to_milliseconds(at)] if at else []
        return [START if one == START + LOST_MESSAGE_SECONDS * 1_000 else one for one in due]

    def attempt(self) -> str:
        number = self.delivery.next_attempt
        return self.senders.sending().attempt(DeliveryRequest("t1", HOOK, self.event, number)).done


@pytest.fixture
def scene() -> Scene:
    return Scene()


def fail(error: BaseException) -> Any:
    def failing(*given: Any, **more: Any) -> Any:
        raise error

    return failing


@pytest.mark.parametrize(
    ("target", "name", "error", "reason"),
    [
        (Deliveries, "event_of", KeyError("a damaged row"), "service_fault"),
        (Senders, "send", KeyError("a fault in rendering"), "service_fault"),
        (Everything, "open", Unsealable(), "secrets_unreadable"),
    ],
)
def test_check_76_a_delivery_that_this_service_cannot_make_ends_after_a_number_of_faults(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, target: type, name: str, error: Exception, reason: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(target, name, fail(error))
        for _ in range(MAX_FAULTS - 1):
            with pytest.raises(type(error)):
                scene.attempt()
    found = scene.delivery
    assert (found.state, found.faults, found.attempts) == ("pending", MAX_FAULTS - 1, [])
    assert found.due_at == timestamps.from_milliseconds(START + FAULT_SECONDS * 1_000)
    with monkeypatch.context() as patch:
        patch.setattr(target, name, fail(error))
        with pytest.raises(type(error)):
            scene.attempt()
    assert (scene.delivery.state, scene.delivery.reason, scene.delivery.due_at) == (
        "failed",
        reason,
        None,
    )
    assert scene.attempt() == "passed_over"
    again = scene.delivery.redeliver(at=scene.senders.time.now(), revision="again")
    scene.senders.deliveries("t1").save_delivery(scene.delivery, again)
    assert scene.attempt() == "attempted"
    assert (scene.delivery.state, scene.delivery.faults) == ("delivered", 0)


@pytest.mark.parametrize(
    ("key", "damage"),
    [
        (webhook_keys.delivery, {"attempts": {"S": "["}}),
        (webhook_keys.delivery, {"created_at": {"N": "5"}}),
        (webhook_keys.delivery, {"faults": {"S": "some"}}),
        (webhook_keys.webhook, {"is_active": {"S": "yes"}}),
        (webhook_keys.webhook, {"sealed": {"S": "not binary"}}),
    ],
)
def test_check_76_a_delivery_that_cannot_be_read_ends_and_its_neighbours_are_delivered(
    scene: Scene, key: Any, damage: dict[str, Any]
) -> None:
    is_of_delivery = key is webhook_keys.delivery
    place = key("t1", HOOK, scene.event) if is_of_delivery else key("t1", HOOK)
    whole = scene.senders.store.get(place)
    assert whole is not None
    request = DeliveryRequest("t1", HOOK, scene.event, 1)
    scene.senders.store.put({**whole, **damage})
    most = 1 if "faults" in damage else MAX_FAULTS
    for number in range(most):
        assert scene.due() == ([START] if number == 0 else [START + FAULT_SECONDS * 1_000]), number
        with pytest.raises(NOT_A_RECORD):
            scene.senders.sending().attempt(request)
    assert scene.due() == []
    if not is_of_delivery:
        scene.senders.store.put(whole)
    ended = scene.delivery
    assert (ended.state, ended.reason, ended.event_type) == ("failed", "service_fault", "contact.created")
    listed = scene.senders.deliveries("t1").walk_deliveries(
        HOOK, Budget(), first=None, last=None, after=None, portion=9
    )
    assert [one.event_id for _, one in listed] == [scene.event]
    neighbour = scene.senders.add_event(HOOK, 1.0)
    done = scene.senders.sending().attempt(DeliveryRequest("t1", HOOK, neighbour, 1)).done
    assert done == "attempted"


def test_a_damaged_delivery_in_the_log_hides_no_other_one(scene: Scene) -> None:
    other = scene.senders.add_event(HOOK, 1.0)
    place = webhook_keys.delivery("t1", HOOK, scene.event)
    whole = scene.senders.store.get(place)
    assert whole is not None
    scene.senders.store.put({**whole, "attempts": {"S": "["}, "queued_at": {"BOOL": True}})
    listed = scene.senders.deliveries("t1").walk_deliveries(
        HOOK, Budget(), first=None, last=None, after=None, portion=9
    )
    assert [(one.event_id, one.state, one.attempts) for _, one in listed] == [
        (other, "pending", []),
        (scene.event, "pending", []),
    ]


def test_check_76_a_delivery_whose_senders_are_killed_ends_after_a_number_of_attempts(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that needs too much memory or time is killed, and can count nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(Senders, "send", fail(KeyboardInterrupt()))
        for _ in range(MAX_FAULTS):
            scene.senders.time.seconds += RESERVATION_SECONDS + 1
            with pytest.raises(KeyboardInterrupt):
                scene.attempt()
    scene.senders.time.seconds += RESERVATION_SECONDS + 1
    assert scene.attempt() == "given_up"
    assert (scene.delivery.state, scene.delivery.reason) == ("failed", "service_fault")


def test_check_76_killed_senders_before_an_attempt_that_is_written_do_not_count(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Senders, "send", fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            scene.attempt()
    assert scene.delivery.faults == 1
    scene.senders.time.seconds += RESERVATION_SECONDS + 1
    assert scene.attempt() == "attempted"
    assert scene.delivery.faults == 0


def test_check_19_a_busy_table_or_key_service_is_no_fault(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Everything, "open", fail(Unavailable()))
        for _ in range(MAX_FAULTS + 1):
            with pytest.raises(Unavailable):
                scene.attempt()
    assert scene.delivery.faults == 0
    assert scene.attempt() == "attempted"


@pytest.mark.parametrize("is_there", [True, False])
def test_check_59_a_delivery_of_a_suspended_or_missing_tenant_waits_longer_each_time_and_expires(
    scene: Scene, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = scene.senders.tenant("t1")
    assert tenant is not None
    suspended = replace(tenant, suspended=True)
    monkeypatch.setattr(scene.senders, "tenant", lambda tenant_id: suspended if is_there else None)
    kept, waits, at = scene.senders.kept_until(scene.event), [], 0.0
    while at < KEPT_SECONDS:
        scene.senders.time.seconds = at
        assert scene.attempt() == "postponed"
        due_at = scene.delivery.due_at
        assert due_at is not None
        waits.append((timestamps.to_milliseconds(due_at) - START) / 1_000 - at)
        at += waits[-1]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == SUSPENSION_SECONDS
    assert len(waits) <= 45
    assert scene.senders.kept_until(scene.event) == kept == START // 1_000 + KEPT_SECONDS


def test_a_delivery_that_is_sent_again_is_kept_for_thirty_days_from_then(scene: Scene) -> None:
    again = scene.delivery.redeliver(
        at=timestamps.from_milliseconds(START + 29 * DAY * 1_000), revision="again"
    )
    scene.senders.deliveries("t1").save_delivery(scene.delivery, again)
    assert scene.senders.kept_until(scene.event) == START // 1_000 + 29 * DAY + KEPT_SECONDS
