"""Optimistic concurrency: read, act, write on condition that nothing moved, and begin anew when somebody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from shared.domain.errors import ConcurrentChange, VersionMismatch
from shared.domain.events import Event
from shared.domain.records import Recorded
from shared.services.backoff import pause_after

IfMatch = Callable[[int], bool]
"""Whether the caller's `If-Match` holds for a record's version."""

T = TypeVar("T")
R = TypeVar("R", bound=Recorded)


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


def changed(
    read: Callable[[], R],
    if_match: IfMatch | None,
    act: Callable[[R], tuple[R, Event] | None],
    save: Callable[[R, R, Event], None],
    *,
    attempts: int,
    sleep: Callable[[float], None],
) -> R:
    """The record as it is after a change. `read` gives it to a caller who may change it and refuses others; `act` the
    successor and its event, or None when nothing changes; `save` writes them under the version read.

    Raises VersionMismatch, and ConcurrentChange when others were faster every time.
    """

    def once() -> R:
        before = read()
        require_match(if_match, before.version)
        acted = act(before)
        if acted is None:
            return before
        after, event = acted
        save(before, after, event)
        return after

    return until_first(once, attempts=attempts, sleep=sleep)


def require_match(if_match: IfMatch | None, version: int) -> None:
    """Raises VersionMismatch when an `If-Match` was given that a record's version does not meet."""
    if if_match is not None and not if_match(version):
        raise VersionMismatch()
