"""The index of match keys: the contacts that have a key, and the keys that several contacts share."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from shared.domain.duplicates.keys import MOST_CONTACTS, MatchKey
from shared.services.reading_budget import Budget
from shared.table import walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.store import Store

_PAGE, _LARGEST_PAGE = 50, 500


class MatchIndex:
    """The match keys of one tenant's contacts, which follow the records within about a second.

    Rows that are read are charged to `budget`: reads raise BudgetSpent when it is spent.
    """

    def __init__(self, store: Store, tenant_id: str, budget: Budget | None = None) -> None:
        self._tenant = tenant_id
        self._reads = BudgetedReads(store, budget or Budget.unlimited())

    def find_contacts(
        self, key: MatchKey, limit: int = MOST_CONTACTS + 1, *, consistent: bool = False
    ) -> list[str]:
        """Return the ids of the contacts that have a key, in the order of their creation, at most `limit` of them."""
        rows = self._reads.query(
            duplicate_keys.partition_of(self._tenant, key),
            limit=limit,
            prefix=duplicate_keys.start_of(key),
            consistent=consistent,
        )
        return [duplicate_keys.contact_of(row) for row in rows]

    def walk_shared(self, after: str | None = None) -> Iterator[tuple[str, MatchKey]]:
        """Yield the keys that 2 to 50 contacts share, each with its position, the strongest kind first.

        `after`: the position to continue after. A marker may be a moment late: its key may have fewer contacts.
        """
        partition = duplicate_keys.all_shared(self._tenant)
        for row in walking.walk(self._reads, partition, page=_PAGE, largest=_LARGEST_PAGE, after=after):
            position: str = row[SK]["S"]
            yield position, duplicate_keys.key_of_marker(position)

    def position_of(self, key: MatchKey) -> str:
        """Return the position of the marker of a key."""
        position: str = duplicate_keys.shared(self._tenant, key)[SK]["S"]
        return position

    def key_at(self, position: str) -> MatchKey:
        """Return the key of the marker at a position."""
        return duplicate_keys.key_of_marker(position)

    def find_marked(self, keys: Collection[MatchKey]) -> set[MatchKey]:
        """Return those of some keys that have a marker. Costs half a unit for each key."""
        markers = {key: duplicate_keys.shared(self._tenant, key) for key in keys}
        found = self._reads.get_many(list(markers.values()), consistent=False) if markers else {}
        return {key for key, marker in markers.items() if identity_of(marker) in found}
