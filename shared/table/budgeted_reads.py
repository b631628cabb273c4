"""Reads of the table that are charged to a request's budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from shared.services.reading_budget import Budget
from shared.table.item import Item
from shared.table.keys.spelling import Identity, Key
from shared.table.store import Query, Store


class BudgetedReads:
    """The reads of `shared.table.store.Store` that lists are made of, with the same parameters.

    A walk continues by queries, so each query raises BudgetSpent when the budget is spent. Rows that are looked up
    by their keys belong to what a query has found, so these are only charged.
    """

    def __init__(self, store: Store, budget: Budget) -> None:
        self._store = store
        self._budget = budget

    def query(self, partition: str, *, limit: int, **options: Unpack[Query]) -> list[Item]:
        """Read as `Store.query` does; charge the items found, and one when there are none."""
        self._budget.check()
        found = self._store.query(partition, limit=limit, **options)
        self._budget.charge(max(1, len(found)))
        return found

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[Identity, Item]:
        """Read as `Store.get_many` does; charge the keys."""
        self._budget.charge(len(keys))
        return self._store.get_many(keys, consistent=consistent)

    def skip(
        self, partition: str, count: int, *, between: tuple[str, str] | None = None, descending: bool = False
    ) -> tuple[int, str | None]:
        """Skip as `Store.skip` does, until the budget is spent; charge the items skipped."""
        self._budget.check()
        skipped, continue_after = self._store.skip(
            partition, count, between=between, descending=descending, go_on=lambda: not self._budget.is_spent
        )
        self._budget.charge_skipped(skipped)
        return skipped, continue_after
