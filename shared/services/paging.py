"""Pages of lists, and the cursors that lead from one page to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from shared.domain.errors import RuleBroken

MAX_ROW = 10_000
"""How many rows of a list can be skipped. A cursor leads to any depth, at the cost of its page only."""

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `next_cursor` is None on the last page; `total` is None where items are not counted.

    `total_at_least`: how many items were counted when the budget was too small to count them all.
    `cursor_after` returns the cursor of the page after one of the items, given its number from 0.
    """

    items: Sequence[T]
    next_cursor: str | None
    total: int | None = None
    total_at_least: int | None = None
    cursor_after: Callable[[int], str] | None = None

    def with_items(self, items: Sequence[V], total: int | None = None) -> Page[V]:
        """Return the page with other items in place of its own, one for each, and with another total."""
        return Page(items, self.next_cursor, total, self.total_at_least, self.cursor_after)

    def cut(self, count: int) -> Page[T]:
        """Return a page of the first `count` items, with the cursor of the page after them. `count` is at least 1."""
        if count >= len(self.items) or self.cursor_after is None:
            return self
        return replace(self, items=self.items[:count], next_cursor=self.cursor_after(count - 1))


class Cursors(Protocol):
    """Signs positions, so that a client can neither alter them nor use them on another list."""

    def seal(self, scope: tuple[str, ...], position: Any) -> str: ...

    def open(self, scope: tuple[str, ...], cursor: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class NumberedPositions:
    """The positions in the cursors of one list whose pages can also be named by number.

    If a request spends its budget before it reaches the page, its cursor also says how many rows are still to be
    skipped.
    """

    cursors: Cursors
    scope: tuple[str, ...]

    def open(self, cursor: str | None, skip: int) -> tuple[Any, int]:
        """Return the position after which to continue, None at the start, and how many rows to skip from there.

        `skip`: the number that the request names. Raises RuleBroken for a cursor of another list.
        """
        after = self.cursors.open(self.scope, cursor) if cursor is not None else None
        if isinstance(after, dict):
            return after["after"], after["skip"]
        return after, skip

    def seal(self, position: Any, skip: int = 0) -> str:
        """Return the cursor for a position, from which `skip` rows are still to be skipped."""
        return self.cursors.seal(self.scope, {"after": position, "skip": skip} if skip else position)


def check_depth(skip: int, limit: int) -> None:
    """Raise RuleBroken, with code `too_deep`, for a page that ends beyond MAX_ROW."""
    if skip + limit > MAX_ROW:
        raise RuleBroken(
            f"Pages can be skipped down to row {MAX_ROW:,}. Go on from there with `cursor`, or narrow the filter.",
            code="too_deep",
        )


def read_page(
    read: Callable[[int, Any], Sequence[T]],
    position: Callable[[T], Any],
    show: Callable[[T], V],
    *,
    limit: int,
    cursor: str | None,
    cursors: Cursors,
    scope: tuple[str, ...],
) -> Page[V]:
    """Return one page of a list: full if the list has enough entries, and with a cursor only if more exist.

    `read(limit, after)` returns the entries after a position, `position` the position of an entry, and `show` the item
    for an entry. Raises RuleBroken for a cursor of another scope.
    """
    after = cursors.open(scope, cursor) if cursor is not None else None
    found = read(limit + 1, after)
    shown = found[:limit]

    def cursor_after(number: int) -> str:
        return cursors.seal(scope, position(shown[number]))

    more = len(found) > limit
    return Page(
        [show(one) for one in shown],
        cursor_after(limit - 1) if more else None,
        cursor_after=cursor_after,
    )
