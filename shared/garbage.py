"""How often Python looks for objects that only refer to each other."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 50_000
"""New containers after which young objects are looked at, instead of 700: about those of a chunk of an import."""


def look_seldom() -> None:
    """Make Python look for unreachable cycles seldom. For functions that work on many records at a time.

    Such work makes tens of thousands of objects at once and no cycles: with Python's defaults, a third of an import's
    time goes into looking at the same live objects again and again. What a cycle holds is freed later.
    """
    gc.set_threshold(_NEW_OBJECTS, 20, 100)
