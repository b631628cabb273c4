"""Bulk jobs in the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.filter import ContactFilter
from shared.domain.events import Event
from shared.domain.jobs.bulk import BulkRun
from shared.domain.jobs.quotas import BULK_JOBS
from shared.table import event_items, walking
from shared.table.codec import to_json
from shared.table.guards import at_version
from shared.table.item import Item
from shared.table.jobs.slots import Slots
from shared.table.keys import jobs as job_keys
from shared.table.store import Store
from shared.table.transactions import Transaction

_PAGE = 100


class BulkJobTable:
    """The bulk jobs of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id
        self._slots = Slots(store, tenant_id, BULK_JOBS)

    def get(self, job_id: str) -> BulkRun | None:
        """Return a job, or None. The read is consistent."""
        item = self._store.get(job_keys.bulk_job(self._tenant, job_id))
        return _from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[BulkRun]:
        """Return jobs, the newest first, after the job id `after`."""
        rows = self._store.query(job_keys.bulk_jobs(self._tenant), limit=limit, after=after, descending=True)
        return [_from_item(row) for row in rows]

    def add(self, run: BulkRun) -> None:
        """Write a new job. Raises QuotaReached when the tenant has too many jobs under way."""

        def build() -> Transaction:
            transaction = Transaction()
            transaction.put(job_to_item(self._tenant, run))
            return transaction

        self._slots.commit(build, run.id, now=timestamps.to_milliseconds(run.created_at) // 1000)

    def save(self, before: BulkRun, after: BulkRun, event: Event | None = None) -> None:
        """Write a changed job and its event. Raises ConcurrentChange when another writer has changed the job."""
        transaction = Transaction()
        transaction.put(job_to_item(self._tenant, after), **at_version(before.version))
        if after.due_at is None:  # no work is left for it
            self._slots.release(transaction, after.id)
        if event is not None:
            transaction.put(event_items.event_to_item(self._tenant, event))
        self._store.commit(transaction)


class BulkWatchTable:
    """The bulk jobs of all tenants, for the watch over jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def due(self, at: str) -> Iterator[tuple[str, str]]:
        """Yield (tenant id, job id) of the jobs that are due for a look at a time, the longest overdue first.

        An index entry follows its job within moments, so a job may have made progress or ended already.
        """
        return walking.walk_due_records(self._store, job_keys.BULK_DUE, at, page=_PAGE)


def job_to_item(tenant_id: str, run: BulkRun) -> Item:
    """Return the item of a job."""
    item: Item = {
        **job_keys.bulk_job(tenant_id, run.id),
        "version": {"N": str(run.version)},
        "job": {"S": to_json(_to_members(run))},
    }
    if run.due_at:
        item.update(job_keys.bulk_due(run.due_at, run.id))
    return item


def _to_members(run: BulkRun) -> dict[str, Any]:
    members = {**asdict(run), "wanted": _conditions_of(asdict(run.wanted))}
    # Left out where they say nothing: each kilobyte of a job costs two units whenever it is written.
    if run.starts_at == run.created_at:
        del members["starts_at"]
    if not run.closed_by:
        del members["closed_by"]
    return members


def _conditions_of(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the conditions of a filter that are set."""
    given = {name: value for name, value in wanted.items() if value not in (None, ())}
    return {**given, "also": [_conditions_of(one) for one in wanted["also"]]}


def _from_item(item: Item) -> BulkRun:
    members: dict[str, Any] = json.loads(item["job"]["S"], object_hook=_with_tuples)
    members.setdefault("starts_at", members["created_at"])
    members["caller"] = Caller(**members["caller"])
    members["wanted"] = _filter_of(members["wanted"])
    return BulkRun(**members)


def _filter_of(members: dict[str, Any]) -> ContactFilter:
    return ContactFilter(**{**members, "also": tuple(map(_filter_of, members["also"]))})


def _with_tuples(members: dict[str, Any]) -> dict[str, Any]:
    return {name: _to_tuple(value) if isinstance(value, list) else value for name, value in members.items()}


def _to_tuple(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_to_tuple(one) if isinstance(one, list) else one for one in values)
