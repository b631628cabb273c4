"""What reading costs in a feed of a million entries: calls and read units, on a table in memory (check 102)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import timestamps
from shared.domain.feed_views import ALL_ENTRIES, FeedFilter
from shared.services.feed.reading import FeedReading
from shared.services.reading_budget import MAX_ROWS, Budget
from shared.table.feed.contents import FeedContents
from shared.table.feed.items import Page, pack, page_to_item
from shared.table.feed.reading import FeedTable
from shared.table.keys import feed as feed_keys
from shared.table.metered_store import MeteredStore
from tests.support.memory_table import MemoryTable
from tests.unit.feed.fake_feed import ADMIN, NOW, ago
from tests.unit.feed.feeds import entry

ENTRIES, ON_A_PAGE = 1_000_000, 100
DAYS = 20
"""Days in which the entries were published, evenly."""


class Metered(MeteredStore):
    """A store that also counts its calls."""

    calls = 0

    def _charge(self, units: object, *, consistent: bool) -> None:
        self.calls += 1
        super()._charge(units, consistent=consistent)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def table() -> MemoryTable:
    """The feed. All pages have the same hundred entries, at other positions and times."""
    made = MemoryTable()
    shown = [replace(entry(number), entity_id=f"c{number}") for number in range(ON_A_PAGE)]
    packed = Page.of(shown).packed
    for first in range(1, ENTRIES, ON_A_PAGE):
        at = ago(DAYS * (1 - first / ENTRIES))
        page = Page(first, first + ON_A_PAGE - 1, at, at, packed)
        made.put(page_to_item("t1", page))
    made.put(
        {
            **feed_keys.head("t1"),
            "last_position": {"N": str(ENTRIES)},
            "published_at": {"S": NOW},
            "first_unpaged": {"N": str(ENTRIES + 1)},
            "packed": {"B": pack([])},
        }
    )
    return made


@pytest.fixture
def store(table: MemoryTable) -> Metered:
    return Metered(table, "table")


def reading(store: Metered, budget: Budget | None = None) -> FeedReading:
    return FeedReading(
        ADMIN,
        FeedTable(store, "t1"),
        FeedContents(store, "t1"),
        lambda _: {},
        lambda: timestamps.plus(NOW, -86_400),
        budget or Budget(seconds=3_600),
        now=lambda: "2026-05-20T12:00:00.000Z",  # the times within the pages are those of early May
    )


def test_a_poll_costs_half_a_unit(store: Metered) -> None:
    page = reading(store).list(ALL_ENTRIES, after=ENTRIES, limit=25)
    assert (page.items, page.next_after, page.has_more) == ([], ENTRIES, False)
    assert (store.calls, store.units) == (1, 0.5)


@pytest.mark.parametrize("after", [0, 12_345, ENTRIES // 2, ENTRIES - 300])
def test_check_102_a_page_costs_the_same_wherever_it_is(store: Metered, after: int) -> None:
    page = reading(store).list(ALL_ENTRIES, after=after, limit=25)
    assert [item.position for item in page.items] == list(range(after + 1, after + 26))
    assert store.calls <= 6  # the events are read in two portions, and looked for twice: these do not exist
    assert store.units <= 2.5 + 1.5 * 25


def test_check_102_a_filter_that_finds_nothing_costs_its_budget_and_gets_on(store: Metered) -> None:
    budget = Budget(seconds=3_600)
    page = reading(store, budget).list(FeedFilter(entity_id="nobody"), after=0, limit=25)
    assert page.items == [] and page.has_more
    assert 10 * MAX_ROWS <= page.next_after <= 11 * MAX_ROWS
    assert budget.total <= 1.1 * MAX_ROWS
    assert store.units < 350  # of some two megabytes of pages, read eventually consistent


def test_check_102_a_range_of_time_is_found_by_halving(store: Metered) -> None:
    feed = FeedTable(store, "t1")
    position = feed.position_at(ago(DAYS / 2))
    assert abs(position - ENTRIES // 2) <= ON_A_PAGE
    assert store.calls <= 25
    store.units = store.calls = 0
    assert reading(store).start().position > ENTRIES // 2
    assert store.calls <= 25 and store.units <= 25
