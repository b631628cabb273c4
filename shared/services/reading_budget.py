"""How much one request may read: a budget of rows and of time, charged where rows are read.

A walk over an index asks before each portion. Once the budget is spent the walk ends with Spent, and whoever goes along
it keeps the position of the last step, to go on from there in the next request. The first step of a walk is always
granted, so that each request gets further than the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

MAX_ROWS = 5_000
"""How many rows a request may read. A row is an item of an index or a record's row; see `Budget.pass_over`."""
MAX_SECONDS = 3.0
"""How long a request may go on reading."""
PAGE_ROWS = 500
"""How many rows of a request are a page's worth; what is read beyond them is charged to the caller."""
_PASSED_PER_ROW = 10


class Spent(Exception):
    """The budget of a request is spent. Never leaves the service that reads."""


class Budget:
    """The rows and the time that one request has left for reading.

    `rows` and `seconds`: the limits, MAX_ROWS and MAX_SECONDS if not given. `clock`: gives seconds.
    """

    def __init__(
        self,
        rows: float | None = None,
        seconds: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = MAX_ROWS if rows is None else rows
        self._seconds = MAX_SECONDS if seconds is None else seconds
        self._clock = clock
        self._before = self._rows = 0
        self.begin()

    @classmethod
    def unlimited(cls) -> Budget:
        """A budget that is never spent: for work in the background, which has limits of its own."""
        return cls(inf, inf)

    def begin(self) -> None:
        """Grant the whole budget for another piece of work."""
        self._before = self.total
        self._rows = 0
        self._until = self._clock() + self._seconds
        self._has_advanced = False

    @property
    def left(self) -> float:
        """How many rows may still be read."""
        return max(0, self._limit - self._rows)

    @property
    def is_spent(self) -> bool:
        """Whether rows or time have run out."""
        return self._rows >= self._limit or self._clock() >= self._until

    @property
    def total(self) -> int:
        """How many rows have been read since the budget was made."""
        return self._before + self._rows

    @property
    def beyond_a_page(self) -> int:
        """How many rows have been read beyond a page's worth."""
        return max(0, self.total - PAGE_ROWS)

    def ask(self) -> None:
        """Called before a portion is read. Raises Spent when the budget is, and a step was made since it began."""
        if self._has_advanced and self.is_spent:
            raise Spent()

    def charge(self, rows: int) -> None:
        """Note rows that were read."""
        self._rows += rows

    def pass_over(self, rows: int) -> None:
        """Note rows that DynamoDB counted without sending them: ten of them cost as much as one that is read."""
        self._rows += -(-rows // _PASSED_PER_ROW)

    def advance(self) -> None:
        """Note that a walk has made a step, from which the next request can go on."""
        self._has_advanced = True
