"""The plan of an import: where in its file each chunk of rows lies, so that no more than a few are queued at a time.

A file of two million rows has ten thousand chunks. Were all of them queued at once, another tenant's file would wait
for all of them. So the first MOST_QUEUED are, and whoever is through with a chunk asks for the one so many further on:
the chunks are as many chains, each with one message.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple

from shared.domain.imports.tasks import Chunk

MOST_QUEUED = 20
"""How many chunks of an import are queued at a time: twice as many as are worked on at once in a deployment."""
_RECORD = struct.Struct(">6q")


class Plan:
    """A plan while it is made. `first_of_chains`: the first chunk of each chain that is not in `done`."""

    def __init__(self, done: Collection[int]) -> None:
        self._done = done
        self._records = bytearray()
        self._first: dict[int, Chunk] = {}

    def add(self, chunk: Chunk) -> None:
        """Add the next chunk."""
        if chunk.number * _RECORD.size != len(self._records):
            raise ValueError("chunks are numbered from 0, without gaps")
        self._records += _RECORD.pack(*astuple(chunk))
        if chunk.number not in self._done:
            self._first.setdefault(chunk.number % MOST_QUEUED, chunk)

    @property
    def first_of_chains(self) -> Iterable[Chunk]:
        return self._first.values()

    @property
    def written(self) -> bytes:
        """The plan as it is kept: 48 bytes a chunk."""
        return bytes(self._records)


def place_of_next(chunk: Chunk) -> tuple[int, int]:
    """From which byte up to which (not included) a plan describes the chunk that follows one in its chain."""
    start = (chunk.number + MOST_QUEUED) * _RECORD.size
    return start, start + _RECORD.size


def chunks_in(written: bytes) -> Iterator[Chunk]:
    """The chunks that a part of a plan describes."""
    return (Chunk(*record) for record in _RECORD.iter_unpack(written))
