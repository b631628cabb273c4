"""The nightly recount mends figures and projections that are not those of the timelines, and nothing else."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import pytest
from botocore.awsrequest import AWSResponse

from functions.changes.on_schedule_recount import handler
from local.projections import compare
from local.recount import main as command
from shared.projections import recounting
from shared.services.recount import figures
from shared.services.recount import recount as recounts
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import recount as recount_keys
from shared.table.keys.spelling import key_of
from shared.wiring.base import store
from shared.wiring.recount import recount, recount_table
from tests.integration.bookings.test_booking_states import CREATED, RESCHEDULED, of
from tests.integration.bookings.test_bookings import take
from tests.integration.contacts.test_contact_record import purge
from tests.integration.projections.test_changes import age_events
from tests.integration.table_content import Item
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.budgets import sample
from tests.support.faults import assert_same_after_kills, assert_same_under_throttling
from tests.support.lambda_context import lambda_context
from tests.support.roles import role_of, under_role
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting, unobserved

T = TypeVar("T")

PREFIXES = ("DUE#RECOUNT", "S#", "T#")
WRONG: dict[str, dict[str, Any]] = {
    "interaction_count": {"N": "7"},
    "interaction_counts": {"S": '{"call":1}'},
    "last_contacted_at": {"S": "2020-01-01T00:00:00.000Z"},
    "total_bookings": {"N": "9"},
    "booking_counts": {"S": '{"created":9}'},
    "last_booking_at": {"S": "2032-01-01T00:00:00.000Z"},
    "next_follow_up_at": {"S": "2033-01-01T00:00:00.000Z"},
    "unnamed_organizers": {"S": '{"user-of-T1":3}'},
    "note_count": {"N": "5"},
}
"""A wrong value of each figure."""


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare records that changed a moment ago too: these tests let the stream's consumers catch up."""
    monkeypatch.setattr(recounting, "_SETTLE_SECONDS", -3_600)


def run(world: World, **event: Any) -> dict[str, Any]:
    """One run of the scheduled function, under its role."""
    role = role_of(world.stack.template, "RecountFunction")
    with acting_for_system(*PREFIXES), under_role(role):
        report: dict[str, Any] = handler(event, lambda_context("RecountFunction", timeout_ms=600_000))
    return report


def run_for_turns(count: int) -> recounts.RecountReport:
    """One run whose time ends after so many looks at the clock."""
    turns = iter([True] * count)
    with acting_for_system(*PREFIXES):
        return recount(lambda: next(turns, False)).run()


def enlist(*tenant_ids: str) -> None:
    with acting_for_system(*PREFIXES):
        recount_table().__class__(store()).enlist(tenant_ids)


def put(world: World, item: Item) -> None:
    with unobserved(), as_operator():
        world.stack.client("dynamodb").put_item(TableName=world.stack.table_name, Item=item)


def remove(world: World, item: Item) -> None:
    with unobserved(), as_operator():
        world.stack.client("dynamodb").delete_item(TableName=world.stack.table_name, Key=key_of(item))


def record(world: World, contact: dict[str, Any], **given: Any) -> dict[str, Any]:
    body = {"type": "call", "description": "x", "occurred_at": "2026-05-04T09:30:00Z", **given}
    answer = world.send("POST", f"/contacts/{contact['id']}/interactions", body)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def full(world: World, email: str = "grace@example.com") -> dict[str, Any]:
    """A contact with entries of all kinds, two of its bookings organized by a user whom no event of it named."""
    contact = world.create(email)
    record(world, contact)
    record(world, contact, type="meeting", scheduled_follow_up="2031-05-04T09:30:00Z")
    record(world, contact, occurred_at="2099-01-01T00:00:00Z")
    given = {"title": "call", "due_at": "2031-04-04T09:30:00Z"}
    assert world.send("POST", f"/contacts/{contact['id']}/follow-ups", given).status == 201
    answer = world.send("POST", f"/contacts/{contact['id']}/notes", {"body": "Wants to learn to fly."})
    assert answer.status == 201, answer.text
    for name in ("a", "b"):
        events = [
            of(f"{name}-{email}", CREATED, 1, organizer_id="user-of-T1", invitee_email=f"else-{email}"),
            of(
                f"{name}-{email}",
                RESCHEDULED,
                2,
                organizer_id=None,
                organizer_email=None,
                invitee_email=email,
            ),
        ]
        assert take(*events) == []
    assert take(of(f"c-{email}", "BookingCancelled", 1, invitee_email=email)) == []
    return contact


def record_of(world: World, contact: dict[str, Any]) -> Item:
    (found,) = (one for one in world.content.contacts if one["id"]["S"] == contact["id"])
    return found


def mends(world: World) -> list[dict[str, Any]]:
    """The events of the recount."""
    return [one for one in world.content.events if "recounted" in one.get("data", {"S": ""})["S"]]


def differences(world: World) -> tuple[int, int]:
    """How many projected items lack or are other, and how many are too much."""
    with as_operator():
        differing, surplus = compare(world.stack.client("dynamodb"), world.stack.table_name, "T1")
    return len(differing), len(surplus)


def test_what_is_right_is_left_as_it_is(world: World) -> None:
    full(world)
    world.catch_up()
    enlist("T1")
    before = world.content
    report = run(world)
    assert report == {
        "contacts": 2, "rows": report["rows"], "finished": 1, "units": report["units"], "place": [0, ""],
    }  # fmt: skip
    changed = [one for one in world.content.items if one not in before.items]
    assert {one["PK"]["S"] for one in changed} == {"T#T1#RECOUNT", "S#RECOUNT"}
    assert run(world) == {"finished": 0, "units": 2, "place": [0, ""]}, "nothing is due until the next night"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_figure_is_mended_by_a_change_like_any_other(world: World, name: str) -> None:
    contact = full(world)
    other = world.create()
    world.catch_up()
    right = record_of(world, contact)
    put(world, {**right, name: WRONG[name]})
    enlist("T1")
    report = run(world)
    expected = {name, "organizer_ids"} if name == "unnamed_organizers" else {name}
    (event,) = mends(world)
    assert set(json.loads(event["data"]["S"])["recounted"]) <= expected
    assert report[f"figure.{name}"] == 1 and report["contacts"] == 3
    assert (event["type"]["S"], event["origin"]["S"], event["actor"]["S"]) == (
        "contact.updated",
        "system",
        "system:recount",
    )
    mended = record_of(world, contact)
    assert mended.get(name) == right.get(name)
    assert int(mended["version"]["N"]) == int(right["version"]["N"]) + 1
    assert record_of(world, other)["version"]["N"] == "1"
    world.content.assert_whole()
    world.catch_up()
    assert differences(world) == (0, 0)
    enlist("T1")
    put(world, {**progress_item(world), **recount_keys.due_entry("2020-01-01T00:00:00.000Z", "T1"),
                "due_at": {"S": "2020-01-01T00:00:00.000Z"}})  # fmt: skip
    assert not [one for one in run(world) if one.startswith("figure")]


def progress_item(world: World) -> Item:
    (found,) = world.content.of("T#T1#RECOUNT")
    return found


def test_all_figures_wrong_at_once_are_one_change_and_the_report_names_no_one(world: World) -> None:
    contact = full(world)
    world.catch_up()
    right = record_of(world, contact)
    put(world, {**right, **WRONG})
    enlist("T1")
    report = run(world)
    assert len(mends(world)) == 1
    assert {one for one in report if one.startswith("figure.")} == {f"figure.{name}" for name in WRONG}
    said = json.dumps(report) + json.dumps(progress_item(world))
    assert contact["id"] not in said and "grace" not in said
    last = json.loads(progress_item(world)["last"]["S"])
    assert last["contacts"] == 2 and last["figure.total_bookings"] == 1 and last["finished_at"]
    assert progress_item(world)["due_at"]["S"][10:] == "T01:00:00.000Z"
    world.content.assert_whole()


def test_events_are_not_read(world: World) -> None:
    """Half of a partition is events, which no figure depends on."""
    contact = full(world)
    seen: list[str] = []

    def watch(attempt: Attempt, send: Send) -> AWSResponse:
        answer = send(attempt)
        if attempt.operation == "Query" and contact["id"] in json.dumps(attempt.params):
            seen.extend(one["SK"]["S"] for one in json.loads(answer.content)["Items"])
        return answer

    with intercepting(Layer.FAULTS, watch):
        run(world, tenant_id="T1", dry_run=True)
        world.catch_up()
        run(world, tenant_id="T1", dry_run=True)
    assert seen and not [one for one in seen if one.startswith("EVENT#")]


def test_a_dry_run_counts_the_same_and_writes_nothing(world: World) -> None:
    contact = full(world)
    world.catch_up()
    put(world, {**record_of(world, contact), **WRONG})
    remove(world, world.content.of("T#T1#LIST#interactions$")[0])
    enlist("T1")
    before = world.content.items
    dry = run(world, dry_run=True)
    one = run(world, dry_run=True, tenant_id="T1")
    assert world.content.items == before
    wet = run(world)
    counted = {name for name in dry if name not in ("units", "place", "rows")}
    assert {name: dry[name] for name in counted} == {name: wet[name] for name in counted}
    assert {name: one[name] for name in counted} == {name: wet[name] for name in counted}
    assert wet["figure.total_bookings"] == wet["entry_rows"] == 1


def test_rows_that_are_missing_hidden_or_too_much_are_mended(world: World) -> None:
    contact = full(world)
    changed = world.create("z@example.com")
    assert world.send("PATCH", f"/contacts/{changed['id']}", {"company": "Engines"}).status == 200
    made = record(world, contact, type="email")
    path = f"/contacts/{contact['id']}/interactions/{made['id']}"
    world.catch_up()
    row = next(one for one in world.content.of("T#T1#LIST#interactions$") if made["id"] in one["SK"]["S"])
    assert world.send("DELETE", path).status == 204
    world.catch_up()
    assert differences(world) == (0, 0)
    # A list row of an entry that is gone, a missing one, one of an older state, and a contact that no search finds.
    put(world, row)
    (tombstone,) = (one for one in world.content.of("T#T1#C#", "GONE#INT#") if made["id"] in one["SK"]["S"])
    remove(world, tombstone)
    others = [one for one in world.content.of("T#T1#LIST#interactions$") if made["id"] not in one["SK"]["S"]]
    remove(world, others[0])
    terms = [one for one in world.content.of("T#T1#TERM#") if changed["id"] in one["SK"]["S"]]
    remove(world, terms[0])
    enlist("T1")
    report = run(world)
    assert (report["contact_rows"], report["entry_rows"], report["surplus_rows"]) == (1, 1, 1)
    assert mends(world) == [], "figures were right"
    left = [one["SK"]["S"] for one in world.content.of("T#T1#LIST#interactions$")]
    assert not [one for one in left if made["id"] in one]
    assert any(others[0]["SK"]["S"] == one for one in left)
    assert terms[0] in world.content.items


def test_a_row_of_a_purged_contact_s_entry_is_removed_and_stays_counted(world: World) -> None:
    contact = world.create()
    record(world, contact)
    world.catch_up()
    (row,) = world.content.of("T#T1#LIST#interactions$")
    (hour,) = world.content.of("T#T1#HOURS#interactions")
    assert world.send("DELETE", f"/contacts/{contact['id']}").status == 204
    world.catch_up()
    assert purge().purged == 1
    world.catch_up()
    # As if the removal had never been projected.
    put(world, row)
    put(world, hour)
    for one in world.content.of("T#T1#C#", "GONE#INT"):
        remove(world, one)
    enlist("T1")
    assert run(world)["surplus_rows"] == 1
    assert world.content.of("T#T1#LIST#interactions$") == []
    (counted,) = world.content.of("T#T1#HOURS#interactions")
    amounts = {name: one["N"] for name, one in counted.items() if "call" in name}
    assert {name: amount for name, amount in amounts.items() if amount != "0"} == {"purged.call.2": "1"}


def test_killed_or_throttled_at_any_call_it_ends_as_without(worlds: Worlds, waits: list[float]) -> None:
    """check 13: what was counted since the last place that was written is counted again or not at all."""

    def prepare(world: World) -> None:
        contact = world.create("grace@example.com")
        record(world, contact)
        world.catch_up()
        put(world, {**record_of(world, contact), "total_bookings": {"N": "9"}})
        remove(world, world.content.of("T#T1#LIST#interactions$")[0])
        enlist("T1")

    make, _ = worlds.prepared(prepare)

    def state(world: World) -> Any:
        with unobserved():
            world.sweep()  # repeats the repairs that a killed run began
            world.content.assert_whole()
            (contact,) = (one for one in world.content.contacts if one["email"]["S"] == "grace@example.com")
            world.catch_up()
            return (
                len(mends(world)),
                contact.get("total_bookings"),
                contact["interaction_count"],
                differences(world),
                json.loads(progress_item(world)["place"]["S"]),
                bool(json.loads(progress_item(world)["last"]["S"])),
            )

    def some(points: list[T]) -> list[T]:
        return sample(points, one_in=6, start=1)

    assert assert_same_after_kills(make, run, state, sample=some) >= 5
    assert assert_same_under_throttling(make, run, state, sample=some) >= 5


def test_a_run_without_time_goes_on_where_the_last_one_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounts, "_PORTION", 2)
    contacts = [world.create() for _ in range(5)]
    world.catch_up()
    for one in contacts:
        put(world, {**record_of(world, one), "total_bookings": {"N": "9"}})
    enlist("T1")
    mended = []
    while not json.loads(progress_item(world)["last"]["S"]):
        report = run_for_turns(2)
        assert report.counts["contacts"] <= 2
        mended.append(report.counts["figure.total_bookings"])
    assert sum(mended) == 5 and max(mended) <= 2 and len(mended) >= 3
    assert json.loads(progress_item(world)["last"]["S"])["contacts"] == 5
    world.content.assert_whole()


def test_a_night_s_units_are_bounded_for_all_its_runs_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounts, "_PORTION", 1)
    monkeypatch.setattr(recounts, "MAX_UNITS_A_NIGHT", 6)
    nights = iter(f"2031-01-{day:02}T02:00:00.000Z" for day in range(1, 29))
    for _ in range(6):
        world.create()
    world.catch_up()
    enlist("T1")
    seen = []
    for night in nights:
        for _ in range(3):
            with acting_for_system(*PREFIXES):
                run_ = recount(lambda: True)
                run_._now = lambda night=night: night  # type: ignore[misc]
                seen.append(run_.run().counts["contacts"])
        if json.loads(progress_item(world)["last"]["S"]):
            break
    assert sum(seen) == 6 and seen[0] < 6 and seen[1] == seen[2] == 0 and seen[3] > 0


@pytest.mark.parametrize(
    "fields",
    [{"booked": "{"}, {"booked": "[1]"}, {"unnamed_organizers": "7"}],
    ids=["json", "list", "number"],
)
def test_a_contact_that_cannot_be_read_does_not_stop_the_others(world: World, fields: dict[str, str]) -> None:
    contacts = [world.create() for _ in range(3)]
    world.catch_up()
    for one in contacts:
        put(world, {**record_of(world, one), "total_bookings": {"N": "9"}})
    broken = record_of(world, contacts[1])
    put(world, {**broken, **{name: {"S": value} for name, value in fields.items()}})
    enlist("T1")
    report = run(world)
    assert report["figure.total_bookings"] == 2 and report["failed"] >= 1 and report["finished"] == 1


def test_a_contact_with_too_many_entries_is_named_by_its_number_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MAX_ITEMS", 3)
    contact = full(world)
    other = world.create()
    world.catch_up()
    for one in (contact, other):
        put(world, {**record_of(world, one), "total_bookings": {"N": "9"}})
    enlist("T1")
    report = run(world)
    assert report["too_large"] == 2 and report["figure.total_bookings"] == 1
    assert record_of(world, contact)["total_bookings"]["N"] == "9"


def test_an_entry_recorded_during_the_mend_is_counted(world: World, waits: list[float]) -> None:
    """check 25: the mend is decided again on the contact as it is then."""
    contact = full(world)
    world.catch_up()
    put(world, {**record_of(world, contact), "interaction_count": {"N": "7"}})
    enlist("T1")
    overtaken: list[bool] = []

    def overtake(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "TransactWriteItems" and not overtaken:
            overtaken.append(True)
            with acting_for("T1"):
                record(world, contact)
        return send(attempt)

    with intercepting(Layer.SCHEDULER, overtake):
        report = run(world)
    assert overtaken and report["figure.interaction_count"] == 1
    world.content.assert_whole()


def test_the_sweep_makes_the_tenants_that_it_meets_due(world: World) -> None:
    t10 = world.tenant("T10")
    world.create()
    contact = world.create(token=t10.admin)
    age_events(world)
    recount_table.cache_clear()
    world.sweep()
    world.sweep()
    world.catch_up()
    assert {one["PK"]["S"] for one in world.content.of("T#", "PROGRESS")} == {"T#T1#RECOUNT", "T#T10#RECOUNT"}
    put(world, {**record_of(world, contact), "total_bookings": {"N": "9"}})
    report = run(world)
    assert (report["finished"], report["contacts"], report["figure.total_bookings"]) == (2, 2, 1)


def test_the_operator_s_command_compares_and_mends_one_tenant(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contact = full(world)
    world.catch_up()
    enlist("T1")
    run(world)
    put(world, {**record_of(world, contact), "note_count": {"N": "5"}})
    monkeypatch.setenv("TABLE_NAME", world.stack.table_name)
    capsys.readouterr()
    with as_operator():
        before = world.content.items
        assert command(["compare", "T1"]) == 1
        assert world.content.items == before
        said = capsys.readouterr().out
        assert "figure.note_count: 1" in said and '"contacts": 2' in said and contact["id"] not in said
        assert command(["mend", "T1"]) == command(["compare", "T1"]) == 0
        assert command(["forget", "T1"]) == 2
    assert len(mends(world)) == 1
    world.content.assert_whole()


def test_tenants_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recounts, "_PORTION", 1)
    monkeypatch.setattr(recounting.RecountedProjection, "lists", ())
    t10 = world.tenant("T10")
    for _ in range(5):
        world.create()
    world.create(token=t10.admin)
    world.catch_up()
    enlist("T1")
    enlist("T10")
    report = run_for_turns(6)
    assert report.finished == 1, "the small tenant does not wait for the large one"


def test_a_follow_up_s_and_an_interaction_s_position_are_what_is_counted(world: World) -> None:
    """A future interaction counts as a contact from an hour after its time, if nothing has counted it before."""
    contact = world.create()
    record(world, contact)
    world.catch_up()
    (item,) = world.content.interactions
    due = {"WPK": {"S": "DUE#TIMELINE#0"}, "WSK": {"S": f"2026-05-04T09:30:00.000Z#{contact['id']}#x"}}
    put(world, {**item, **due})
    assert interaction_keys.is_interaction(item)
    enlist("T1")
    assert "figure.last_contacted_at" not in run(world)
