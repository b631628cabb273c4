"""Optimistic concurrency: read, act, write on condition that nothing moved, and begin anew when somebody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import ConcurrentChange, VersionMismatch
from shared.services.backoff import pause_after

IfMatch = Callable[[int], bool]
"""Whether the caller's `If-Match` holds for a record's version."""

T = TypeVar("T")


def until_first(once: Callable[[], T], *, attempts: int, sleep: Callable[[float], None]) -> T:
    """What `once` gives: it reads, acts and writes, and raises ConcurrentChange when others were faster. It is then
    done again after a pause, `attempts` times at the most; ConcurrentChange is raised at last.
    """
    for attempt in range(attempts):
        try:
            return once()
        except ConcurrentChange:
            sleep(pause_after(attempt))
    raise ConcurrentChange()


def require_match(if_match: IfMatch | None, version: int) -> None:
    """Raises VersionMismatch when an `If-Match` was given that a record's version does not meet."""
    if if_match is not None and not if_match(version):
        raise VersionMismatch()
