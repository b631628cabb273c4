"""The records of jobs in the table: the same for all kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.events import Event
from shared.domain.jobs.quotas import Quota
from shared.table import event_items, walking
from shared.table.codec import to_json
from shared.table.guards import at_version
from shared.table.item import Item
from shared.table.jobs.slots import Slots
from shared.table.keys.spelling import Key
from shared.table.store import Store
from shared.table.transactions import Transaction

_PAGE = 100


class JobRecord(Protocol):
    """The record of a job."""

    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def due_at(self) -> str | None: ...


Run = TypeVar("Run", bound=JobRecord)


@dataclass(frozen=True, slots=True)
class JobItems(Generic[Run]):
    """How the records of one kind of job are stored.

    `partition(tenant_id)` and `key(tenant_id, job_id)` spell the keys, `due(at, job_id)` the index attributes of a job
    that is due for a look. `to_members` and `from_members` turn a record into what JSON can hold, and back.
    """

    quota: Quota
    partition: Callable[[str], str]
    key: Callable[[str, str], Key]
    due: Callable[[str, str], Key]
    to_members: Callable[[Run], dict[str, Any]]
    from_members: Callable[[dict[str, Any]], Run]

    def to_item(self, tenant_id: str, run: Run) -> Item:
        """Return the item of a job."""
        item: Item = {
            **self.key(tenant_id, run.id),
            "version": {"N": str(run.version)},
            "job": {"S": to_json(self.to_members(run))},
        }
        if run.due_at:
            item.update(self.due(run.due_at, run.id))
        return item

    def from_item(self, item: Item) -> Run:
        """Return the job of an item."""
        return self.from_members(json.loads(item["job"]["S"], object_hook=_with_tuples))


class JobTable(Generic[Run]):
    """The jobs of one kind of one tenant."""

    def __init__(self, store: Store, tenant_id: str, items: JobItems[Run]) -> None:
        self._store = store
        self._tenant = tenant_id
        self._items = items
        self._slots = Slots(store, tenant_id, items.quota)

    def get(self, job_id: str) -> Run | None:
        """Return a job, or None. The read is consistent."""
        item = self._store.get(self._items.key(self._tenant, job_id))
        return self._items.from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[Run]:
        """Return jobs, the newest first, after the job id `after`."""
        partition = self._items.partition(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True)
        return [self._items.from_item(row) for row in rows]

    def add(self, run: Run) -> None:
        """Write a new job. Raises QuotaReached when the tenant has too many jobs of the kind under way."""

        def build() -> Transaction:
            transaction = Transaction()
            transaction.put(self._items.to_item(self._tenant, run))
            return transaction

        self._slots_of(run).commit(build, run.id, now=timestamps.to_milliseconds(run.created_at) // 1000)

    def save(self, before: Run, after: Run, event: Event | None = None) -> None:
        """Write a changed job and its event. Raises ConcurrentChange when another writer has changed the job."""
        transaction = Transaction()
        transaction.put(self._items.to_item(self._tenant, after), **at_version(before.version))
        if after.due_at is None:  # no work is left for it
            self._slots_of(after).release(transaction, after.id)
        if event is not None:
            event_items.add_event(transaction, self._tenant, event)
        self._store.commit(transaction)

    def _slots_of(self, _run: Run) -> Slots:
        """Return the slots of which a job takes one."""
        return self._slots


class JobWatchTable:
    """The jobs of one kind of all tenants, for the watch over jobs. `partition`: of the index, such as BULK_DUE."""

    def __init__(self, store: Store, partition: str) -> None:
        self._store = store
        self._partition = partition

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield (tenant id, job id) of the jobs that are due for a look at a time, the longest overdue first.

        An index entry follows its job within moments, so a job may have made progress or ended already.
        """
        return walking.walk_due_records(self._store, self._partition, at, page=_PAGE)


def to_members(run: Any) -> dict[str, Any]:
    """Return the members of a record with a caller and a filter, `wanted`."""
    return {**asdict(run), "wanted": _conditions_of(asdict(run.wanted))}


def from_members(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a record with its caller and its filter; the inverse of `to_members`."""
    return {**members, "caller": Caller(**members["caller"]), "wanted": _filter_of(members["wanted"])}


def _conditions_of(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions of a filter that are set."""
    given = {name: value for name, value in wanted.items() if value not in (None, ())}
    return {**given, "also": [_conditions_of(one) for one in wanted["also"]]}


def _filter_of(members: dict[str, Any]) -> ContactFilter:
    return ContactFilter(**{**members, "also": tuple(map(_filter_of, members["also"]))})


def _with_tuples(members: dict[str, Any]) -> dict[str, Any]:
    return {name: _to_tuple(value) if isinstance(value, list) else value for name, value in members.items()}


def _to_tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_to_tuple(one) if isinstance(one, list) else one for one in values)
