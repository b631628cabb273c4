"""How many interactions there were in the last days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.days import last_days
from shared.domain.interactions.interaction import Interaction
from shared.services.contacts.entry_lists import EntryLists, WantedEntries
from shared.services.interactions.tenant_list import InteractionRows
from shared.services.reading_budget import Budget, BudgetSpent

PERIODS = {"interactions_last_7_days": 7, "interactions_last_30_days": 30}
"""The periods, by the names of their figures, in days of the tenant's time zone; the last day is today."""


class HourlyCounts(Protocol):
    """Counts of interactions by quarters of an hour; see `shared.table.hours.HourlyCounts`."""

    def between(self, first: str, last: str) -> Iterator[tuple[str, str, int]]: ...


class InteractionStatistics:
    """How many interactions there were in the last days, of the contacts that one caller may see.

    `timezone` returns the tenant's time zone.
    """

    def __init__(
        self,
        caller: Caller,
        counts: HourlyCounts,
        lists: EntryLists,
        rows: InteractionRows,
        timezone: Callable[[], str],
        budget: Budget,
    ) -> None:
        self._caller = caller
        self._counts = counts
        self._lists = lists
        self._rows = rows
        self._timezone = timezone
        self._budget = budget

    def recent(self) -> dict[str, Any]:
        """Return for each of PERIODS the number of interactions, `total` and `by_type`.

        A period has whole days of the tenant's time zone. For a caller who may read all contacts, what happened to
        contacts that were deleted or purged since is included, and the cost is bounded by the number of hours. For a
        caller who may read only their own contacts, the interactions of these are counted one by one; None when the
        budget is too small for that.
        """
        now, zone = timestamps.now(), self._timezone()
        starts = {name: last_days(now, zone, days) for name, days in PERIODS.items()}
        first, last = min(starts.values())
        counts: dict[str, Counter[str]] = {name: Counter() for name in PERIODS}
        reached = last
        try:
            for at, kind, amount in self._occurrences(first, last):
                reached = at
                for name, (start, _) in starts.items():
                    if at >= start[: len(at)]:
                        counts[name][kind] += amount
            reached = first
        except BudgetSpent:
            pass
        return {
            name: None
            if reached > start
            else {"total": counts[name].total(), "by_type": dict(sorted((+counts[name]).items()))}
            for name, (start, _) in starts.items()
        }

    def _occurrences(self, first: str, last: str) -> Iterator[tuple[str, str, int]]:
        """Yield interactions from a time to a time, each as (its time, its type, how many there are)."""
        if self._caller.require("contacts:read") == "all":
            yield from self._counts.between(first, last)
            return
        self._budget.restart()

        def walk(
            after: str | None, portion: int, contact_ids: Sequence[str] | None
        ) -> Iterator[tuple[str, Interaction]]:
            return self._rows.walk(
                first=first,
                last=last,
                after=after,
                descending=True,
                portion=portion,
                contact_ids=contact_ids,
            )

        wanted: WantedEntries[Interaction] = WantedEntries(
            ("recent_interactions",), walk, lambda _: True, is_selective=False
        )
        for interaction in self._lists.walk(wanted):
            yield interaction.occurred_at, interaction.type, 1
