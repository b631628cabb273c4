"""The look-ups of a chunk's rows that cost a query for each value."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from shared.domain.import_options import ImportOptions
from shared.domain.imports.rows import ReadRow
from shared.domain.tenant import TenantSettings
from shared.table.contacts.index import ContactIndex
from shared.table.contacts.repository import ContactTable
from shared.table.customers.repository import CustomerTable
from tests.properties.imports.chunk_world import Case, ChunkWorld


@pytest.mark.parametrize(
    ("owner", "method", "options", "scope"),
    [
        (ContactTable, "owner_of_email", ImportOptions(), "customer"),
        (ContactIndex, "ending_with", ImportOptions(match_on="phone"), "tenant"),
        (CustomerTable, "beginning_with", ImportOptions(match_on="customer_number"), "tenant"),
    ],
)
def test_values_that_cost_a_query_each_are_looked_up_side_by_side(
    owner: type, method: str, options: ImportOptions, scope: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two queries wait for each other: one after the other, they would wait until the barrier breaks."""
    both, original = threading.Barrier(2, timeout=30), getattr(owner, method)

    def query(self: Any, *given: Any, **named: Any) -> Any:
        both.wait()
        return original(self, *given, **named)

    found = [
        ReadRow(
            {"first_name": "Ann", "email": f"p{one}@example.com", "phone": f"+1202555010{one}"},
            customer_number=f"K-{one}" if method == "beginning_with" else "",
        )
        for one in range(2)
    ]
    settings = TenantSettings(require_email=False, unique_scope=scope)
    world = ChunkWorld(Case(found, (), options, settings))
    monkeypatch.setattr(owner, method, query)
    assert world.known().matches == {}
