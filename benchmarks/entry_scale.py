"""The cost of reading the lists of all interactions and bookings as a tenant grows; see `benchmarks.scale`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any
from unittest import mock

from benchmarks import entries
from benchmarks.scale import SIZES, MemoryStore, align
from shared.domain import timestamps
from shared.domain.bookings.conditions import BookingFilter
from shared.domain.callers import Caller
from shared.domain.interactions.conditions import InteractionFilter
from shared.projections.comparison import build_expected
from shared.services.bookings.tenant_list import TenantBookings
from shared.services.contacts.entry_lists import EntryLists
from shared.services.interactions.statistics import InteractionStatistics
from shared.services.interactions.tenant_list import TenantInteractions
from shared.services.reading_budget import Budget
from shared.table.bookings.lists import BookingRows
from shared.table.contacts.index import ContactIndex
from shared.table.cursors import Cursors
from shared.table.entry_lists import EntryList
from shared.table.hours import HourlyCounts
from shared.table.interactions.items import interaction_from_item
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import identity_of

_TENANT = "t1"
_ADMIN = Caller(_TENANT, "user", "u1", "admin")


def _own(user_id: str) -> Caller:
    return Caller(_TENANT, "user", user_id, "user", granted={"contacts:read": "own"})


class Tenant:
    """A tenant with `size` interactions and as many bookings in a memory store, as one caller reads it."""

    def __init__(self, size: int) -> None:
        records = list(entries.items(_TENANT, size))
        given = {identity_of(item): item for item in records} | build_expected(_TENANT, records)
        self.store = MemoryStore.of(given)

    def interactions(self, caller: Caller = _ADMIN, skip: int = 0, total: bool = False, **given: Any) -> Any:
        budget, lists, index = self._parts(caller)
        wanted = InteractionFilter(**given)
        return TenantInteractions(lists, self._rows(budget), index).list(
            wanted, limit=25, cursor=None, skip=skip, include_total=total
        )

    def bookings(self, caller: Caller = _ADMIN, sort: str = "-starts_at", skip: int = 0, **given: Any) -> Any:
        budget, lists, index = self._parts(caller)
        rows = BookingRows(self.store, _TENANT, budget)  # type: ignore[arg-type]
        wanted = BookingFilter(**given)
        return TenantBookings(lists, rows, index).list(wanted, sort=sort, limit=25, cursor=None, skip=skip)

    def recent(self, caller: Caller = _ADMIN) -> dict[str, Any]:
        budget, lists, _ = self._parts(caller)
        hours = HourlyCounts(self.store, _TENANT, list_keys.INTERACTIONS)  # type: ignore[arg-type]
        statistics = InteractionStatistics(
            caller, hours, lists, self._rows(budget), lambda: "Europe/Berlin", budget
        )
        with mock.patch.object(timestamps, "now", return_value=entries.LAST):
            return statistics.recent()

    def _parts(self, caller: Caller) -> tuple[Budget, EntryLists, ContactIndex]:
        budget = Budget(seconds=inf)
        index = ContactIndex(self.store, _TENANT, budget)  # type: ignore[arg-type]
        return budget, EntryLists(caller, index, Cursors(b"bench"), budget), index

    def _rows(self, budget: Budget) -> EntryList[Any]:
        lists = {list_keys.INTERACTIONS: interaction_keys.INTERACTIONS}
        return EntryList(self.store, _TENANT, budget, lists, interaction_from_item)  # type: ignore[arg-type]


READS: dict[str, Callable[[Tenant], Any]] = {
    "interactions, newest first": lambda tenant: tenant.interactions(),
    "interactions of a type, one in three": lambda tenant: tenant.interactions(type="call"),
    "interactions of a type, one in twenty": lambda tenant: tenant.interactions(type="quote"),
    "interactions of a type, thirty in all": lambda tenant: tenant.interactions(type="contract"),
    "interactions of a month": lambda tenant: tenant.interactions(
        first="2026-04-01T00:00:00.000Z", last="2026-04-30T23:59:59.999Z"
    ),
    "interactions of a user, one in ten": lambda tenant: tenant.interactions(performed_by_id="user-3"),
    "interactions, own, one contact in five": lambda tenant: tenant.interactions(_own("owner-1")),
    "interactions, own, ten contacts in all": lambda tenant: tenant.interactions(_own(entries.OWN)),
    "bookings, latest first": lambda tenant: tenant.bookings(),
    "bookings from a day on, earliest first": lambda tenant: tenant.bookings(
        sort="starts_at", first="2026-06-01T00:00:00.000Z", is_cancelled=False
    ),
    "bookings, cancelled": lambda tenant: tenant.bookings(state="cancelled"),
    "bookings of an organizer, one in five": lambda tenant: tenant.bookings(organizer_id="owner-1"),
}
"""Pages of 25 that cost about the same at every size."""
WALKS: dict[str, Callable[[Tenant], Any]] = {
    "row 500, interactions": lambda tenant: tenant.interactions(skip=475),
    "row 10,000, interactions": lambda tenant: tenant.interactions(skip=9_975),
    "interactions of a user, thirty in all": lambda tenant: tenant.interactions(performed_by_id="user-rare"),
    "interactions of a booking, thirty in all": lambda tenant: tenant.interactions(booking_id="booking-rare"),
    "total of a user's interactions": lambda tenant: tenant.interactions(
        performed_by_id="user-3", total=True
    ),
    "statistics of 7 and 30 days": lambda tenant: tenant.recent(),
    "statistics of 7 and 30 days, own": lambda tenant: tenant.recent(_own("owner-1")),
}
"""Reads whose cost grows with the tenant, up to the budget of a request or, for statistics, up to 721 hours."""


def measure(tenant: Tenant, read: Callable[[Tenant], Any]) -> tuple[int, float, int]:
    """Return the calls, read units and items scanned of a read."""
    store = tenant.store
    store.calls, store.units, store.scanned, store.rows = 0, 0.0, 0, 0
    read(tenant)
    return store.calls, store.units, store.scanned


def figures(tenants: Sequence[Tenant]) -> dict[str, list[str]]:
    """Return for each read its calls, read units and items scanned with each of some tenants."""
    found = {}
    for name, read in {**READS, **WALKS}.items():
        measured = [measure(tenant, read) for tenant in tenants]
        found[name] = [f"{calls} / {units:g} / {scanned:,}" for calls, units, scanned in measured]
    return found


def table() -> str:
    """Return the calls, read units and items scanned of each read at each size."""
    found = figures([Tenant(size) for size in SIZES])
    head = ["a page of 25: calls / read units / items scanned", *(f"{size:,} interactions" for size in SIZES)]
    return align([head, *([name, *cells] for name, cells in found.items())])


if __name__ == "__main__":
    print(table())
