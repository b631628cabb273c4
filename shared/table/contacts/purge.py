"""Deleted contacts in the table that can no longer be restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.domain.contacts.purge import Expired
from shared.domain.events import Event
from shared.table import event_items, guards, walking
from shared.table.contacts import items as contact_items
from shared.table.contacts.locks import ContactLocks
from shared.table.contacts.survivors import MERGED_INTO
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys import projections as projection_keys
from shared.table.keys.spelling import SK, key_of
from shared.table.store import Store
from shared.table.transactions import Transaction

_DUE_PAGE = 100
_PORTION = 100


class OutsideRows(Protocol):
    """Items in other partitions that belong to a contact. Its own items lead to them."""

    def remove(self, tenant_id: str, contact_id: str, rows: Sequence[Item], /) -> int: ...


class PurgeTable:
    """The deleted contacts of all tenants, as the scheduled task sees them: which are due, and not who they are.

    `outside` removes the items in other partitions to which a portion of the contact's items leads. Each may be called
    again for the same portion, and returns how many items it removed.
    """

    def __init__(self, store: Store, outside: Sequence[OutsideRows]) -> None:
        self._store = store
        self._outside = outside

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield the contacts to be purged by `at`, as (tenant id, contact id), one shard after the other.

        Entries follow their contacts within moments. Costs half a read unit for some thirty entries, and for each
        empty shard.
        """
        for shard in range(contact_keys.PURGE_SHARDS):
            entries = walking.walk_due(
                self._store, (contact_keys.purge_partition(shard),), at, page=_DUE_PAGE
            )
            for entry in entries:
                if ids := contact_keys.ids_of(entry):
                    yield ids

    def look_up(self, tenant_id: str, contact_id: str) -> Expired | None:
        """Return a deleted contact as of now; None when it is live, merged or removed."""
        item = self._store.get(contact_keys.contact(tenant_id, contact_id))
        if item is None or "deleted_at" not in item or MERGED_INTO in item:
            return None
        return _expired_from_item(tenant_id, contact_id, item)

    def look_up_merged(self, tenant_id: str, contact_id: str) -> Expired | None:
        """Return a merged contact as of now; None once its purge has begun."""
        item = self._store.get(contact_keys.contact(tenant_id, contact_id))
        return (
            _expired_from_item(tenant_id, contact_id, item)
            if item is not None and MERGED_INTO in item
            else None
        )

    def release_locks(self, merged: Expired) -> int:
        """Remove the locks that name a merged contact; return their number. Repeating it is harmless."""
        item = self._store.get(contact_keys.contact(merged.tenant_id, merged.contact_id))
        if item is None or MERGED_INTO not in item:
            return 0
        locks = contact_items.contact_from_item(item).locks
        return ContactLocks(self._store, merged.tenant_id).release_all(merged.contact_id, locks)

    def empty(self, expired: Expired, event: Event) -> None:
        """Remove all data from a record, except that its purge has started, and write the event that is kept.

        After this it cannot be restored. It keeps its index entry, so that the purge continues wherever it stopped.
        Raises ConcurrentChange when it is no longer as it was read.
        """
        key = contact_keys.contact(expired.tenant_id, expired.contact_id)
        record: Item = {
            **key,
            **contact_keys.purge_due(expired.due_at, expired.contact_id),
            "id": {"S": expired.contact_id},
            "deleted_at": {"S": expired.deleted_at},
            "emptied_at": {"S": event.at},
            "version": {"N": str(event.version)},
            "last_event": {"S": event.id},
        }
        if expired.merged_from:
            record["merged_from"] = {"L": [{"S": one} for one in expired.merged_from]}
        transaction = Transaction()
        transaction.put(
            record,
            **guards.at_version_or_own(expired.version, event.id),
        )
        event_items.add_event(transaction, expired.tenant_id, event, follows=expired.last_event)
        self._store.commit(transaction)

    def remove_rows(self, expired: Expired, purged_by: str) -> Iterator[int]:
        """Remove all items around an emptied record, except the event that is kept; yield their number at each step.

        Raises ConcurrentChange when an item in another partition has just gone to another contact.
        """
        partition = contact_keys.partition(expired.tenant_id, expired.contact_id)
        kept = {contact_keys.CONTACT, event_keys.sort_key(purged_by)}
        for rows in walking.pages(self._store, partition, page=_PORTION, consistent=True):
            # Tombstones stay for their time: a projector that is late with an older state must find them.
            removed = [
                key_of(row)
                for row in rows
                if row[SK]["S"] not in kept and not projection_keys.is_tombstone(row)
            ]
            # Removed first: after an interruption, the purge finds them only through the contact's items.
            elsewhere = sum(one.remove(expired.tenant_id, expired.contact_id, rows) for one in self._outside)
            self._store.write_many(delete=removed)
            if removed or elsewhere:  # a run that has time for one step must not spend it on what stays
                yield len(removed) + elsewhere

    def remove_record(self, expired: Expired, purged_by: str) -> None:
        """Remove an emptied record, the last item of its contact. Repeating it is harmless."""
        transaction = Transaction()
        transaction.delete(
            contact_keys.contact(expired.tenant_id, expired.contact_id),
            **guards.is_free_or_own("last_event", purged_by),
        )
        self._store.commit(transaction)


def _expired_from_item(tenant_id: str, contact_id: str, item: Item) -> Expired:
    return Expired(
        tenant_id,
        contact_id,
        deleted_at=item["deleted_at"]["S"],
        version=int(item["version"]["N"]),
        last_event=item["last_event"]["S"] if "last_event" in item else "",
        purged_by=item["last_event"]["S"] if "emptied_at" in item else None,
        merged_from=tuple(one["S"] for one in item["merged_from"]["L"]) if "merged_from" in item else (),
    )
