"""Derived events of groups tell in which static groups a contact is, whatever happens to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.derived_events import derive_events
from shared.domain.events import GROUP_MEMBER_ADDED, Event
from shared.domain.groups.record import Group
from shared.domain.ids import new_id
from shared.domain.labels.record import Labels
from shared.domain.stamp import Stamp

ADMIN = Caller("T1", "user", "u", "admin")
GROUPS = [Group.create({"name": name}, label_id=new_id(), stamp=Stamp.now(ADMIN))[0] for name in "ABCD"]
LABELS = Labels.of(GROUPS)
SETS = st.sets(st.sampled_from(range(len(GROUPS)))).map(sorted)


def fields(chosen: list[int]) -> dict[str, Any]:
    """Return the fields of a contact in groups."""
    ids = [GROUPS[number].id for number in chosen]
    return {"group_ids": ids, "groups": LABELS.names(ids)}


def members(events: list[Event]) -> set[str]:
    """Return the groups of a contact as a receiver knows them, to whom the events come in any order."""
    told = [derived for event in events for derived in derive_events(event)]
    assert len({one.id for one in told}) == len(told)
    told.sort(key=lambda one: one.id[-12:])  # no order
    latest: dict[str, tuple[int, bool]] = {}
    for one in told:
        if one.version > latest.get(one.entity_id, (0, False))[0]:
            latest[one.entity_id] = one.version, one.type == GROUP_MEMBER_ADDED
    return {group_id for group_id, (_, is_member) in latest.items() if is_member}


@given(
    SETS,
    st.lists(st.one_of(st.tuples(st.sampled_from(["join", "leave"]), SETS), st.tuples(st.just("set"), SETS))),
)
def test_a_receiver_knows_the_groups_of_a_contact(
    first: list[int], steps: list[tuple[str, list[int]]]
) -> None:
    contact, created = Contact.create(
        {"first_name": "Ada", **fields(first)},  # type: ignore[arg-type]
        contact_id=new_id(),
        stamp=Stamp.now(ADMIN),
        source="api",
    )
    events = [created]
    for kind, chosen in steps:
        for group in [None] if kind == "set" else [GROUPS[number] for number in chosen]:
            if group is None:
                changed = contact.change(fields(chosen), stamp=Stamp.now(ADMIN))  # type: ignore[arg-type]
            else:
                act = contact.join if kind == "join" else contact.leave
                changed = act(group, stamp=Stamp.now(ADMIN))
            if changed is not None:
                contact, event = changed
                events.append(event)
    assert members(events) == set(contact.group_ids)
