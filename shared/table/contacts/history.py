"""The events of a contact in the table."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.events import Event
from shared.services.reading_budget import Budget
from shared.table import event_items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.ranges import walk_ids
from shared.table.store import Store


class ContactEvents:
    """The events of one tenant's contacts, read within a budget."""

    def __init__(self, store: Store, tenant_id: str, budget: Budget) -> None:
        self._reads = BudgetedReads(store, budget)
        self._tenant = tenant_id

    def walk(self, contact_id: str, *, after: str | None, portion: int) -> Iterator[Event]:
        """Yield the events of a contact in the descending order of their ids, from before the id `after` on.

        Reads `portion` events of each of the two ranges of events at once. Raises BudgetSpent when the budget is spent.
        """
        partition = contact_keys.partition(self._tenant, contact_id)
        for _, row in walk_ids(self._reads, partition, event_keys.RANGES, after=after, portion=portion):
            yield event_items.event_from_item(row)
