"""The watch over jobs: when it looks at a job, and what it does about a job that makes no progress.

It looks often at first, then at longer and longer intervals while nothing moves, and at last gives the job up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FIRST_LOOK_SECONDS = 300
"""Seconds without progress after which the watch first looks at a job."""
SUSPENDED_PAUSE_SECONDS = 3_600
"""Seconds until the watch looks at the job of a suspended tenant again, and so the longest time until the job goes on
after the tenant is back."""
IDLE_LOOKS = 8
"""Looks without progress, about a day of them, after which a job is given up."""
_LONGEST_PAUSE_SECONDS = 21_600

Finding = Literal["moving", "waiting", "driven_on", "given_up"]
"""The job makes progress; its tenant is suspended; it made no progress and is queued again; it is given up."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a job. `idle_looks`: the looks without progress in a row, this one included. `pause_seconds`: the time
    until the next look."""

    finding: Finding
    idle_looks: int
    pause_seconds: int


def look_at(*, idle_looks: int, has_moved: bool, is_suspended: bool) -> Look:
    """Decide about a job after `idle_looks` looks in a row without progress.

    A job of a suspended tenant cannot make progress, so such a look does not count: once the tenant is back, the looks
    are counted from zero.
    """
    if is_suspended:
        return Look("waiting", 0, SUSPENDED_PAUSE_SECONDS)
    if has_moved:
        return Look("moving", 0, pause_after_look(0))
    idle_looks += 1
    finding: Finding = "driven_on" if idle_looks <= IDLE_LOOKS else "given_up"
    return Look(finding, idle_looks, pause_after_look(idle_looks))


def pause_after_look(idle_looks: int) -> int:
    """Return the seconds until the next look, after so many looks in a row without progress.

    They double: a job may be waiting only for a long queue, which more messages make longer.
    """
    doubled: int = FIRST_LOOK_SECONDS * 2**idle_looks
    return min(doubled, _LONGEST_PAUSE_SECONDS)
