"""The time that a Lambda function has left for work that can wait for its next call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def has_time(context: Any, *, reserve: int = 15_000) -> Callable[[], bool]:
    """Return a function that returns True while the call has more than `reserve` milliseconds left.

    `reserve`: the time that one step may take.
    """
    return lambda: bool(context.get_remaining_time_in_millis() > reserve)
