"""Reads of the table that are charged to a request's budget."""

from __future__ import annotations

from collections.abc import Sequence

from shared.services.reading_budget import Budget
from shared.table.keys.spelling import Key
from shared.table.store import Item, Store


class BudgetedReads:
    """The reads of `shared.table.store.Store` that lists are made of.

    Queries lead a walk on: each raises Spent when the budget is. Rows looked up by their keys belong to what a query
    has found, so these are only charged.
    """

    def __init__(self, store: Store, budget: Budget) -> None:
        self._store = store
        self._budget = budget

    def query(
        self,
        partition: str,
        *,
        limit: int,
        prefix: str | None = None,
        after: str | None = None,
        between: tuple[str, str] | None = None,
        descending: bool = False,
        consistent: bool = False,
    ) -> list[Item]:
        """As `Store.query`; charges the items found, and one when there are none."""
        self._budget.ask()
        found = self._store.query(
            partition,
            limit=limit,
            prefix=prefix,
            after=after,
            between=between,
            descending=descending,
            consistent=consistent,
        )
        self._budget.charge(max(1, len(found)))
        return found

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> dict[tuple[str, str], Item]:
        """As `Store.get_many`; charges the keys looked up."""
        self._budget.charge(len(keys))
        return self._store.get_many(keys, consistent=consistent)

    def skip(
        self,
        partition: str,
        count: int,
        *,
        between: tuple[str, str] | None = None,
        descending: bool = False,
    ) -> tuple[int, str | None]:
        """As `Store.skip`; charges the items passed over."""
        self._budget.ask()
        passed, behind = self._store.skip(
            partition, count, between=between, descending=descending, go_on=lambda: not self._budget.is_spent
        )
        self._budget.pass_over(passed)
        return passed, behind
