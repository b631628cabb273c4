"""From the table's stream to the queue of the webhooks' events: which events the fan-out receives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.changes.on_stream_publish import handler as publish
from shared.publishing import sweep as sweeping
from shared.wiring.projections import projection
from shared.wiring.publishing import event_table, publisher
from tests.integration.projections.test_changes import age_events
from tests.integration.world import World
from tests.support.faults import (
    Fault,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    unprocessed,
    unreachable,
)
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting, unobserved

Worlds = Callable[[], AbstractContextManager[World]]

READ = call("dynamodb", "BatchGetItem")
"""The call that reads the heads of feeds and the counters of webhooks."""


def subscribe(world: World, token: str | None = None) -> str:
    hook = {"url": "https://hooks.example.com/", "events": ["contact.created"]}
    answer = world.send("POST", "/webhooks", hook, token=token)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def said(world: World) -> dict[str, str]:
    """Return `has_webhooks` of each published message about a contact, by its id."""
    return {
        one["entity_id"]: one["attributes"]["has_webhooks"]
        for one in world.published()
        if one["entity"] == "contact"
    }


def reached(world: World) -> list[str]:
    """Return the ids of the contacts whose events have reached the webhooks' queue, once for each message."""
    with unobserved():
        messages = receive(world.stack.queue_url("WebhookEventsQueue"), 10_000)
    bodies = [json.loads(message["Body"]) for message in messages]
    return sorted(body["entity_id"] for body in bodies if body["entity"] == "contact")


def test_the_message_group_of_an_event_is_its_tenant(world: World) -> None:
    """check 7: SQS then serves the fan-out's tenants fairly."""
    t10 = world.tenant("T10")
    for tenancy in (world.t1, t10):
        subscribe(world, tenancy.admin)
        world.create(token=tenancy.admin)
    world.catch_up()
    with unobserved():
        messages = receive(world.stack.queue_url("WebhookEventsQueue"), 10_000)
    assert messages
    for message in messages:
        assert message["Attributes"]["MessageGroupId"] == json.loads(message["Body"])["tenant_id"]


def test_an_event_of_a_tenant_without_webhooks_is_published_and_goes_to_no_fan_out(world: World) -> None:
    made = world.create()
    world.catch_up()
    assert said(world) == {made["id"]: "false"}
    assert reached(world) == []


def test_of_a_mixed_batch_only_events_of_tenants_with_webhooks_reach_the_fan_out(world: World) -> None:
    """t10's counter is no other's, whatever its name begins with."""
    t10, t100 = world.tenant("T10"), world.tenant("T100")
    subscribe(world, t10.admin)
    made = {token: world.create(token=token)["id"] for token in (world.t1.admin, t10.admin, t100.admin)}
    world.catch_up()
    assert len(world.publisher.invocations) == 1, "one batch"
    assert said(world) == {
        made[world.t1.admin]: "false",
        made[t10.admin]: "true",
        made[t100.admin]: "false",
    }
    assert reached(world) == [made[t10.admin]]


def test_after_the_last_webhook_is_deleted_nothing_goes_on(world: World) -> None:
    webhooks = [subscribe(world) for _ in range(2)]
    ids = []
    for webhook in webhooks:
        ids.append(world.create()["id"])
        world.catch_up()
        assert world.send("DELETE", f"/webhooks/{webhook}").status == 204
    world.create()
    world.catch_up()
    assert reached(world) == sorted(ids)


def test_an_event_waiting_in_the_stream_when_a_webhook_is_created_may_go_on(world: World) -> None:
    before = world.create()
    subscribe(world)
    after = world.create()
    world.catch_up()
    assert after["id"] in reached(world)
    assert before["id"]


def test_the_sweep_says_it_too(world: World) -> None:
    t10 = world.tenant("T10")
    subscribe(world, t10.admin)
    world.create()
    with_webhook = world.create(token=t10.admin)["id"]
    age_events(world)
    with acting_for_system("OUTBOX#", "S#", "T#"):
        assert sweeping.sweep(event_table(), publisher(), projection()).published == 2
    assert sorted(said(world).values()) == ["false", "true"]
    assert reached(world) == [with_webhook]


# The feeds and the counters cannot be read


@pytest.mark.parametrize(
    "faults",
    [
        lambda: [unprocessed(READ, times=9, done=0)],
        lambda: [unprocessed(READ, done=1), unprocessed(READ, at=2, times=9, done=0)],
        lambda: [unreachable(READ, times=9)],
    ],
    ids=["nothing is answered", "a part is answered", "unreachable"],
)
def test_events_whose_feeds_cannot_be_read_are_published_once_they_can(
    world: World, waits: list[float], faults: Callable[[], list[Fault]]
) -> None:
    """Whichever tenant's is the one that is answered. Before that, none is published: it might be published twice."""
    t10 = world.tenant("T10")
    subscribe(world)
    made = world.create()["id"]
    world.create(token=t10.admin)
    with injecting(*faults()):
        world.publisher.deliver(world.telling())
    assert sorted(said(world).values()) == ["false", "true"]
    assert reached(world) == [made]
    assert world.publisher.errors and world.publisher.dead_letters == []


def test_a_feed_that_cannot_be_written_delays_the_events_of_its_tenant_only(
    world: World, waits: list[float]
) -> None:
    t10 = world.tenant("T10")
    world.create()
    world.create(token=t10.admin)
    is_of_t10 = call("dynamodb", "UpdateItem")

    def matches(attempt: Attempt) -> bool:
        return is_of_t10(attempt) and attempt.params["Key"]["PK"]["S"] == "T#T10#FEED"

    with injecting(unreachable(matches, times=4)):
        world.publisher.deliver(world.telling())
    assert world.publisher.dead_letters == []
    assert world.content.feed == world.content.event_ids


# Repeated and interrupted batches


def events_of(world: World) -> dict[str, Any]:
    """Return an event of Lambda with the new events in the stream."""
    with unobserved(), as_operator():
        found = [one for one in world.telling() if one["dynamodb"]["Keys"]["SK"]["S"].startswith("EVENT#")]
    return {"Records": [one for one in found if one["eventName"] == "INSERT"]}


def test_check_13_killed_at_any_call_the_publisher_loses_nothing_the_next_time(worlds: Worlds) -> None:
    @contextmanager
    def prepared() -> Iterator[World]:
        with worlds() as world:
            with unobserved():
                t10 = world.tenant("T10")
                subscribe(world, t10.admin)
                world.create()
                made["with a webhook"] = world.create(token=t10.admin)["id"]
            yield world

    def deliver(world: World) -> None:
        records = events_of(world)
        with acting_for("T1", "T10"):
            assert publish(records, lambda_context("publish")) == {"batchItemFailures": []}

    def state(world: World) -> Any:
        with unobserved(), as_operator():
            return len(world.content.feed), set(reached(world)) == {made["with a webhook"]}

    made: dict[str, str] = {}
    assert assert_same_after_kills(prepared, deliver, state, both_sides=True) == 8
    assert assert_same_under_throttling(prepared, deliver, state) == 4


# What it costs


def test_a_batch_of_many_tenants_reads_their_heads_and_counters_in_one_consistent_call(world: World) -> None:
    tenants = [world.t1, *(world.tenant(f"T{number}") for number in range(20, 32))]
    subscribe(world, tenants[3].admin)
    for tenant in tenants:
        for _ in range(2):
            world.create(token=tenant.admin)
    asked = []

    def watch(attempt: Attempt, send: Send) -> AWSResponse:
        if READ(attempt):
            asked.append(attempt.params["RequestItems"])
        return send(attempt)

    with intercepting(Layer.FAULTS, watch):
        world.publisher.deliver(world.telling())
    (((_, read),),) = (one.items() for one in asked)
    assert len(read["Keys"]) == 2 * len(tenants), "a head and a counter of each"
    assert read["ConsistentRead"] is True
