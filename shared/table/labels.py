"""Tags, types and groups in the table: all of a tenant's are in one partition, read together and kept in memory.

A stamp in the same partition changes with each change of a label. Reading the stamp tells whether the labels in memory
are still current (docs/decisions/0013-labels.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.domain.errors import ConcurrentChange, Conflict, NameTaken, RuleBroken, Unavailable
from shared.domain.events import Event
from shared.domain.groups.record import Group
from shared.domain.labels.record import MAX_LABELS, NO_LABELS, ContactType, Label, Labels, Tag
from shared.domain.text import fold_name
from shared.table import event_items, guards, walking
from shared.table.codec import whole_record
from shared.table.guards import Guard
from shared.table.item import Item
from shared.table.keys import labels as label_keys
from shared.table.keys.spelling import Key
from shared.table.store import Store
from shared.table.transactions import Refusal, Transaction

RECENT_SECONDS = 1.0
"""Seconds that labels may be out of date where names are looked up, or shown in lists, which follow changes within
about a second anyway. A contact that is read by its id is shown with the current names.
"""
_PAGE = 1_000
_ATTEMPTS = 6
"""How often labels are read when they change meanwhile."""
_KINDS: dict[str, type[Label]] = {one.entity: one for one in (Tag, ContactType, Group)}


class LabelMemory:
    """The labels of tenants as this process last read them, each with their stamp."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[str, tuple[int, Labels, float]] = {}

    def find(self, tenant_id: str, stamp: int) -> Labels | None:
        """Return a tenant's labels in memory if they have the stamp that was just read."""
        known = self._known.get(tenant_id)
        if known is None or known[0] != stamp:
            return None
        self._known[tenant_id] = (stamp, known[1], self._clock())
        return known[1]

    def recent(self, tenant_id: str) -> Labels | None:
        """Return a tenant's labels if they were current a moment ago."""
        known = self._known.get(tenant_id)
        return known[1] if known and self._clock() - known[2] < RECENT_SECONDS else None

    def forget(self, tenant_id: str) -> None:
        """Forget a tenant's labels, because this process changed them."""
        self._known.pop(tenant_id, None)

    def keep(self, tenant_id: str, stamp: int, labels: Labels) -> None:
        """Keep labels that were read after their stamp."""
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
        """The key of the stamp, which `at` takes."""
        return label_keys.stamp(self._tenant)

    def current(self) -> Labels:
        """Return all labels as of now."""
        return self.at(self._store.get(self.stamp_key))

    def recent(self) -> Labels:
        """Return all labels as of at most a second ago, including all changes by this process."""
        return self._memory.recent(self._tenant) or self.current()

    def at(self, stamp: Item | None) -> Labels:
        """Return all labels as of a stamp that was just read, or later."""
        known = self._memory.find(self._tenant, _number_of(stamp))
        return known or self._read(stamp)

    def _read(self, stamp: Item | None) -> Labels:
        """Return all labels, read between two reads of the same stamp.

        So they are those of one moment, even if they take several calls.
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
        rows = walking.walk(self._store, label_keys.partition(self._tenant), page=_PAGE, consistent=True)
        return Labels.of([_from_item(row) for row in rows if "kind" in row])

    def add(self, label: Label, event: Event) -> None:
        """Write a new label and its event.

        Raises NameTaken when a label of the kind has the name, RuleBroken when there are too many of the kind.
        """
        kind = label.entity
        transaction = Transaction()
        self._put_new(transaction, label)
        event_items.add_event(transaction, self._tenant, event)
        has_room = f"attribute_not_exists({kind}s) OR {kind}s < :most"
        transaction.update(
            self.stamp_key,
            f"ADD stamp :one, {kind}s :one",
            {":one": {"N": "1"}, ":most": {"N": str(MAX_LABELS[kind])}},
            condition=has_room,
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
            self._put(
                transaction,
                after,
                guards.at_version_or_own(before.version, after.last_event, _refusal_for(after)),
            )
        else:
            self._put_new(transaction, after)
            self._delete(transaction, before)
        self._commit_with_event(transaction, before, event, "ADD stamp :one", {":one": {"N": "1"}})

    def remove(self, before: Label, event: Event) -> None:
        """Remove a label, with its event. Raises ConcurrentChange when it is no longer as `before`."""
        transaction = Transaction()
        self._delete(transaction, before)
        numbers = {":one": {"N": "1"}, ":less": {"N": "-1"}}
        self._commit_with_event(
            transaction, before, event, f"ADD stamp :one, {before.entity}s :less", numbers
        )

    def _commit_with_event(
        self, transaction: Transaction, before: Label, event: Event, expression: str, values: Item
    ) -> None:
        event_items.add_event(transaction, self._tenant, event, follows=before.last_event)
        transaction.update(self.stamp_key, expression, values)
        self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        is_refused = False
        try:
            self._store.commit(transaction)
        except (Conflict, RuleBroken):  # of a condition: nothing was written
            is_refused = True
            raise
        finally:
            if not is_refused:
                self._memory.forget(self._tenant)

    def _put_new(self, transaction: Transaction, label: Label) -> None:
        self._put(transaction, label, guards.is_new_or_own(label.last_event, _refusal_for(label)))

    def _put(self, transaction: Transaction, label: Label, guard: Guard) -> None:
        transaction.put(
            {
                **whole_record(
                    self._key(label),
                    "label",
                    label.model_dump_json(exclude={label.counted_in}, exclude_defaults=True),
                    version=label.version,
                    last_event=label.last_event,
                ),
                "kind": {"S": label.entity},
                "id": {"S": label.id},
            },
            **guard,
        )

    def _delete(self, transaction: Transaction, label: Label) -> None:
        transaction.delete(
            self._key(label),
            condition="last_event = :event",
            values={":event": {"S": label.last_event}},
            refusal=guards.concurrent_change,
        )

    def _key(self, label: Label) -> Key:
        return label_keys.label(self._tenant, label.entity, fold_name(label.name))


def _refusal_for(label: Label) -> Refusal:
    def refusal(other: Item | None) -> Exception:
        if other is None or other["id"]["S"] == label.id:
            return ConcurrentChange()
        return NameTaken(label.entity, other["id"]["S"])

    return refusal


def _number_of(stamp: Item | None) -> int:
    return int(stamp["stamp"]["N"]) if stamp else 0


def _from_item(item: Item) -> Label:
    label = _KINDS[item["kind"]["S"]].model_validate_json(item["label"]["S"])
    return label.model_copy(update={"last_event": item["last_event"]["S"]})
