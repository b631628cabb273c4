"""The list of the follow-ups of all contacts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.follow_up_filter import FollowUpFilter
from shared.services.contacts.entry_lists import EntryLists, WantedEntries
from shared.services.paging import Page


class FollowUpRows(Protocol):
    """Follow-ups of all contacts of a tenant; see `shared.table.entry_lists.EntryList`."""

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
    ) -> Iterator[tuple[str, FollowUp]]: ...


class TenantFollowUps:
    """The follow-ups of all contacts of a tenant, as one caller may see them.

    `opened`: the open ones, indexed by assignee. `closed`: those that are done or cancelled.
    """

    def __init__(self, lists: EntryLists, opened: FollowUpRows, closed: FollowUpRows) -> None:
        self._lists = lists
        self._opened = opened
        self._closed = closed

    def list(
        self, conditions: FollowUpFilter, *, limit: int, cursor: str | None, include_total: bool = False
    ) -> Page[FollowUp]:
        """Return a page of the follow-ups that match: open ones earliest due first, others latest closed first; see
        `EntryLists.list`.
        """
        wanted = conditions
        rows = self._opened if wanted.is_open else self._closed
        assignee_id = wanted.assignee_id if wanted.is_open else None
        first, last = wanted.bounds

        def walk(
            after: str | None, portion: int, contact_ids: Sequence[str] | None
        ) -> Iterator[tuple[str, FollowUp]]:
            return rows.walk(
                first=first,
                last=last,
                after=after,
                descending=not wanted.is_open,
                portion=portion,
                contact_ids=contact_ids,
                value=assignee_id,
            )

        return self._lists.list(
            WantedEntries(
                ("all_follow_ups", repr(wanted)),
                walk,
                wanted.matches,
                is_selective=wanted.excludes(but_assignee=wanted.is_open),
                owner_id=wanted.owner_id,
            ),
            limit=limit,
            cursor=cursor,
            include_total=include_total,
        )
