"""The pass that brings the markers of shared match keys in line with the rows of the keys, after large batches.

Rows and markers are in the same order, so the pass reads both side by side, in portions, and keeps its place after
each. Where they differ it writes the markers, and reads the portion again until they agree, like a projector
(`shared.projections.shared_keys`). It may be killed at any call, and run twice at once.

If the tenant has chosen another custom field as match key, the pass gives its contacts that key first, contact by
contact, like a change of them (`Projection.apply_duplicate_key`).

A process that has asked for a pass relies on that for half a minute. So a pass counts for the requests of a minute
before it began and earlier; if there were later ones, another pass follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from shared import observability
from shared.domain import timestamps
from shared.domain.duplicates.keys import MOST_CONTACTS
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.projections.engine import Projection
from shared.projections.shared_keys import SETTLED_SECONDS, is_shared
from shared.table import walking
from shared.table.contacts import items as contact_items
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys import lists as list_keys
from shared.table.keys.spelling import SK, Key, tenant_of_item
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.store import Store

_MAX_WAIT = 600
"""How long a pass waits for the end of a row of large batches, in seconds."""
_PAGE, _PORTION, _LEAST_PER_QUERY = 500, 2_000, 50
"""Rows that a query reads at most; rows of a portion, about; and rows that a query counts as, at least."""
_ATTEMPTS = 8
_CONTACTS_AT_ONCE = 100
"""Contacts of a portion to which a choice of a match key is applied."""
_CONTACTS = "!"
"""Begins the places of a pass among the contacts, and sorts before the positions of all markers."""
_PAST_KEY = "\U0010ffff"
"""Sorts after all rows of a key, when it follows the start of their sort keys."""


class MatchingPass:
    """The pass over the match keys of all tenants that are due. It works while `has_time` returns True.

    `checked`: the keys it has counted; `corrected`: the markers it has written or removed; `oversized`: how many keys
    have more contacts than count.
    """

    def __init__(
        self,
        store: Store,
        projection: Projection,
        *,
        has_time: Callable[[], bool] = lambda: True,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._store = store
        self._projection = projection
        self._has_time = has_time
        self._now = now
        self.checked = self.corrected = self.oversized = 0

    def run(self) -> int:
        """Continue with each tenant that is due; return how many were.

        A tenant that fails for now is left to the next run.
        """
        tenants = 0
        for entry in walking.walk_due(self._store, (duplicate_keys.DUE,), self._now(), page=_PAGE):
            if not self._has_time():
                break
            try:
                tenants += self._continue(tenant_of_item(entry))
            except (ConcurrentChange, Unavailable):
                observability.warn("match keys not brought in line", trace=observability.trace())
        return tenants

    def _continue(self, tenant_id: str) -> bool:
        """Continue the pass over a tenant's keys from its place, or begin it; return False if it is not due."""
        key = duplicate_keys.pending(tenant_id)
        item = self._store.get(key) or {}
        due_at = duplicate_keys.due_at(item)
        if due_at is None:  # the index follows within moments
            return False
        began_at = item["began_at"]["S"] if "began_at" in item else self._begin(key, item, due_at)
        if began_at is None:
            return False
        place: str | None = item["place"]["S"] if "began_at" in item else _first_place(item)
        began = {":began": {"S": began_at}}
        while place is not None:
            if not self._has_time():
                return True
            is_among_contacts = place.startswith(_CONTACTS)
            place = (self._apply_key if is_among_contacts else self._settle_portion)(tenant_id, place)
            if place is not None:
                values = {**began, ":place": {"S": place}}
                if not self._store.update(key, "SET place = :place", values, condition=_IS_SAME_WALK):
                    return True  # another run has ended this pass
        self._end(tenant_id, key, began_at)
        return True

    def _begin(self, key: Key, item: Item, due_at: str) -> str | None:
        """Begin a pass; return when it began, or None if it waits for the end of the batches that come at present."""
        now = self._now()
        settled_at = timestamps.plus(item["requested_at"]["S"], SETTLED_SECONDS)
        if now < settled_at and now < timestamps.plus(due_at, _MAX_WAIT):
            return None
        values = {":now": {"S": now}, ":place": {"S": _first_place(item)}}
        has_begun = self._store.update(
            key,
            "SET began_at = :now, place = :place",
            values,
            condition=f"attribute_not_exists(began_at) AND attribute_exists({WORK_PK})",
        )
        return now if has_begun else None

    def _end(self, tenant_id: str, key: Key, began_at: str) -> None:
        """Take a tenant from the index, or make it due for another pass if that was asked for since."""
        item = self._store.get(key) or {}
        requested_at = item["requested_at"]["S"]
        values = {":began": {"S": began_at}}
        if timestamps.plus(requested_at, SETTLED_SECONDS) <= began_at:
            self._store.update(
                key,
                f"REMOVE {WORK_PK}, {WORK_SK}, began_at, place, has_new_key",
                {**values, ":requested": {"S": requested_at}},
                condition=f"{_IS_SAME_WALK} AND requested_at = :requested",
            )
            return
        entry = duplicate_keys.due_entry(timestamps.plus(requested_at, SETTLED_SECONDS), tenant_id)
        self._store.update(
            key,
            f"SET {WORK_SK} = :sk REMOVE began_at, place",
            {**values, ":sk": entry[WORK_SK]},
            condition=_IS_SAME_WALK,
        )

    def _apply_key(self, tenant_id: str, place: str) -> str:
        """Apply the tenant's choice of a match key to some contacts; return the place after which to continue."""
        rows = self._store.query(
            list_keys.partition(tenant_id, list_keys.BY_CREATION),
            limit=_CONTACTS_AT_ONCE,
            after=place.removeprefix(_CONTACTS) or None,
        )
        chosen = self._projection.duplicate_key_of(tenant_id)
        outdated = []
        for row in rows:
            contact = contact_items.contact_from_item(row)
            names = {contact.duplicate_key, chosen}
            if len(names) > 1 and names & contact.custom_fields.keys():
                outdated.append(contact_keys.contact(tenant_id, contact.id))
        self._projection.apply_duplicate_key(tenant_id, outdated)
        return (
            f"{_CONTACTS}{rows[-1][SK]['S']}"
            if len(rows) == _CONTACTS_AT_ONCE
            else duplicate_keys.FIRST_POSITION
        )

    def _settle_portion(self, tenant_id: str, after: str) -> str | None:
        """Bring the markers of some keys in line with their rows; return the position after which to continue, None at
        the end. Raises ConcurrentChange when projectors keep changing the same keys.
        """
        counts, end = self._count(tenant_id, after)
        self.checked += len(counts)
        self.oversized += sum(count > MOST_CONTACTS for count in counts.values())
        for _ in range(_ATTEMPTS):
            wanted = {position for position, count in counts.items() if is_shared(count)}
            held = self._markers(tenant_id, after, end or duplicate_keys.LAST_POSITION)
            if wanted == held:
                return end
            self._store.write_many(
                put=[duplicate_keys.marker_at(tenant_id, one) for one in sorted(wanted - held)],
                delete=[duplicate_keys.marker_at(tenant_id, one) for one in sorted(held - wanted)],
            )
            self.corrected += len(wanted ^ held)
            counts, _ = self._count(tenant_id, after, until=end or duplicate_keys.LAST_POSITION)
        raise ConcurrentChange()

    def _markers(self, tenant_id: str, after: str, until: str) -> set[str]:
        partition = duplicate_keys.all_shared(tenant_id)
        found = walking.walk(
            self._store, partition, page=_PAGE, between=(after, until), after=after, consistent=True
        )
        return {row[SK]["S"] for row in found}

    def _count(
        self, tenant_id: str, after: str, *, until: str | None = None
    ) -> tuple[Counter[str], str | None]:
        """Count the rows of each key whose marker has a position after one: until another one, or in one portion.

        Returns the numbers by position, beyond MOST_CONTACTS not exactly, and where a portion ended, None at the end.
        """
        counts: Counter[str] = Counter()
        rows = 0
        for partition, start, before in duplicate_keys.sections(tenant_id):
            past = f"{start}{_PAST_KEY}"
            if after >= past or (until is not None and start > until):
                continue
            place: str | None = max(after, start)
            while place is not None:
                if until is None and rows >= _PORTION:
                    return counts, place
                passed = f"{place.removeprefix(before)}{_PAST_KEY}" if place > start else None
                found, place, read = self._count_page(
                    partition, before, after=passed, is_consistent=until is not None
                )
                counts.update({one: n for one, n in found.items() if until is None or one <= until})
                rows += max(read, _LEAST_PER_QUERY)
                if until is not None and place is not None and place > until:
                    return counts, None
        return counts, None

    def _count_page(
        self, partition: str, before: str, *, after: str | None, is_consistent: bool
    ) -> tuple[Counter[str], str | None, int]:
        """Count the rows of a partition by their keys, as one query reads them, after a sort key.

        Returns the numbers by position, the position after which to continue, None at the end, and how many rows were
        read.
        """
        read = self._store.query(partition, limit=_PAGE, after=after, consistent=is_consistent)
        counts = Counter(duplicate_keys.position_of_row(row, before) for row in read)
        if len(read) < _PAGE:
            return counts, None, len(read)
        last = duplicate_keys.position_of_row(read[-1], before)
        if counts[last] <= MOST_CONTACTS:  # the rest of its rows may be in the next page
            del counts[last]
            last = max(counts)
        return counts, last, len(read)


def _first_place(item: Item) -> str:
    """Return the place where a pass begins: among the contacts, if a choice of a match key is to be applied."""
    return _CONTACTS if "has_new_key" in item else duplicate_keys.FIRST_POSITION


_IS_SAME_WALK = "began_at = :began"
