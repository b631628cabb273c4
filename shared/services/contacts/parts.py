"""The parts of a contact's timeline: its own partition, and those of the contacts merged into it (decision 0059)."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from shared.domain.contacts.record import Contact

_LEAST_OF_PART = 8
"""Entries that are read of each part at first, at least."""


class Entry(Protocol):
    """An entry of a contact's timeline. `contact_id`: the contact in whose partition it is."""

    @property
    def contact_id(self) -> str: ...

    def with_fields(self, update: dict[str, Any]) -> Self: ...


E = TypeVar("E", bound=Entry)


def of_contact(entry: E, contact_id: str) -> E:
    """Return an entry as it is shown: an entry of a merged contact as its survivor's."""
    return entry if entry.contact_id == contact_id else entry.with_fields({"contact_id": contact_id})


def portion_of_part(count: int, contact: Contact) -> int:
    """Return how many entries to read of each part of a timeline at first, when `count` are wanted of all together: an
    equal share, but a few at least.
    """
    return min(count, max(-(-count // len(contact.parts)), _LEAST_OF_PART))
