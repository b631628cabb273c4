"""The sweep repeats the repairs that earlier sweeps began."""

from __future__ import annotations

from shared.projections.engine import Projection
from shared.projections.sweeping import SweptProjection
from shared.table.keys import projections as projection_keys
from shared.table.store import Store
from tests.support.memory_table import MemoryTable


def test_a_note_of_what_is_no_record_holds_up_no_other_sweep() -> None:
    table = MemoryTable()
    store = Store(table, "table")
    table.put({**projection_keys.mending_note("1"), "pk": {"S": "T#t1#X#1"}, "sk": {"S": "NOTHING"}})
    assert SweptProjection(store, Projection(store)).resume() == 1
    assert table.all() == []
