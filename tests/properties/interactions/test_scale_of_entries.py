"""The lists of all interactions and bookings cost at any size what the document says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from benchmarks import entry_scale
from benchmarks.scale import SIZES, MemoryStore
from local.sources import ROOT
from shared.domain.interactions.interaction import TYPES
from shared.services.reading_budget import MAX_ROWS
from shared.table.hours import HourlyCounts
from shared.table.keys import hours as hour_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import identity_of

_LARGEST_PORTION = 500


@cache
def tenants() -> list[entry_scale.Tenant]:
    return [entry_scale.Tenant(size) for size in SIZES]


def test_the_document_has_the_costs_of_each_read_at_each_size() -> None:
    """check 2"""
    page = (
        (ROOT / "docs" / "access-patterns.md")
        .read_text()
        .split("\n## Lists of all entries\n")[1]
        .split("\n## ")[0]
    )
    rows = re.findall(r"^\| (.+?) \| (\d.+?) \| (\d.+?) \| (\d.+?) \|$", page, re.MULTILINE)
    stated = {name: cells for name, *cells in rows}
    del stated["a page of 25: calls / read units / items scanned"]
    assert stated == entry_scale.figures(tenants())


@pytest.mark.parametrize("name", entry_scale.READS)
def test_a_page_costs_about_the_same_at_every_size(name: str) -> None:
    """check 2: apart from the number of contacts on the page, and from deleted ones among them."""
    read = entry_scale.READS[name]
    costs = [entry_scale.measure(tenant, read)[1] for tenant in tenants()]
    assert max(costs) <= 45
    assert costs[-1] <= 1.3 * costs[0]


@pytest.mark.parametrize("name", [*entry_scale.READS, *entry_scale.WALKS])
def test_no_read_goes_beyond_the_budget(name: str) -> None:
    """check 102"""
    read = {**entry_scale.READS, **entry_scale.WALKS}[name]
    for tenant in tenants():
        entry_scale.measure(tenant, read)
        assert tenant.store.rows <= MAX_ROWS + 2 * _LARGEST_PORTION


def test_the_statistics_of_thirty_days_cost_at_most_200_units() -> None:
    """check 102: with every type in every quarter of each hour, and as many of purged contacts."""
    counts = {
        f"{purged}{kind}.{quarter}": {"N": "12"}
        for purged in ("", hour_keys.PURGED)
        for kind in TYPES
        for quarter in range(4)
    }
    end = datetime(2026, 11, 30, 23, tzinfo=UTC)
    hours = [f"{end - timedelta(hours=number):%Y-%m-%dT%H}" for number in range(31 * 24)]
    items = [{**hour_keys.hour("t1", list_keys.INTERACTIONS, hour), **counts} for hour in hours]
    store: Any = MemoryStore.of({identity_of(item): item for item in items})
    counted = HourlyCounts(store, "t1", list_keys.INTERACTIONS)
    # A month with the longest day there can be, of 25 hours.
    found = sum(amount for _, _, amount in counted.between(f"{hours[720]}:00", f"{hours[0]}:59"))
    assert found == 721 * len(counts) * 12
    assert store.units <= 200
