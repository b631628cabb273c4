"""Pages of lists, and the cursors that lead from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from shared.domain.errors import RuleBroken

MAX_ROW = 10_000
"""How far into a list one can skip. A cursor leads to any depth, at the cost of its page alone."""

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `next_cursor` is None on the last; `total` is None where counting is not offered.

    `total_at_least`: how many were met when the budget did not suffice to count them all.
    `cursor_behind`: gives the cursor that goes on behind one of the items, by its number from 0.
    """

    items: Sequence[T]
    next_cursor: str | None
    total: int | None = None
    total_at_least: int | None = None
    cursor_behind: Callable[[int], str] | None = None

    def showing(self, items: Sequence[V], total: int | None = None) -> Page[V]:
        """The page with other things shown for its items, one for each, and another total."""
        return Page(items, self.next_cursor, total, self.total_at_least, self.cursor_behind)

    def cut(self, count: int) -> Page[T]:
        """The first `count` items, at least one, with a cursor that goes on behind them."""
        if count >= len(self.items) or self.cursor_behind is None:
            return self
        return replace(self, items=self.items[:count], next_cursor=self.cursor_behind(count - 1))


class Cursors(Protocol):
    """Seals positions so that nobody can alter them or use them on another list."""

    def seal(self, scope: tuple[str, ...], position: Any) -> str: ...

    def open(self, scope: tuple[str, ...], cursor: str) -> Any: ...


def check_depth(skip: int, limit: int) -> None:
    """Raise RuleBroken, with code `too_deep`, for a page that ends beyond MAX_ROW."""
    if skip + limit > MAX_ROW:
        raise RuleBroken(
            f"Pages can be skipped down to row {MAX_ROW:,}. Go on from there with `cursor`, or narrow the filter.",
            code="too_deep",
        )


def page_of(
    read: Callable[[int, Any], Sequence[T]],
    position: Callable[[T], Any],
    show: Callable[[T], V],
    *,
    limit: int,
    cursor: str | None,
    cursors: Cursors,
    scope: tuple[str, ...],
) -> Page[V]:
    """One page: full while more exist, and with a cursor only when more exist.

    `read(limit, after)` gives entries behind a position, `position` an entry's place, `show` what is shown
    of it. Raises RuleBroken for a cursor of another scope.
    """
    after = cursors.open(scope, cursor) if cursor is not None else None
    found = read(limit + 1, after)
    shown = found[:limit]

    def cursor_behind(number: int) -> str:
        return cursors.seal(scope, position(shown[number]))

    more = len(found) > limit
    return Page(
        [show(one) for one in shown],
        cursor_behind(limit - 1) if more else None,
        cursor_behind=cursor_behind,
    )
