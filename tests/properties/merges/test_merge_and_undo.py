"""Merges lose nothing, and their undo takes back what has not changed since."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.contacts.history import undo as undo_event
from shared.domain.contacts.part_figures import Figures
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.events import differ
from shared.domain.merges.fields import CHOICES, has_value
from shared.table.contacts.items import contact_from_item, contact_to_item
from tests.properties.merges.people import (
    CHANNELS,
    IDS,
    LABEL_NAMES,
    PHONES,
    World,
    content,
    difference,
    people,
    phones,
    texts,
)

HIDDEN = {
    "interaction_counts",
    "booking_counts",
    "note_count",
    "booked",
    "unnamed_organizers",
    "status_changed_at",
}
"""Fields whose changes events do not list."""


@st.composite
def choices(draw: st.DrawFn, contacts: list[Contact]) -> dict[str, str]:
    """Return choices of contacts that have values."""
    names = draw(st.lists(st.sampled_from([*CHOICES, "custom_fields.p"]), unique=True, max_size=4))
    options = {name: [one.id for one in contacts if has_value(one, name)] for name in names}
    return {name: draw(st.sampled_from(ids)) for name, ids in options.items() if ids}


def merged(data: st.DataObject, world: World, survivor_id: str, merged_ids: list[str]) -> Any:
    contacts = [world.contacts[one] for one in (survivor_id, *merged_ids)]
    return world.merge(survivor_id, merged_ids, data.draw(choices(contacts)))


def check_figures(world: World) -> None:
    """Check that each live contact has the figures of all its parts, and each merged one those of its own."""
    for contact in world.contacts.values():
        parts = [contact.id] if contact.is_merged else contact.parts
        expected = Figures.total(world.own[one] for one in parts)
        assert {name: contact.__dict__[name] for name in expected.fields} == expected.fields


def check_addresses(world: World) -> None:
    addresses = [one for contact in world.live for one in contact.addresses]
    assert len(addresses) == len(set(addresses))


@given(people(4), st.data())
def test_a_merge_and_its_undo_restore_every_record(contacts: list[Contact], data: st.DataObject) -> None:
    """check 107: for random contacts and choices."""
    world = World(contacts)
    before = {one.id: content(one) for one in contacts}
    merged(data, world, IDS[0], [*IDS[1:3]])
    check_figures(world)
    plan = world.undo()
    assert plan.merge.undo is not None and plan.merge.undo.kept == []
    for contact in world.contacts.values():
        assert difference(contact, before[contact.id]) == {}
        # Nothing of the plan is left out when it is stored.
        stored = contact_from_item(contact_to_item("t1", contact))
        for name in ("merged_into", "merged_from", "created_at", "deleted_at"):
            assert stored.__dict__[name] == contact.__dict__[name]


@given(people(4), st.permutations(range(4)), st.data())
def test_several_merges_are_undone_in_reverse(
    contacts: list[Contact], order: list[int], data: st.DataObject
) -> None:
    world = World(contacts)
    states = []
    ids = [IDS[at] for at in order]
    while len(ids) > 1:
        states.append({one.id: content(one) for one in world.contacts.values()})
        at = data.draw(st.integers(0, len(ids) - 1))
        survivor_id = ids.pop(at)
        gone = [ids.pop() for _ in range(data.draw(st.integers(1, len(ids))))]
        merged(data, world, survivor_id, gone)
        ids.append(survivor_id)
        check_figures(world)
        check_addresses(world)
    (last,) = world.live
    assert sorted(last.parts) == sorted(IDS)
    while world.merges:
        world.undo()
        check_figures(world)
        for contact_id, state in states.pop().items():
            assert difference(world.contacts[contact_id], state) == {}


@given(people(3), st.data())
def test_a_survivor_has_every_value_of_the_lists_of_all(contacts: list[Contact], data: st.DataObject) -> None:
    world = World(contacts)
    plan = merged(data, world, IDS[0], [*IDS[1:3]])
    after = plan.survivor.after
    assert set(after.addresses) == {one for contact in contacts for one in contact.addresses}
    assert _numbers(after) == {one for contact in contacts for one in _numbers(contact)}
    for name in (*LABEL_ID_FIELDS, "tags", "organizer_ids"):
        assert set(getattr(after, name)) == {one for contact in contacts for one in getattr(contact, name)}
        assert len(getattr(after, name)) == len(set(getattr(after, name)))
    assert set(after.custom_fields) == {one for contact in contacts for one in contact.custom_fields}
    for channel in CHANNELS:
        states = [contact.communication["opt_outs"].get(channel) for contact in contacts]  # type: ignore[call-overload]
        opted_out = after.communication["opt_outs"].get(channel)  # type: ignore[call-overload]
        assert (opted_out is None) == (not any(states))
        assert bool(opted_out and opted_out["opted_out"]) == any(one and one["opted_out"] for one in states)
    assert after.created_at == min(one.created_at for one in contacts)
    for change in plan.merged:
        assert change.after.locks == change.before.locks
        assert (change.after.addresses, change.after.member_of, change.after.purge_at) == ({}, None, None)


@given(people(3), st.data())
def test_the_event_of_a_merge_or_an_undo_leads_back_to_the_version_before(
    contacts: list[Contact], data: st.DataObject
) -> None:
    world = World(contacts)
    merge = merged(data, world, IDS[0], [*IDS[1:3]])
    for before, after, event in (merge.survivor, world.undo().survivor):
        past = content(undo_event(after, event))
        expected = content(before)
        # The names of labels of the merge are those of the contacts, so that they are in the event.
        assert {name: past[name] for name in past if name not in HIDDEN} == {
            name: expected[name] for name in expected if name not in HIDDEN
        }


edits = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.sampled_from(["Ann", "Eve"]),
        "company": texts,
        "about": texts,
        "phone": st.none() | st.sampled_from(PHONES),
        "whatsapp": st.none() | st.sampled_from(PHONES),
        "other_phones": phones,
        "owner_id": st.sampled_from([None, "u1", "u2"]),
        "customer_id": st.sampled_from([None, "k1", "k2"]),
        "custom_fields": st.dictionaries(st.sampled_from("pqrs"), st.none() | st.sampled_from([0, 1, "x"])),
        "preferred": st.sampled_from(["none", "email", "sms"]),
        "is_active": st.booleans(),
        "tag_ids": st.lists(st.sampled_from([*LABEL_NAMES]), unique=True),
    },
)


def edited(contact: Contact, given: dict[str, Any], data: st.DataObject, world: World) -> Contact:
    """Return a contact after an edit, which may also move its addresses, add some and remove some."""
    fields = dict(given)
    for name in ("phone", "whatsapp"):
        if name in fields:
            fields[f"{name}_raw"] = None
    if "tag_ids" in fields:
        fields["tags"] = [LABEL_NAMES[one] for one in fields["tag_ids"]]
    if data.draw(st.booleans(), label="addresses"):
        options = [*contact.addresses, "new@example.com"]
        emails = data.draw(st.lists(st.sampled_from(options), unique=True))
        fields |= {"email": emails[0] if emails else None, "other_emails": emails[1:]}
    if contact.is_primary and fields.get("customer_id", contact.customer_id) != contact.customer_id:
        fields["is_primary"] = False
    changed = contact.change(fields, stamp=world.stamp())  # type: ignore[arg-type]
    return changed[0] if changed else contact


@given(people(3), edits, st.data())
def test_what_was_changed_since_stays_and_is_listed(
    contacts: list[Contact], edit: dict[str, Any], data: st.DataObject
) -> None:
    world = World(contacts)
    before = contacts[0]
    merge = merged(data, world, IDS[0], [*IDS[1:3]])
    new = merge.survivor.after
    now = edited(new, edit, data, world)
    world.put(now)
    plan = world.undo()
    after = plan.survivor.after
    kept = {one.field for one in plan.merge.undo.kept if one.contact_id == after.id}
    check_addresses(world)
    for name in (
        "full_name",
        "company",
        "about",
        "is_active",
        "owner_id",
        "customer_id",
        "phone",
        "whatsapp",
    ):
        old, gave, is_, became = (getattr(one, name) for one in (before, new, now, after))
        assert became == (old if is_ == gave else is_), name
        listed = name.removeprefix("full_")
        assert (listed in kept) == (gave != old and is_ not in (gave, old)), name
    for key in "pqrs":
        values = [one.custom_fields.get(key) for one in (before, new, now, after)]
        old, gave, is_, became = values
        assert not differ(became, is_ if differ(is_, gave) else old)
        assert (f"custom_fields.{key}" in kept) == (
            differ(gave, old) and differ(is_, gave) and differ(is_, old)
        )
    gave_tags = {*new.tag_ids} - {*before.tag_ids}
    assert after.tag_ids == [one for one in now.tag_ids if one not in gave_tags]
    assert after.tags == [LABEL_NAMES[one] for one in after.tag_ids]
    for one in plan.returned:
        fields = content(contacts[IDS.index(one.after.id)])
        assert difference(one.after, fields).keys() <= {"is_primary"}
    own = {*now.addresses} - {one for contact in contacts[1:] for one in contact.addresses}
    assert {*after.addresses} - {before.email} == own - {before.email}
    # A further number that the survivor had before, or that was added since, stays with it.
    further = [{one["number"] for one in each.other_phones} for each in (before, new, now, after)]
    assert further[3] >= further[2] & (further[0] | (further[2] - further[1]))


@given(people(4), st.permutations(range(4)), edits, edits, st.data())
def test_merges_of_contacts_that_change_are_undone_in_reverse(
    contacts: list[Contact],
    order: list[int],
    first: dict[str, Any],
    second: dict[str, Any],
    data: st.DataObject,
) -> None:
    world = World(contacts)
    ids = [IDS[at] for at in order]
    states: list[dict[str, dict[str, Any]]] = []
    for edit in (first, second):
        survivor_id, gone = ids[0], ids.pop()
        states.append({gone: content(world.contacts[gone])})
        merged(data, world, survivor_id, [gone])
        world.put(edited(world.contacts[survivor_id], edit, data, world))
        world.call(survivor_id)
        ids.append(ids.pop(0))  # another contact is the next survivor, perhaps of this one
        check_figures(world)
        check_addresses(world)
    while world.merges:
        world.undo()
        check_figures(world)
        check_addresses(world)
        for contact_id, state in states.pop().items():
            assert difference(world.contacts[contact_id], state).keys() <= {"is_primary"}
    assert len(world.live) == 4


def _numbers(contact: Contact) -> set[str]:
    numbers = {contact.phone, contact.whatsapp, *(one["number"] for one in contact.other_phones)}
    return {one for one in numbers if one is not None}
