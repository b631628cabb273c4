"""Tags, types and groups in the table: all of a tenant's in one partition, read as a whole and kept in memory.

A stamp beside them changes with each change of a label. Whoever has read the stamp knows whether what is kept is
still so (docs/decisions/0013-labels.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.domain.errors import ConcurrentChange, NameTaken, RuleBroken, Unavailable
from shared.domain.events import Event
from shared.domain.groups.record import Group
from shared.domain.labels.record import MAX_LABELS, NO_LABELS, ContactType, Label, Labels, Tag
from shared.domain.text import fold_name
from shared.table import items
from shared.table.keys import labels as label_keys
from shared.table.keys.spelling import SK, Key
from shared.table.store import Item, Store, Transaction

RECENT_SECONDS = 1.0
"""How old labels may be where their names are looked up, or shown in lists, which follow changes within about a second
anyhow. A contact read by its id is shown with the names of now.
"""
_PAGE = 1_000
_ATTEMPTS = 6
_KINDS: dict[str, type[Label]] = {one.entity: one for one in (Tag, ContactType, Group)}


class LabelMemory:
    """The labels of tenants as this process last read them, each with their stamp."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[int, Labels, float]] = {}

    def find(self, tenant_id: str, stamp: int) -> Labels | None:
        """What is known of a tenant's labels under a stamp that was just read."""
        known = self._known.get(tenant_id)
        if known is None or known[0] != stamp:
            return None
        self._known[tenant_id] = (stamp, known[1], self._clock())
        return known[1]

    def recent(self, tenant_id: str) -> Labels | None:
        """A tenant's labels if they were right a moment ago."""
        known = self._known.get(tenant_id)
        return known[1] if known and self._clock() - known[2] < RECENT_SECONDS else None

    def forget(self, tenant_id: str) -> None:
        """That this process has changed a tenant's labels."""
        self._known.pop(tenant_id, None)

    def keep(self, tenant_id: str, stamp: int, labels: Labels) -> None:
        """Remember what was read after the stamp was."""
        if len(self._known) >= 200:
            self._known.clear()
        self._known[tenant_id] = (stamp, labels, self._clock())


class LabelTable:
    """The labels of one tenant."""

    def __init__(self, store: Store, tenant_id: str, memory: LabelMemory) -> None:
        self._store = store
        self._tenant = tenant_id
        self._memory = memory

    @property
    def stamp_key(self) -> Key:
        """Of the item to read for `at`."""
        return label_keys.stamp(self._tenant)

    def current(self) -> Labels:
        """All labels as of now."""
        return self.at(self._store.get(self.stamp_key))

    def recent(self) -> Labels:
        """All labels as of a second ago or later; with all that this process has changed."""
        return self._memory.recent(self._tenant) or self.current()

    def at(self, stamp: Item | None) -> Labels:
        """All labels as of a stamp that was just read, or later."""
        known = self._memory.find(self._tenant, _number_of(stamp))
        return known or self._read(stamp)

    def _read(self, stamp: Item | None) -> Labels:
        """Read all labels, between two readings of one stamp: so they are those of one moment, though they may take
        several calls.
        """
        if stamp is None:
            return NO_LABELS
        for _ in range(_ATTEMPTS):
            labels = self._read_all()
            again = self._store.get(self.stamp_key)
            if _number_of(again) == _number_of(stamp):
                self._memory.keep(self._tenant, _number_of(stamp), labels)
                return labels
            stamp = again
        raise Unavailable()

    def _read_all(self) -> Labels:
        found: list[Label] = []
        after = None
        while True:
            page = self._store.query(
                label_keys.partition(self._tenant), limit=_PAGE, after=after, consistent=True
            )
            found += [_from_item(item) for item in page if "kind" in item]
            if len(page) < _PAGE:
                return Labels.of(found)
            after = page[-1][SK]["S"]

    def add(self, label: Label, event: Event) -> None:
        """Write a new label and its event.

        Raises NameTaken when there is one of its name, RuleBroken when there are too many of its kind.
        """
        kind = label.entity
        transaction = Transaction()
        self._put_new(transaction, label)
        transaction.put(items.event_to_item(self._tenant, event))
        few = f"attribute_not_exists({kind}s) OR {kind}s < :most"
        transaction.update(
            self.stamp_key,
            f"ADD stamp :one, {kind}s :one",
            {":one": {"N": "1"}, ":most": {"N": str(MAX_LABELS[kind])}},
            condition=few,
            refusal=lambda _: RuleBroken(
                f"There are {MAX_LABELS[kind]:,} {kind}s, the most a tenant has. Remove one first.",
                code=f"too_many_{kind}s",
            ),
        )
        self._commit(transaction)

    def replace(self, before: Label, after: Label, event: Event) -> None:
        """Write a changed label and its event.

        Raises NameTaken as `add` does, and ConcurrentChange when it is no longer at the version of `before`.
        """
        transaction = Transaction()
        if fold_name(before.name) == fold_name(after.name):
            self._put(transaction, after, "version = :before", {":before": {"N": str(before.version)}})
        else:
            self._put_new(transaction, after)
            self._take_away(transaction, before)
        self._stamped(transaction, event, "ADD stamp :one", {":one": {"N": "1"}})

    def remove(self, before: Label, event: Event) -> None:
        """Remove a label, with its event. Raises ConcurrentChange as `replace` does."""
        transaction = Transaction()
        self._take_away(transaction, before)
        numbers = {":one": {"N": "1"}, ":less": {"N": "-1"}}
        self._stamped(transaction, event, f"ADD stamp :one, {before.entity}s :less", numbers)

    def _stamped(self, transaction: Transaction, event: Event, expression: str, values: Item) -> None:
        transaction.put(items.event_to_item(self._tenant, event))
        transaction.update(self.stamp_key, expression, values)
        self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        try:
            self._store.commit(transaction)
        finally:
            self._memory.forget(self._tenant)

    def _put_new(self, transaction: Transaction, label: Label) -> None:
        self._put(transaction, label, "attribute_not_exists(PK)", {})

    def _put(self, transaction: Transaction, label: Label, condition: str, values: Item) -> None:
        is_own_write = "last_event = :event"

        def refusal(other: Item | None) -> Exception:
            if other is None or other["id"]["S"] == label.id:
                return ConcurrentChange()
            return NameTaken(label.entity, other["id"]["S"])

        transaction.put(
            {
                **self._key(label),
                "kind": {"S": label.entity},
                "id": {"S": label.id},
                "version": {"N": str(label.version)},
                "last_event": {"S": label.last_event},
                "label": {"S": label.model_dump_json(exclude={label.counted_in}, exclude_defaults=True)},
            },
            condition=f"{condition} OR {is_own_write}",
            values={**values, ":event": {"S": label.last_event}},
            refusal=refusal,
        )

    def _take_away(self, transaction: Transaction, label: Label) -> None:
        transaction.delete(
            self._key(label),
            condition="last_event = :event",
            values={":event": {"S": label.last_event}},
            refusal=lambda _: ConcurrentChange(),
        )

    def _key(self, label: Label) -> Key:
        return label_keys.label(self._tenant, label.entity, fold_name(label.name))


def _number_of(stamp: Item | None) -> int:
    return int(stamp["stamp"]["N"]) if stamp else 0


def _from_item(item: Item) -> Label:
    label = _KINDS[item["kind"]["S"]].model_validate_json(item["label"]["S"])
    return label.model_copy(update={"last_event": item["last_event"]["S"]})
