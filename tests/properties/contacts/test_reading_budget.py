"""check 3, check 102: no list, count or filter reads beyond its budget, and cursors lead to each match exactly once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from math import inf
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import people, scale
from benchmarks.scale import MemoryStore
from shared.domain.callers import Caller
from shared.domain.contacts import order as contact_order
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.record import Contact
from shared.domain.errors import RuleBroken
from shared.domain.labels.record import NO_LABELS, Labels
from shared.projections.comparison import build_expected
from shared.services.contacts.lists import ContactLists
from shared.services.reading_budget import MAX_ROWS, Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.index import ContactIndex
from shared.table.cursors import Cursors
from shared.table.keys import customers as customer_keys
from shared.table.keys.spelling import identity_of
from tests.support.budgets import repetitions

T = TypeVar("T")
TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")
CUSTOMER = "01900000-0000-7000-8000-000000000001"
PORTION = 500
"""The most rows that are read and looked up at once."""
ORDERS = (None, "-created_at", "created_at", *contact_order.INDEXED)


def booked(contacts: list[Contact], seed: int) -> list[Contact]:
    """Contacts, some of which have bookings, were contacted or changed, sort elsewhere or share a number."""
    chosen = random.Random(seed)
    made = []
    for one in contacts:
        changes: dict[str, Any] = {}
        if chosen.random() < 0.2:
            day = f"2026-0{chosen.randint(1, 9)}-1{chosen.randint(0, 9)}T10:00:00.000Z"
            changes |= {"total_bookings": chosen.randint(1, 3), "last_booking_at": day}
        if chosen.random() < 0.2:
            day = f"2026-0{chosen.randint(1, 9)}-2{chosen.randint(0, 8)}T10:00:00.000Z"
            changes |= {"last_contacted_at": day, "interaction_count": 1}
        if chosen.random() < 0.1:
            changes["updated_at"] = "2026-11-01T00:00:00.000Z"
        if chosen.random() < 0.1:
            changes["relationship_status"] = "opportunity"
        if chosen.random() < 0.1:
            changes["phone"] = "+14155552671"
        if chosen.random() < 0.05:
            changes["customer_id"] = CUSTOMER
        made.append(one.model_copy(update=changes))
    return made


class _NoLabels:
    def recent(self) -> Labels:
        return NO_LABELS


@dataclass
class _Locks:
    contacts: list[Contact]

    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        return [one.id for one in self.contacts if email in (one.email, *one.other_emails)][:limit]


@dataclass
class Tenant:
    """The contacts of a tenant, their projections, and lists of them."""

    contacts: list[Contact]
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        images = (contact_items.contact_to_item(TENANT, one) for one in self.contacts)
        projected = build_expected(TENANT, images)
        count = sum(one.customer_id == CUSTOMER for one in self.contacts)
        key = customer_keys.customer(TENANT, CUSTOMER)
        projected[identity_of(key)] = {**key, "contact_count": {"N": str(count)}}
        self.store = MemoryStore.of(projected)

    def lists(self, budget: Budget, caller: Caller = ADMIN) -> ContactLists:
        index: Any = ContactIndex(self.store, TENANT, budget)  # type: ignore[arg-type]
        labels: Any = _NoLabels()
        return ContactLists(caller, index, _Locks(self.contacts), labels, Cursors(b"key"), budget)

    def matching(self, wanted: ContactFilter) -> list[Contact]:
        return [one for one in self.contacts if wanted.matches(one)]

    def pages(
        self, wanted: ContactFilter, sort: str | None, *, limit: int, rows: float, skip: int = 0
    ) -> Iterator[list[str]]:
        """Return the ids of each page of a list; each page stays within its budget and makes progress."""
        cursor, seen = None, set[str]()
        while True:
            self.store.rows = 0
            budget = Budget(rows, inf)
            page = self.lists(budget).list(
                wanted, sort=sort, limit=limit, cursor=cursor, skip=0 if cursor else skip
            )
            assert self.store.rows <= rows + 2 * PORTION
            assert len(page.items) <= limit
            yield [one.id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return
            assert cursor not in seen, "each page makes progress"
            seen.add(cursor)


@cache
def small() -> Tenant:
    return Tenant(booked(list(people.contacts(300)), 3))


@cache
def large() -> Tenant:
    return Tenant(booked(list(people.contacts(10_000)), 4))


def answered(ask: Callable[[], T]) -> T | None:
    """Return the answer; None if it would have to be sorted and is too large for that."""
    try:
        return ask()
    except RuleBroken as refusal:
        if refusal.code not in ("too_broad", "too_many_to_sort"):
            raise
        return None


TIMES = (
    "2001-01-01T00:00:00.000Z",
    "2026-03-01T00:00:00.000Z",
    "2026-06-15T00:00:00.000Z",
    "2030-01-01T00:00:00.000Z",
)
CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "search": st.sampled_from(["a", "smith", "jose garcia", "p7", "5550", "2671", "xyzzy", "m example"]),
    "phone": st.sampled_from(["+14155552671", "+14155550000"]),
    "tags": st.sampled_from([("vip",), ("spring", "newsletter"), ("vip", "spring", "newsletter"), ("gold",), ("-",)]),
    "owner_id": st.sampled_from(["owner-1", "nobody"]),
    "customer_id": st.just(CUSTOMER),
    "relationship_status": st.sampled_from(["prospect", "opportunity", "lost_lead"]),
    "lifecycle_stage": st.sampled_from(["awareness", "customer"]),
    "source": st.sampled_from(["api", "import", "merge"]),
    "is_active": st.booleans(),
    "is_primary": st.booleans(),
    "has_bookings": st.booleans(),
    **{
        f"{name}_{side}": st.sampled_from(TIMES)
        for name in ("created", "updated", "last_booking", "last_contacted")
        for side in ("from", "to")
    },
}  # fmt: skip


@st.composite
def filters(draw: st.DrawFn) -> ContactFilter:
    names = draw(st.sets(st.sampled_from(sorted(CONDITIONS)), max_size=4))
    own = {name: draw(CONDITIONS[name]) for name in sorted(names)}
    if draw(st.integers(0, 4)) == 0:
        further = draw(st.sets(st.sampled_from(sorted(CONDITIONS)), min_size=1, max_size=2))
        own["also"] = (ContactFilter(**{name: draw(CONDITIONS[name]) for name in sorted(further)}),)
    return ContactFilter(**own)


@given(
    wanted=filters(),
    sort=st.sampled_from(ORDERS),
    limit=st.sampled_from([1, 3, 25, 100]),
    rows=st.sampled_from([1, 7, 40, 300, inf]),
    skip=st.sampled_from([0, 0, 2, 30, 290]),
)
@settings(max_examples=repetitions(50))
def test_cursors_lead_to_each_match_once_however_small_the_budget(
    wanted: ContactFilter, sort: str | None, limit: int, rows: float, skip: int
) -> None:
    tenant = small()
    pages = answered(lambda: list(tenant.pages(wanted, sort, limit=limit, rows=rows, skip=skip)))
    if pages is None:
        assert rows < inf
        is_sorted = wanted.phone is not None or (sort is not None and wanted.search is not None)
        assert is_sorted or sort not in (None, "-created_at", "created_at")
        return
    found = [one for page in pages for one in page]
    matching = tenant.matching(wanted)
    assert len(found) == len(set(found)) == max(0, len(matching) - skip)
    assert set(found) <= {one.id for one in matching}
    if sort is not None:
        ordered = [one.id for _, one in contact_order.in_order(matching, sort, None)]
        assert found == ordered[skip:]
    if rows == inf:
        assert all(len(page) == limit for page in pages[:-1]), "a page is full while more exist"


@given(wanted=filters(), rows=st.sampled_from([1, 7, 40, 300, inf]))
@settings(max_examples=repetitions(30))
def test_a_total_is_right_or_a_lower_bound(wanted: ContactFilter, rows: float) -> None:
    tenant = small()
    lists = tenant.lists(Budget(rows, inf))
    page = answered(lambda: lists.list(wanted, sort=None, limit=3, cursor=None, include_total=True))
    if page is None:
        assert rows < inf and wanted.phone is not None
        return
    matching = len(tenant.matching(wanted))
    if page.total is not None:
        assert (page.total, page.total_at_least) == (matching, None)
    else:
        assert rows < inf and page.total_at_least is not None
        assert len(page.items) <= page.total_at_least <= matching


@given(wanted=filters(), rows=st.sampled_from([1, 7, 40, 300, inf]), limit=st.sampled_from([2, 30, 500]))
@settings(max_examples=repetitions(30))
def test_a_bulk_filter_finds_all_that_match_or_says_that_it_did_not(
    wanted: ContactFilter, rows: float, limit: int
) -> None:
    tenant = small()
    found = tenant.lists(Budget(rows, inf)).find_all(wanted, limit=limit)
    matching = {one.id for one in tenant.matching(wanted)}
    if found is None:
        assert rows < inf or len(matching) > limit
    else:
        assert sorted(found) == sorted(matching)


NOTHING: dict[str, dict[str, Any]] = {
    "changed before all": {"updated_to": TIMES[0]},
    "changed after all": {"updated_from": TIMES[-1]},
    "booked after all": {"last_booking_from": TIMES[-1]},
    "booked before all": {"last_booking_to": TIMES[0]},
    "contacted after all": {"last_contacted_from": TIMES[-1]},
    "contacted before all": {"last_contacted_to": TIMES[0]},
    "created before all": {"created_to": TIMES[0]},
    "changed before all, of a common tag": {"updated_to": TIMES[0], "tags": ("newsletter",)},
    "booked without bookings": {"last_booking_from": TIMES[1], "has_bookings": False},
    "of a group that asks for a time": {"is_active": True, "also": (ContactFilter(updated_to=TIMES[0]),)},
}


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("wanted", NOTHING.values(), ids=NOTHING)
def test_a_range_of_a_time_without_contacts_is_answered_at_once(
    wanted: dict[str, Any], sort: str | None
) -> None:
    """check 3: in any order, by the index of the time."""
    tenant = large()
    tenant.store.calls, tenant.store.units, tenant.store.rows = 0, 0.0, 0
    page = tenant.lists(Budget(seconds=inf)).list(
        ContactFilter(**wanted), sort=sort, limit=1, cursor=None, include_total=True
    )
    assert (page.items, page.next_cursor, page.total) == ([], None, 0)
    if "has_bookings" not in wanted:
        assert tenant.store.calls <= 4
        assert tenant.store.units <= 30
        assert tenant.store.rows <= 5


def test_a_filter_that_matches_no_contact_is_walked_in_pages_of_five_thousand_rows() -> None:
    """check 3: a page has used its budget and has a cursor, or it is the last page."""
    tenant = large()
    wanted = ContactFilter(relationship_status="prospect", search=None, also=(ContactFilter(email="-"),))
    pages = list(tenant.pages(wanted, None, limit=25, rows=MAX_ROWS))
    assert pages == [[], []]


def test_a_list_stops_when_its_time_is_up_and_continues_from_there() -> None:
    tenant = large()
    ticks = iter(range(1_000_000))
    wanted = ContactFilter(is_active=True, also=(ContactFilter(email="-"),))
    pages, cursor = 0, None
    while True:
        budget = Budget(inf, 3, clock=lambda: float(next(ticks)))
        page = tenant.lists(budget).list(wanted, sort=None, limit=25, cursor=cursor)
        pages, cursor = pages + 1, page.next_cursor
        assert page.items == []
        if cursor is None:
            break
    assert 5 < pages < 40


def test_statistics_of_own_contacts_are_refused_when_these_are_too_many_to_count() -> None:
    tenant = large()
    caller = Caller(TENANT, "user", "owner-1", "user", granted={"contacts:read": "own"})
    assert tenant.lists(Budget(seconds=inf), caller).stats()["total"] > 0
    with pytest.raises(RuleBroken, match="too many") as refusal:
        tenant.lists(Budget(10, inf), caller).stats()
    assert refusal.value.code == "too_many_to_count"


def test_the_refusal_of_sorting_too_many_contacts_says_what_to_do() -> None:
    tenant = large()
    for wanted, rows, code in (
        (ContactFilter(tags=("newsletter",)), None, "too_many_to_sort"),
        (ContactFilter(search="a"), None, "too_many_to_sort"),
        (ContactFilter(search="a"), 1_000, "too_broad"),
        (ContactFilter(is_active=True, also=(ContactFilter(email="-"),)), None, "too_broad"),
    ):
        with pytest.raises(RuleBroken, match="arrow the") as refusal:
            tenant.lists(Budget(rows, seconds=inf)).list(wanted, sort="name", limit=25, cursor=None)
        assert refusal.value.code == code


def test_an_unfinished_count_says_how_many_there_are_at_least() -> None:
    tenant = large()
    wanted = ContactFilter(is_active=True, source="api")
    page = tenant.lists(Budget(seconds=inf)).list(
        wanted, sort=None, limit=25, cursor=None, include_total=True
    )
    assert page.total is None and page.total_at_least is not None
    assert 1_000 < page.total_at_least < len(tenant.matching(wanted))
    both = ContactFilter(tags=("newsletter",), source="import")
    page = tenant.lists(Budget(seconds=inf)).list(both, sort=None, limit=25, cursor=None, include_total=True)
    assert page.total == len(tenant.matching(both))


@pytest.mark.parametrize("wanted", scale.READS.values(), ids=scale.READS)
def test_no_read_of_the_scale_table_goes_beyond_the_budget(wanted: dict[str, Any]) -> None:
    """check 102: with ten thousand contacts as with any number."""
    tenant = large()
    tenant.store.rows = 0
    conditions, how = scale.split_read(wanted)
    lists = tenant.lists(Budget(seconds=inf))
    answered(lambda: lists.list(ContactFilter(**conditions), **how, limit=25, cursor=None))
    assert tenant.store.rows <= MAX_ROWS + 2 * PORTION
