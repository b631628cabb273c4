"""Posting lists: the contacts that have a value of a facet, as sorted ids packed in chunks.

A list is the bottom level of a B+ tree, whose inner nodes are replaced by the table's sort key. Each chunk has a range
of ids, from its `start` (its sort key) up to its `end`, where the next chunk starts; together they always cover all
ids. A chunk changes on condition that it is still as it was read, and a range is split or given to its neighbour in one
transaction, so no two writers can lose each other's ids. Since a chunk says where it ends, a reader notices when it has
seen only half of such a transaction, and reads again (the "high key" of Lehman and Yao, "Efficient locking for
concurrent operations on B-trees", ACM TODS 6(4), 1981).

Within this module an id is its number (`shared.domain.ids.number_of`).
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.ids import NUMBERS, id_of, number_of
from shared.services.backoff import HOT
from shared.table import guards
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item, binary
from shared.table.keys import postings as posting_keys
from shared.table.store import Locked, Store
from shared.table.transactions import Transaction

_FULL = 864
"""The most bytes of ids in a chunk: with a key of 87 bytes (an owner's: two UUIDs) an item has at most 1,024, the size
of one write unit."""
_FEWEST, _MOST = 4, 64  # chunks read at once; four cost as much as one
_LOOKS = 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """The ids of a list from `start` up to, and without, `end`."""

    start: int
    end: int
    packed: bytes
    is_stored: bool = True

    @property
    def ids(self) -> list[int]:
        return _unpack(self.packed)


def chunks_of(partition: str, contact_ids: Iterable[str]) -> Iterator[Item]:
    """Yield the items of a list, packed as densely as possible."""
    pieces = _pieces(sorted(map(number_of, contact_ids)), is_appended=True)
    yield from (_item(partition, chunk) for chunk in _chunks(0, NUMBERS, pieces))


def ids_in(rows: Iterable[Item]) -> set[str] | None:
    """Return the contact ids in all items of a list; None when the items do not form a list."""
    found: set[str] = set()
    edge = 0
    for chunk in sorted(map(_chunk, rows), key=lambda chunk: chunk.start):
        ids = chunk.ids
        if chunk.start != edge or (ids and not chunk.start <= ids[0] <= ids[-1] < chunk.end):
            return None
        found.update(map(id_of, ids))
        edge = chunk.end
    return found if edge in (0, NUMBERS) else None


class PostingList:
    """A list that any number of writers may change at the same time."""

    def __init__(self, store: Store, partition: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._store = store
        self._partition = partition
        self._sleep = sleep

    def change(self, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> bool:
        """Add and remove contact ids, up to a thousand. Returns whether anything was written.

        Ids that need no change cost a read and no write. Raises ConcurrentChange or Unavailable when other writers are
        faster every time or DynamoDB cannot be reached; some changes are written then, and the call can be repeated.
        Raises ValueError for a text that is not an id.
        """
        adding, removing = set(map(number_of, add)), set(map(number_of, remove))
        left, lost, has_changed = sorted(adding | removing), 0, False
        while left:
            # From the end: a chunk is found by looking back from an id.
            chunks = self._read(left[-1])
            if chunks:
                old = chunks[0].ids
                ids = _merge(chunks[0], adding, removing)
                if ids == old or self._rewrite(chunks, old, ids):
                    has_changed = has_changed or ids != old
                    left, lost = left[: bisect_left(left, chunks[0].start)], 0
                    continue
            lost += 1
            if lost == HOT.attempts:
                raise ConcurrentChange()
            self._sleep(HOT.wait_after(lost))
        return has_changed

    def find_missing(self, contact_ids: Iterable[str]) -> list[str]:
        """Return those of some contact ids that are not in the list.

        Costs a read for each chunk that has one of them.
        """
        left, found = sorted(map(number_of, contact_ids)), []
        while left:
            chunks = self._read(left[-1])
            # A list whose chunks do not join, because it is being written, is assumed to be complete.
            start, ids = (chunks[0].start, set(chunks[0].ids)) if chunks else (0, set(left))
            at = bisect_left(left, start)
            found += [id_of(one) for one in left[at:] if one not in ids]
            left = left[:at]
        return found

    def _read(self, at: int) -> list[Chunk]:
        """Return the chunk whose range has an id, and the one before it, which costs nothing more."""
        rows = self._store.query(
            self._partition,
            limit=2,
            between=posting_keys.starting_within(0, at),
            descending=True,
            consistent=True,
        )
        return _joined_down(rows, at) if rows else [Chunk(0, NUMBERS, b"", is_stored=False)]

    def _rewrite(self, chunks: list[Chunk], old: list[int], ids: list[int]) -> bool:
        """Change the ids of the first chunk; return False when another writer was faster."""
        chunk, *before = chunks
        try:
            if not ids and (before or (chunk.start, chunk.end) == (0, NUMBERS)):
                self._drop(chunk, before)
                return True
            is_appended = ids[: len(old)] == old
            pieces = list(_chunks(chunk.start, chunk.end, _pieces(ids, is_appended=is_appended)))
            if len(pieces) == 1:
                return self._replace(chunk, pieces[0])
            self._split(chunk, pieces)
        except (ConcurrentChange, Locked):
            return False
        return True

    def _replace(self, old: Chunk, new: Chunk) -> bool:
        # A condition on the content also recognises this write when the answer to it was lost.
        is_there, values = _unchanged(old)
        values |= {":new": {"B": new.packed}, ":end": {"S": posting_keys.edge_text(new.end)}}
        is_written = "ids = :new AND upto = :end"
        return self._store.put(
            _item(self._partition, new), condition=f"({is_there}) OR ({is_written})", values=values
        )

    def _split(self, old: Chunk, pieces: list[Chunk]) -> None:
        transaction = Transaction()
        for piece in pieces:
            condition, values = _unchanged(old if piece.start == old.start else None)
            transaction.put(
                _item(self._partition, piece),
                condition=condition,
                values=values,
                refusal=guards.concurrent_change,
            )
        self._store.commit(transaction)

    def _drop(self, empty: Chunk, before: list[Chunk]) -> None:
        """Remove a chunk that loses its last id, and give its range to the chunk before it, if there is one."""
        transaction = Transaction()
        condition, values = _unchanged(empty)
        key = posting_keys.chunk(self._partition, empty.start)
        transaction.delete(key, condition=condition, values=values, refusal=guards.concurrent_change)
        for chunk in before:
            condition, values = _unchanged(chunk)
            wider = Chunk(chunk.start, empty.end, chunk.packed)
            transaction.put(
                _item(self._partition, wider),
                condition=condition,
                values=values,
                refusal=guards.concurrent_change,
            )
        self._store.commit(transaction)


class PostingWalk:
    """A walk of one list, in one direction, within bounds that are included."""

    def __init__(
        self, store: Store | BudgetedReads, partition: str, *, descending: bool, low: int, high: int
    ) -> None:
        self._store = store
        self._partition = partition
        self._descending = descending
        self._low, self._high = low, high
        self._page: list[Chunk] = []  # ascending, whichever way it was read
        self._starts: list[int] = []
        self._portion = _FEWEST
        self._chunk: Chunk | None = None
        self._ids: list[int] = []
        self._used = 0

    def seek(self, bound: int) -> int | None:
        """The next id at or beyond `bound` in the direction of the walk; None at the end.

        Bounds may only move in the direction of the walk.
        """
        while self._low <= bound <= self._high:
            if not (self._page and self._page[0].start <= bound < self._page[-1].end):
                self._read_page(bound)
                if not self._page:
                    return None
                continue
            chunk = self._page[bisect_right(self._starts, bound) - 1]
            if chunk is not self._chunk:
                self._chunk, self._ids = chunk, chunk.ids
                self._used += 1
            at = bisect_right(self._ids, bound) - 1 if self._descending else bisect_left(self._ids, bound)
            if 0 <= at < len(self._ids):
                found = self._ids[at]
                return found if self._low <= found <= self._high else None
            bound = chunk.start - 1 if self._descending else chunk.end
        return None

    def _read_page(self, bound: int) -> None:
        """Read the page whose range has `bound`; an ascending walk may read the page before it.

        Reads more at once while most of what is read is used, and few again after most was skipped.
        """
        goes_on = 2 * self._used >= len(self._page)
        if not goes_on:
            self._portion = _FEWEST
        elif len(self._page) == self._portion:
            self._portion = min(2 * self._portion, _MOST)
        if self._descending:
            page = self._down(bound, self._portion)[::-1]
        else:
            edge = self._page[-1].end if self._page else 0
            page = self._up(edge) if bound == edge or (self._page and goes_on) else []
            # A chunk is found by its start, so the chunk of a bound is found by reading backwards.
            page = page or self._down(bound, 1)
        self._page, self._starts = page, [chunk.start for chunk in page]
        self._chunk, self._used = None, 0

    def _down(self, bound: int, portion: int) -> list[Chunk]:
        for look in range(_LOOKS):
            rows = self._store.query(
                self._partition,
                limit=portion,
                between=posting_keys.starting_within(0, bound),
                descending=True,
                consistent=look > 0,
            )
            page = _joined_down(rows, bound)
            if page or not rows:
                return page
        raise Unavailable()

    def _up(self, edge: int) -> list[Chunk]:
        rows = self._store.query(
            self._partition, limit=self._portion, between=posting_keys.starting_within(edge, self._high)
        )
        page: list[Chunk] = []
        for chunk in map(_chunk, rows):
            if chunk.start != edge:
                break
            page.append(chunk)
            edge = chunk.end
        return page


def _joined_down(rows: Iterable[Item], at: int) -> list[Chunk]:
    """Return the chunk whose range has `at` and those before it, as far as each ends where the next one starts."""
    page: list[Chunk] = []
    for chunk in map(_chunk, rows):
        if chunk.end != page[-1].start if page else not chunk.start <= at < chunk.end:
            break
        page.append(chunk)
    return page


def _merge(chunk: Chunk, adding: set[int], removing: set[int]) -> list[int]:
    """Return the ids of a chunk with the ids to add that are in its range, and without the ids to remove."""
    within = {one for one in adding if chunk.start <= one < chunk.end}
    return sorted(within.union(chunk.ids) - removing)


def _unchanged(chunk: Chunk | None) -> tuple[str, Item]:
    """Return the condition, with its values, that a chunk is as it was read, or still does not exist."""
    if chunk is None or not chunk.is_stored:
        return guards.IS_NEW, {}
    return "ids = :ids AND upto = :upto", {
        ":ids": {"B": chunk.packed},
        ":upto": {"S": posting_keys.edge_text(chunk.end)},
    }


def _item(partition: str, chunk: Chunk) -> Item:
    key = posting_keys.chunk(partition, chunk.start)
    return {**key, "ids": {"B": chunk.packed}, "upto": {"S": posting_keys.edge_text(chunk.end)}}


def _chunk(row: Item) -> Chunk:
    edge = posting_keys.parse_edge(row["upto"]["S"])
    return Chunk(posting_keys.start_of(row), edge, binary(row["ids"]))


def _chunks(start: int, end: int, pieces: Iterable[Sequence[int]]) -> Iterator[Chunk]:
    """Yield the chunks of pieces of ids, whose ranges together reach from `start` to `end`."""
    last: Sequence[int] = ()
    for piece in pieces:
        if last:
            edge = _boundary(last[-1], piece[0])
            yield Chunk(start, edge, _pack(last))
            start = edge
        last = piece
    yield Chunk(start, end, _pack(last))


def _boundary(left: int, right: int) -> int:
    """Return a number above `left`, up to `right`, that is short as a sort key.

    It has the digits of `right` down to the first one that differs.
    """
    beyond = ((left ^ right).bit_length() - 1) // 4 * 4
    return right >> beyond << beyond


def _pieces(ids: Sequence[int], *, is_appended: bool) -> Iterator[Sequence[int]]:
    """Yield ids in as many pieces as needed: full ones when ids are appended, otherwise halves, with room in each."""
    while (fitting := _fitting(ids)) < len(ids):
        cut = fitting if is_appended else len(ids) // 2
        yield from [ids[:cut]] if is_appended else _pieces(ids[:cut], is_appended=False)
        ids = ids[cut:]
    yield ids


# The ids of a chunk are packed as the first id and the distances from each to the next, in as many bits as the largest
# distance needs. So ids of about the same time take 12 bytes instead of 16, those of an import 7.

_WIDTH, _FIRST = 1, 16  # bytes: the number of bits of a distance, and the first id


def _fitting(ids: Sequence[int]) -> int:
    """Return how many of the first ids fit into a chunk."""
    width = 0
    for count, (one, following) in enumerate(pairwise(ids), start=1):
        width = max(width, (following - one).bit_length())
        if 8 * (_WIDTH + _FIRST) + count * width > 8 * _FULL:
            return count
    return len(ids)


def _pack(ids: Sequence[int]) -> bytes:
    if not ids:
        return b""
    distances = [following - one for one, following in pairwise(ids)]
    width = max(distances, default=0).bit_length()
    bits = 0
    for distance in reversed(distances):
        bits = bits << width | distance
    size = -(-len(distances) * width // 8)
    return width.to_bytes(_WIDTH, "big") + ids[0].to_bytes(_FIRST, "big") + bits.to_bytes(size, "big")


def _unpack(packed: bytes) -> list[int]:
    if not packed:
        return []
    width = packed[0]
    bits = int.from_bytes(packed[_WIDTH + _FIRST :], "big")
    distances = []
    while bits:  # no distance is 0
        distances.append(bits & (1 << width) - 1)
        bits >>= width
    return list(accumulate(distances, initial=int.from_bytes(packed[_WIDTH : _WIDTH + _FIRST], "big")))
