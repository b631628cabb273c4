"""A chunk of random rows over random contacts is imported and undone: the contacts are as they were."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import Conflict, Invalid
from shared.domain.ids import Work
from shared.domain.imports.record import ImportRun
from shared.domain.imports.undo import Undo
from shared.domain.imports.undone import UndoneContact
from shared.services.contacts.bulk_writing import BulkWriting
from shared.services.contacts.reading import ContactReading
from shared.services.imports.carrying_out import Written
from shared.services.imports.reversals import Reversals
from shared.services.reading_budget import Budget
from shared.table.contacts.history import ContactEvents
from tests.properties.imports.chunk_world import AT, TENANT, Case, ChunkWorld, cases
from tests.support.budgets import repetitions
from tests.support.faults import Killed

CHANGING = ("update", "merge")
_SET_BY_EVERY_CHANGE = {"version", "updated_by"}
_EDITS = st.fixed_dictionaries(
    {},
    optional={
        "company": st.sampled_from(["Acme", "Edited"]),
        "last_name": st.just("Edited"),
        "phone": st.sampled_from([None, "+14155552679"]),
        "custom_fields": st.just({"size": "edited"}),
    },
)


def undo(world: ChunkWorld, written: list[Written]) -> dict[str, UndoneContact]:
    """Take a chunk back. Returns what became of each contact."""
    undoing: ImportRun = replace(world.run, state="undoing", undo=Undo(attempt="u1", started_at=AT))
    caller, contacts = undoing.caller, world._contacts()
    writing = world._contact_writing(caller)

    def many(work: Work) -> BulkWriting:
        reading = ContactReading(caller, contacts)
        return BulkWriting(
            caller, reading, writing, contacts, work=work, has_time=lambda: True, sleep=lambda seconds: None
        )

    events = ContactEvents(world.store, TENANT, Budget.unlimited())
    reversals = Reversals(undoing, contacts, events, writing, many, world._labels().current)
    return {one.contact_id: one for one in reversals.take_back(0, written)}


def content(world: ChunkWorld) -> dict[str, dict[str, Any]]:
    return {
        contact_id: {name: value for name, value in fields.items() if name not in _SET_BY_EVERY_CHANGE}
        for contact_id, fields in world.state().items()
    }


@settings(max_examples=repetitions(150), deadline=None)
@given(cases(on_duplicate=CHANGING))
def test_an_import_that_is_undone_leaves_every_contact_as_it_was(case: Case) -> None:
    world = ChunkWorld(case)
    before = content(world)
    _, written = world.work()
    undone = undo(world, written)
    assert content(world) == before
    assert {one.outcome for one in undone.values()} <= {"removed", "restored"}
    assert undone.keys() == {one.contact_id for one in written}
    world.assert_whole()
    state, events = world.state(), world.events()
    assert undo(world, written) == undone, "as after a kill"
    assert (world.state(), world.events()) == (state, events)


@settings(max_examples=repetitions(100), deadline=None)
@given(cases(on_duplicate=CHANGING), st.lists(st.tuples(st.integers(0, 9), _EDITS), min_size=1, max_size=3))
def test_nothing_that_a_person_edits_after_an_import_is_lost_by_its_undo(
    case: Case, edits: list[tuple[int, dict[str, Any]]]
) -> None:
    world = ChunkWorld(case)
    _, written = world.work()
    imported = world.contacts()
    edited: dict[str, dict[str, Any]] = {}
    for number, edit in edits:
        contact_id = sorted(imported)[number % len(imported)] if imported else ""
        if not contact_id or not edit:
            continue
        before = world.contacts()[contact_id].version
        try:
            world.change(contact_id, **edit)
        except (Invalid, Conflict):
            continue
        if world.contacts()[contact_id].version > before:
            edited.setdefault(contact_id, {}).update(edit)
    now = world.contacts()
    undone = undo(world, written)
    after = world.contacts()
    for contact_id, fields in edited.items():
        for name in fields:
            value, imported_value = getattr(now[contact_id], name), getattr(imported[contact_id], name)
            if name == "custom_fields":
                assert after[contact_id].custom_fields["size"] == "edited"
            elif value != imported_value:
                assert getattr(after[contact_id], name) == value
    for contact_id, one in undone.items():
        is_created = any(w.contact_id == contact_id and w.change == "created" for w in written)
        assert (contact_id in after) == (not is_created or contact_id in edited)
        assert one.outcome in ("kept", "restored", "removed")
    world.assert_whole()


def killing_before(world: ChunkWorld, call: int) -> None:
    calls = count(1)

    def before(operation: str) -> None:
        if next(calls) == call:
            raise Killed()

    world.before_call = before


@settings(max_examples=repetitions(25), deadline=None)
@given(cases(on_duplicate=CHANGING))
def test_check_13_an_undo_killed_before_any_call_ends_like_one_that_was_not(case: Case) -> None:
    unharmed = ChunkWorld(case)
    _, written = unharmed.work()
    calls = count()
    unharmed.before_call = lambda operation: next(calls) and None
    expected = undo(unharmed, written)
    for call in range(1, next(calls) + 1):
        world = ChunkWorld(case)
        world.work()
        killing_before(world, call)
        try:
            undo(world, written)
        except Killed:
            world.before_call = lambda operation: None
        else:
            raise AssertionError(f"the run did not come to call {call}")
        assert undo(world, written) == expected, f"killed before call {call}"
        assert world.state() == unharmed.state()
        assert world.events() == unharmed.events()
        world.assert_whole()
