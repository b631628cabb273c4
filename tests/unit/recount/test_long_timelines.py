"""A contact with a long timeline is recounted in portions, and costs in proportion to its entries."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id, new_id_at
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.projections import recounting
from shared.projections.kinds.kind import row_of
from shared.projections.kinds.registry import kind_of
from shared.table.contacts.items import contact_from_item, contact_to_item
from shared.table.interactions.items import interaction_to_item
from shared.table.item import Item
from shared.table.keys.spelling import SK
from shared.table.metered_store import MeteredStore
from shared.wiring.recount import recount_through
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADA = Caller(TENANT, "user", "u1", "admin")
AT = "2026-05-04T09:30:00.000Z"
PORTION = 500
"""The maximum number of items that one query of the recount reads."""


def put_with_rows(table: MemoryTable, item: Item) -> None:
    """Put a record's item, and its rows as the projection has them."""
    kind = kind_of(item)
    assert kind is not None
    table.put(item)
    table.put(row_of(item, kind.row_key(item)))
    for row in kind.project(TENANT, item).rows:
        table.put(row)


def with_interactions(count: int) -> tuple[MemoryTable, str]:
    """Return a table with a contact that has so many interactions and whose record says that it has none."""
    table, stamp = MemoryTable(), Stamp.now(ADA)
    contact, _ = Contact.create({"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api")
    put_with_rows(table, contact_to_item(TENANT, contact))
    for _ in range(count):
        fields = {"type": "call", "description": "x" * 200, "occurred_at": AT, "performed_by": "Ada"}
        interaction_id = new_id_at(timestamps.to_milliseconds(AT))
        made = Interaction.create(fields, interaction_id=interaction_id, contact_id=contact.id, stamp=stamp)
        put_with_rows(table, interaction_to_item(TENANT, made))
    return table, contact.id


@pytest.mark.parametrize("count", [300, 3_000])
def test_a_long_timeline_is_counted_in_portions_for_units_in_proportion(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "_SETTLE_SECONDS", -3_600)
    monkeypatch.setattr("shared.wiring.recount.tenant_settings", lambda _: TenantSettings())
    table, contact_id = with_interactions(count)
    largest = 0

    def see(answer: Any) -> None:
        nonlocal largest
        largest = max(largest, len(answer.get("Items", ())))

    table.on_answer = see
    store = MeteredStore(table, "table")
    report = recount_through(store).run_for(TENANT)
    assert report.counts["figure.interaction_count"] == report.counts["contacts"] == report.finished == 1
    assert report.counts["entry_rows"] == report.counts["surplus_rows"] == report.counts["failed"] == 0
    (item,) = (one for one in table.all() if one[SK]["S"] == "CONTACT" and one["id"]["S"] == contact_id)
    contact = contact_from_item(item)
    assert (contact.interaction_count, contact.interaction_counts) == (count, {"call": count})
    assert (contact.last_contacted_at, contact.version) == (AT, 2)
    assert largest <= PORTION + 1
    # Of each entry: itself twice, since the figure differs, its list row, and the walk along the list.
    assert 1.0 < report.units / count < 1.6
