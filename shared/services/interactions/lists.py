"""Lists of interactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.interaction import SYSTEM_TYPES, Interaction
from shared.services.contacts.parts import portion_of_part
from shared.services.contacts.reading import ContactReading
from shared.services.paging import Cursors, NumberedPositions, Page, check_depth
from shared.services.reading_budget import Budget
from shared.services.walks import Step, Walk, count_matches, take

MAX_FROM_END = 1_000
"""A numbered page that ends at most this many rows before the end of the list is read from the end. The rows that are
read of each part of a contact with merged ones count.
"""
_LARGE_PORTION = 500


class InteractionIndex(Protocol):
    """The interactions of one tenant's contacts; see `shared.table.interactions.index.InteractionIndex`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def walk(
        self,
        contact: Contact,
        ranges: Sequence[bool],
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
    ) -> Iterator[tuple[str, Interaction]]: ...

    def skip(
        self,
        contact_id: str,
        by_system: bool,
        count: int,
        *,
        first: str | None,
        last: str | None,
        descending: bool,
    ) -> tuple[int, str | None]: ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The interactions of a contact to read: those that match a filter, in the ranges that are not empty.

    `total`: how many there are, if the contact's figures have it.
    """

    contact: Contact
    filter: InteractionFilter
    ranges: Sequence[bool]
    total: int | None

    @classmethod
    def of(cls, contact: Contact, wanted: InteractionFilter) -> _Wanted:
        """Return the interactions to read, from the contact's figures."""
        counts = contact.interaction_counts
        by_system = sum(counts.get(one, 0) for one in SYSTEM_TYPES)
        sizes = {False: contact.interaction_count - by_system, True: by_system}
        total = None
        if wanted.is_by_type_only:
            total = contact.interaction_count if wanted.type is None else counts.get(wanted.type, 0)
        ranges = [one for one, size in sizes.items() if size and total != 0 and wanted.reads(by_system=one)]
        return cls(contact, wanted, ranges, total)

    @property
    def is_whole_range(self) -> bool:
        """Whether it is one range of one partition, with no condition but bounds of time."""
        return len(self.ranges) == 1 and not self.filter.excludes() and not self.contact.merged_from


class InteractionLists:
    """The interactions of the contacts that one caller may see. Any other contact raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        index: InteractionIndex,
        cursors: Cursors,
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._index = index
        self._cursors = cursors
        self._budget = budget

    def of_contact(
        self,
        contact_id: str,
        conditions: InteractionFilter,
        *,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[Interaction]:
        """Return a page of a contact's interactions that match, newest first, from a cursor on or without the first
        `skip`.

        `total` is the contact's figure without conditions and for a type; otherwise they are counted if
        `include_total`, as far as the budget suffices. Without conditions, the last pages by number are read from the
        end, so the last one costs as much as the first. When the budget is spent the page ends with what was found,
        which may be nothing, and has a cursor.

        Raises RuleBroken for a cursor of another list, and with code `too_deep` for a page by number beyond row 10,000
        that is not among the last ones.
        """
        contact = self._reading.read(contact_id, find=self._index.contact)
        self._budget.restart()
        wanted = _Wanted.of(contact, conditions)
        scope = self._caller.scope("interactions", contact.id, repr(conditions))
        if conditions == InteractionFilter():
            behind = max(0, contact.interaction_count - skip - limit)
            if behind * len(contact.parts) <= MAX_FROM_END and behind < skip:
                count = min(limit, contact.interaction_count - skip)
                return self._page_from_end(wanted, scope, behind, count)
        check_depth(skip, limit)
        numbered = NumberedPositions(self._cursors, scope)
        after, skip = numbered.open(cursor, skip)
        walk = self._walk(wanted, after, skip, limit + 1)
        taken = take(walk, limit)

        total, at_least = wanted.total, None
        if total is None and include_total:
            total, at_least = self._count(wanted)
        return Page(
            [interaction for _, interaction in taken.found],
            None if taken.is_through else numbered.seal(taken.position, taken.skip),
            total,
            at_least,
            lambda number: numbered.seal(taken.found[number][0]),
        )

    def _walk(self, wanted: _Wanted, after: str | None, skip: int, count: int) -> Walk[Interaction]:
        """Return a walk over the interactions after a position, without the next `skip` matches."""
        if skip and wanted.is_whole_range and after is None:
            skipped, after = self._index.skip(
                wanted.contact.id,
                wanted.ranges[0],
                skip,
                first=wanted.filter.first,
                last=wanted.filter.last,
                descending=True,
            )
            if after is None:
                return Walk(iter(()))
            skip -= skipped
        portion = portion_of_part(count, wanted.contact)
        return Walk(self._steps(wanted, after, portion, descending=True), after, skip)

    def _steps(
        self, wanted: _Wanted, after: str | None, portion: int, *, descending: bool
    ) -> Iterator[Step[Interaction]]:
        walk = self._index.walk(
            wanted.contact,
            wanted.ranges,
            first=wanted.filter.first,
            last=wanted.filter.last,
            after=after,
            descending=descending,
            portion=portion,
        )
        for position, interaction in walk:
            yield position, wanted.filter.matches(interaction), interaction

    def _page_from_end(
        self, wanted: _Wanted, scope: tuple[str, ...], behind: int, count: int
    ) -> Page[Interaction]:
        """Return the page of `count` interactions with `behind` others after it, read from the end of the list.

        One query of each range suffices, so the budget cannot be spent.
        """
        if count <= 0:
            return Page([], None, wanted.total)
        taken = take(Walk(self._steps(wanted, None, behind + count, descending=False), None, behind), count)
        found = taken.found[::-1]

        def seal(number: int) -> str:
            return self._cursors.seal(scope, found[number][0])

        return Page(
            [interaction for _, interaction in found],
            seal(len(found) - 1) if behind and found else None,
            wanted.total,
            cursor_after=seal,
        )

    def _count(self, wanted: _Wanted) -> tuple[int | None, int | None]:
        """Return how many interactions match, or None and the number counted so far when the budget is too small."""
        met, is_all = count_matches(Walk(self._steps(wanted, None, _LARGE_PORTION, descending=True)))
        return (met, None) if is_all else (None, met)
