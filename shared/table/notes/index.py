"""Lists of notes in the table."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.contacts.record import Contact
from shared.domain.notes.note import Note
from shared.services.contacts.parts import of_contact
from shared.services.reading_budget import Budget
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts.parts import Parts
from shared.table.contacts.repository import ContactTable
from shared.table.keys import contacts as contact_keys
from shared.table.keys import notes as note_keys
from shared.table.notes import items as note_items
from shared.table.ranges import skip_range, walk_ranges
from shared.table.store import Store

_LARGEST = 100
"""The maximum number of notes that are read at once. With its original, a note has up to 100 kB."""


class NoteIndex:
    """The notes of one tenant's contacts, pinned ones first, newest first. Rows that are read are charged to a
    budget.
    """

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._tenant = tenant_id
        self._budget = budget
        self._reads = BudgetedReads(store, budget)
        self._parts = Parts(self._reads, tenant_id)
        self._contacts = ContactTable(store, tenant_id)

    def contact(self, contact_id: str) -> Contact | None:
        """Return a live contact as of now, or None."""
        return self._contacts.get(contact_id)

    def walk(self, contact: Contact, *, after: str | None, portion: int) -> Iterator[tuple[str, Note]]:
        """Yield a contact's notes after a position, each with its position. Those of contacts merged into it are among
        them.

        Reads `portion` notes at first, and twice as many each time. A note counts as a step of the budget once the
        caller asks for the next one.
        """
        entries = walk_ranges(
            self._reads,
            self._parts.ranges(contact, [note_keys.NOTE]),
            between=note_keys.EVERYWHERE,
            after=after,
            descending=True,
            portion=portion,
            largest=_LARGEST,
        )
        for position, row in entries:
            yield position, of_contact(note_items.note_from_item(row), contact.id)
            self._budget.advance()

    def skip(self, contact_id: str, count: int) -> tuple[int, str | None]:
        """Skip the first `count` notes of a contact into which none was merged, or fewer when the budget is spent.

        Returns how many were skipped, and the position after which to continue, None at the end.
        """
        skipped, position = skip_range(
            self._reads,
            contact_keys.partition(self._tenant, contact_id),
            note_keys.NOTE,
            count,
            between=note_keys.EVERYWHERE,
            descending=True,
        )
        if skipped:
            self._budget.advance()
        return skipped, position
