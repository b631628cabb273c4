"""The outbox: the index by which it is checked that every event is published, and is in its feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from shared import observability
from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange
from shared.table import walking
from shared.table.feed.items import head_from_item
from shared.table.feed.known import KnownEntries
from shared.table.feed.outgoing import POSITION
from shared.table.guards import IS_NEW
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import feed as feed_keys
from shared.table.keys.spelling import PK, SK, Key, identity_of, key_of, tenant_of
from shared.table.keys.work import WORK_INDEX, WORK_PK, WORK_SK
from shared.table.store import Store
from shared.table.transactions import Transaction

_PAGE = 100  # entries of each shard; those not processed when time runs out are read again
_PORTION = 500
_BUCKET_SECONDS = 600
_NOTE_KEPT_SECONDS = 3_600
"""Seconds for which a tenant's note is kept at least after events were left over: the index may be behind."""
_NOTES_PAGE = 100
_FIRST, _LAST = "0", "~"
"""Texts before and after each sort key of the index."""


class EventTable:
    """Events of all tenants, as the sweeper sees them."""

    def __init__(self, store: Store, known: KnownEntries) -> None:
        self._store = store
        self._known = known

    def written_between(self, start: str, end: str) -> Iterator[list[Key]]:
        """Yield the index entries of all events written from `start` to `end`, oldest first, at most 500 at a time.

        `start`: a timestamp, or a position (see `shared.table.keys.work.position_after`); `end`: a timestamp.
        Costs a half read unit for each twenty events, and one for each empty ten minutes and shard.
        """
        for bucket in _buckets(start, end):
            shards = [event_keys.outbox_partition(bucket, shard) for shard in range(event_keys.OUTBOX_SHARDS)]
            found = walking.walk_entries(self._store, shards, (start, end), page=_PAGE)
            yield from walking.portions(found, _PORTION)

    def not_in_feeds(self, events: Sequence[Key]) -> list[Key]:
        """Return those of some events, given by their index entries, that are in no feed so far as can be seen without
        their items, in their order. Of a tenant whose feed is damaged, returns all: the publisher counts them as set
        aside.

        Costs half a read unit for each tenant, and as much for each four kilobytes of the feeds' pages from the time
        of the events that are not in memory.
        """
        self._known.forget_surplus()
        written: dict[str, list[tuple[str, str]]] = {}
        for key in events:
            if (tenant_id := tenant_of(key[PK]["S"])) is not None:
                written_at = timestamps.of_position(key[WORK_SK]["S"])
                written.setdefault(tenant_id, []).append((event_keys.id_of(key), written_at))
        heads = {tenant_id: feed_keys.head(tenant_id) for tenant_id in written}
        items = self._store.get_many(list(heads.values()), consistent=False)
        found: set[tuple[str, str]] = set()
        for tenant_id, wanted in written.items():
            try:
                head = head_from_item(items.get(identity_of(heads[tenant_id])))
                ids = self._known.find(tenant_id, head, wanted, consistent=False)
            except NOT_A_RECORD:  # the events of the other tenants must be published all the same
                observability.warn("a feed is damaged", tenant=tenant_id, trace=observability.trace())
                continue
            found |= {(tenant_id, event_id) for event_id in ids}
        return [key for key in events if (tenant_of(key[PK]["S"]), event_keys.id_of(key)) not in found]

    def read_unpublished(self, events: Sequence[Key]) -> list[Item]:
        """Return the items of some events, in their order. Leaves out those that were published late, and those that
        were purged with their contacts. Costs a unit for each four kilobytes of each event.
        """
        rows = self._store.get_many([key_of(key) for key in events])
        left = (rows.get(identity_of(key)) for key in events)
        return [row for row in left if row is not None and POSITION not in row]

    def leave_over(self, tenant_id: str, events: Sequence[Key]) -> None:
        """Move events of a tenant, given by index entries, to the tenant's own partition of the index, from which later
        sweeps publish them. After that the checkpoint may pass them.

        Costs a write unit, and for each event one for each kilobyte of its item and two of the index.
        """
        moment = {":now": {"S": timestamps.now()}}
        # First: what has no note is not found.
        self._store.update(event_keys.left_over_note(tenant_id), "SET last_at = :now", moment)
        for event in events:
            self._move(event, event_keys.left_over_partition(tenant_id))

    def tenants_with_left_over(self) -> dict[str, str]:
        """Return the tenants that may have events which were left over, each with the position up to which they were
        tried last (see `note_tried`). Costs a unit for each fifty.
        """
        notes = walking.walk(
            self._store, event_keys.SWEEP, page=_NOTES_PAGE, prefix=event_keys.LEFT_OVER, consistent=True
        )
        return {
            note[SK]["S"].removeprefix(event_keys.LEFT_OVER): note["tried_until"]["S"]
            if "tried_until" in note
            else ""
            for note in notes
        }

    def left_over(self, tenant_id: str, tried_until: str) -> Iterator[list[Key]]:
        """Yield the index entries of a tenant's events that were left over, at most 500 at a time: oldest first, but
        those up to a position last. `tried_until`: that position, or an empty text.
        """
        parts = [(tried_until, _LAST), (_FIRST, tried_until)] if tried_until else [(_FIRST, _LAST)]
        for between in parts:
            found = walking.walk(
                self._store,
                event_keys.left_over_partition(tenant_id),
                page=_PAGE,
                index=(WORK_INDEX, WORK_PK, WORK_SK),
                between=between,
            )
            yield from walking.portions(found, _PORTION)

    def note_tried(self, tenant_id: str, position: str) -> None:
        """Note up to which position a tenant's left over events were tried, so that the next sweep tries those after
        it first. Costs a write unit.
        """
        self._store.update(
            event_keys.left_over_note(tenant_id),
            "SET tried_until = :position",
            {":position": {"S": position}},
            condition="attribute_exists(PK)",
        )

    def settle(self, events: Sequence[Key]) -> None:
        """Move events that were left over, and are published now or can never be, back to where they were."""
        for event in events:
            written_at = timestamps.of_position(event[WORK_SK]["S"])
            self._move(event, event_keys.outbox(event_keys.id_of(event), written_at)[WORK_PK]["S"])

    def forget_left_over(self, tenant_id: str) -> None:
        """Remove the note of a tenant that has no left over events, unless some were left over within the hour."""
        removal = Transaction()
        removal.delete(
            event_keys.left_over_note(tenant_id),
            condition="last_at < :before",
            values={":before": {"S": timestamps.plus(timestamps.now(), -_NOTE_KEPT_SECONDS)}},
            refusal=lambda _: ConcurrentChange(),
        )
        with suppress(ConcurrentChange):
            self._store.commit(removal)

    def _move(self, event: Key, partition: str) -> None:
        """Move an event to a partition of the index. One that was purged is gone from it."""
        self._store.update(
            key_of(event),
            f"SET {WORK_PK} = :partition",
            {":partition": {"S": partition}},
            condition="attribute_exists(PK)",
        )

    def checkpoint(self) -> str | None:
        """Return up to where the sweeper has checked: a time, or a position; None when it never ran."""
        item = self._store.get(event_keys.SWEEP_CHECKPOINT)
        return item["checked_until"]["S"] if item else None

    def set_checkpoint(self, checked_until: str) -> None:
        """Write up to where the sweeper has checked: a time, or a position. It never moves back."""
        moment = {"S": checked_until}
        is_first = IS_NEW
        is_later = "checked_until <= :until"
        self._store.put(
            {**event_keys.SWEEP_CHECKPOINT, "checked_until": moment},
            condition=f"{is_first} OR {is_later}",
            values={":until": moment},
        )


def _buckets(start: str, end: str) -> Iterator[str]:
    moment = timestamps.of_position(start)
    while event_keys.outbox_bucket(moment) <= event_keys.outbox_bucket(end):
        yield moment
        moment = timestamps.plus(moment, _BUCKET_SECONDS)
