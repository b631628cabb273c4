"""Random changes, deletions, merges and undos leave whole records. A merge that is undone at once leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import DomainError
from tests.support.budgets import repetitions
from tests.unit.merges.room import Room, id_of

NAMES = ("ada", "bob", "eve", "joe")
EMAILS = tuple(f"{name}@example.com" for name in ("a", "b", "c", "d", "e", "f"))
NUMBERS = ("+14155550132", "+14155550133")
CUSTOMERS = ("acme", "umbrella")
ANYONE = st.sampled_from(NAMES)
ADDRESSES = st.lists(st.sampled_from(EMAILS), min_size=1, max_size=3, unique=True)

Step = Callable[[Room], object]


def create(name: str, addresses: list[str], customer: str | None, phone: str | None) -> Step:
    email, *others = addresses
    return lambda room: room.create(name, email, customer, other_emails=others, phone=phone)


def readdress(name: str, addresses: list[str]) -> Step:
    email, *others = addresses
    return lambda room: room.change(name, email=email, other_emails=others)


def move(name: str, customer: str | None) -> Step:
    return lambda room: room.move(name, customer)


CREATIONS = st.builds(
    create, ANYONE, ADDRESSES, st.sampled_from([None, *CUSTOMERS]), st.sampled_from([None, *NUMBERS])
)
PEOPLE = st.builds(
    lambda emails, customers: [
        create("ada", emails[:1], customers[0], NUMBERS[0]),
        create("bob", emails[1:3], customers[1], None),
        create("eve", emails[3:4], customers[2], NUMBERS[1]),
        create("joe", emails[4:5], customers[3], None),
    ],
    st.permutations(EMAILS),
    st.lists(st.sampled_from([None, *CUSTOMERS]), min_size=4, max_size=4),
)
"""Four contacts with addresses of their own, and with one that nobody has left over."""
MERGES = st.tuples(ANYONE, st.lists(ANYONE, min_size=1, max_size=2, unique=True))
STEPS = st.one_of(
    CREATIONS,
    st.builds(readdress, ANYONE, ADDRESSES),
    st.builds(move, ANYONE, st.sampled_from([None, *CUSTOMERS])),
    st.builds(lambda name: lambda room: room.delete(name), ANYONE),
    st.builds(lambda name: lambda room: room.restore(name), ANYONE),
    MERGES.map(lambda drawn: lambda room: room.merge(drawn[0], *drawn[1])),
    MERGES.map(lambda drawn: lambda room: room.merge(drawn[0], *drawn[1])),
    st.integers(0, 3).map(lambda number: lambda room: room.undo(number)),
)
SCOPES = st.sampled_from(["tenant", "tenant", "customer"])


def room_with(scope: Any, creations: list[Step], steps: list[Step]) -> Room:
    """A room after some steps, of which some are refused."""
    room = Room(scope)
    for number, name in enumerate(CUSTOMERS, 1):
        room.create_customer(name, number)
    for step in (*creations, *steps):
        with suppress(DomainError, LookupError):
            step(room)
        room.content.assert_whole()
    return room


@given(SCOPES, PEOPLE, st.lists(STEPS, min_size=2, max_size=8))
@settings(max_examples=repetitions(60), deadline=None)
def test_after_any_steps_locks_customers_and_parts_are_whole(
    scope: str, creations: list[Step], steps: list[Step]
) -> None:
    """check 24: checked after each step."""
    room = room_with(scope, creations, steps)
    room.purge()
    room.content.assert_whole()
    assert not [lock for lock in room.content.locks if lock["contact_id"]["S"] not in ids_of(room)]


def ids_of(room: Room) -> set[str]:
    return {contact["id"]["S"] for contact in room.content.contacts}


@given(SCOPES, PEOPLE, st.lists(STEPS, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=repetitions(60), deadline=None)
def test_a_merge_that_is_undone_at_once_leaves_what_was_there(
    scope: str, creations: list[Step], steps: list[Step], random: Random
) -> None:
    """check 107: records, locks, members and customers, versions and the merge aside."""
    room = room_with(scope, creations, steps)
    live = [name for name in NAMES if id_of(name) in {one["id"]["S"] for one in room.content.live}]
    before = state(room)
    if len(live) < 2:
        return
    room.merge(*random.sample(live, random.randint(2, min(3, len(live)))))
    room.content.assert_whole()
    assert room.undo(len(room.merges) - 1).undo is not None
    room.content.assert_whole()
    assert state(room) == before
    assert [one.undo.kept for one in room.merges if one.undo][-1] == []


_OF_CHANGES = ("version", "updated_at", "updated_by", "last_event", "locks_lost", "follows")


def state(room: Room) -> list[str]:
    """The items, without events and merges, and without what each change alters."""
    return sorted(
        repr(sorted((name, value) for name, value in item.items() if name not in _OF_CHANGES))
        for item in room.table.all()
        if not item["SK"]["S"].startswith(("EVENT#", "MERGE#", "STATUS#"))
        and not item["PK"]["S"].endswith("#MERGES")
    )
