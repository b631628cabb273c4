"""The counts of an import."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of rows by outcome."""

    created: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def rows(self) -> int:
        return self.created + self.skipped + self.failed


class Counts(BaseModel):
    """The number of rows in the file (while it is still being split: of those read so far), and how many had each
    outcome."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows: int
    created: int = 0
    updated: int = 0
    merged: int = 0
    skipped: int = 0
    unchanged: int = 0
    failed: int = 0

    @classmethod
    def of(cls, tally: Tally, rows_total: int | None) -> Counts:
        """Return the counts of an import. `rows_total` is None until the whole file has been split."""
        rows = tally.rows if rows_total is None else rows_total
        return cls(rows=rows, created=tally.created, skipped=tally.skipped, failed=tally.failed)
