"""The chains of an import's chunks, of which only a few are queued at a time.

A file of two million rows has ten thousand chunks. If all of them were queued at once, another tenant's file would wait
for all of them. Therefore only the first MOST_QUEUED chunks are queued, and the worker that closes a chunk queues the
chunk that comes MOST_QUEUED later: the chunks form MOST_QUEUED chains, each with one message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

MOST_QUEUED = 20
"""Chunks of an import that are queued at a time: twice as many as a deployment works on at once."""


def open_ends(closed: Collection[int], total: int) -> Iterator[int]:
    """Yield the first chunk of each chain that is not closed. `total`: the number of chunks."""
    for first in range(min(MOST_QUEUED, total)):
        number = next((one for one in range(first, total, MOST_QUEUED) if one not in closed), None)
        if number is not None:
            yield number


def next_of_chain(number: int, total: int) -> int | None:
    """Return the chunk that follows another one in its chain; None at the end of the chain."""
    following = number + MOST_QUEUED
    return following if following < total else None
