"""How long to wait before something is tried again."""

from __future__ import annotations

import random


def pause_after(attempt: int, *, first: float = 0.01, most: float = 0.4) -> float:
    """The seconds to wait after an attempt, counted from 0, that came to nothing: chance, so that those who met part.

    `first`: the longest wait after the first attempt; it doubles with each, up to `most`. By default as suits writers
    of one record.
    """
    # Full jitter (Amazon Builders' Library, "Timeouts, retries and backoff with jitter").
    return random.uniform(0, min(most, first * 2**attempt))  # noqa: S311
