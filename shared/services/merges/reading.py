"""Reads merges, as far as a caller may see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.domain.callers import Caller
from shared.domain.errors import NotFound
from shared.domain.ids import is_id
from shared.domain.merges.record import Merge
from shared.services.paging import Cursors, Page
from shared.services.walks import Step, read_page_of_steps


@dataclass(frozen=True, slots=True)
class MergeFilter:
    """Conditions on merges. `contact_id`: the survivor or a merged contact. `job_id`: the job that made the merge."""

    state: Literal["done", "undone"] | None = None
    survivor_id: str | None = None
    contact_id: str | None = None
    job_id: str | None = None

    def matches(self, merge: Merge) -> bool:
        """Return whether a merge meets all conditions that are set."""
        return (
            (self.state is None or merge.state == self.state)
            and (self.survivor_id is None or merge.survivor_id == self.survivor_id)
            and (self.contact_id is None or self.contact_id in (merge.survivor_id, *merge.merged_ids))
            and (self.job_id is None or self.job_id == merge.job_id)
        )

    def is_past(self, merge: Merge) -> bool:
        """Return whether neither a merge nor an older one matches. The merges of a job have later ids than the job."""
        return self.job_id is not None and merge.id < self.job_id


class ReadableMerges(Protocol):
    """The merges of one tenant; see `shared.table.merges.repository.MergeTable`."""

    def get(self, merge_id: str) -> Merge | None: ...

    def walk_newest(self, *, after: str | None, portion: int) -> Iterator[Merge]: ...


class MergeReading:
    """The merges that one caller may see: all of them, or at level `own` those that the caller made."""

    def __init__(self, caller: Caller, merges: ReadableMerges, cursors: Cursors) -> None:
        self._caller = caller
        self._merges = merges
        self._cursors = cursors

    def read(self, merge_id: str) -> Merge:
        """Return a merge. Raises NotFound for one that the caller may not see, as if it were missing."""
        self._caller.require("contacts:read")
        merge = self._merges.get(merge_id) if is_id(merge_id) else None
        if merge is None or not self._sees(merge):
            raise NotFound("Merge")
        return merge

    def list(self, wanted: MergeFilter, *, limit: int, cursor: str | None) -> Page[Merge]:
        """Return a page of merges that match, the newest first. It is shorter, with a cursor, when the budget is
        spent.
        """
        self._caller.require("contacts:read")

        def steps(after: str | None) -> Iterator[Step[Merge]]:
            for merge in self._merges.walk_newest(after=after, portion=limit + 1):
                if wanted.is_past(merge):
                    return
                yield merge.id, wanted.matches(merge) and self._sees(merge), merge

        return read_page_of_steps(
            steps,
            lambda merge: merge,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("merges", repr(wanted)),
        )

    def _sees(self, merge: Merge) -> bool:
        return self._caller.level("contacts:read") == "all" or merge.by == self._caller.actor
