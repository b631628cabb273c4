"""Pages of lists, and the cursors that lead from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from shared.domain.errors import RuleBroken

MAX_ROW = 10_000
"""How far into a list one can skip. A cursor leads to any depth, at the cost of its page alone."""

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `next_cursor` is None on the last; `total` is None where counting is not offered."""

    items: Sequence[T]
    next_cursor: str | None
    total: int | None = None


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
    more = len(found) > limit
    return Page([show(one) for one in shown], cursors.seal(scope, position(shown[-1])) if more else None)
