"""The parts of a contact's timeline: its own partition, and those of the contacts merged into it (decision 0059)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from shared.domain.contacts.record import Contact
from shared.domain.events import Event

_LEAST_OF_PART = 8
"""Entries that are read of each part at first, at least."""


class Entry(Protocol):
    """An entry of a contact's timeline. `contact_id`: the contact in whose partition it is."""

    @property
    def contact_id(self) -> str: ...

    def with_fields(self, update: dict[str, Any]) -> Self: ...


E = TypeVar("E", bound=Entry)


PartChange = tuple[Contact, Contact]
"""A merged contact before and after a change of an entry in its partition, which moves its figures only."""


@dataclass(frozen=True, slots=True)
class TimelineChange:
    """A contact before and after a change of an entry, the event, and what becomes of the merged contact in whose
    partition the entry is; None if it is in the contact's own.
    """

    before: Contact
    after: Contact
    event: Event
    part: PartChange | None = None

    @classmethod
    def of(
        cls,
        contact: Contact,
        part: Contact | None,
        decide: Callable[[Contact, Contact | None], tuple[Contact, Event]],
    ) -> TimelineChange:
        """Return the change of a contact, and of the merged contact `part` that has the entry, if one has it.

        `decide` returns a contact after the change, and the event. It gets the merged contact first, which counts the
        entries of its own partition only, and then the contact, with the merged one as it is after the change.
        """
        if part is None:
            return cls(contact, *decide(contact, None))
        counted, _ = decide(part, None)
        part_after = part.with_figures_of(counted)
        after, event = decide(contact, part_after)
        return cls(contact, after, event, (part, part_after))


def of_contact(entry: E, contact_id: str) -> E:
    """Return an entry as it is shown: an entry of a merged contact as its survivor's."""
    return entry if entry.contact_id == contact_id else entry.with_fields({"contact_id": contact_id})


def portion_of_part(count: int, contact: Contact) -> int:
    """Return how many entries to read of each part of a timeline at first, when `count` are wanted of all together: an
    equal share, but a few at least.
    """
    return min(count, max(-(-count // len(contact.parts)), _LEAST_OF_PART))
