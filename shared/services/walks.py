"""Walks over records: step by step, each step with a position, until enough are found or the budget is spent.

A walk makes a step for each record, whether it matches or not. So a walk that finds little can stop anywhere, and the
next request goes on after the last step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from shared.services.paging import Cursors, Page
from shared.services.reading_budget import BudgetSpent

MAX_LOOKUPS = 100
"""How many rows are looked up together at most."""
_MAX_GROUP = 256
"""How many entries are grouped at most before their rows are looked up."""

T = TypeVar("T")
V = TypeVar("V")

Step = tuple[Any, bool, T | None]
"""A position, whether the record there matches, and the record if its row was read."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """A way through a list.

    `start`: the position before the first step. `skip`: how many matches are still to be skipped. `total`: how many
    matches there are, if that is known.
    """

    steps: Iterator[Step[T]]
    start: Any = None
    skip: int = 0
    total: int | None = None


@dataclass(slots=True)
class Taken(Generic[T]):
    """The part of a walk that was taken: records with their positions, and the position where the walk goes on.

    `is_through`: the walk has ended, and there are no more matches. `skip`: how many matches are still to be skipped.
    `matches`: how many matches were met, skipped ones included.
    """

    position: Any
    skip: int
    found: list[tuple[Any, T]] = field(default_factory=list)
    is_through: bool = False
    matches: int = 0


def take(walk: Walk[T], limit: float) -> Taken[T]:
    """Return the first `limit` matches after those to be skipped; fewer if there are no more or the budget is spent.

    Walks on to the next match, which shows whether there are more.
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
    except BudgetSpent:
        pass
    return taken


def read_page_of_steps(
    steps: Callable[[Any], Iterator[Step[T]]],
    show: Callable[[T], V],
    *,
    limit: int,
    cursor: str | None,
    cursors: Cursors,
    scope: tuple[str, ...],
) -> Page[V]:
    """Return one page of a list whose records are checked one by one. The page is shorter, with a cursor, when the
    budget is spent.

    `steps(after)` walks on from a position, and `show` returns the item for a record. Raises RuleBroken for a cursor of
    another scope.
    """
    after = cursors.open(scope, cursor) if cursor is not None else None
    taken = take(Walk(steps(after), after), limit)
    return Page(
        [show(record) for _, record in taken.found],
        None if taken.is_through else cursors.seal(scope, taken.position),
        cursor_after=lambda number: cursors.seal(scope, taken.found[number][0]),
    )


def count_matches(walk: Walk[Any]) -> tuple[int, bool]:
    """Return how many matches a walk meets, and whether these are all."""
    met = 0
    try:
        for _, is_match, _ in walk.steps:
            met += is_match
    except BudgetSpent:
        return met, False
    return met, True


def group_entries(
    entries: Iterator[T], most: int | Callable[[], int], *, needs_row: Callable[[T], Any]
) -> Iterator[Sequence[T]]:
    """Yield entries in groups, each with at most `most` entries whose rows are to be looked up. If `most` is a
    function, it is called before each group.

    When the budget is spent, yields the entries read before that as a last group, and raises BudgetSpent then.
    """
    group: list[T] = []
    rows = 0
    limit = most if isinstance(most, int) else most()
    try:
        for entry in entries:
            group.append(entry)
            rows += bool(needs_row(entry))
            if rows == limit or len(group) == _MAX_GROUP:
                yield group
                group, rows = [], 0
                limit = most if isinstance(most, int) else most()
    except BudgetSpent:
        if group:
            yield group
        raise
    if group:
        yield group


def portion_size(count: int) -> int:
    """Return the size of portions that together have `count` entries: as few portions as MAX_LOOKUPS allows, of equal
    size, so that the last one reads few entries that are not needed.
    """
    return math.ceil(count / math.ceil(count / MAX_LOOKUPS))
