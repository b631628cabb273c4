"""Several posting lists, walked as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Walk(Protocol):
    """A walk of one list; see `shared.table.postings.PostingWalk`."""

    def seek(self, bound: int) -> int | None: ...


class UnionWalk:
    """A walk of all ids of several lists, in the direction of their walks. An id that is in several is found once."""

    def __init__(self, walks: Iterable[Walk], *, descending: bool) -> None:
        self._direction = -1 if descending else 1
        self._unread = list(walks)
        self._ahead: list[tuple[int, Walk]] = []

    def seek(self, bound: int) -> int | None:
        """The next id at or beyond `bound` in the direction of the walk; None at the end.

        Bounds may only move in the direction of the walk. A list is asked again only when the bound has passed the id
        that it returned last, and never after its end.
        """
        passed = [walk for found, walk in self._ahead if (bound - found) * self._direction > 0]
        ahead = [(found, walk) for found, walk in self._ahead if (bound - found) * self._direction <= 0]
        for walk in (*self._unread, *passed):
            found = walk.seek(bound)
            if found is not None:
                ahead.append((found, walk))
        self._unread, self._ahead = [], ahead
        if not ahead:
            return None
        return self._direction * min(found * self._direction for found, _ in ahead)
