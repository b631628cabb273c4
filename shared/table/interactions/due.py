"""The entries of timelines that are due, of all tenants: future interactions, and open follow-ups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from shared.domain.errors import ConcurrentChange
from shared.services.interactions.due import DueEntry
from shared.table import guards
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys import work
from shared.table.keys.spelling import PK, SK, tenant_of
from shared.table.store import Store
from shared.table.transactions import Transaction
from shared.table.walking import walk, walk_due

_PAGE = 500
_INDEX = (work.WORK_INDEX, work.WORK_PK, work.WORK_SK)


class DueTimelineEntries:
    """The due entries as the scheduled task sees them: which are due, and not their contents.

    The index follows the table within moments, so some entries may have been handled already. Each change of an entry
    is made on condition that its place in the index is as it was read.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def due_until(self, at: str) -> Iterator[DueEntry]:
        """Yield the entries that are due at a time, the longest overdue first.

        Costs half a read unit for some thirty entries, and for each empty shard.
        """
        shards = [timeline_keys.due_partition(shard) for shard in range(timeline_keys.DUE_SHARDS)]
        for row in walk_due(self._store, shards, at, page=_PAGE):
            if entry := _entry_of(row):
                yield entry

    def set_aside(self, tenant_id: str, at: str) -> Iterator[DueEntry]:
        """Yield a tenant's entries that are due at a time and were set aside, the longest overdue first."""
        for row in walk_due(self._store, (timeline_keys.set_aside_partition(tenant_id),), at, page=_PAGE):
            if entry := _entry_of(row):
                yield entry

    def move_aside(self, entry: DueEntry) -> bool:
        """Set an entry aside until its tenant is live again; return False when it has changed meanwhile."""
        return self._move(entry, timeline_keys.set_aside_partition(entry.tenant_id), entry.position)

    def postpone(self, entry: DueEntry, until: str) -> bool:
        """Move an entry to a later time in the index; return False when it has changed meanwhile."""
        moved = timeline_keys.due_entry(until, entry.contact_id, entry.entry_id)
        return self._move(entry, moved[work.WORK_PK]["S"], moved[work.WORK_SK]["S"])

    def note_suspended(self, tenant_id: str, at: str) -> None:
        """Write that entries of a tenant are set aside from a time on."""
        self._store.put(
            {**timeline_keys.suspended_tenant(tenant_id), **timeline_keys.suspended_entry(tenant_id, at)}
        )

    def suspended(self) -> Iterator[tuple[str, str]]:
        """Yield the tenants of whom entries are set aside, each with the time when they last were."""
        for row in walk(self._store, timeline_keys.SUSPENDED_TENANTS, page=_PAGE, index=_INDEX):
            tenant_id = tenant_of(row[PK]["S"])
            if tenant_id is not None:
                yield tenant_id, row[work.WORK_SK]["S"].partition("#")[0]

    def forget_suspended(self, tenant_id: str, at: str) -> None:
        """Remove the note that entries of a tenant are set aside, unless some were set aside after `at`."""
        transaction = Transaction()
        transaction.delete(
            timeline_keys.suspended_tenant(tenant_id),
            condition="WSK = :position",
            values={":position": timeline_keys.suspended_entry(tenant_id, at)[work.WORK_SK]},
            refusal=guards.concurrent_change,
        )
        with suppress(ConcurrentChange):
            self._store.commit(transaction)

    def _move(self, entry: DueEntry, partition: str, position: str) -> bool:
        return self._store.update(
            {**contact_keys.contact(entry.tenant_id, entry.contact_id), SK: {"S": entry.sort_key}},
            "SET WPK = :wpk, WSK = :wsk",
            {":wpk": {"S": partition}, ":wsk": {"S": position}, ":position": {"S": entry.position}},
            condition="WSK = :position",
        )


def _entry_of(row: Item) -> DueEntry | None:
    """Return the entry of a row of the index; None for a row of another kind."""
    tenant_id = tenant_of(row[PK]["S"])
    follow_up_id = follow_up_keys.id_of(row)
    if tenant_id is None or (follow_up_id is None and not interaction_keys.is_interaction(row)):
        return None
    return DueEntry(
        tenant_id=tenant_id,
        contact_id=contact_keys.id_of_partition(row),
        sort_key=row[SK]["S"],
        position=row[work.WORK_SK]["S"],
        entry_id=follow_up_id or row[SK]["S"].rpartition("#")[2],
        is_follow_up=follow_up_id is not None,
    )
