"""How long to wait before something is tried again."""

from __future__ import annotations

from random import SystemRandom

# Seeded by the operating system: instances restored from one snapshot would all draw the same numbers from `random`
# (AWS Lambda developer guide, "Handling uniqueness with Lambda SnapStart").
_chance = SystemRandom()


def fraction() -> float:
    """A number from 0 up to 1, by chance that no two processes share."""
    return _chance.random()


def pause_after(attempt: int, *, first: float = 0.01, most: float = 0.4) -> float:
    """The seconds to wait after an attempt, counted from 0, that came to nothing: chance, so that those who met part.

    `first`: the longest wait after the first attempt; it doubles with each, up to `most`. By default as suits writers
    of one record.
    """
    # Full jitter (Amazon Builders' Library, "Timeouts, retries and backoff with jitter").
    return fraction() * min(most, first * 2.0**attempt)
