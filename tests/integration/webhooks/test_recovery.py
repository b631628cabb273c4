"""A webhook gets what it has missed in a part of the feed (check 75)."""

from __future__ import annotations

from typing import Any

import pytest

from functions.bulk.on_bulk import handler as on_bulk
from functions.bulk.on_schedule_bulk import handler as on_schedule_bulk
from functions.webhooks import on_delivery, on_event
from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.webhooks import delivery as deliveries
from shared.domain.webhooks import recovery
from shared.services.webhooks import recoveries
from shared.table.jobs.recoveries import RecoveryTable
from shared.table.webhooks.deliveries import DeliveryTable
from shared.wiring.base import store
from tests.integration.webhooks.recoveries import running_recovery
from tests.integration.world import World
from tests.support.faults import injecting, kill_before
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.queues import QueueDriver
from tests.support.receiver import Receiver
from tests.support.tenant_guard import acting_for, acting_for_system
from tests.support.transport import Attempt, Layer, intercepting


class Recovering:
    """A webhook of contact events, and events that it has missed: it was disabled when they were published."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world, self.receiver = world, receiver
        self._fan_out: QueueDriver = world.stack.queue_driver("WebhookFanOutFunction", on_event.handler)
        self._sender: QueueDriver = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)
        self.worker: QueueDriver = world.stack.queue_driver("BulkFunction", on_bulk)
        made = world.send(
            "POST", "/webhooks", {"url": f"{receiver.url}/{new_id()}", "events": ["contact.created"]}
        )
        assert made.status == 201, made.text
        self.id = made.json["id"]

    def miss(self, count: int) -> list[str]:
        """Create contacts while the webhook is disabled; return the ids of their events."""
        self._switch("disable")
        contacts = [self.world.create()["id"] for _ in range(count)]
        self.world.catch_up()
        self._fan_out.pump()
        self._switch("enable")
        items = self.world.send("GET", "/events", query={"type": "contact.created", "limit": 100}).json[
            "items"
        ]
        return [one["id"] for one in items if one["entity_id"] in contacts]

    def position(self) -> int:
        """Return the last position of the feed."""
        position: int = self.world.send("GET", "/events", query={"limit": 100}).json["next_after"]
        while (after := self.world.send("GET", "/events", query={"after": position}).json)["has_more"]:
            position = after["next_after"]
        return int(after["next_after"])

    def _switch(self, verb: str) -> None:
        answer = self.world.send("POST", f"/webhooks/{self.id}/{verb}")
        assert answer.status == 200, answer.text
        self.world.catch_up()

    def recover(self, **part: Any) -> Response:
        return self.world.send("POST", f"/webhooks/{self.id}/recover", part)

    def read(self, recovery_id: str) -> dict[str, Any]:
        answer = self.world.send("GET", f"/webhooks/{self.id}/recoveries/{recovery_id}")
        assert answer.status == 200, answer.text
        shown: dict[str, Any] = answer.json
        return shown

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        """Return the recoveries of the list, walked page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.world.send("GET", f"/webhooks/{self.id}/recoveries", query={**query, **cursor}).json
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def work(self) -> None:
        self.worker.pump()
        self._sender.pump()

    def received(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.receiver.requests]


@pytest.fixture
def recovering(world: World, receiver: Receiver) -> Recovering:
    return Recovering(world, receiver)


def test_a_webhook_that_was_disabled_gets_what_it_has_missed_once(recovering: Recovering) -> None:
    """check 75: by position and by time; what it wants and has not received, and nothing else."""
    missed = recovering.miss(3)
    answer = recovering.recover(after=0)
    assert answer.status == 202, answer.text
    recovery_id = answer.json["id"]
    assert answer.headers["Location"] == f"/v1/webhooks/{recovering.id}/recoveries/{recovery_id}"
    assert (answer.json["state"], answer.json["counts"]) == ("queued", {"events": 0, "deliveries": 0})
    recovering.work()
    done = recovering.read(recovery_id)
    assert (done["state"], done["counts"]["deliveries"]) == ("completed", 3)
    assert done["counts"]["events"] == done["until"] > 3
    assert sorted(recovering.received()) == sorted(missed)
    hour_ago = timestamps.plus(timestamps.now(), -3_600)
    again = recovering.recover(**{"from": hour_ago}).json
    recovering.work()
    assert recovering.read(again["id"])["counts"]["deliveries"] == 0
    assert len(recovering.received()) == 3


def test_deliveries_that_failed_are_started_over_and_others_are_left(recovering: Recovering) -> None:
    """check 75"""
    first, second, third = recovering.miss(3)
    recovering.recover(after=0)
    recovering.worker.pump()
    with acting_for("T1"):
        table = DeliveryTable(store(), "T1")
        for event_id, reason in ((first, "exhausted"), (second, None)):
            _, delivery = table.find_delivery(recovering.id, event_id)
            assert delivery is not None
            attempt = deliveries.Attempt(at=timestamps.now(), status=500 if reason else 204, duration_ms=1)
            after = delivery.record(attempt, revision=new_id(), retry_after=None, jitter=0)
            table.save_delivery(delivery, after.give_up(reason, revision=new_id()) if reason else after)
    made = recovering.recover(after=0).json
    recovering.work()
    assert recovering.read(made["id"])["counts"]["deliveries"] == 1
    assert recovering.received().count(first) == 1
    assert recovering.received().count(second) == 0  # delivered before
    assert recovering.received().count(third) == 1  # pending all the time
    with acting_for("T1"):
        _, started_over = table.find_delivery(recovering.id, first)
    assert started_over is not None
    assert (started_over.state, len(started_over.attempts)) == ("delivered", 2)


def test_a_worker_that_is_killed_at_any_call_leaves_no_event_out(
    recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 71, check 75: two portions, killed at one call after the other; the message comes again."""
    monkeypatch.setattr(recoveries, "_TOGETHER", 4)

    def work(attempt: Attempt) -> bool:
        """Whether a call is one of the worker, and not of the queue that calls it."""
        return attempt.service == "dynamodb" or attempt.operation.startswith("SendMessage")

    missed: list[str] = []
    for at in range(1, 100):
        begin = recovering.position()
        missed += recovering.miss(1)
        made = recovering.recover(after=begin).json
        kill = kill_before(work, at=at)
        with injecting(), intercepting(Layer.FAULTS, kill):
            recovering.worker.pump()
        recovering.work()
        assert recovering.read(made["id"])["state"] == "completed", at
        assert set(recovering.received()) == set(missed), at
        if not kill.fired:
            break
    assert at > 10


def test_one_recovery_of_a_webhook_is_under_way_at_a_time_and_can_be_cancelled(
    recovering: Recovering,
) -> None:
    recovering.miss(1)
    first = recovering.recover(after=0).json["id"]
    refused = recovering.recover(after=0)
    assert (refused.status, refused.json["code"]) == (409, "recovery_under_way")
    assert refused.json["recovery_id"] == first
    path = f"/webhooks/{recovering.id}/recoveries/{first}"
    assert recovering.world.send("POST", f"{path}/cancel").json["state"] == "cancelled"
    assert recovering.world.send("POST", f"{path}/cancel").json["state"] == "cancelled"
    recovering.work()
    assert recovering.received() == []
    assert recovering.recover(after=0).status == 202
    recovering.work()
    assert len(recovering.received()) == 1
    ended = recovering.world.send("POST", f"{path[:-36]}{new_id()}/cancel")
    assert ended.status == 404


def test_the_recoveries_of_a_webhook_are_listed_newest_first_and_in_pages(
    recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a tenant's recoveries, which are read a few at a time."""
    monkeypatch.setattr(recoveries, "_PAGE", 2)
    other = Recovering(recovering.world, recovering.receiver)
    made = []
    for _ in range(3):
        recovery_id = recovering.recover(after=0).json["id"]
        made.append(recovery_id)
        assert other.recover(after=0).status == 202
        for one, name in ((recovering, recovery_id), (other, other.listed()[0]["id"])):
            path = f"/webhooks/{one.id}/recoveries/{name}/cancel"
            assert recovering.world.send("POST", path).status == 200
    assert [one["id"] for one in recovering.listed(limit=2)] == made[::-1]
    assert recovering.listed()[0] == recovering.read(made[-1])
    assert len(other.listed(limit=1)) == 3
    cursor = recovering.world.send("GET", f"/webhooks/{recovering.id}/recoveries", query={"limit": 1}).json[
        "next_cursor"
    ]
    path = f"/webhooks/{other.id}/recoveries"
    assert recovering.world.send("GET", path, query={"limit": 1, "cursor": cursor}).status == 400
    for missing in (new_id(), "nope"):
        answer = recovering.world.send("GET", f"/webhooks/{missing}/recoveries")
        assert (answer.status, answer.json["detail"]) == (404, "Webhook not found.")


def test_a_recovery_of_another_webhook_is_not_found(recovering: Recovering) -> None:
    other = Recovering(recovering.world, recovering.receiver)
    made = running_recovery("T1", other.id)
    answer = recovering.world.send("GET", f"/webhooks/{recovering.id}/recoveries/{made}")
    missing = recovering.world.send("GET", f"/webhooks/{recovering.id}/recoveries/{new_id()}")
    assert answer.status == missing.status == 404
    assert answer.json["detail"] == missing.json["detail"] == "Recovery not found."


@pytest.mark.parametrize(
    ("part", "status", "code"),
    [
        ({}, 422, "contradiction"),
        ({"after": 0, "from": "2026-05-04T09:30:00Z"}, 422, "contradiction"),
        ({"after": 0, "to": "2026-05-04T09:30:00Z"}, 422, "contradiction"),
        ({"from": "2026-05-04T09:30:00Z", "until": 3}, 422, "contradiction"),
        ({"after": -1}, 422, None),
        ({"after": "x"}, 422, None),
        ({"after": 10**30}, 422, None),
        ({"from": "yesterday"}, 422, None),
        ({"after": 1_000}, 400, "unknown_position"),
        ({"after": 0, "until": 1_000}, 400, "unknown_position"),
        ({"from": "2020-05-04T09:30:00Z"}, 400, "too_old"),
        ({"from": "9999-05-04T09:30:00Z"}, 400, "in_the_future"),
        ({"after": 2, "until": 1}, 422, "reversed_range"),
        ({"from": "2026-05-04T09:30:00Z", "to": "2026-05-04T09:29:59Z"}, 422, "reversed_range"),
    ],
)
def test_a_part_of_the_feed_that_cannot_be_recovered_is_refused(
    recovering: Recovering, part: dict[str, Any], status: int, code: str | None
) -> None:
    recovering.miss(1)
    answer = recovering.recover(**part)
    assert answer.status == status, answer.text
    if code is not None:
        codes = {answer.json["code"], *(one["code"] for one in answer.json.get("errors", ()))}
        assert code in codes, answer.text


def test_too_many_events_and_a_disabled_webhook_are_refused(
    recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovering.miss(3)
    monkeypatch.setattr(recovery, "MAX_EVENTS", 2)
    assert recovering.recover(after=0).json["code"] == "too_many_events"
    assert recovering.recover(after=0, until=2).status == 202
    recovering.world.send("POST", f"/webhooks/{recovering.id}/disable")
    assert recovering.recover(after=0).json["code"] == "webhook_disabled"
    recovering.work()
    path = f"/webhooks/{recovering.id}/recoveries"
    with acting_for("T1"):
        (run,) = RecoveryTable(store(), "T1").list_newest(limit=9, after=None)
    shown = recovering.world.send("GET", f"{path}/{run.id}").json
    assert (shown["state"], shown["error"]["code"]) == ("failed", "webhook_disabled")
    assert recovering.received() == []


def test_the_watch_queues_a_recovery_again_whose_message_was_lost(
    recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = recovering.miss(1)
    at = timestamps.plus(timestamps.now(), -3_600)
    with acting_for("T1"):
        run = recovery.RecoveryRun.begin(
            recovery_id=new_id(),
            webhook_id=recovering.id,
            caller=Caller("T1", "user", "admin-of-T1", "admin"),
            after=0,
            until=2,
            at=at,
        )
        RecoveryTable(store(), "T1").add(run)
    with acting_for_system("DUE#", "T#"):
        report = on_schedule_bulk({}, lambda_context("BulkWatchFunction", timeout_ms=60_000))
    assert report["driven_on"] == 1
    recovering.work()
    assert recovering.read(run.id)["state"] == "completed"
    assert set(recovering.received()) <= set(missed)
