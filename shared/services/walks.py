"""Walks over records: step by step, each step with a position, until there are enough or the budget is spent.

A step is made for what matches and for what does not. So a walk that finds little can stop anywhere, and the next
request goes on behind the last step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.services.paging import Cursors, Page
from shared.services.reading_budget import Spent

MOST_TOGETHER = 100
"""How many rows are looked up together at the most."""
_MOST_HELD_BACK = 256

T = TypeVar("T")
V = TypeVar("V")

Step = tuple[Any, bool, T | None]
"""A position, whether a record matches there, and the record, if its row was read."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """A way through a list.

    `start`: the position before the first step; `skip`: how many matches are still to be passed over; `total`: how many
    matches there are, where that is known.
    """

    steps: Iterator[Step[T]]
    start: Any = None
    skip: int = 0
    total: int | None = None


@dataclass(slots=True)
class Taken(Generic[T]):
    """The part of a walk that was taken: records with their positions, and where it goes on.

    `is_through`: the walk has ended, there are no more. `skip`: how many matches are still to be passed over.
    `matches`: how many were met, those passed over among them.
    """

    position: Any
    skip: int
    found: list[tuple[Any, T]] = field(default_factory=list)
    is_through: bool = False
    matches: int = 0


def take(walk: Walk[T], limit: float) -> Taken[T]:
    """The first `limit` records behind those to be skipped; fewer when there are no more, or when the budget is spent.

    Looks on for one more, so that it is known whether there are more.
    """
    taken: Taken[T] = Taken(walk.start, walk.skip)
    try:
        for position, is_match, record in walk.steps:
            if is_match and taken.skip:
                taken.skip -= 1
                taken.matches += 1
            elif is_match and record is not None:
                if len(taken.found) == limit:
                    return taken
                taken.found.append((position, record))
                taken.matches += 1
            taken.position = position
        taken.is_through = True
    except Spent:
        pass
    return taken


def page_of_steps(
    steps: Callable[[Any], Iterator[Step[T]]],
    show: Callable[[T], V],
    *,
    limit: int,
    cursor: str | None,
    cursors: Cursors,
    scope: tuple[str, ...],
) -> Page[V]:
    """One page of a list whose records are judged one by one: shorter, with a cursor, when the budget is spent.

    `steps(after)` walks behind a position, `show` gives what is shown of a record. Raises RuleBroken for a cursor of
    another scope.
    """
    after = cursors.open(scope, cursor) if cursor is not None else None
    taken = take(Walk(steps(after), after), limit)
    return Page(
        [show(record) for _, record in taken.found],
        None if taken.is_through else cursors.seal(scope, taken.position),
        cursor_behind=lambda number: cursors.seal(scope, taken.found[number][0]),
    )


def count_matches(walk: Walk[Any]) -> tuple[int, bool]:
    """How many matches a walk meets, and whether these are all."""
    met = 0
    try:
        for _, is_match, _ in walk.steps:
            met += is_match
    except Spent:
        return met, False
    return met, True


def in_groups(entries: Iterator[T], most: int, *, needs_row: Callable[[T], Any]) -> Iterator[Sequence[T]]:
    """Entries in groups, with at most `most` in each whose rows are to be looked up.

    Steps read before the budget was spent come in a last group, before Spent is raised.
    """
    group: list[T] = []
    rows = 0
    try:
        for entry in entries:
            group.append(entry)
            rows += bool(needs_row(entry))
            if rows == most or len(group) == _MOST_HELD_BACK:
                yield group
                group, rows = [], 0
    except Spent:
        if group:
            yield group
        raise
    if group:
        yield group


def alike(count: int) -> int:
    """The size of portions that together have `count` entries: as few as a hundred each allow, so that the last one
    reads little that nobody takes.
    """
    return math.ceil(count / math.ceil(count / MOST_TOGETHER))
