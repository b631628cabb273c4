"""Events of joining and leaving static groups follow from the events of contacts."""

from __future__ import annotations

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.derived_events import derive_events, derive_notices, may_have_derived
from shared.domain.events import DERIVED_TYPES, Event
from shared.domain.groups.record import Group
from shared.domain.ids import is_id, milliseconds_of, new_id
from shared.domain.stamp import Stamp
from shared.publishing.contracts import from_message, to_message
from shared.table.event_items import event_from_item, event_to_item

ADMIN = Caller("T1", "user", "u", "admin")


def group(name: str) -> Group:
    made, _ = Group.create({"name": name}, label_id=new_id(), stamp=Stamp.now(ADMIN))
    return made


def created(**fields: object) -> tuple[Contact, Event]:
    given = {"first_name": "Ada", **fields}
    return Contact.create(given, contact_id=new_id(), stamp=Stamp.now(ADMIN), source="api")  # type: ignore[arg-type]


def moves(event: Event) -> list[tuple[str, str]]:
    return [(one.type, one.entity_id) for one in derive_events(event)]


def test_a_contact_is_created_in_groups_joins_and_leaves_them() -> None:
    family, friends = group("Family"), group("Friends")
    contact, event = created(group_ids=[family.id], groups=["Family"])
    assert moves(event) == [("group.member_added", family.id)]
    joined = contact.join(friends, stamp=Stamp.now(ADMIN))
    assert joined is not None
    assert moves(joined[1]) == [("group.member_added", friends.id)]
    left = joined[0].leave(family, stamp=Stamp.now(ADMIN))
    assert left is not None
    assert moves(left[1]) == [("group.member_removed", family.id)]
    swapped = left[0].change({"group_ids": [family.id], "groups": ["Family"]}, stamp=Stamp.now(ADMIN))
    assert swapped is not None
    assert moves(swapped[1]) == [("group.member_added", family.id), ("group.member_removed", friends.id)]


def test_other_changes_have_no_derived_events_and_the_message_says_so() -> None:
    contact, event = created()
    assert moves(event) == []
    renamed = contact.change({"first_name": "Augusta"}, stamp=Stamp.now(ADMIN))
    assert renamed is not None
    deleted = renamed[0].delete(stamp=Stamp.now(ADMIN))
    for _, change in (renamed, deleted):
        assert moves(change) == []
        assert not may_have_derived(from_message(to_message("T1", change)))


def test_the_message_of_a_joined_group_says_that_there_are_derived_events_even_without_its_name() -> None:
    """Another process may know the group's name only later: then the names of the contact's groups do not change."""
    _, event = created(group_ids=[new_id()])
    assert "groups" not in event.changes
    assert may_have_derived(from_message(to_message("T1", event)))


def test_derived_events_are_the_same_whenever_they_are_derived() -> None:
    one, other = new_id(), new_id()
    _, event = created(group_ids=[one, other], groups=["One", "Other"])
    stored = event_from_item(event_to_item("T1", event))
    assert stored == event
    first, second = derive_events(event)
    assert derive_events(stored) == [first, second]
    assert first.id != second.id
    for derived in (first, second):
        assert is_id(derived.id) and milliseconds_of(derived.id) == milliseconds_of(event.id)
        assert (derived.type in DERIVED_TYPES, derived.entity, derived.version) == (True, "group", 1)
        assert derived.data == {"contact_id": event.entity_id}


def test_the_notice_of_a_derived_event_names_the_group_and_where_its_event_is() -> None:
    _, event = created(group_ids=[new_id()], groups=["One"])
    source = from_message(to_message("T1", event))
    (notice,) = derive_notices(source, event)
    (derived,) = derive_events(event)
    assert (notice.id, notice.type, notice.subject_id) == (derived.id, derived.type, derived.entity_id)
    assert (notice.entity, notice.entity_id, notice.source_id) == ("contact", event.entity_id, event.id)
    assert notice.changed == ()
    assert not may_have_derived(notice)
    assert source.subject_id == event.entity_id
