"""List rows and published events that follow from changes, over a stream that repeats, fails and falls behind."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

from functions.changes.on_stream_project import handler as project
from functions.changes.on_stream_publish import handler as publish
from local.projections import compare
from shared.domain import timestamps
from shared.publishing import sweep as sweeping
from shared.publishing.publisher import PublishResult
from shared.table.feed.outgoing import POSITION
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.wiring.base import store
from shared.wiring.kept import reset_wiring
from shared.wiring.projections import projection
from shared.wiring.publishing import event_table, publisher
from tests.integration.stream_records import records_from
from tests.integration.table_content import Content, Item
from tests.integration.world import World, booking
from tests.support.faults import (
    Fault,
    Killed,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    kill_after,
    kill_before,
    lost_answer,
    throttle,
    unprocessed,
    unreachable,
)
from tests.support.lambda_context import lambda_context
from tests.support.streams import records_of
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.transport import Attempt, Layer, Send, answer, intercepting

Worlds = Callable[[], AbstractContextManager[World]]
Record = dict[str, Any]

PUBLISH = call("sns", "PublishBatch")


def records(world: World, start: int = 0) -> list[Record]:
    return world.telling(start)


def rows_shown(content: Content) -> dict[str, Item]:
    """Return the list rows by contact id, without their keys."""
    return {row["SK"]["S"]: _bare(row) for row in content.rows}


def contacts_kept(content: Content) -> dict[str, Item]:
    return {contact["id"]["S"]: _bare(contact) for contact in content.live}


def _bare(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in ("PK", "SK")}


def assert_lists_follow(world: World) -> None:
    content = world.content
    assert rows_shown(content) == contacts_kept(content)
    tenants = {row["id"]["S"]: row["PK"]["S"].split("#")[1] for row in content.rows}
    assert tenants == {contact["id"]["S"]: contact["PK"]["S"].split("#")[1] for contact in content.live}


def change_things(world: World) -> None:
    """Creates, changes, deletions and bookings of two tenants."""
    t10 = world.tenant("T10")
    made = [world.create() for _ in range(4)] + [world.create(token=t10.admin) for _ in range(2)]
    for number, contact in enumerate(made[:3]):
        assert world.send("PATCH", f"/contacts/{contact['id']}", {"company": f"C{number}"}).status == 200
    assert (
        world.send(
            "PUT", f"/contacts/{made[0]['id']}", {"first_name": "Bea", "email": "bea@example.com"}
        ).status
        == 200
    )
    assert world.send("DELETE", f"/contacts/{made[1]['id']}").status == 204
    assert world.send("DELETE", f"/contacts/{made[4]['id']}", token=t10.admin).status == 204
    world.post_booking(booking(), booking(invitee_email=made[2]["email"]))
    assert world.bookings.pump() == 2


def age_events(world: World, seconds: float = 900) -> None:
    """Make all events look written so long ago, and the sweeper's checkpoint no later than that."""
    start_sweeping_from(world, seconds + 600)
    with as_operator():
        table = world.stack.client("dynamodb")
        for event in world.content.events:
            written, _, event_id = event["WSK"]["S"].partition("#")
            table.put_item(
                TableName=world.stack.table_name,
                Item={**event, **event_keys.outbox(event_id, timestamps.plus(written, -seconds))},
            )


def start_sweeping_from(world: World, seconds: float) -> None:
    """Set the sweeper's checkpoint to so many seconds ago."""
    with as_operator():
        item = {
            **event_keys.SWEEP_CHECKPOINT,
            "checked_until": {"S": timestamps.plus(timestamps.now(), -seconds)},
        }
        world.stack.client("dynamodb").put_item(TableName=world.stack.table_name, Item=item)


# The lists


def test_records_read_from_moto_s_store_are_those_its_stream_gives(world: World) -> None:
    """`records_from` is a short cut of this harness; here it is compared with the standard way."""
    made = world.create()
    world.send("PATCH", f"/contacts/{made['id']}", {"company": "Engines"})
    world.send("DELETE", f"/contacts/{made['id']}")
    found = records(world)
    assert found == records_of(world.stack.table_name)[-len(found) :]
    assert records_from(world.stack, len(records_from(world.stack, 0)) - 1) == found[-1:]


def test_items_read_from_moto_s_store_are_those_of_a_scan(world: World) -> None:
    """`content` is a short cut of this harness; here it is compared with the standard way."""
    world.create(tags=["b", "a"], custom_fields={"n": 1})
    world.catch_up()
    with as_operator():
        found = world.stack.client("dynamodb").scan(TableName=world.stack.table_name)
    assert "LastEvaluatedKey" not in found
    assert world.content.items == found["Items"]


def test_a_tenant_that_is_throttled_for_long_holds_up_no_other(world: World, waits: list[float]) -> None:
    """check 10: the batch is repeated from the first record that failed."""
    tokens = (None, world.tenant("T10").admin, None)
    for token in tokens:
        world.create(token=token)

    def is_hot(attempt: Attempt) -> bool:
        return attempt.service == "dynamodb" and b"T#T10#" in attempt.request.body

    with injecting(throttle(is_hot, times=30)):  # more attempts than one invocation makes
        world.projector.deliver(records(world))
    assert_lists_follow(world)
    assert world.projector.dead_letters == []
    first, *others = world.projector.invocations
    assert len(first) == 3 and [one for one in others if first[0] in one] == []


def test_list_rows_follow_creates_changes_and_deletions(world: World) -> None:
    change_things(world)
    world.catch_up()
    assert_lists_follow(world)
    listed = world.listed(sort="created_at")
    assert listed == [world.send("GET", f"/contacts/{contact['id']}").json for contact in listed]
    assert len(listed) == 4


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_a_stream_in_any_batches_ends_in_the_same_lists(world: World, batch_size: int) -> None:
    change_things(world)
    found = records(world)
    for start in range(0, len(found), batch_size):
        batch = found[start : start + batch_size]
        for _ in range(2):  # each batch twice, as after a lost response to Lambda
            with acting_for("T1", "T10"):
                project({"Records": copy.deepcopy(batch)}, lambda_context("ProjectFunction"))
    assert_lists_follow(world)


def test_a_replay_of_the_whole_stream_changes_nothing(world: World) -> None:
    change_things(world)
    world.catch_up()
    before = world.content.items
    for _ in range(2):
        world.projector.deliver(records(world))
    assert _by_key(world.content.items) == _by_key(before)


def _by_key(items: list[Item]) -> dict[tuple[str, str], Item]:
    return {(item["PK"]["S"], item["SK"]["S"]): item for item in items}


def test_a_stream_taken_up_again_at_any_earlier_point_ends_in_the_same_lists(world: World) -> None:
    change_things(world)
    found = records(world)
    world.projector.deliver(found)
    for start in range(0, len(found), 3):
        world.projector.deliver(found[start:])
        assert_lists_follow(world)


def test_event_rows_and_records_in_any_order_give_the_same(worlds: Worlds) -> None:
    """check 90: the items of one transaction arrive interleaved, in any order."""
    for seed in range(4):
        with worlds() as world:
            change_things(world)
            found = shuffled(records(world), seed)
            world.projector.deliver(found)
            world.publisher.deliver(found)
            assert_lists_follow(world)
            content = world.content
            assert content.feed == content.event_ids
            assert {message["id"] for message in world.published()} == content.event_ids


def test_event_rows_and_entries_of_timelines_in_any_order_give_the_same(worlds: Worlds) -> None:
    """check 90, for interactions, follow-ups, notes, bookings and statuses."""
    for seed in range(4):
        with worlds() as world:
            use_timeline(world)
            found = shuffled(records(world), seed)
            world.projector.deliver(found)
            world.publisher.deliver(found)
            content = world.content
            with as_operator():
                assert compare(world.stack.client("dynamodb"), world.stack.table_name, "T1") == ({}, [])
            assert content.feed == content.event_ids
            assert {message["id"] for message in world.published()} == content.event_ids


def use_timeline(world: World) -> None:
    """Write, change, move and remove entries of a contact's timeline."""
    contact_id = world.create("bob@example.com")["id"]
    path = f"/contacts/{contact_id}"
    call = {"type": "call", "description": "a call", "scheduled_follow_up": "2031-03-01T09:00:00Z"}
    first, second = (world.send("POST", f"{path}/interactions", call).json for _ in range(2))
    world.send("PATCH", f"{path}/interactions/{first['id']}", {"occurred_at": "2026-01-01T09:00:00Z"})
    world.send("POST", f"/follow-ups/{first['follow_up_id']}/complete", {"outcome": "done"})
    world.send("DELETE", f"{path}/interactions/{second['id']}")
    note = world.send("POST", f"{path}/notes", {"body": "Prefers mornings."}).json
    world.send("PATCH", f"{path}/notes/{note['id']}", {"is_pinned": True})
    world.send("PUT", f"{path}/status", {"relationship_status": "qualified_lead"})
    for detail_type, event_id in (("BookingCreated", "e-1"), ("BookingCancelled", "e-2")):
        given = {"invitee_email": "bob@example.com", "event_id": event_id, "booking_id": "b-1"}
        world.post_booking(booking(detail_type, **given))
        world.bookings.pump()


def shuffled(found: list[Record], seed: int) -> list[Record]:
    """Return the same records in another order that a stream may have: each item's records keep their order."""
    chosen = random.Random(seed)
    by_item: dict[str, list[Record]] = {}
    for record in found:
        by_item.setdefault(json.dumps(record["dynamodb"]["Keys"], sort_keys=True), []).append(record)
    waiting = list(by_item.values())
    order = []
    while waiting:
        queue = chosen.choice(waiting)
        order.append(queue.pop(0))
        waiting = [one for one in waiting if one]
    return order


def test_a_record_removed_for_good_leaves_the_list(world: World) -> None:
    made = world.create()
    world.catch_up()
    with as_operator():
        key = {"PK": {"S": f"T#T1#C#{made['id']}"}, "SK": {"S": "CONTACT"}}
        world.stack.client("dynamodb").delete_item(TableName=world.stack.table_name, Key=key)
    world.catch_up()
    assert world.content.rows == []


def test_two_tenants_contacts_that_share_an_id_are_both_listed(world: World) -> None:
    """Derived ids (of imports and bookings) are not unique by chance, and one batch may contain two of them."""
    world.tenant("T10")
    world.create()
    (record,) = (one for one in records(world) if one["dynamodb"]["Keys"]["SK"]["S"] == "CONTACT")
    other = json.loads(json.dumps(record).replace("T#T1#", "T#T10#"))
    other["dynamodb"]["SequenceNumber"] += "1"
    world.projector.deliver([record, other])
    assert {row["PK"]["S"] for row in world.content.rows} == {"T#T1#LIST#created", "T#T10#LIST#created"}


def poison(record: Record) -> Record:
    """Return a contact's record that no code can read."""
    bad = copy.deepcopy(record)
    bad["dynamodb"]["NewImage"] = {
        name: value for name, value in bad["dynamodb"]["NewImage"].items() if name != "PK"
    }
    bad["dynamodb"]["SequenceNumber"] += "5"
    return bad


def test_a_poison_record_is_given_up_within_its_cap_and_its_neighbours_are_projected(world: World) -> None:
    """check 18"""
    for _ in range(9):
        world.create()
    found = records(world)
    position = next(
        n for n, one in enumerate(found) if n > 9 and one["dynamodb"]["Keys"]["SK"]["S"] == "CONTACT"
    )
    bad = poison(found[position])
    world.projector.deliver([*found[:position], bad, *found[position:]])
    assert world.projector.dead_letters == [bad]
    settings = world.projector.settings
    assert settings.bisect and 0 < settings.maximum_retry_attempts <= 20
    alone = [batch for batch in world.projector.invocations if batch == [bad["dynamodb"]["SequenceNumber"]]]
    assert len(alone) <= settings.maximum_retry_attempts + 1
    assert_lists_follow(world)


@pytest.mark.parametrize("number", [0, 5])
def test_a_poison_event_is_given_up_within_its_cap_and_its_neighbours_are_published(
    world: World, number: int
) -> None:
    """check 18: also as the first event of its batch."""
    for _ in range(9):
        world.create()
    found = records(world)
    events = [n for n, one in enumerate(found) if one["dynamodb"]["Keys"]["SK"]["S"].startswith("EVENT#")]
    position = events[number]
    bad = copy.deepcopy(found[position])
    bad["dynamodb"]["NewImage"]["changes"] = {"S": "{"}
    bad["dynamodb"]["Keys"]["SK"]["S"] = bad["dynamodb"]["NewImage"]["SK"]["S"] = "EVENT#bad"
    bad["dynamodb"]["SequenceNumber"] += "5"
    world.publisher.deliver([*found[:position], bad, *found[position:]])
    assert world.publisher.dead_letters == [bad]
    settings = world.publisher.settings
    alone = [batch for batch in world.publisher.invocations if batch == [bad["dynamodb"]["SequenceNumber"]]]
    assert 0 < len(alone) <= settings.maximum_retry_attempts + 1
    assert {message["id"] for message in world.published()} == world.content.event_ids


def test_unprocessed_rows_are_written_in_the_end(world: World, waits: list[float]) -> None:
    """check 16"""
    change_things(world)
    found = records(world)
    with injecting(unprocessed(call("dynamodb", "BatchWriteItem"), done=1, times=5)):
        world.projector.deliver(found)
    with injecting(unprocessed(call("dynamodb", "BatchGetItem"), done=0, times=3)):
        world.publisher.deliver(found)
    assert world.projector.errors == world.publisher.errors == []
    assert_lists_follow(world)
    assert world.content.feed == world.content.event_ids


def test_a_table_too_busy_for_the_lists_loses_no_row(world: World, waits: list[float]) -> None:
    change_things(world)
    with injecting(throttle(call("dynamodb", "BatchWriteItem"), times=20)):
        world.projector.deliver(records(world))
    assert world.projector.errors and world.projector.dead_letters == []
    assert_lists_follow(world)


def project_once(world: World) -> None:
    world.projector.deliver(world.found)  # type: ignore[attr-defined]


def publish_once(world: World) -> None:
    world.publisher.deliver(world.found)  # type: ignore[attr-defined]


def with_changes(worlds: Worlds) -> Worlds:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            made = [world.create(f"{number}@example.com") for number in range(3)]
            assert world.send("DELETE", f"/contacts/{made[0]['id']}").status == 204
            world.found = records(world)  # type: ignore[attr-defined]
            yield world

    return make


@pytest.mark.parametrize("consumer", [project, publish])
def test_a_consumer_killed_at_any_call_is_given_its_records_again(worlds: Worlds, consumer: Any) -> None:
    """check 13: here the driver itself delivers again, and a further delivery changes nothing."""

    def deliver(world: World) -> None:
        with acting_for("T1"):
            consumer({"Records": copy.deepcopy(passing(world))}, lambda_context("f"))

    def passing(world: World) -> list[Record]:
        found: list[Record] = world.found  # type: ignore[attr-defined]
        if consumer is project:
            return found
        return [one for one in found if one["dynamodb"]["Keys"]["SK"]["S"].startswith("EVENT#")]

    def state(world: World) -> Any:
        content = world.content
        return content.picture(), {message["id"] for message in world.published()} == (
            content.event_ids if consumer is publish else set()
        )

    assert assert_same_after_kills(with_changes(worlds), deliver, state, both_sides=True) >= 2


@pytest.mark.parametrize("deliver", [project_once, publish_once])
def test_a_consumer_throttled_at_any_call_ends_the_same(
    worlds: Worlds, waits: list[float], deliver: Callable[[World], None]
) -> None:
    """check 10"""

    def state(world: World) -> Any:
        return world.content.picture()

    assert assert_same_under_throttling(with_changes(worlds), deliver, state) >= 1


# Publishing


def test_each_event_is_published_with_its_tenant_and_type_and_acknowledged(world: World) -> None:
    change_things(world)
    world.catch_up()
    assert world.publisher.errors == []
    content = world.content
    assert content.feed == content.event_ids
    messages = world.published()
    assert len(messages) == len(content.events), "without faults each goes out once"
    told = {message["id"]: message for message in messages}
    for event in content.events:
        message = told[event_keys.id_of(event)]
        tenant_id = event["PK"]["S"].split("#")[1]
        assert message["attributes"] == {
            "tenant_id": tenant_id,
            "event_type": event["type"]["S"],
            "has_webhooks": "false",
        }
        assert (message["tenant_id"], message["type"]) == (tenant_id, event["type"]["S"])
        assert (message["entity"], message["entity_id"]) == ("contact", event["entity_id"]["S"])
        assert message["version"] == int(event["version"]["N"])
    assert Counter(message["type"] for message in messages) == {
        "contact.created": 7,
        "contact.updated": 4,
        "contact.deleted": 2,
        "interaction.created": 2,
    }


def test_a_booking_s_events_are_published_without_a_failure(world: World) -> None:
    world.post_booking(booking())
    world.bookings.pump()
    world.catch_up()
    assert (world.publisher.errors, world.publisher.dead_letters) == ([], [])
    assert {message["type"] for message in world.published()} == {"contact.created", "interaction.created"}


def test_a_message_on_the_topic_holds_no_person(world: World) -> None:
    """check 95, for data that leaves the table"""
    world.create("canary@example.com", last_name="Canary", phone="+14155552671", about="canary")
    world.catch_up()
    text = json.dumps(world.published()).lower()
    assert "contact.created" in text
    assert "canary" not in text and "4155552671" not in text


def test_a_batch_delivered_again_publishes_nothing_again_and_leaves_the_feed_as_it_is(world: World) -> None:
    change_things(world)
    found = records(world)
    world.publisher.deliver(found)
    assert world.published()
    feed = world.content.feed_entries
    reset_wiring()  # another process
    world.publisher.deliver(found)
    assert world.published() == []
    assert world.content.feed_entries == feed


def test_events_go_out_by_the_stream_once_sns_is_back(world: World) -> None:
    """check 14"""
    change_things(world)
    with injecting(unreachable(PUBLISH, times=8)):
        world.publisher.deliver(records(world))
    assert world.publisher.dead_letters == []
    content = world.content
    assert {message["id"] for message in world.published()} == content.event_ids == content.feed


def test_events_go_out_by_the_sweeper_when_sns_was_away_for_too_long(world: World) -> None:
    """check 14: the stream's retries are used up, and its records are dead letters."""
    change_things(world)
    with injecting(unreachable(PUBLISH)):
        world.publisher.deliver(records(world))
    content = world.content
    assert world.publisher.dead_letters
    assert world.published() == [] and content.feed == set()
    age_events(world)
    with injecting(unreachable(PUBLISH)):
        report = world.sweep()
    assert report["failed"] == len(content.events) and world.content.feed == set()
    assert checkpoint(world) <= min(event["WSK"]["S"] for event in content.events), "it waits for them"
    assert world.sweep()["published"] == len(content.events)
    assert {message["id"] for message in world.published()} == content.event_ids == world.content.feed


def test_what_sns_refuses_alone_is_tried_again_from_there(world: World) -> None:
    for _ in range(5):
        world.create()
    refused = sorted(world.content.event_ids)[2]
    failures = iter([True, True, False])

    def refuse(attempt: Attempt, send: Send) -> AWSResponse:
        response = send(attempt)
        sent = parse_qs(attempt.request.body)
        messages = [name for name, value in sent.items() if name.endswith(".Message") and refused in value[0]]
        if not messages or not next(failures):
            return response
        entry_id = sent[messages[0].replace(".Message", ".Id")][0]
        entry = f"<Id>{entry_id}</Id><Code>InternalError</Code><SenderFault>false</SenderFault>"
        text = f"<Successful/><Failed><member>{entry}</member></Failed>"
        text = f"<PublishBatchResult>{text}</PublishBatchResult>"
        text = f"<PublishBatchResponse>{text}</PublishBatchResponse>"
        return answer(attempt, 200, text.encode(), {"Content-Type": "text/xml"})

    with intercepting(Layer.FAULTS, refuse):
        world.publisher.deliver(records(world))
    assert next(failures, "used up") == "used up", "the refusals were met"
    assert world.publisher.dead_letters == []
    content = world.content
    assert content.feed == content.event_ids
    assert {message["id"] for message in world.published()} == content.event_ids


def test_an_event_is_not_acknowledged_before_it_is_out(world: World) -> None:
    world.create()
    found = records(world)
    for fault in (kill_before(PUBLISH, at=1), kill_after(PUBLISH, at=1)):
        events = [one for one in found if one["dynamodb"]["Keys"]["SK"]["S"].startswith("EVENT#")]
        with injecting(fault), pytest.raises(Killed), acting_for("T1"):
            publish({"Records": events}, lambda_context("PublishFunction"))
        assert world.content.feed == set()


# The sweeper


def test_the_sweeper_publishes_what_the_stream_never_delivered_and_repairs_the_lists(world: World) -> None:
    change_things(world)
    age_events(world)
    events = world.content.event_ids
    live = sum("deleted_at" not in contact for contact in world.content.contacts)
    report = world.sweep()
    assert report == swept(checked=len(events), published=len(events), mended=live)
    assert {message["id"] for message in world.published()} == events == world.content.feed
    assert_lists_follow(world)


def test_the_sweeper_finds_just_the_events_that_were_left_behind(world: World) -> None:
    change_things(world)
    found = records(world)
    chosen = random.Random(14)
    lost = {
        event_keys.id_of(one["dynamodb"]["NewImage"])
        for one in found
        if one["dynamodb"]["Keys"]["SK"]["S"].startswith("EVENT#")
        and "#C#" in one["dynamodb"]["Keys"]["PK"]["S"]
        and chosen.random() < 0.4
    }
    delivered = [one for one in found if event_keys.id_of(one["dynamodb"]["Keys"]) not in lost]
    world.publisher.deliver(delivered)
    world.published()
    age_events(world)
    left = world.content.event_ids - world.content.feed
    assert left > lost, "later versions wait for those that were lost"
    assert world.sweep()["published"] == len(left)
    assert {message["id"] for message in world.published()} == left
    assert world.content.feed == world.content.event_ids


def test_the_sweeper_publishes_nothing_when_all_is_acknowledged(world: World) -> None:
    change_things(world)
    world.catch_up()
    world.published()
    age_events(world)
    events = len(world.content.events)
    assert world.sweep() == swept(checked=events, published=0)
    assert world.sweep() == swept(checked=0, published=0)
    assert world.published() == []


def test_the_sweeper_lets_fresh_events_settle(world: World) -> None:
    world.create()
    age_events(world, sweeping.SETTLE_SECONDS - 20)
    assert world.sweep()["checked"] == 0
    with as_operator():
        later = timestamps.plus(timestamps.now(), 21)
        assert sweeping.sweep(event_table(), publisher(), projection(), now=later).published == 1


def swept(**figures: int) -> dict[str, int]:
    """Return a sweep's report: zeros except for `figures`."""
    return {"checked": 0, "published": 0, "failed": 0, "unreadable": 0, "left_over": 0, "mended": 0} | figures


def checkpoint(world: World) -> str:
    (item,) = world.content.of("S#SWEEP")
    return str(item["checked_until"]["S"])


def test_the_checkpoint_moves_on_and_never_back(world: World) -> None:
    age_events(world)
    world.sweep()
    first = checkpoint(world)
    world.sweep()
    second = checkpoint(world)
    assert second >= first
    with as_operator():
        event_table().set_checkpoint("2020-01-01T00:00:00.000Z")
    assert checkpoint(world) == second
    with as_operator():
        event_table().set_checkpoint("2099-01-01T00:00:00.000Z")
    # A clock that was wrong once must neither stop the work nor move the checkpoint.
    assert world.sweep() == swept(checked=0, published=0)
    assert checkpoint(world) == "2099-01-01T00:00:00.000Z"


def test_events_on_the_very_edges_of_sweeps_are_checked_once_or_more_and_never_not(world: World) -> None:
    """Slices, ten-minute partitions and runs of the sweeper meet at moments that may be events' times."""
    for _ in range(12):
        world.create()
    table, events = world.stack.client("dynamodb"), world.content.events
    now = "2031-05-04T12:00:00.000Z"
    edge = timestamps.plus(now, -sweeping.SETTLE_SECONDS)
    moments = [
        timestamps.plus(edge, seconds)
        for seconds in (-7199, -3600.001, -3600, -601, -600.001, -600, -599.999, -0.001, -480, -479.999)
    ] + [edge, timestamps.plus(edge, 0.001)]
    with as_operator():
        for event, moment in zip(events, moments, strict=True):
            table.put_item(
                TableName=world.stack.table_name,
                Item={**event, **event_keys.outbox(event_keys.id_of(event), moment)},
            )
        event_table().set_checkpoint(timestamps.plus(edge, -7200))
        out: list[str] = []

        class Topic:
            def publish(self, items: list[Item]) -> PublishResult:
                out.extend(item["SK"]["S"] for item in items)
                for item in items:
                    table.put_item(TableName=world.stack.table_name, Item=item | {POSITION: {"N": "1"}})
                return PublishResult()

        for later in (0, 0.001, 60):
            sweeping.sweep(event_table(), Topic(), projection(), now=timestamps.plus(now, later))
    assert sorted(out) == sorted(event["SK"]["S"] for event in events)


def test_the_sweeper_stops_in_time_and_goes_on_from_there(world: World) -> None:
    for _ in range(6):
        world.create()
    age_events(world, 1800)
    start_sweeping_from(world, 3200)
    turns = iter([True, True])  # the events are in the third ten minutes
    with as_operator():
        report = sweeping.sweep(event_table(), publisher(), projection(), has_time=lambda: next(turns, False))
    assert report.checked_until == checkpoint(world)
    assert world.content.feed == set(), "it had not come so far"
    for _ in range(3):
        world.sweep()
    assert world.content.feed == world.content.event_ids


def test_a_sweeper_killed_anywhere_loses_nothing(worlds: Worlds) -> None:
    """check 13"""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            world.create()
            made = world.create()
            assert world.send("DELETE", f"/contacts/{made['id']}").status == 204
            age_events(world, 300)
            yield world

    def state(world: World) -> Any:
        content = world.content
        assert_lists_follow(world)
        return content.feed == content.event_ids == {message["id"] for message in world.published()}

    # The number of calls depends on the time of day and on the events' shards. Each run reaches the first dozen of
    # calls that are not queries of an index.
    def is_no_look_through(attempt: Attempt) -> bool:
        return attempt.operation != "Query"

    tried = assert_same_after_kills(
        make, World.sweep, state, matching=is_no_look_through, sample=lambda points: points[:12]
    )
    assert tried == 12


def test_a_sweeper_throttled_reads_all_keys_and_acknowledgements(world: World, waits: list[float]) -> None:
    """check 16"""
    change_things(world)
    age_events(world)
    with injecting(unprocessed(call("dynamodb", "BatchGetItem"), done=1, times=4)):
        world.sweep()
    assert world.content.feed == world.content.event_ids
    assert_lists_follow(world)


def test_one_event_nobody_can_read_does_not_keep_the_others_from_being_swept(world: World) -> None:
    """check 18, for the sweeper: it works for all tenants, and one row must not stop it for good."""
    t10 = world.tenant("T10")
    world.create()
    world.create(token=t10.admin)
    age_events(world)
    bad = copy.deepcopy(world.content.of("T#T1#C#", "EVENT#")[0])
    bad["SK"] = {"S": "EVENT#00000000-0000-7000-8000-000000000000"}
    bad["changes"] = {"S": "{"}
    written = bad["WSK"]["S"].partition("#")[0]
    bad |= event_keys.outbox("00000000-0000-7000-8000-000000000000", timestamps.plus(written, -1000))
    start_sweeping_from(world, 2000)
    with as_operator():
        world.stack.client("dynamodb").put_item(TableName=world.stack.table_name, Item=bad)
    for _ in range(2):
        with contextlib.suppress(Exception):  # what matters is what was published
            world.sweep()
    told = {message["id"] for message in world.published()}
    good = world.content.event_ids - {"00000000-0000-7000-8000-000000000000"}
    assert told >= good


def test_a_projection_that_was_given_up_is_mended_by_the_sweeper_when_its_event_was_too(
    world: World, waits: list[float]
) -> None:
    made = world.create()
    world.catch_up()
    assert world.send("PATCH", f"/contacts/{made['id']}", {"company": "Engines"}).status == 200
    age_events(world)
    world.sweep()
    assert_lists_follow(world)


def test_a_list_row_the_projector_gave_up_is_mended_though_its_event_went_out(
    world: World, waits: list[float]
) -> None:
    """The publisher and the projector fail independently: an acknowledged event must not hide a missing row."""
    world.create()
    found = records(world)
    with injecting(unreachable(call("dynamodb", "BatchWriteItem"))):
        world.projector.deliver(found)
    assert world.projector.dead_letters, "the retries are used up"
    world.publisher.deliver(found)
    age_events(world)
    world.sweep()
    assert_lists_follow(world)


# One event for each commit


def test_the_event_lies_in_the_transaction_of_its_change(world: World) -> None:
    """check 91: whichever write is refused, neither is in the table."""
    made = world.create()
    before = world.content.picture()
    seen: list[list[str]] = []

    def note(attempt: Attempt, send: Send) -> AWSResponse:
        steps = [next(iter(step.values())) for step in attempt.params["TransactItems"]]
        seen.append([(step.get("Item") or step["Key"])["SK"]["S"][:6] for step in steps])
        raise EndpointConnectionError(endpoint_url="x", error="injected")

    calls = [
        ("POST", "/contacts", {"first_name": "X", "email": "x@example.com"}),
        ("PATCH", f"/contacts/{made['id']}", {"company": "x"}),
        ("DELETE", f"/contacts/{made['id']}", None),
    ]
    for method, path, body in calls:
        with injecting(Fault("note", note, call("dynamodb", "TransactWriteItems"), times=None)):
            assert world.send(method, path, body).status == 503
    assert take_bookings(world) == []
    for steps in seen:
        assert "CONTAC" in steps and "EVENT#" in steps
    assert world.content.picture() == before


def take_bookings(world: World) -> list[Any]:
    return world.dead_bookings()


def test_one_event_for_each_commit_and_none_for_a_write_that_was_refused(
    world: World, waits: list[float]
) -> None:
    """check 91: through the API, with projections and publication after it; ten thousand runs are in another file."""
    chosen = random.Random(91)
    t10 = world.tenant("T10")
    tokens = {"T1": world.t1.admin, "T10": t10.admin}
    commits = Counter[str]()
    made: dict[str, list[str]] = {"T1": [], "T10": []}
    outcomes = Counter[int]()
    for number in range(300):
        tenant = chosen.choice(["T1", "T1", "T10"])
        email = f"a{chosen.randrange(12)}@example.com"
        method = chosen.choice(["POST", "PATCH", "PATCH", "PUT", "DELETE"])
        contact = chosen.choice(made[tenant]) if made[tenant] else "0190a8f0-0000-7000-8000-000000000000"
        body: Any = {"first_name": "Ada", "email": email, "company": f"C{chosen.randrange(3)}"}
        headers = {"If-Match": f'"{chosen.randrange(1, 4)}"'} if chosen.random() < 0.2 else {}
        if method == "PATCH":
            body = {"company": f"C{chosen.randrange(3)}"} if chosen.random() < 0.5 else {"email": email}
        path = "/contacts" if method == "POST" else f"/contacts/{contact}"
        before = versions(world, tenant, contact)
        fault = chosen.random()
        send = lambda: world.send(  # noqa: E731
            method,  # noqa: B023
            path,  # noqa: B023
            None if method == "DELETE" else body,  # noqa: B023
            token=tokens[tenant],  # noqa: B023
            headers=headers,  # noqa: B023
        )
        if fault < 0.06:
            found = _under(unreachable(call("dynamodb", "TransactWriteItems")), send)
        elif fault < 0.12:
            found = _under(lost_answer(call("dynamodb", "TransactWriteItems")), send)
        else:
            found = send()
        outcomes[found.status] += 1
        if found.status == 201:
            made[tenant].append(found.json["id"])
            commits["contact.created"] += 1
        elif found.status == 204:
            commits["contact.deleted"] += 1
        elif found.status == 200 and found.json["version"] > before:
            commits["contact.updated"] += 1
        if number % 100 == 99:
            world.content.assert_whole()
    assert {200, 201, 204, 404, 409, 412, 503} <= set(outcomes), f"too tame: {outcomes}"
    content = world.content
    content.assert_whole()
    assert Counter(event["type"]["S"] for event in content.events) == commits
    world.catch_up()
    assert_lists_follow(world)
    assert {message["id"] for message in world.published()} == content.event_ids == world.content.feed


def versions(world: World, tenant: str, contact_id: str) -> int:
    with as_operator():
        item = store().get(contact_keys.contact(tenant, contact_id))
    return int(item["version"]["N"]) if item else 0


def _under(fault: Any, send: Callable[[], Any]) -> Any:
    """Send with a fault that the request may or may not meet."""
    with injecting(), intercepting(Layer.FAULTS, fault):
        return send()
