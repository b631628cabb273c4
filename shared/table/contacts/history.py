"""The histories of contacts in the table: consents, statuses and events."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import StatusEntry
from shared.domain.events import Event
from shared.services.reading_budget import Budget
from shared.table import event_items
from shared.table.budgeted_reads import BudgetedReads
from shared.table.contacts import items as contact_items
from shared.table.contacts.parts import Parts, may_have_entries
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import SK
from shared.table.ranges import walk_ids
from shared.table.store import Store

_AFTER = "!"
"""A character that sorts before all those of sort keys: with it, a key sorts directly after the one without."""
Position = str | tuple[str, str]
"""A sort key, or for an entry of a merged contact its id and the sort key."""


class ContactHistories:
    """The consents and the statuses of one tenant's contacts, and of those merged into them."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._parts = Parts(store, tenant_id)

    def consents(self, contact: Contact, *, limit: int, after: Any) -> list[tuple[Position, ConsentEntry]]:
        """Return a contact's consent history, newest first, each entry with its position for `after`."""
        rows = self._history(contact, contact_keys.CONSENT, limit=limit, after=after)
        return [(position, contact_items.consent_from_item(row)) for position, row in rows]

    def statuses(self, contact: Contact, *, limit: int, after: Any) -> list[tuple[Position, StatusEntry]]:
        """Return a contact's history of statuses, newest first, each entry with its position for `after`."""
        rows = self._history(contact, contact_keys.STATUS, limit=limit, after=after)
        return [(position, contact_items.status_from_item(row)) for position, row in rows]

    def _history(
        self, contact: Contact, prefix: str, *, limit: int, after: Any
    ) -> list[tuple[Position, Item]]:
        """Return entries in the descending order of their sort keys. Of several with the same key, those of merged
        contacts come first, in the descending order of their ids.
        """
        merged_id, sort_key = ("", after) if isinstance(after, str) else after or ("", None)
        found: list[tuple[str, str, Item]] = []
        merged = self._parts.merged_into(contact)
        ids = ["", *(part.id for part in merged if may_have_entries(part, prefix))]
        for part_id in ids:
            partition = contact_keys.partition(self._tenant, part_id or contact.id)
            rows = self._store.query(
                partition,
                prefix=prefix,
                limit=limit,
                after=None if sort_key is None else sort_key + (_AFTER if part_id < merged_id else ""),
                descending=True,
                consistent=True,
            )
            found += [(row[SK]["S"], part_id, row) for row in rows]
        found.sort(key=itemgetter(0, 1), reverse=True)
        return [((part_id, key) if part_id else key, row) for key, part_id, row in found[:limit]]


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
        ranges = [(partition, prefix) for prefix in event_keys.RANGES]
        for _, row in walk_ids(self._reads, ranges, after=after, portion=portion):
            yield event_items.event_from_item(row)
