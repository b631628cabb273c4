"""A due follow-up is announced once by `follow_up.due`, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from shared.domain import timestamps
from shared.services.interactions import due
from shared.table.interactions.due import DueTimelineEntries
from shared.wiring.base import store
from tests.integration.contacts.test_contact_record import purge
from tests.integration.interactions.follow_ups import (
    EARLIER,
    FUTURE,
    LATER,
    PAST,
    FollowUps,
    run_schedule,
    suspend,
)
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills, call, injecting, unreachable
from tests.support.tenant_guard import acting_for_system, as_operator

Worlds = Callable[[], AbstractContextManager[World]]
AFTER = "2031-01-11T09:30:00.000Z"


@pytest.fixture
def contact(world: World) -> FollowUps:
    return FollowUps(world)


def test_what_is_due_is_announced_once_and_in_the_order_of_time(contact: FollowUps) -> None:
    later, first, future = (contact.schedule(at)["id"] for at in (PAST, EARLIER, FUTURE))
    assert run_schedule() == {"announced": 2}
    assert contact.announced() == [first, later]
    assert run_schedule() == {}
    assert run_schedule(AFTER) == {"announced": 1}
    assert run_schedule(AFTER) == {}
    assert contact.announced() == [first, later, future]
    found = contact.read(first)
    assert (found["state"], found["version"]) == ("open", 2) and found["notified_at"]
    assert contact.next_at == EARLIER  # it is still to be done
    event = contact.events("follow_up.due")[0]
    assert {name: event[name] for name in ("title", "due_at", "assignee_id", "interaction_id")} == {
        "title": "call",
        "due_at": EARLIER,
        "assignee_id": "admin-of-T1",
        "interaction_id": None,
    }


def test_the_event_is_published(contact: FollowUps) -> None:
    contact.world.catch_up()
    contact.world.published()
    contact.schedule(PAST)
    run_schedule()
    contact.world.catch_up()
    types = [one["attributes"]["event_type"] for one in contact.world.published()]
    assert types == ["follow_up.created", "follow_up.due"]


def test_a_moved_follow_up_is_announced_at_its_new_time_and_not_at_its_old_one(contact: FollowUps) -> None:
    made = contact.schedule("2031-01-05T00:00:00Z")["id"]
    contact.ask("PATCH", made, body={"due_at": FUTURE})
    assert run_schedule("2031-01-06T00:00:00.000Z") == {}
    assert run_schedule(AFTER) == {"announced": 1}
    # Announced, and moved again: it is due again.
    contact.ask("PATCH", made, body={"due_at": LATER})
    assert contact.read(made)["notified_at"] is None
    assert run_schedule(AFTER) == {}
    assert run_schedule(timestamps.plus(LATER, 1)) == {"announced": 1}
    assert contact.announced() == [made, made]


def test_a_change_of_other_fields_does_not_announce_it_again(contact: FollowUps) -> None:
    made = contact.schedule(PAST)["id"]
    run_schedule()
    contact.ask("PATCH", made, body={"title": "x", "due_at": PAST})
    assert run_schedule() == {}
    assert contact.announced() == [made]


def test_an_interaction_that_takes_the_due_time_of_its_follow_up_does_not_announce_it_again(
    contact: FollowUps,
) -> None:
    made = contact.record(FUTURE)
    moved = contact.ask("PATCH", made["follow_up_id"], body={"due_at": PAST})
    assert moved.status == 200
    assert run_schedule() == {"announced": 1}
    before = contact.read(made["follow_up_id"])
    assert contact.interaction("PATCH", made["id"], {"scheduled_follow_up": PAST}).status == 200
    assert contact.read(made["follow_up_id"]) == before
    assert run_schedule() == {}
    assert contact.announced() == [made["follow_up_id"]]
    assert contact.next_at == PAST


@pytest.mark.parametrize("way", ["/complete", "/cancel"])
def test_a_closed_follow_up_is_not_announced(contact: FollowUps, way: str) -> None:
    made = contact.schedule(PAST)["id"]
    contact.ask("POST", made, way, {} if way == "/complete" else None)
    assert run_schedule() == {}
    assert contact.announced() == []


def test_a_future_interaction_is_settled_when_its_time_comes(contact: FollowUps) -> None:
    contact.record(None, occurred_at=FUTURE)
    assert run_schedule() == {}
    assert run_schedule(AFTER) == {"settled": 1}
    assert run_schedule(AFTER) == {}
    shown = contact.world.send("GET", f"/contacts/{contact.id}").json
    assert shown["last_contacted_at"] == FUTURE


# Deleted contacts


def test_a_deleted_contact_s_follow_up_is_announced_after_it_was_restored(contact: FollowUps) -> None:
    made = contact.schedule(PAST)["id"]
    assert contact.world.send("DELETE", f"/contacts/{contact.id}").status == 204
    at = timestamps.plus(timestamps.now(), 3_600)
    assert run_schedule(at) == {"postponed": 1}
    assert run_schedule(timestamps.plus(at, 3_500)) == {}  # looked at again after as long as it was deleted
    assert contact.announced() == []
    assert contact.world.send("POST", f"/contacts/{contact.id}/restore").status == 200
    assert run_schedule(timestamps.plus(at, 3_700)) == {"announced": 1}
    assert contact.announced() == [made]
    contact.world.content.assert_whole()


def test_a_deleted_contact_is_looked_at_some_forty_times_before_it_is_purged(contact: FollowUps) -> None:
    contact.schedule(PAST)
    assert contact.world.send("DELETE", f"/contacts/{contact.id}").status == 204
    start = at = timestamps.now()
    looks = 0
    while at < timestamps.plus(start, 30 * 86_400):
        assert run_schedule(at) == {"postponed": 1}
        (item,) = contact.world.content.follow_ups
        following = timestamps.of_position(item["WSK"]["S"])
        assert timestamps.plus(at, 60) <= following <= timestamps.plus(at, 86_400)
        at, looks = following, looks + 1
    assert 35 <= looks <= 45


def test_what_belongs_to_a_contact_that_is_being_purged_holds_up_no_other_entry(world: World) -> None:
    """A purge that was interrupted leaves due entries of a contact whose record is empty."""
    purged, other = FollowUps(world), FollowUps(world)
    for _ in range(101):  # more than the purge removes in its first step
        purged.schedule(EARLIER)
    purged.record(None, occurred_at=FUTURE)
    assert world.send("DELETE", f"/contacts/{purged.id}").status == 204
    assert purge(has_time=iter([True, False, False]).__next__).unfinished == 1
    late = other.schedule(PAST)["id"]
    left = len(world.content.follow_ups) - 1
    assert left > 0
    assert run_schedule(AFTER) == {"postponed": left + 1, "announced": 1}
    assert other.announced() == [late]
    assert run_schedule(AFTER) == {}
    assert run_schedule(timestamps.plus(AFTER, due.RETRY_SECONDS)) == {"postponed": left + 1}


# Suspended tenants


def test_a_suspended_tenant_s_follow_ups_wait_and_are_announced_once_it_is_live(contact: FollowUps) -> None:
    made = [contact.schedule(PAST)["id"], contact.schedule(EARLIER)["id"]]
    contact.record(None, occurred_at=FUTURE)
    suspend(contact.world, suspended=True)
    assert run_schedule() == {"set_aside": 2}
    assert run_schedule() == {}
    assert run_schedule(AFTER) == {"set_aside": 1}
    assert run_schedule(AFTER) == {}
    assert contact.announced() == []
    suspend(contact.world, suspended=False)
    assert run_schedule(AFTER) == {"announced": 2, "settled": 1}
    assert contact.announced() == made[::-1]
    assert run_schedule(AFTER) == {}
    assert len(contact.world.content.of("T#T1#SUSPENDED")) == 1
    assert run_schedule(timestamps.plus(AFTER, 3_601)) == {}
    assert contact.world.content.of("T#T1#SUSPENDED") == []


def test_a_suspended_tenant_with_many_due_does_not_hold_up_the_others(world: World) -> None:
    other_tenant = world.tenant("T2")
    busy = FollowUps(world)
    for _ in range(30):
        busy.schedule(EARLIER)
    token = other_tenant.admin
    contact_id = world.create(token=token)["id"]
    body = {"title": "x", "due_at": PAST}
    assert world.send("POST", f"/contacts/{contact_id}/follow-ups", body, token=token).status == 201
    suspend(world, suspended=True)
    report = run_schedule()
    assert report == {"announced": 1, "set_aside": 30}
    # From then on they are not read: a run costs the empty shards, and the note of the tenant.
    suspend(world, suspended=True)
    with injecting() as calls:
        assert run_schedule() == {}
    assert calls.calls == ["dynamodb.Query"] * 5 + ["dynamodb.GetItem"]


def test_what_was_set_aside_while_a_resumption_ran_is_found_by_the_next(contact: FollowUps) -> None:
    contact.schedule(PAST)
    suspend(contact.world, suspended=True)
    run_schedule()
    suspend(contact.world, suspended=False)
    run_schedule()
    # Long after, just before the note is removed, more is set aside.
    second = contact.schedule(FUTURE)["id"]
    later = timestamps.plus(AFTER, 86_400)
    suspend(contact.world, suspended=True)
    assert run_schedule(later) == {"set_aside": 1}
    with acting_for_system("DUE#TIMELINE#", "T#"):
        index = DueTimelineEntries(store())
        ((tenant_id, noted_at),) = list(index.suspended())
        assert (tenant_id, noted_at) == ("T1", later)
        index.forget_suspended("T1", PAST)  # as a run would that read the note before
        assert list(index.suspended()) == [("T1", later)]
    suspend(contact.world, suspended=False)
    assert run_schedule(later) == {"announced": 1}
    assert contact.announced()[-1] == second


# Faults


def test_an_entry_that_fails_does_not_hold_up_the_others(contact: FollowUps) -> None:
    """A due entry that is no record comes first."""
    made = contact.schedule(PAST)["id"]
    with as_operator():
        broken = {
            "PK": {"S": f"T#T1#C#{contact.id}"},
            "SK": {"S": f"FOLLOWUP#{EARLIER}#0190a8b0-0000-7000-8000-00000000000a"},
            "WPK": {"S": "DUE#TIMELINE#0"},
            "WSK": {"S": f"{EARLIER}#{contact.id}#x"},
        }
        contact.world.stack.client("dynamodb").put_item(TableName=contact.world.stack.table_name, Item=broken)
    assert run_schedule() == {"announced": 1, "failed": 1}
    assert contact.announced() == [made]
    assert run_schedule() == {}  # it is tried again after an hour
    assert run_schedule(timestamps.plus(timestamps.now(), 3_601)) == {"failed": 1}


def test_what_could_not_be_written_is_announced_by_the_next_run(contact: FollowUps) -> None:
    """A missed time is made up for: of the tenant's three, one cannot be written."""
    made = [contact.schedule(at)["id"] for at in (EARLIER, PAST, "2026-03-01T00:00:00Z")]
    with injecting(unreachable(call("dynamodb", "TransactWriteItems"), at=1, times=4)):
        report = run_schedule()
    assert report == {"announced": 2, "failed": 1}
    assert run_schedule(AFTER) == {"announced": 1}
    assert sorted(contact.announced()) == sorted(made)


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with a contact with two follow-ups that are due, and a suspended tenant with one."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            contact = FollowUps(world, world.create("ada@example.com")["id"])
            contact.schedule(PAST, title="first")
            contact.schedule(PAST, title="second")
            contact.record(None, occurred_at=FUTURE)
            other = world.tenant("T2")
            contact_id = world.create("other@example.com", token=other.admin)["id"]
            body = {"title": "x", "due_at": PAST}
            world.send("POST", f"/contacts/{contact_id}/follow-ups", body, token=other.admin)
            suspend(world, "T2", suspended=True)
            yield world

    return make


def test_killed_at_any_call_and_run_again_each_is_announced_once(worlds: Worlds) -> None:
    """check 13, for what is due"""

    def picture(world: World) -> list[str]:
        due = [item for item in world.content.events if item["type"]["S"] == "follow_up.due"]
        assert len(due) == 2
        return world.content.picture()

    tried = assert_same_after_kills(prepared(worlds), lambda world: run_schedule(AFTER), picture)
    assert tried >= 15
