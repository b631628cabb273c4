"""The figures of a contact compared with its timeline, and corrected.

The timeline is in the contact's own partition, and in those of the contacts merged into it. The record of each merged
contact has the figures of its own partition, the survivor's those of all (decision 0059).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.domain.stamp import Stamp
from shared.services.contacts.parts import PartChange

MAX_ITEMS = 100_000
"""Items of one contact, without events, that are counted: some 50 MB, which take about a minute. A contact with more is
left as it is and counted as `too_large`."""
_MOST_PARTS = 90
"""Merged contacts that are corrected in one transaction, which has room for a hundred items. Others wait for the next
recount."""

Item = dict[str, Any]


class TooManyItems(Exception):
    """A contact has more than MAX_ITEMS items."""


class Tally(Protocol):
    """Counts the items of a contact; see `shared.table.recount.tally.Tally`."""

    def add(self, item: Item) -> None: ...

    def figures(self, contact: Contact) -> dict[str, Any]: ...


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.recount.contacts.RecountedContacts`."""

    def ids(self, *, after: str, limit: int) -> list[str]: ...

    def read(self, contact_id: str) -> Contact | None: ...

    def walk(self, contact_id: str, *, consistent: bool) -> Iterator[list[Item]]: ...

    def record_in(self, items: list[Item]) -> Contact | None: ...

    def tally(self, overdue: str) -> Tally: ...

    def save(
        self, before: Contact, changed: tuple[Contact, Event] | None, parts: list[PartChange]
    ) -> None: ...


@dataclass(slots=True)
class Counted:
    """A contact with the tally of all its items, and its merged contacts, each with that of its own items.

    `contact`: None if its record was not found. `parts`: without those whose record was not found.
    """

    contact: Contact | None
    tally: Tally
    parts: list[tuple[Contact, Tally]] = field(default_factory=list)

    def correct(self, stamp: Stamp) -> tuple[tuple[Contact, Event] | None, list[PartChange], list[str]]:
        """Return the contact with its wrong figures corrected, and the event; None if all are right. Then the merged
        contacts that are to be corrected, and the names of all wrong figures.
        """
        if self.contact is None:
            return None, [], []
        changed = self.contact.recount(self.tally.figures(self.contact), stamp=stamp)
        names: list[str] = [*changed[1].data["recounted"]] if changed is not None else []
        parts: list[PartChange] = []
        for part, tally in self.parts:
            wrong = part.recount(tally.figures(part), stamp=stamp)
            if wrong is not None and len(parts) < _MOST_PARTS:
                parts.append((part, part.with_figures_of(wrong[0])))
                names += wrong[1].data["recounted"]
        return changed, parts, names


class FigureCheck:
    """The figures of a tenant's contacts, compared with what is counted.

    `overdue`: a time up to which future interactions must have become last contacts. `is_dry`: nothing is written.
    """

    def __init__(self, contacts: Contacts, overdue: str, *, is_dry: bool) -> None:
        self._contacts = contacts
        self._overdue = overdue
        self._is_dry = is_dry

    def count(
        self,
        contact_id: str,
        contact: Contact | None = None,
        see: Callable[[list[Item]], None] = lambda _: None,
    ) -> Counted:
        """Count the items of a contact and of its merged contacts; as of now if the contact was read before them.

        `see` gets the items in portions. Raises TooManyItems.
        """
        counted = Counted(contact, self._contacts.tally(self._overdue))
        is_exact = contact is not None
        items = 0

        def walk(partition_of: str) -> Iterator[list[Item]]:
            nonlocal items
            for portion in self._contacts.walk(partition_of, consistent=is_exact):
                items += len(portion)
                if items > MAX_ITEMS:
                    raise TooManyItems()
                for item in portion:
                    counted.tally.add(item)
                yield portion
                see(portion)

        for portion in walk(contact_id):
            counted.contact = counted.contact or self._contacts.record_in(portion)
        for part_id in counted.contact.merged_from if counted.contact is not None else ():
            part, tally = None, self._contacts.tally(self._overdue)
            for portion in walk(part_id):
                part = part or self._contacts.record_in(portion)
                for item in portion:
                    tally.add(item)
            if part is not None and part.is_merged:
                counted.parts.append((part, tally))
        return counted

    def correct(self, contact_id: str, stamp: Stamp) -> list[str]:
        """Correct the figures of a contact and of its merged contacts; return the names of those that were wrong.

        Raises ConcurrentChange when the contact changes meanwhile.
        """
        # Read first: an entry that is written afterwards changes the contact too, so that it is not saved.
        before = self._contacts.read(contact_id)
        if before is None or before.is_merged:
            return []
        changed, parts, names = self.count(contact_id, before).correct(stamp)
        if not names:
            return []
        if not self._is_dry:
            self._contacts.save(before, changed, parts)
        elif (present := self._contacts.read(contact_id)) is None or present.version != before.version:
            raise ConcurrentChange()  # as the write would
        return names
