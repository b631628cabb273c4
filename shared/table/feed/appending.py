"""Appending to feeds: what the publisher reads before it publishes events, and the entries it writes afterwards.

The head of a feed gives the positions: every write of entries is on condition that the head is still at the position
that it was read at. So the entries of two publishers follow one another without a gap, and neither can append what the
other has appended meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from shared import observability
from shared.domain import timestamps
from shared.domain.errors import NOT_A_RECORD, ConcurrentChange
from shared.domain.feed import FeedEntry
from shared.services.backoff import HOT
from shared.table import event_items, guards
from shared.table.feed.items import Head, Page, head_from_item, pack, page_to_item
from shared.table.feed.known import KnownEntries, is_in_window
from shared.table.feed.outgoing import POSITION, Outgoing
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import feed as feed_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import Key, identity_of
from shared.table.keys.work import WORK_SK
from shared.table.store import Locked, Store
from shared.table.transactions import MOST_BYTES, Transaction

_HEAD_BYTES = 850
"""Bytes of packed entries in a head, which leaves room for its other attributes within a kilobyte: one write unit."""
_ZERO = {"N": "0"}
_MOST_LATE = 90
"""Late events in one append: each takes a step of the transaction, which has a hundred."""
_MOST_LATE_BYTES = MOST_BYTES - 2 * 400_000
"""Bytes of the items of late events in one append. A transaction is limited by the items that it changes, not by what
it changes in them; the head and a page or two take the rest."""
_CHECKPOINT_SECONDS = 30
"""Seconds that the sweep's checkpoint is kept. It only moves forward, so an earlier one is never wrong."""


@dataclass(slots=True)
class Situation:
    """What is known about events before they are published.

    `heads`: of the tenants' feeds. `with_webhooks`: the tenants that have webhooks, disabled ones included.
    `published`: those of the events that are in their feeds already, as (tenant id, event id). `unpublished`: earlier
    events of the same records that are in no feed, but will be. `damaged`: the tenants whose feeds cannot be read; they
    are not among the `heads`.
    """

    heads: dict[str, Head] = field(default_factory=dict)
    with_webhooks: set[str] = field(default_factory=set)
    published: set[tuple[str, str]] = field(default_factory=set)
    unpublished: set[tuple[str, str]] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)


class _Outdated(Exception):
    """The head has moved: this is what it is now."""

    def __init__(self, item: Item | None) -> None:
        super().__init__()
        self.head = head_from_item(item)


class _NotToAppend(Exception):
    """A late event has a position already, or was purged."""


class FeedAppender:
    """The feeds of all tenants, as the publisher sees them."""

    def __init__(
        self,
        store: Store,
        known: KnownEntries,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._known = known
        self._sleep = sleep
        self._clock = clock
        self._checkpoint = ("", float("-inf"))

    def look_up(self, events: Sequence[Outgoing]) -> Situation:
        """Return what is known about events that are to be published, as of now.

        Costs one call for a hundred items, which are a read unit each: two for each tenant, and one or two for each
        event whose record's previous event is not among the events nor known to be published. For these, the sweep's
        checkpoint is read too, every thirty seconds. Raises Unavailable.
        """
        self._known.forget_surplus()
        previous = self._previous_of(events)
        tenants = list(dict.fromkeys(event.tenant_id for event in events))
        heads = {tenant_id: feed_keys.head(tenant_id) for tenant_id in tenants}
        counts = {tenant_id: webhook_keys.webhook_count(tenant_id) for tenant_id in tenants}
        keys = [*heads.values(), *counts.values(), *(key for one in previous.values() for key in one)]
        needs_checkpoint = bool(previous) and self._clock() > self._checkpoint[1] + _CHECKPOINT_SECONDS
        if needs_checkpoint:
            # Before the events, whose items say which of them were left over when the checkpoint passed.
            key = event_keys.SWEEP_CHECKPOINT
            item = self._store.get_many([key]).get(identity_of(key))
            self._checkpoint = (item["checked_until"]["S"] if item else "", self._clock())
        found = self._store.get_many(keys)
        situation = Situation(
            with_webhooks={one for one, key in counts.items() if has_webhooks(found.get(identity_of(key)))},
        )
        waiting: dict[str, dict[str, str]] = {}  # when they were written, of each tenant's previous events
        for (tenant_id, event_id), possible in previous.items():
            rows = [found[identity_of(key)] for key in possible if identity_of(key) in found]
            if rows and (written := self._time_of_waiting(rows[0])):
                waiting.setdefault(tenant_id, {})[event_id] = written
        for tenant_id, key in heads.items():
            own = [event for event in events if event.tenant_id == tenant_id]
            try:
                head = head_from_item(found.get(identity_of(key)))
                self._search(tenant_id, head, own, waiting.get(tenant_id, {}), situation)
            except NOT_A_RECORD:  # the events of the other tenants must be published all the same
                observability.warn("a feed is damaged", tenant=tenant_id, trace=observability.trace())
                situation.damaged.add(tenant_id)
            else:
                situation.heads[tenant_id] = head
        return situation

    def _previous_of(self, events: Sequence[Outgoing]) -> dict[tuple[str, str], list[Key]]:
        """Return the possible keys of the previous events of the records that are not known to be published."""
        here = {(event.tenant_id, event.id) for event in events}
        return {
            (event.tenant_id, event.follows): event.keys_of_previous()
            for event in events
            if event.follows is not None
            and (event.tenant_id, event.follows) not in here
            and not self._known.holds(event.tenant_id, event.follows)
        }

    def _time_of_waiting(self, item: Item) -> str | None:
        """Return when a previous event was written, if it may still wait to be published; None if nothing waits for it.

        Everything before the sweep's checkpoint is published, except what the sweep left over. What cannot be read will
        never be.
        """
        try:
            event_items.event_from_item(item)
            written: str = item[WORK_SK]["S"]
        except NOT_A_RECORD:
            return None
        is_passed = written < self._checkpoint[0] and not event_keys.is_left_over(item)
        return None if POSITION in item or is_passed else timestamps.of_position(written)

    def _search(
        self,
        tenant_id: str,
        head: Head,
        own: Sequence[Outgoing],
        before: dict[str, str],
        situation: Situation,
    ) -> None:
        """Look for a tenant's events, and for the previous ones of their records, in its feed."""
        found = self._known.find(
            tenant_id,
            head,
            [*((event.id, event.written_at) for event in own), *before.items()],
            consistent=True,
        )
        situation.published |= {
            (tenant_id, event.id) for event in own if event.id in found or event.position is not None
        }
        situation.unpublished |= {(tenant_id, event_id) for event_id in before if event_id not in found}

    def append(self, tenant_id: str, events: Sequence[Outgoing], head: Head) -> None:
        """Append events to a tenant's feed, in their order, each once. `head`: that of `look_up`.

        A few events cost one write unit. Where the head has no room for them, all its entries go into a page, in a
        transaction: two units for each kilobyte of the page, and two. A late event costs two more for each kilobyte of
        its item.

        Raises ConcurrentChange when other publishers were faster in every attempt, and Unavailable.
        """
        pending = list(events)
        while pending:
            head, pending = self._append_some(tenant_id, pending, head)

    def _append_some(
        self, tenant_id: str, pending: list[Outgoing], head: Head
    ) -> tuple[Head, list[Outgoing]]:
        """Append the first of some events; return the head afterwards and the events that are left."""
        for _ in HOT.tries(self._sleep):
            pending = [event for event in pending if not self._known.holds(tenant_id, event.id)]
            if not pending:
                return head, []
            published_at = max(timestamps.now(), head.published_at)
            portion, late = _portion(pending, published_at)
            entries = [
                event.to_entry(position, published_at)
                for position, event in enumerate(portion, head.position + 1)
            ]
            try:
                after = self._write(tenant_id, head, entries, late)
            except _Outdated as outdated:
                head = outdated.head
                self._known.catch_up(tenant_id, head)
            except _NotToAppend:
                pending = self._without_appended(pending, [event for _, event in late])
            except Locked:
                head = head_from_item(self._store.get(feed_keys.head(tenant_id)))
                self._known.catch_up(tenant_id, head)
            else:
                self._known.add(tenant_id, entries)
                return after, pending[len(portion) :]
        raise ConcurrentChange()

    def _without_appended(self, pending: list[Outgoing], late: list[Outgoing]) -> list[Outgoing]:
        """Return events without those late ones that have a position already or were purged."""
        found = self._store.get_many([event.key for event in late])
        rows = [found.get(identity_of(event.key)) for event in late]
        done = {event.id for event, row in zip(late, rows, strict=True) if row is None or POSITION in row}
        return [event for event in pending if event.id not in done]

    def _write(
        self, tenant_id: str, head: Head, entries: list[FeedEntry], late: Sequence[tuple[int, Outgoing]]
    ) -> Head:
        """Write entries after a head; return the next head. Raises _Outdated and _NotToAppend; nothing is written then.

        botocore repeats a call whose answer was lost, and then finds its own entries in the head: as with the entries
        of another publisher, they are known once that head is read.
        """
        newest = [*head.entries(), *entries]
        packed, first, paged = pack(newest), head.first, list[FeedEntry]()
        last = newest[-1]
        if len(packed) > _HEAD_BYTES or feed_keys.block_of(first) != feed_keys.block_of(last.position):
            packed, first, paged = b"", last.position + 1, newest
        after = Head(last.position, last.published_at, packed, first)
        key = feed_keys.head(tenant_id)
        values: Item = {
            ":position": {"N": str(after.position)},
            ":at": {"S": after.published_at},
            ":first": {"N": str(after.first)},
            ":packed": {"B": after.packed},
        }
        expression = (
            "SET last_position = :position, published_at = :at, first_unpaged = :first, packed = :packed"
        )
        is_first = guards.IS_NEW
        is_at_position = "last_position = :before"
        condition = is_at_position if head.position else is_first
        if head.position:
            values[":before"] = {"N": str(head.position)}
        if not paged and not late:
            is_written, item = self._store.update_or_read(key, expression, values, condition=condition)
            if not is_written:
                raise _Outdated(item)
            return after
        transaction = Transaction()
        transaction.update(key, expression, values, condition=condition, refusal=_Outdated)
        for _, part in groupby(paged, lambda entry: feed_keys.block_of(entry.position)):
            transaction.put(page_to_item(tenant_id, Page.of(list(part))))
        for index, event in late:
            _mark(transaction, event, entries[index].position)
        self._store.commit(transaction)
        return after


def _portion(
    pending: Sequence[Outgoing], published_at: str
) -> tuple[list[Outgoing], list[tuple[int, Outgoing]]]:
    """Return the first of some events, as many as one append takes, and those of them that are late, by their index."""
    late: list[tuple[int, Outgoing]] = []
    size = 0
    for index, event in enumerate(pending):
        if not is_in_window(event.written_at, published_at):
            size += event.size
            if late and (len(late) == _MOST_LATE or size > _MOST_LATE_BYTES):
                return list(pending[:index]), late
            late.append((index, event))
    return list(pending), late


def _mark(transaction: Transaction, event: Outgoing, position: int) -> None:
    """Add to a transaction that a late event's item has its position, which it must not have yet."""
    transaction.update(
        event.key,
        f"SET {POSITION} = :feed_position",
        {":feed_position": {"N": str(position)}},
        condition=f"attribute_exists(PK) AND attribute_not_exists({POSITION})",
        refusal=lambda _: _NotToAppend(),
    )


def has_webhooks(count: Item | None) -> bool:
    """Return whether a counter of webhooks is of a tenant that has some, disabled ones included.

    A tenant has none if its counter is zero or was never written. Any other content counts as webhooks: a damaged
    counter must not withhold events.
    """
    return count is not None and count.get("webhooks") != _ZERO
