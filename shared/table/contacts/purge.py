"""Deleted contacts in the table whose time to be restored has run out."""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.contacts.purge import Expired
from shared.domain.errors import ConcurrentChange
from shared.domain.events import Event
from shared.table import items
from shared.table.keys import contacts as contact_keys
from shared.table.keys import events as event_keys
from shared.table.keys import projections as projection_keys
from shared.table.keys import work as work_keys
from shared.table.keys.spelling import SK, key_of
from shared.table.keys.work import WORK_INDEX, WORK_PK, WORK_SK
from shared.table.store import Item, Store, Transaction

_WORK = (WORK_INDEX, WORK_PK, WORK_SK)
_DUE_PAGE = 100
_PORTION = 100


class PurgeTable:
    """What the scheduled task sees of deleted contacts, of all tenants: that they are due, and not who they are."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Contacts to be purged by `at`, as (tenant id, contact id), a shard after the other.

        An entry lags behind its contact by moments. Costs half a read unit for some thirty entries, and for each
        empty shard.
        """
        for shard in range(contact_keys.PURGE_SHARDS):
            after = None
            while True:
                rows = self._store.query(
                    contact_keys.purge_partition(shard),
                    limit=_DUE_PAGE,
                    between=work_keys.due_until(at),
                    after=after,
                    index=_WORK,
                )
                for row in rows:
                    if found := contact_keys.ids_of(row):
                        yield found
                if len(rows) < _DUE_PAGE:
                    break
                after = rows[-1][WORK_SK]["S"]

    def look_up(self, tenant_id: str, contact_id: str) -> Expired | None:
        """A deleted contact as of now, or None when it lives or is gone."""
        item = self._store.get(contact_keys.contact(tenant_id, contact_id))
        if item is None or "deleted_at" not in item:
            return None
        return Expired(
            tenant_id,
            contact_id,
            deleted_at=item["deleted_at"]["S"],
            version=int(item["version"]["N"]),
            purged_by=item["last_event"]["S"] if "emptied_at" in item else None,
        )

    def empty(self, expired: Expired, event: Event) -> None:
        """Empty the record of all but what says that its purge has begun, and write the event that stays.

        From here on it cannot be restored. It keeps its index entry, so that the purge is taken up again
        wherever it stopped. Raises ConcurrentChange when it is no longer as it was looked up.
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
        is_unchanged = "version = :before"
        # Also true of the very write that is being sent again after its answer was lost.
        is_own_write = "last_event = :event"
        transaction = Transaction()
        transaction.put(
            record,
            condition=f"{is_unchanged} OR {is_own_write}",
            values={":before": {"N": str(expired.version)}, ":event": {"S": event.id}},
            refusal=lambda _: ConcurrentChange(),
        )
        transaction.put(items.event_to_item(expired.tenant_id, event))
        self._store.commit(transaction)

    def remove_rows(self, expired: Expired, purged_by: str) -> Iterator[int]:
        """Remove what lies around an emptied record, but for the event that stays; how many rows at each step."""
        partition = contact_keys.partition(expired.tenant_id, expired.contact_id)
        # The trace of its going stays for its time: a projector that is late with an older state must find it.
        kept = {contact_keys.CONTACT, projection_keys.GONE, event_keys.sort_key(purged_by)}
        after = None
        while True:
            rows = self._store.query(partition, limit=_PORTION, after=after, consistent=True)
            removed = [key_of(row) for row in rows if row[SK]["S"] not in kept]
            self._store.write_many(delete=removed)
            yield len(removed)
            if len(rows) < _PORTION:
                return
            after = rows[-1][SK]["S"]

    def remove_record(self, expired: Expired, purged_by: str) -> None:
        """Remove an emptied record, the last of its contact. Doing it again is harmless."""
        transaction = Transaction()
        is_gone = "attribute_not_exists(PK)"
        is_emptied = "last_event = :event"
        transaction.delete(
            contact_keys.contact(expired.tenant_id, expired.contact_id),
            condition=f"{is_gone} OR {is_emptied}",
            values={":event": {"S": purged_by}},
            refusal=lambda _: ConcurrentChange(),
        )
        self._store.commit(transaction)
