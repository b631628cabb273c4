"""Where addresses and numbers are unique within each customer, no undo leaves one of them to two contacts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from tests.properties.merges.people import CUSTOMERS, IDS, PHONES, World, content, difference, people

ADDRESSES = tuple(f"{letter}@example.com" for letter in "ab")
values = st.fixed_dictionaries(
    {
        "email": st.none() | st.sampled_from(ADDRESSES),
        "phone": st.none() | st.sampled_from(PHONES[:2]),
        "whatsapp": st.none() | st.sampled_from(PHONES[:2]),
        "customer_id": st.sampled_from(CUSTOMERS),
    }
)


def spread(contacts: list[Contact], given: list[dict[str, Any]]) -> list[Contact]:
    """Return the contacts with some values, as far as no earlier one has them within its customer."""
    held: set[Lock] = set()
    result = []
    for contact, fields in zip(contacts, given, strict=True):
        fields = {**fields, "other_emails": [], "unique_scope": "customer", "is_primary": False}
        fields |= {"email_verified": False, "phone_raw": None, "whatsapp_raw": None}
        made = contact.with_fields(fields)
        for lock, field in made.locks.items():
            if lock in held:
                made = made.with_fields({field: None})
        held |= made.locks.keys()
        result.append(made)
    return result


def locks(world: World) -> list[Lock]:
    return [lock for contact in world.live for lock in contact.locks]


@given(people(3), st.lists(values, min_size=3, max_size=3), values, st.data())
def test_no_value_is_left_to_two_contacts_of_one_customer(
    contacts: list[Contact], start: list[dict[str, Any]], edit: dict[str, Any], data: st.DataObject
) -> None:
    contacts = spread(contacts, start)
    world = World(contacts)
    survivor = world.merge(IDS[0], [*IDS[1:3]], {}).survivor.after
    if data.draw(st.booleans(), label="edited"):
        changed = survivor.change({**edit, "is_primary": False}, stamp=world.stamp())  # type: ignore[typeddict-item]
        world.put(changed[0] if changed else survivor)
        world.undo()
    else:
        world.undo()
        for contact in contacts:
            assert difference(world.contacts[contact.id], content(contact)) == {}
    assert len(locks(world)) == len(set(locks(world)))
