"""How long a Lambda function may go on with work that can wait for its next call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def has_time(context: Any, *, reserve: int = 15_000) -> Callable[[], bool]:
    """Tells, each time it is asked, whether a call has more than `reserve` milliseconds left: what a step may take."""
    return lambda: bool(context.get_remaining_time_in_millis() > reserve)
