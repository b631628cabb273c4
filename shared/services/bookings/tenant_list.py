"""The list of the bookings of all contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.conditions import BookingFilter
from shared.services.contacts.entry_lists import EntryLists, WantedEntries
from shared.services.paging import Page


class BookingRows(Protocol):
    """The bookings of all contacts of a tenant; see `shared.table.bookings.lists.BookingRows`."""

    def walk(
        self,
        ranges: tuple[bool, ...],
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        descending: bool,
        portion: int,
        contact_ids: Sequence[str] | None = None,
    ) -> Iterator[tuple[str, Booking]]: ...


class BookingCounts(Protocol):
    """Counters of the tenant; see `shared.table.contacts.index.ContactIndex`."""

    def parts_of(self, name: str) -> tuple[int, Mapping[str, int]]: ...


class TenantBookings:
    """The bookings of all contacts of a tenant, as one caller may see them."""

    def __init__(self, lists: EntryLists, rows: BookingRows, counts: BookingCounts) -> None:
        self._lists = lists
        self._rows = rows
        self._counts = counts

    def list(
        self,
        wanted: BookingFilter,
        *,
        sort: str,
        limit: int,
        cursor: str | None,
        skip: int = 0,
        include_total: bool = False,
    ) -> Page[Booking]:
        """Return a page of the bookings that match, in the order of their starts; see `EntryLists.list`.

        `sort`: `starts_at` or `-starts_at`. `total` is known without conditions, and for conditions on the state only,
        if the caller may read all contacts.
        """

        def total() -> int | None:
            return wanted.count(self._counts.parts_of("bookings")[1]) if wanted.is_by_state_only else None

        def walk(
            after: str | None, portion: int, contact_ids: Sequence[str] | None
        ) -> Iterator[tuple[str, Booking]]:
            return self._rows.walk(
                wanted.ranges,
                first=wanted.first,
                last=wanted.last,
                after=after,
                descending=sort != "starts_at",
                portion=portion,
                contact_ids=contact_ids,
            )

        return self._lists.list(
            WantedEntries(
                ("all_bookings", repr(wanted), sort),
                walk,
                wanted.matches,
                is_selective=wanted.is_selective,
                total=total,
            ),
            limit=limit,
            cursor=cursor,
            skip=skip,
            include_total=include_total,
        )
