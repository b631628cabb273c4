"""A chunk of random rows over random contacts: the dry run, the run and its repetition come to the same end."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.import_options import ImportOptions
from shared.domain.imports.results import Fate
from shared.domain.imports.rows import ReadRow
from shared.domain.imports.virtual_contact import numbers_in
from shared.services.imports.row_plans import plan_rows
from tests.properties.imports.chunk_world import Case, ChunkWorld, cases
from tests.support.budgets import repetitions
from tests.support.faults import Killed

_SINGLE = ("first_name", "last_name", "company", "phone", "whatsapp")
_LISTS = ("tag_ids", "type_ids", "group_ids", "other_emails")


def undisturbed(case: Case) -> tuple[ChunkWorld, dict[int, Fate]]:
    world = ChunkWorld(case)
    fates, _ = world.work()
    return world, fates


@settings(max_examples=repetitions(150), deadline=None)
@given(cases())
def test_check_85_the_dry_run_says_what_the_run_does_and_a_repeated_run_does_nothing(case: Case) -> None:
    world = ChunkWorld(case)
    before = world.state()
    planned = world.plan()
    assert world.state() == before

    fates, written = world.work()
    assert fates == planned.fates
    world.assert_whole()
    after = world.contacts()
    for virtual in planned.contacts:
        shown = {name: value for name, value in virtual.shown().items() if name != "preferred"}
        assert {name: getattr(after[virtual.id], name) for name in shown} == shown
    assert {one.contact_id for one in written} == {one.id for one in planned.to_write}
    touched = {fate.contact_id for fate in fates.values() if fate.outcome in ("created", "updated", "merged")}
    assert {one.contact_id for one in written} <= touched
    assert after.keys() - before.keys() == {one.contact_id for one in written if one.change == "created"}

    state, events = world.state(), world.events()
    again, written_again = world.work()
    assert again == fates
    assert sorted(written_again, key=str) == sorted(written, key=str)
    assert (world.state(), world.events()) == (state, events)


@settings(max_examples=repetitions(150), deadline=None)
@given(cases())
def test_check_85_each_contact_gets_what_its_rows_give_it_in_their_order(case: Case) -> None:
    """`skip` leaves contacts as they are, `update` replaces single values, `merge` fills empty ones; both unite lists,
    and neither moves a contact's owner, source or status by itself.
    """
    world = ChunkWorld(case)
    before = world.contacts()
    fates, _ = world.work()
    after = world.contacts()
    for contact_id, contact in before.items():
        rows = [
            case.rows[number - 1]
            for number, fate in sorted(fates.items())
            if fate.contact_id == contact_id and fate.outcome in ("updated", "merged", "unchanged")
        ]
        if not rows:
            assert after[contact_id] == contact
            continue
        assert case.options.on_duplicate != "skip"
        left_out = {
            (number, one.field)
            for number, fate in fates.items()
            for one in fate.warnings
            if one.code in ("address_taken", "number_taken", "too_many_emails")
        }
        for name in _SINGLE:
            values = [
                value
                for number, row in enumerate(case.rows, 1)
                if row in rows and name not in row.derived and (number, name) not in left_out
                if (value := (row.fields or {}).get(name))
            ]
            present = getattr(contact, name)
            if case.options.on_duplicate == "update":
                expected = values[-1] if values else present
            else:
                expected = present or (values[0] if values else present)
            if not any(field == name for _, field in left_out):
                assert getattr(after[contact_id], name) == expected, name
        for name in _LISTS:
            kept = set(getattr(contact, name)) - {after[contact_id].email}
            assert kept <= set(getattr(after[contact_id], name)), name
        assert set(contact.addresses) <= set(after[contact_id].addresses)
        had, has = (set(numbers_in(one.__dict__)) for one in (contact, after[contact_id]))
        assert had <= has
        if not any(field in ("phone", "whatsapp") for _, field in left_out):
            assert has == had.union(*(numbers_in(row.fields or {}) for row in rows))
        assert after[contact_id].relationship_status == contact.relationship_status
        assert after[contact_id].source == contact.source
        if not any(row.owner == "user1@example.com" for row in rows):
            assert after[contact_id].owner_id == contact.owner_id
        assert after[contact_id].version <= contact.version + 1, "each contact is written once"


def killing_before(world: ChunkWorld, call: int) -> None:
    calls = count(1)

    def before(operation: str) -> None:
        if next(calls) == call:
            raise Killed()

    world.before_call = before


def calls_of(case: Case) -> int:
    world = ChunkWorld(case)
    calls = count()
    world.before_call = lambda operation: next(calls) and None
    world.work()
    return next(calls)


@settings(max_examples=repetitions(25), deadline=None)
@given(cases())
def test_check_13_a_chunk_killed_before_any_call_ends_like_one_that_was_not(case: Case) -> None:
    """Also check 80: the fates of the rows, the contacts and their events are the same."""
    unharmed, expected = undisturbed(case)
    for call in range(1, calls_of(case) + 1):
        world = ChunkWorld(case)
        killing_before(world, call)
        try:
            world.work()
        except Killed:
            world.before_call = lambda operation: None
        else:
            raise AssertionError(f"the run did not come to call {call}")
        fates, _ = world.work()
        assert fates == expected, f"killed before call {call}"
        assert world.state() == unharmed.state()
        assert world.events() == unharmed.events()
        world.assert_whole()


@settings(max_examples=repetitions(60), deadline=None)
@given(cases(), st.data())
def test_what_was_written_before_a_kill_is_recognised_whatever_became_of_it(case: Case, data: Any) -> None:
    """A person changes addresses and deletes contacts after the kill: the rows written before keep their outcomes.

    A row that failed wrote nothing. A repetition may create its contact when the contact that refused it has moved.
    """
    world = ChunkWorld(case)
    fates, written = world.work()  # killed after the last write, before the chunk was closed
    outcomes = {
        number: fate.outcome
        for number, fate in fates.items()
        if fate.contact_id in _ids(written) and fate.outcome != "failed"
    }
    for number, contact in enumerate(world.contacts().values()):
        match data.draw(st.sampled_from(["stays", "moves", "goes"])):
            case "moves":
                world.change(contact.id, email=f"moved{number}@example.com", other_emails=[], phone=None)
            case "goes" if contact.customer_id is None:
                world.delete(contact.id)
    again, written_again = world.work()
    assert _ids(written) <= _ids(written_again)
    assert {number: again[number].outcome for number in outcomes} == outcomes
    world.assert_whole()


def _ids(written: Any) -> set[str]:
    return {one.contact_id for one in written}


@settings(max_examples=repetitions(60), deadline=None)
@given(cases(on_duplicate=["update", "merge"]), st.data())
def test_a_change_by_a_person_between_reading_and_writing_is_kept(case: Case, data: Any) -> None:
    """The rows that are planned again have the fates that they have without the change."""
    world = ChunkWorld(case)
    if not world.contacts():
        return
    changed = data.draw(st.sampled_from(sorted(world.contacts())))
    call = data.draw(st.integers(1, calls_of(case)))
    calls = count(1)

    def before(operation: str) -> None:
        if next(calls) == call:
            world.change(changed, department="Changed", job_title="by a person")

    world.before_call = before
    fates, _ = world.work()
    contact = world.contacts()[changed]
    assert (contact.department, contact.job_title) == ("Changed", "by a person")
    assert {number: _outcome(fate) for number, fate in fates.items()} == {
        number: _outcome(fate) for number, fate in undisturbed(case)[1].items()
    }
    world.assert_whole()


def test_rows_are_planned_in_the_order_of_the_file_in_whatever_order_they_are_named() -> None:
    """As those are whose contacts were refused: in the order of the contacts."""
    addresses: list[dict[str, Any]] = [
        {"email": "a@example.com"},
        {"email": "c@example.com"},
        {"email": "a@example.com", "other_emails": ["c@example.com"]},
    ]
    rows = [ReadRow({"first_name": "Ann", **one}) for one in addresses]  # type: ignore[typeddict-item]
    known = ChunkWorld(Case(rows, [addresses[0]], ImportOptions(on_duplicate="update"))).known()
    fates = plan_rows(known, [1, 3, 2]).fates
    assert [(number, fate.outcome) for number, fate in fates.items()] == [
        (1, "updated"), (2, "created"), (3, "unchanged"),
    ]  # fmt: skip


def _outcome(fate: Fate) -> tuple[str, str, str]:
    return fate.outcome, fate.contact_id, fate.code
