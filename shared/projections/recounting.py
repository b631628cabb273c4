"""The projections as the nightly recount compares them with records, in both directions, and corrects them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain import timestamps
from shared.projections.engine import Projection
from shared.projections.kinds.kind import PURGED_AT, EntryKind, removal_of
from shared.projections.kinds.registry import KINDS
from shared.projections.sweeping import SweptProjection
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.store import Store

_SETTLE_SECONDS = 120
"""Seconds after a change in which its record is not compared: its stream record may not have arrived yet."""
_ENTRY_KINDS = {kind.list_name: kind for kind in KINDS if isinstance(kind, EntryKind)}


class RecountedProjection:
    """The projections of all tenants. `lists`: the names of the lists of timelines' entries."""

    lists: Sequence[str] = tuple(_ENTRY_KINDS)

    def __init__(self, store: Store, projection: Projection, swept: SweptProjection) -> None:
        self._store = store
        self._projection = projection
        self._swept = swept

    def find_outdated_contacts(self, tenant_id: str, contact_ids: Sequence[str]) -> list[Key]:
        """Return the keys of those contacts that their projections do not show as they are.

        Costs what `Projection.find_outdated` does. Contacts that changed a moment ago are left out.
        """
        keys = [contact_keys.contact(tenant_id, one) for one in contact_ids]
        outdated = self._projection.find_outdated(keys)
        changing = self._find_changing(outdated)
        return [key for key in outdated if identity_of(key) not in changing]

    def find_outdated_entries(self, items: Sequence[Item]) -> list[Key]:
        """Return the keys of those items that are entries of timelines which their lists do not show as they are.

        Costs half a read unit for each entry.
        """
        entries = [item for item in items if any(kind.matches(item) for kind in _ENTRY_KINDS.values())]
        return self._projection.find_differing(entries) if entries else []

    def is_settled(self, updated_at: str) -> bool:
        """Whether a contact has not changed since a moment ago, so that the stream is through with its entries."""
        return updated_at < timestamps.plus(timestamps.now(), -_SETTLE_SECONDS)

    def rows(self, tenant_id: str, list_name: str, *, after: str, limit: int) -> list[Item]:
        """Return the rows of a list after a sort key, or from the start."""
        partition = list_keys.partition(tenant_id, list_name)
        return self._store.query(partition, limit=limit, after=after or None)

    def find_surplus(self, list_name: str, rows: Sequence[Item]) -> list[Item]:
        """Return those rows of a list whose entries do not exist. Costs half a read unit for each row. Rows of contacts
        that changed a moment ago are left out.
        """
        keys = [_ENTRY_KINDS[list_name].record_key(row) for row in rows]
        found = self._store.get_many(keys, consistent=False)
        surplus = [row for row, key in zip(rows, keys, strict=True) if identity_of(key) not in found]
        contacts = {identity_of(contact): contact for contact in map(_contact_of, surplus)}
        changing = self._find_changing(list(contacts.values()))
        return [row for row in surplus if identity_of(_contact_of(row)) not in changing]

    def mend(self, record: Key) -> None:
        """Bring the projections to the present state of a record, as in `SweptProjection`."""
        self._swept.reproject(record)

    def remove(self, list_name: str, row: Item) -> None:
        """Remove a row of a list whose entry does not exist. The entry of a contact that was purged stays counted."""
        key = _ENTRY_KINDS[list_name].record_key(row)
        contact = self._store.get(_contact_of(row))
        if contact is not None and "emptied_at" not in contact:
            self._swept.reproject(key)
            return
        at = timestamps.now()
        self._projection.project([{**removal_of({**row, **key}, at), PURGED_AT: {"S": at}}])

    def _find_changing(self, records: Sequence[Key]) -> set[tuple[str, str]]:
        found = self._store.get_many(records, consistent=False) if records else {}
        changed_at = {pair: item["updated_at"]["S"] for pair, item in found.items() if "updated_at" in item}
        return {pair for pair, at in changed_at.items() if not self.is_settled(at)}


def _contact_of(row: Item) -> Key:
    """Return the key of the contact of an entry's list row."""
    return list_keys.contact_of_entry(row)
