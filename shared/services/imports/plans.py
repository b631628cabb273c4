"""The list of an import's chunks, kept so that only a few of them are queued at a time.

A file of two million rows has ten thousand chunks. If all of them were queued at once, another tenant's file would wait
for all of them. Therefore only the first MOST_QUEUED chunks are queued, and the worker that closes a chunk queues the
chunk that comes MOST_QUEUED later: the chunks form MOST_QUEUED chains, each with one message.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple

from shared.domain.imports.tasks import Chunk

MOST_QUEUED = 20
"""Chunks of an import that are queued at a time: twice as many as a deployment works on at once."""
_RECORD = struct.Struct(">6q")


class ChunkList:
    """The list while it is built. `first_of_chains`: the first chunk of each chain that is not in `done`."""

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
    def encoded(self) -> bytes:
        """The list as it is kept: 48 bytes for each chunk."""
        return bytes(self._records)


def range_of_next(chunk: Chunk) -> tuple[int, int]:
    """Return the range of bytes (the end not included) of the entry for the next chunk of the same chain."""
    start = (chunk.number + MOST_QUEUED) * _RECORD.size
    return start, start + _RECORD.size


def decode_chunks(encoded: bytes) -> Iterator[Chunk]:
    """Yield the chunks of some entries."""
    return (Chunk(*record) for record in _RECORD.iter_unpack(encoded))
