"""Lists of a contact's notes, and searches in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.notes.note import Note
from shared.domain.search import Prefix, found_in_text, prefixes_of
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, NumberedPositions, Page, check_depth
from shared.services.reading_budget import Budget
from shared.services.walks import Step, Walk, count_matches, take

_LARGE_PORTION = 100


class NoteIndex(Protocol):
    """The notes of one tenant's contacts; see `shared.table.notes.index.NoteIndex`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def walk(self, contact: Contact, *, after: str | None, portion: int) -> Iterator[tuple[str, Note]]: ...

    def skip(self, contact_id: str, count: int) -> tuple[int, str | None]: ...


class NoteLists:
    """The notes of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self, caller: Caller, reading: ContactReading, index: NoteIndex, cursors: Cursors, budget: Budget
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._index = index
        self._cursors = cursors
        self._budget = budget

    def of_contact(
        self,
        contact_id: str,
        *,
        search: str | None,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[Note]:
        """Return a page of a contact's notes, pinned ones first, newest first, from a cursor on or without the first
        `skip`.

        `search`: beginnings of words, all of which must be in the note. Without it, `total` is the number of notes;
        with it, they are counted if `include_total`, as far as the budget suffices. When the budget is spent the page
        ends with what was found, which may be nothing, and has a cursor.

        Raises RuleBroken for a cursor of another list, and with code `too_deep` for a page by number beyond row 10,000.
        """
        contact = self._reading.read(contact_id, find=self._index.contact)
        self._budget.restart()
        check_depth(skip, limit)
        prefixes = None if search is None else prefixes_of(search)
        scope = self._caller.scope("notes", contact.id, repr(prefixes))
        numbered = NumberedPositions(self._cursors, scope)
        after, skip = numbered.open(cursor, skip)
        total = contact.note_count if prefixes is None else None
        if total == 0 or prefixes == []:
            return Page([], None, 0)
        portion = portion_of_part(limit + 1, contact)
        taken = take(self._walk(contact, prefixes, after, skip, portion), limit)

        at_least = None
        if total is None and include_total:
            met, is_all = count_matches(Walk(self._steps(contact, prefixes, None, _LARGE_PORTION)))
            total, at_least = (met, None) if is_all else (None, met)
        return Page(
            [note for _, note in taken.found],
            None if taken.is_through else numbered.seal(taken.position, taken.skip),
            total,
            at_least,
            lambda number: numbered.seal(taken.found[number][0]),
        )

    def _walk(
        self, contact: Contact, prefixes: Sequence[Prefix] | None, after: str | None, skip: int, portion: int
    ) -> Walk[Note]:
        """Return a walk over the notes after a position, without the next `skip` matches."""
        if skip and prefixes is None and after is None and not contact.merged_from:
            skipped, after = self._index.skip(contact.id, skip)
            if after is None:
                return Walk(iter(()))
            skip -= skipped
        return Walk(self._steps(contact, prefixes, after, portion), after, skip)

    def _steps(
        self, contact: Contact, prefixes: Sequence[Prefix] | None, after: str | None, portion: int
    ) -> Iterator[Step[Note]]:
        for position, note in self._index.walk(contact, after=after, portion=portion):
            if prefixes is not None:
                self._budget.check_time()
            yield position, prefixes is None or found_in_text(prefixes, note.body), note
