"""How much one request may read: a budget of rows and of time, charged where rows are read.

A walk over an index checks the budget before each portion. Once it is spent the walk ends with BudgetSpent, and its
reader keeps the position of the last step, from which the next request goes on. The first step of a walk is always
allowed, so that each request gets further than the one before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

MAX_ROWS = 5_000
"""How many rows a request may read. A row is an item of an index or a record's row; see `Budget.charge_skipped`."""
MAX_SECONDS = 3.0
"""How long a request may go on reading."""
PAGE_ROWS = 500
"""How many rows a request may read at the price of a page; rows beyond them are charged to the caller."""
_ROW_BYTES = 4_096
"""Bytes of an item that count as one row: those of a read unit (DynamoDB developer guide, "Read consistency")."""
_SKIPPED_PER_ROW = 10
"""How many skipped rows cost as much as a row that is read."""


class BudgetSpent(Exception):
    """The budget of a request is spent. The service that reads always catches it."""


class Budget:
    """The rows and the time that one request has left for reading.

    `rows` and `seconds`: the limits, by default MAX_ROWS and MAX_SECONDS. `clock` returns seconds.
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
        self.restart()

    @classmethod
    def unlimited(cls) -> Budget:
        """Return a budget that is never spent: for background work, which has limits of its own."""
        return cls(inf, inf)

    def restart(self) -> None:
        """Make the whole budget available for another piece of work."""
        self._before = self.total
        self._rows = 0
        self._until = self._clock() + self._seconds
        self._has_advanced = False

    @property
    def left(self) -> float:
        """The number of rows that may still be read."""
        return max(0, self._limit - self._rows)

    @property
    def is_spent(self) -> bool:
        """Whether rows or time have run out."""
        return self._rows >= self._limit or self._clock() >= self._until

    @property
    def total(self) -> int:
        """The number of rows read since the budget was created."""
        return self._before + self._rows

    @property
    def rows_beyond_page(self) -> int:
        """The number of rows read beyond those of a page."""
        return max(0, self.total - PAGE_ROWS)

    def check(self) -> None:
        """Raise BudgetSpent if the budget is spent and a step was made since it started. Called before each portion."""
        if self._has_advanced and self.is_spent:
            raise BudgetSpent()

    def check_time(self) -> None:
        """Raise BudgetSpent if the time has run out and a step was made since the budget started. Called before a step
        that may take long by itself, on rows that have been read and charged.
        """
        if self._has_advanced and self._clock() >= self._until:
            raise BudgetSpent()

    def charge(self, rows: int) -> None:
        """Charge rows that were read."""
        self._rows += rows

    def charge_item(self, size: int) -> None:
        """Charge an item that was read by its key: a row for each 4 kB of its `size` in bytes, and one at least."""
        self._rows += max(1, -(-size // _ROW_BYTES))

    def charge_skipped(self, rows: int) -> None:
        """Charge rows that DynamoDB counted without sending them; ten of them cost as much as one row that is read."""
        self._rows += -(-rows // _SKIPPED_PER_ROW)

    def advance(self) -> None:
        """Record that a walk has made a step, from which the next request can go on."""
        self._has_advanced = True
