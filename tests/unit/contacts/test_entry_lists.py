"""The lists of the entries of all contacts, over an index in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.facets import SURVIVING
from shared.domain.contacts.record import Contact
from shared.domain.ids import id_of
from shared.services.contacts import entry_lists
from shared.services.contacts.entry_lists import EntryLists, WantedEntries
from shared.services.reading_budget import Budget

OWN = Caller("t", "client", "me", "client", {"contacts:read": "own"})
ADMIN = Caller("t", "user", "boss", "admin")


@dataclass(frozen=True)
class Entry:
    """An entry of a contact's timeline."""

    contact_id: str

    def with_fields(self, update: dict[str, Any]) -> Entry:
        return Entry(**update)


@dataclass
class Index:
    """The list rows of contacts by id, those that others lead to, and what the caller's own lists yield."""

    contacts: dict[str, Contact]
    merged: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[str, bool]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)

    def rows(self, contact_ids: Sequence[str]) -> list[Contact]:
        self.looked_up += contact_ids
        return [self.contacts[one] for one in contact_ids if one in self.contacts]

    def survivors(self, contact_ids: Collection[str]) -> dict[str, str]:
        return {one: self.merged[one] for one in contact_ids if one in self.merged}

    def with_all(self, facets: Sequence[tuple[str, str]], **_: Any) -> Iterator[tuple[str, bool]]:
        for contact_id, is_one in self.steps:
            contact = self.contacts.get(contact_id)
            if SURVIVING not in facets or (contact is not None and contact.merged_from):
                yield contact_id, is_one


def contact(number: int, owner_id: str = "me", merged_from: Sequence[str] = ()) -> Contact:
    fields: dict[str, Any] = {"first_name": "A", "full_name": "A", "created_at": "", "updated_at": ""}
    made_by = {"created_by": "", "updated_by": ""}
    return Contact._from_fields(
        id=id_of(number), owner_id=owner_id, merged_from=[*merged_from], **fields, **made_by
    )


def walk(index: Index, caller: Caller, *contact_ids: str) -> list[str]:
    """Return the contacts of the entries that a caller sees, of entries of some contacts."""
    entries = [(str(number), Entry(one)) for number, one in enumerate(contact_ids)]
    wanted: WantedEntries[Entry] = WantedEntries(
        ("x",), lambda after, portion, few: iter(entries), lambda _: True, is_selective=False
    )
    lists = EntryLists(caller, index, None, Budget.unlimited())  # type: ignore[arg-type]
    return [one.contact_id for one in lists.walk(wanted)]


@pytest.mark.parametrize("caller", [OWN, ADMIN])
def test_an_entry_of_a_merged_contact_is_shown_as_the_survivor_s_and_looked_up_once(caller: Caller) -> None:
    survivor, other = contact(1, merged_from=[id_of(2), id_of(3)]), contact(4, "someone")
    index = Index(
        {one.id: one for one in (survivor, other)},
        merged={id_of(2): survivor.id, id_of(3): survivor.id, id_of(5): other.id},
        steps=[(survivor.id, True)],
    )
    asked = [id_of(number) for number in (2, 3, 1, 2, 5, 4, 6)]
    shown = [survivor.id] * 4 + ([other.id] * 2 if caller is ADMIN else [])
    assert walk(index, caller, *asked) == shown
    assert index.looked_up.count(survivor.id) == 1


def test_a_list_of_own_contacts_that_is_too_long_to_read_hides_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read of it may end before the first own contact."""
    monkeypatch.setattr(entry_lists, "MAX_OWN", 2)
    mine, other = contact(1), contact(2, "someone")
    others = [(id_of(number), False) for number in (9, 8, 7)]
    index = Index({one.id: one for one in (mine, other)}, steps=[*others, (mine.id, True)])
    assert walk(index, OWN, other.id, mine.id) == [mine.id]
