"""How often Python collects cyclic garbage."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 50_000
"""New containers after which the youngest generation is collected, instead of 700: about those of an import's chunk."""


def look_seldom() -> None:
    """Make Python collect cyclic garbage less often. For functions that work on many records at a time.

    Such work makes tens of thousands of objects at once and no cycles: with Python's defaults, a third of an import's
    time goes into traversing the same live objects again and again. Objects in cycles are freed later.
    """
    gc.set_threshold(_NEW_OBJECTS, 20, 100)
