"""The survivors of merged contacts: the records at the ends of their chains (decision 0058).

The record of a merged contact names the contact that it was merged into. That contact may have been merged since, so
the survivor is at the end of a chain. A chain has no loop: only live contacts are merged.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import identity_of
from shared.table.store import Store

MERGED_INTO = "merged_into"
"""The attribute of a contact's record that names the contact that it was merged into."""


class Survivors:
    """The survivors of one tenant's merged contacts."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def find(self, item: Item) -> Item | None:
        """Return the record at the end of a record's chain as of now: the record itself if it is not merged.

        Returns None when the survivor is purged or being purged. One call for each merge of the chain.
        """
        return self.find_many({"": item}).get("")

    def find_many(self, items: Mapping[str, Item]) -> dict[str, Item]:
        """Return the records at the ends of the chains of many records, under the same names, as `find` does.

        Leaves out those whose survivor is purged.
        """
        return {name: item for name, (_, item) in self.find_ends(items).items() if item is not None}

    def find_ends(self, items: Mapping[str, Item]) -> dict[str, tuple[str, Item | None]]:
        """Return where the chains of many records end, under the same names: the id of the last contact and its record,
        None if it is purged or being purged.

        Makes one call for a hundred records that are not at their ends.
        """
        ends: dict[str, tuple[str, Item | None]] = {}
        pending = dict(items)
        while pending:
            merged = {name: item[MERGED_INTO]["S"] for name, item in pending.items() if MERGED_INTO in item}
            ends |= {
                name: (item["id"]["S"], None if "emptied_at" in item else item)
                for name, item in pending.items()
                if name not in merged
            }
            keys = {one: contact_keys.contact(self._tenant, one) for one in merged.values()}
            records = self._store.get_many(list(keys.values())) if keys else {}
            pending = {}
            for name, into in merged.items():
                if (record := records.get(identity_of(keys[into]))) is not None:
                    pending[name] = record
                else:
                    ends[name] = (into, None)
        return ends
