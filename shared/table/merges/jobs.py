"""Merge jobs in the table: their records, the pairs and groups that they find, and what became of each group."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from shared.domain.callers import Caller
from shared.domain.jobs.merges import MergeRun, Pair
from shared.domain.jobs.quotas import MERGE_JOBS
from shared.domain.merges.groups import Group, GroupResult
from shared.domain.timestamps import plus, to_milliseconds
from shared.table import guards, walking
from shared.table.codec import to_json
from shared.table.item import Item, binary
from shared.table.jobs.records import JobItems, JobTable, JobWatchTable
from shared.table.keys import jobs as job_keys
from shared.table.keys.spelling import SK
from shared.table.store import Store
from shared.table.transactions import Transaction

_KEPT_SECONDS = 90 * 86_400
"""Seconds for which the pairs, the groups and their results are kept: 90 days, three times as long as merges can be
undone."""
_CHUNK = 100
"""Groups of one item."""
_PAGE = 100


def _from_members(members: dict[str, Any]) -> MergeRun:
    return MergeRun(**{**members, "caller": Caller(**members["caller"])})


ITEMS = JobItems(
    MERGE_JOBS, job_keys.merge_jobs, job_keys.merge_job, job_keys.merge_job_due, asdict, _from_members
)
"""How merge jobs are stored."""


class MergeJobTable(JobTable[MergeRun]):
    """The merge jobs of one tenant, of which at most one is under way."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        super().__init__(store, tenant_id, ITEMS)

    def save_found(self, before: MergeRun, after: MergeRun, pairs: Sequence[Pair]) -> None:
        """Write a changed job and the pairs that its latest portion found. Raises ConcurrentChange as `save` does."""
        transaction = Transaction()
        transaction.put(ITEMS.to_item(self._tenant, after), **guards.at_version(before.version))
        if pairs:
            transaction.put(
                {
                    **job_keys.merge_pairs(self._tenant, after.id, after.portions_done),
                    "pairs": {"B": zlib.compress(to_json(pairs).encode())},
                    **_expiry(after.created_at),
                }
            )
        self._store.commit(transaction)

    def pairs(self, run: MergeRun) -> Iterator[Pair]:
        """Yield the pairs that the portions of a job have found."""
        partition = job_keys.merge_job_parts(self._tenant, run.id)
        for row in walking.walk(
            self._store, partition, page=_PAGE, prefix=job_keys.MERGE_PAIRS, consistent=True
        ):
            yield from json.loads(zlib.decompress(binary(row["pairs"])))

    def put_groups(self, run: MergeRun, groups: Sequence[Group]) -> None:
        """Write the groups of a job. To write the same groups again changes nothing."""
        self._store.write_many(
            put=[
                {
                    **job_keys.merge_groups(self._tenant, run.id, start // _CHUNK),
                    "groups": {
                        "S": to_json([[one.contact_ids, one.size] for one in groups[start : start + _CHUNK]])
                    },
                    **_expiry(run.created_at),
                }
                for start in range(0, len(groups), _CHUNK)
            ]
        )

    def groups_after(self, run: MergeRun, number: int) -> list[tuple[int, Group]]:
        """Return the groups of one item that follow a group, each with its number, from 1; none after the last one."""
        item = self._store.get(job_keys.merge_groups(self._tenant, run.id, number // _CHUNK))
        if item is None:
            return []
        first = number // _CHUNK * _CHUNK + 1
        found = (Group(tuple(ids), size) for ids, size in json.loads(item["groups"]["S"]))
        return [(at, group) for at, group in enumerate(found, first) if at > number]

    def results(
        self, job_id: str, *, after: int | None, limit: int, descending: bool = False
    ) -> list[GroupResult]:
        """Return results of a job's groups after a number, in the order of the numbers or against it, as of now."""
        rows = self._store.query(
            job_keys.merge_job_parts(self._tenant, job_id),
            limit=limit,
            prefix=job_keys.MERGE_RESULTS,
            after=job_keys.merge_result(self._tenant, job_id, after)[SK]["S"] if after is not None else None,
            descending=descending,
            consistent=True,
        )
        return [_result_from_item(row) for row in rows]

    def note_result(self, run: MergeRun, result: GroupResult) -> GroupResult:
        """Write the result of a group, unless it has one. Returns the result that it has then."""
        item = result_to_item(self._tenant, run.id, run.created_at, result)
        if self._store.put(item, condition=guards.IS_NEW):
            return result
        found = self._store.get(job_keys.merge_result(self._tenant, run.id, result.number))
        return _result_from_item(found) if found is not None else result


class MergeJobWatchTable(JobWatchTable):
    """The merge jobs of all tenants, for the watch over jobs."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, job_keys.MERGE_JOBS_DUE)


def result_to_item(tenant_id: str, job_id: str, at: str, result: GroupResult) -> Item:
    """Return the item of the result of a job's group. `at`: the time of the result."""
    return {
        **job_keys.merge_result(tenant_id, job_id, result.number),
        "result": {"S": result.model_dump_json(exclude_defaults=True)},
        **_expiry(at),
    }


def _result_from_item(item: Item) -> GroupResult:
    return GroupResult.model_validate_json(item["result"]["S"])


def _expiry(at: str) -> Item:
    return {"expires_at": {"N": str(to_milliseconds(plus(at, _KEPT_SECONDS)) // 1000)}}
