"""Merge jobs for the `JobRunner`: suggestions are read, put together to groups, and each group is merged.

Everything that a portion finds out is written by its close, which happens once. Only merging has effects before that:
the merge of a group and the group's result are one transaction, and a group has one result. So a group is merged once,
however often its portion is killed and repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import (
    ConcurrentChange,
    Conflict,
    DomainError,
    Merged,
    NotFound,
    RateLimited,
    Unavailable,
)
from shared.domain.jobs.merges import (
    MAX_PAIRS,
    Found,
    Grouped,
    MergeRun,
    MergeTask,
    Pair,
    Result,
    Worked,
)
from shared.domain.merges.groups import (
    MOST_IN_GROUP,
    Group,
    GroupMerge,
    GroupResult,
    by_history,
    changed_meanwhile,
    groups_of,
    is_connected,
)
from shared.domain.merges.views import MergeInput, MergeResult
from shared.domain.tenant import Tenant
from shared.services.backoff import RECORD
from shared.services.duplicates.suggestions import ComparedGroup, Suggestion
from shared.services.jobs.queue import TaskQueue
from shared.services.jobs.runner import Portion, find_portion
from shared.services.merges.jobs import MergeJobs
from shared.services.walks import Step

_PAIRS_AT_ONCE = 1_000
"""Pairs of one portion: one item of the table."""
_COMPARED_AT_ONCE = 100
"""Pairs whose dismissals are looked up together."""
_RESULTS_AT_ONCE = 100
"""Merges that one portion undoes at most."""
_LOOK_SECONDS = 5.0
"""Seconds after which a portion reads the record again, to stop when the job was cancelled."""


class Alike(Protocol):
    """Finds pairs of contacts, both of which one caller may see; see
    `shared.services.duplicates.suggestions.Suggestions`."""

    def walk(
        self, after: Sequence[str] | None, min_score: int, *, most: int
    ) -> Iterator[Step[Suggestion]]: ...

    def compare_all(self, contact_ids: Sequence[str], min_score: int) -> ComparedGroup: ...


class Merger(Protocol):
    """Merges contacts for one caller; see `shared.services.merges.merging.Merging`."""

    def merge(self, given: MergeInput, of_group: GroupMerge | None = None) -> MergeResult: ...

    def undo(self, merge_id: str) -> MergeResult: ...


class Records(Protocol):
    """The contacts of one tenant; see `shared.table.merges.repository.MergeTable`."""

    def contacts(self, contact_ids: Iterable[str]) -> dict[str, Contact]: ...


class WorkedJobs(MergeJobs, Protocol):
    """The merge jobs of one tenant; see `shared.table.merges.jobs.MergeJobTable`."""

    def save_found(self, before: MergeRun, after: MergeRun, pairs: Sequence[Pair]) -> None: ...

    def pairs(self, run: MergeRun) -> Iterator[Pair]: ...

    def put_groups(self, run: MergeRun, groups: Sequence[Group]) -> None: ...

    def groups_after(self, run: MergeRun, number: int) -> list[tuple[int, Group]]: ...

    def note_result(self, run: MergeRun, result: GroupResult) -> GroupResult: ...


class MergePortions:
    """Merge jobs for the `JobRunner`.

    `alike(caller)`, `merger(caller)`: what finds pairs and merges them for the caller of a job. `records(tenant_id)`:
    the contacts of a tenant. `may_go_on`: whether the portion may take more contacts.
    """

    def __init__(
        self,
        jobs: Callable[[str], WorkedJobs],
        alike: Callable[[Caller], Alike],
        merger: Callable[[Caller], Merger],
        records: Callable[[str], Records],
        queue: TaskQueue[MergeTask],
        *,
        may_go_on: Callable[[], bool],
        now: Callable[[], str] = timestamps.now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._alike = alike
        self._merger = merger
        self._records = records
        self._queue = queue
        self._may_go_on = may_go_on
        self._now = now
        self._clock = clock

    def find(self, task: MergeTask) -> Portion[MergeRun] | None:
        """Return the portion; None when later ones are closed, or the job has ended. The open portion of a cancelled
        job is returned too."""
        run = self._jobs(task.tenant_id).get(task.job_id)
        if run is None:
            raise LookupError("a portion of a merge job that is not there")
        if not run.has_work:
            return None
        return find_portion(run, task)

    def refuse(self) -> None:
        """Leave the portion to the watch."""

    def work(self, task: MergeTask, run: MergeRun, _tenant: Tenant) -> Result | None:
        """Do what the stage of the job asks for. Raises ConcurrentChange when others changed the job."""
        jobs = self._jobs(task.tenant_id)
        if run.stage == "search":
            return self._search(run)
        if run.stage == "group":
            groups = groups_of(jobs.pairs(run))
            jobs.put_groups(run, groups)
            return Grouped(len(groups))
        if not run.is_open:
            opened = run.open_portion(at=self._now())
            jobs.save(run, opened)
            run = opened
        return self._undo(jobs, run) if run.action == "undo" else self._merge(jobs, run)

    def _search(self, run: MergeRun) -> Found:
        """Read the next suggestions, and leave out those that the caller may not merge."""
        caller = run.caller
        merges_all = caller.level("contacts:merge") == "all"
        most = min(_PAIRS_AT_ONCE, MAX_PAIRS - run.pairs)
        pairs: list[Pair] = []
        position, left_out = run.position, 0
        walk = self._alike(caller).walk(run.position, run.min_score, most=_COMPARED_AT_ONCE)
        for position, is_match, pair in walk:
            if is_match and pair is not None:
                if merges_all or all(caller.owns_contact(one.contact) for one in (pair.one, pair.other)):
                    pairs.append(pair.pair)
                else:
                    left_out += 1
            if len(pairs) == most or not self._may_go_on():
                return Found(tuple(pairs), position, left_out)
        return Found(tuple(pairs), None, left_out)

    def _merge(self, jobs: WorkedJobs, run: MergeRun) -> Worked:
        """Merge the next groups. A group that has a result, from an attempt that was killed, keeps it."""
        groups = jobs.groups_after(run, run.done)
        known = {one.number: one for one in jobs.results(run.id, after=run.done, limit=len(groups) or 1)}
        caller = replace(run.caller, job_id=run.id)
        alike, merger = self._alike(caller), self._merger(caller)
        may_go_on = self._while_wanted(run)
        results: list[GroupResult] = []
        for number, group in groups:
            found = known.get(number)
            if found is None:
                if not may_go_on():
                    break
                made = self._merge_group(run, alike, merger, number, group)
                found = made if made.outcome == "merged" else jobs.note_result(run, made)
            results.append(found)
        return Worked(tuple(results), run.done + len(results) >= (run.groups or 0))

    def _merge_group(
        self, run: MergeRun, alike: Alike, merger: Merger, number: int, group: Group
    ) -> GroupResult:
        ids = group.contact_ids
        if group.is_too_large:
            message = f"{group.size} contacts are alike. A job merges groups of at most {MOST_IN_GROUP}."
            return GroupResult.refuse(number, ids, "group_too_large", message)
        try:
            survivor, *merged = by_history(self._require_alike(run, alike, ids))
            versions = {one.id: one.version for one in (survivor, *merged)}
            merged_ids = [one.id for one in merged]
            given = MergeInput(survivor_id=survivor.id, merged_ids=merged_ids, dry_run=run.dry_run)
            made = merger.merge(given, GroupMerge(number, versions))
        except (Unavailable, RateLimited):
            raise
        except (ConcurrentChange, Merged, NotFound):
            refused = changed_meanwhile()
            return GroupResult.refuse(number, ids, refused.code, refused.detail)
        except DomainError as refusal:
            return GroupResult.refuse(number, ids, refusal.code, refusal.detail)
        return GroupResult(
            number=number,
            outcome="planned" if made.id is None else "merged",
            contact_ids=[made.survivor_id, *made.merged_ids],
            survivor_id=made.survivor_id,
            merge_id=made.id,
        )

    def _require_alike(self, run: MergeRun, alike: Alike, ids: Sequence[str]) -> list[Contact]:
        """Return the records of a group's contacts. Raises Conflict unless these are still suggested as one person."""
        compared = alike.compare_all(ids, run.min_score)
        records = self._records(run.tenant_id).contacts(ids)
        versions = {one.id: one.version for one in records.values() if one.deleted_at is None}
        is_current = {one.id: one.version for one in compared.contacts.values()} == versions
        if not is_current or not is_connected(ids, compared.alike):
            raise changed_meanwhile()
        if not is_connected(ids, compared.alike - compared.dismissed):
            message = "Contacts of the group were dismissed as duplicates after they were suggested."
            raise Conflict(message, code="dismissed")
        return list(records.values())

    def _undo(self, jobs: WorkedJobs, run: MergeRun) -> Worked:
        """Undo the next merges, the last one first. One that was undone stays so."""
        undone = run.undoes or ""
        rows = jobs.results(undone, after=run.position, limit=_RESULTS_AT_ONCE, descending=True)
        own = jobs.results(run.id, after=run.position, limit=_RESULTS_AT_ONCE, descending=True)
        known = {one.number: one for one in own}
        merger = self._merger(replace(run.caller, job_id=run.id))
        may_go_on = self._while_wanted(run)
        results: list[GroupResult] = []
        position = run.position
        for row in rows:
            if row.merge_id is not None and row.outcome == "merged":
                found = known.get(row.number)
                if found is None:
                    if not may_go_on():
                        break
                    found = jobs.note_result(run, self._undo_merge(merger, row, row.merge_id))
                results.append(found)
            position = row.number
        is_last = len(rows) < _RESULTS_AT_ONCE and (not rows or position == rows[-1].number)
        return Worked(tuple(results), is_last, position)

    def _undo_merge(self, merger: Merger, row: GroupResult, merge_id: str) -> GroupResult:
        try:
            made = merger.undo(merge_id)
        except (Unavailable, RateLimited):
            raise
        except DomainError as refusal:
            return GroupResult.refuse(
                row.number, row.contact_ids, refusal.code, refusal.detail, merge_id=merge_id
            )
        kept = len(made.undo.kept) if made.undo is not None else 0
        return row.model_copy(update={"outcome": "undone", "kept": kept})

    def _while_wanted(self, run: MergeRun) -> Callable[[], bool]:
        """Return whether the portion may go on with a further group, as a function. It may with the first one, unless
        the job was cancelled; the record is read again every few seconds.
        """
        looked, is_first, is_wanted = self._clock(), True, run.is_under_way

        def goes_on() -> bool:
            nonlocal looked, is_first, is_wanted
            if is_wanted and self._clock() - looked >= _LOOK_SECONDS:
                current = self._jobs(run.tenant_id).get(run.id)
                is_wanted, looked = current is not None and current.is_under_way, self._clock()
            may_go_on = is_wanted and (is_first or self._may_go_on())
            is_first = False
            return may_go_on

        return goes_on

    def close(self, task: MergeTask, _run: MergeRun, result: Result) -> MergeRun | None:
        """Count the result, and complete the job after its last group."""
        jobs = self._jobs(task.tenant_id)
        for _ in RECORD.tries():
            current = self.find(task)
            if current is None or current.is_closed:
                return None
            closed = current.run.close(result, task_id=task.id, at=self._now())
            try:
                if isinstance(result, Found):
                    jobs.save_found(current.run, closed, result.pairs)
                else:
                    jobs.save(current.run, closed)
            except ConcurrentChange:  # cancelled, or put off by the watch
                continue
            return closed
        raise ConcurrentChange()

    def queue_next(self, task: MergeTask, run: MergeRun) -> None:
        """Queue the next portion of a job that has not ended."""
        if run.is_under_way:
            self._queue.send([MergeTask(task.tenant_id, run.id, run.portions_done + 1)])
