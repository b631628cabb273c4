"""The fan-out of a batch: its calls, and what becomes of the other events when one fails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.webhooks import on_event
from shared.publishing.contracts import to_message
from shared.table.event_items import event_from_item
from shared.wiring.kept import reset_wiring
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    Matcher,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    calls_of,
    injecting,
    lost_answer,
    throttle,
    unreachable,
)
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import Attempt, Send, json_answer, unobserved

Worlds = Callable[[], AbstractContextManager[World]]

SEND = call("sqs", "SendMessageBatch")


class Batch:
    """Events of the tenants T1 and T10, each of which has webhooks; the messages of the events are one batch."""

    def __init__(self, world: World, *, events: int = 2, webhooks: int = 2) -> None:
        self.world = world
        self.t10 = world.tenant("T10")
        hook = {"url": "https://hooks.example.com/", "events": ["contact.created"]}
        for token in (world.t1.admin, self.t10.admin):
            for _ in range(webhooks):
                assert world.send("POST", "/webhooks", hook, token=token).status == 201
        self.ids = [
            world.create(token=token)["id"]
            for token in (world.t1.admin, self.t10.admin)
            for _ in range(events)
        ]
        self.bodies = [self._message(contact_id) for contact_id in self.ids]

    def _message(self, contact_id: str) -> str:
        [item] = [one for one in self.world.content.events if contact_id in one["PK"]["S"]]
        return to_message(item["PK"]["S"].split("#")[1], event_from_item(item))

    def fan_out(self, *bodies: str) -> list[int]:
        """Run the function with messages, by default with all. Return the positions of those that failed."""
        records = [
            {"messageId": str(number), "receiptHandle": str(number), "body": body}
            for number, body in enumerate(bodies or self.bodies)
        ]
        with acting_for("T1", "T10", "nobody"):
            answer = on_event.handler({"Records": records}, lambda_context("fan-out"))
        return [int(one["itemIdentifier"]) for one in answer["batchItemFailures"]]

    def deliveries(self) -> dict[tuple[str, str], bool]:
        """Return whether each delivery is marked as queued, by its webhook's key and its contact."""
        return {
            (one["PK"]["S"], one["entity_id"]["S"]): "queued_at" in one
            for one in self.world.content.of("T#", "DELIVERY#")
        }

    def messages(self) -> Counter[tuple[str, str]]:
        """Return how many messages wait for each delivery, by webhook and event."""
        with unobserved():
            found = receive(self.world.stack.queue_url("WebhookDeliveriesQueue"), 10_000)
        bodies = [json.loads(one["Body"]) for one in found]
        return Counter((one["webhook_id"], one["event_id"]) for one in bodies)

    def is_done_once(self) -> bool:
        """Whether each delivery exists, is marked, and has one message."""
        deliveries, messages = self.deliveries(), self.messages()
        expected = 2 * len(self.ids)
        return (len(deliveries), all(deliveries.values()), list(messages.values())) == (
            expected,
            True,
            [1] * expected,
        )


@pytest.fixture
def batch(world: World) -> Batch:
    return Batch(world)


def of_event(contact_id: str) -> Matcher:
    """Writes of deliveries of the event of a contact."""
    return lambda attempt: (
        call("dynamodb", "PutItem")(attempt) and attempt.params["Item"]["entity_id"]["S"] == contact_id
    )


def refused_entry(event_id: str, *, times: int | None = None) -> Fault:
    """SQS refuses the messages of one event, and takes the others of the same call."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        entries = attempt.params["Entries"]
        kept = [one for one in entries if event_id not in one["MessageBody"]]
        members: dict[str, Any] = {"Successful": []}
        if kept:
            members = json.loads(send(attempt.with_params({**attempt.params, "Entries": kept})).content)
        refused = [
            {"Id": one["Id"], "Code": "InternalError", "SenderFault": False}
            for one in entries
            if event_id in one["MessageBody"]
        ]
        return json_answer(attempt, 200, {**members, "Failed": refused})

    return Fault("refused entry", act, SEND, times=times)


# What a batch costs


def test_webhooks_and_rights_are_read_once_for_each_tenant_of_a_batch(batch: Batch) -> None:
    calls = Counter(calls_of(batch.fan_out))
    assert calls["dynamodb.Query"] == 2, "the webhooks of two tenants"
    assert calls["dynamodb.PutItem"] == calls["dynamodb.UpdateItem"] == 8, "four events, two webhooks each"
    assert 2 <= calls["dynamodb.GetItem"] <= 4, (
        "a creator each, and each tenant unless it is still remembered"
    )
    assert calls["sqs.SendMessageBatch"] == 1
    assert batch.is_done_once()


def test_an_event_that_is_in_a_batch_twice_is_queued_once(batch: Batch) -> None:
    assert batch.fan_out(*batch.bodies, *batch.bodies) == []
    assert batch.is_done_once()


def test_check_73_a_batch_that_comes_again_queues_nothing_again(batch: Batch) -> None:
    for _ in range(3):
        assert batch.fan_out() == []
    assert batch.is_done_once()


# One event's failure and the others


@pytest.mark.parametrize("failing", range(4))
def test_check_88_an_event_whose_deliveries_cannot_be_written_fails_alone(
    batch: Batch, waits: list[float], failing: int
) -> None:
    with injecting(throttle(of_event(batch.ids[failing]), times=None)):
        assert batch.fan_out() == [failing]
    done = batch.deliveries()
    assert len(done) == 6 and all(done.values())
    assert {contact_id for _, contact_id in done} == {*batch.ids} - {batch.ids[failing]}
    assert batch.fan_out(batch.bodies[failing]) == []
    assert batch.is_done_once()


def test_of_a_failed_event_the_other_webhooks_have_their_delivery(batch: Batch, waits: list[float]) -> None:
    with injecting(throttle(of_event(batch.ids[0]), times=4)):
        batch.fan_out()
    assert len(batch.deliveries()) in (7, 8)
    batch.fan_out()
    assert batch.is_done_once()


@pytest.mark.parametrize("failing", range(4))
def test_check_88_an_event_whose_messages_are_refused_fails_alone(
    batch: Batch, waits: list[float], failing: int
) -> None:
    event_id = json.loads(batch.bodies[failing])["id"]
    with injecting(refused_entry(event_id)) as injected:
        assert batch.fan_out() == [failing]
    assert injected.calls.count("sqs.SendMessageBatch") == 4, "a bounded number of attempts"
    assert batch.fan_out(batch.bodies[failing]) == []
    assert batch.is_done_once()


def test_messages_that_are_refused_for_a_moment_are_sent_again(batch: Batch, waits: list[float]) -> None:
    event_id = json.loads(batch.bodies[1])["id"]
    with injecting(refused_entry(event_id, times=2)):
        assert batch.fan_out() == []
    assert batch.is_done_once()


def test_when_the_queue_is_away_all_fail_and_come_again(batch: Batch, waits: list[float]) -> None:
    with injecting(unreachable(SEND)):
        assert batch.fan_out() == [0, 1, 2, 3]
    assert len(batch.deliveries()) == 8
    assert batch.fan_out() == []
    assert batch.is_done_once()


def test_one_tenant_s_webhooks_cannot_be_read_and_the_other_s_events_are_delivered(
    batch: Batch, waits: list[float]
) -> None:
    def of_t10(attempt: Attempt) -> bool:
        return call("dynamodb", "Query")(attempt) and "T#T10#" in json.dumps(attempt.params)

    with injecting(throttle(of_t10, times=None)):
        assert batch.fan_out() == [2, 3]
    assert batch.fan_out(*batch.bodies[2:]) == []
    assert batch.is_done_once()


def test_check_88_malformed_messages_and_unknown_tenants_fail_alone(batch: Batch) -> None:
    unknown = json.dumps({**json.loads(batch.bodies[0]), "tenant_id": "nobody"})
    bodies = ["", batch.bodies[0], unknown, *batch.bodies[1:3], "{}", batch.bodies[3]]
    assert batch.fan_out(*bodies) == [0, 2, 5]
    assert batch.is_done_once()


def test_an_answer_that_is_lost_anywhere_doubles_and_loses_no_delivery(worlds: Worlds) -> None:
    """A message whose sending is not answered is sent again by botocore, as SQS allows."""
    with worlds() as world:
        batch = Batch(world)
        names = calls_of(batch.fan_out)
    for number in range(1, len(names) + 1):
        with worlds() as world:
            batch = Batch(world)
            with injecting(lost_answer(at=number)) as injected:
                assert batch.fan_out() == []
            messages = batch.messages()
            assert (len(batch.deliveries()), len(messages)) == (8, 8)
            if injected.calls[number - 1] != "sqs.SendMessageBatch":
                assert set(messages.values()) == {1}


# Interrupted


def test_check_13_killed_at_any_call_each_delivery_is_queued_the_next_time(worlds: Worlds) -> None:
    @contextmanager
    def prepared() -> Iterator[Batch]:
        with worlds() as world:
            with unobserved():
                batch = Batch(world, webhooks=1)
            reset_wiring()
            yield batch

    def state(batch: Batch) -> Any:
        with as_operator():
            deliveries = batch.deliveries()
        messages = batch.messages()
        assert max(messages.values()) <= 2, "killed between message and mark, one too many"
        return len(deliveries), all(deliveries.values()), len(messages)

    tried = assert_same_after_kills(prepared, Batch.fan_out, state)
    assert tried >= 14
    assert assert_same_under_throttling(prepared, Batch.fan_out, state) >= 14
