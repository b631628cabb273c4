"""When the watches look at work in the background: often at first, later and later while nothing moves, and then no
more.
"""

from __future__ import annotations

FIRST_LOOK_SECONDS = 300
"""After how long without a move work is looked at first."""
SUSPENDED_PAUSE_SECONDS = 3_600
"""When a suspended tenant's work is looked at again, and so how soon it goes on once the tenant is back."""
IDLE_LOOKS = 8
"""After so many looks at which nothing had moved, about a day, work is given up."""
_LONGEST_PAUSE_SECONDS = 21_600


def pause_after_look(idle_looks: int) -> int:
    """The seconds until the next look, after so many at which nothing had moved.

    They double: work may stand still for nothing but a long queue, which more messages make longer.
    """
    doubled: int = FIRST_LOOK_SECONDS * 2**idle_looks
    return min(doubled, _LONGEST_PAUSE_SECONDS)
