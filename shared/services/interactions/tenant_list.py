"""The list of the interactions of all contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.interaction import Interaction
from shared.services.contacts.entry_lists import EntryLists, WantedEntries
from shared.services.paging import Page

_RARE = 8
"""A type is rare if at most one in so many interactions has it. A row that its index finds is looked up for half a read
unit, in which eight rows of some 500 bytes can be read in order."""


class InteractionRows(Protocol):
    """The interactions of all contacts of a tenant; see `shared.table.entry_lists.EntryList`."""

    def walk(
        self,
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
        value: str | None = None,
        contact_ids: Sequence[str] | None = None,
    ) -> Iterator[tuple[str, Interaction]]: ...


class InteractionCounts(Protocol):
    """How many interactions there are; see `shared.table.contacts.index.ContactIndex`."""

    def parts_of(self, name: str) -> tuple[int, Mapping[str, int]]: ...


class TenantInteractions:
    """The interactions of all contacts of a tenant, as one caller may see them."""

    def __init__(self, lists: EntryLists, rows: InteractionRows, counts: InteractionCounts) -> None:
        self._lists = lists
        self._rows = rows
        self._counts = counts

    def list(
        self,
        conditions: InteractionFilter,
        *,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[Interaction]:
        """Return a page of the interactions that match, newest first; see `EntryLists.list`.

        `total` is known without conditions and for a type, if the caller may read all contacts.
        """
        wanted = conditions
        total, of_type = self._count(wanted)
        is_rare = wanted.type is not None and of_type * _RARE <= total

        def walk(
            after: str | None, portion: int, contact_ids: Sequence[str] | None
        ) -> Iterator[tuple[str, Interaction]]:
            return self._rows.walk(
                first=wanted.first,
                last=wanted.last,
                after=after,
                descending=True,
                portion=portion,
                contact_ids=contact_ids,
                value=wanted.type if is_rare else None,
            )

        return self._lists.list(
            WantedEntries(
                ("all_interactions", repr(wanted)),
                walk,
                wanted.matches,
                is_selective=wanted.excludes(but_type=is_rare),
                total=lambda: of_type if wanted.is_by_type_only else None,
            ),
            limit=limit,
            cursor=cursor,
            skip=skip,
            include_total=include_total,
        )

    def _count(self, wanted: InteractionFilter) -> tuple[int, int]:
        """Return how many interactions there are, in all and of the wanted type; zeros if neither is needed."""
        if wanted.type is None and not wanted.is_by_type_only:
            return 0, 0
        total, by_type = self._counts.parts_of("interactions")
        return total, total if wanted.type is None else by_type.get(wanted.type, 0)
