"""The counts of an import."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of rows by outcome. `warnings`: the number of rows with a warning, whatever their outcome is."""

    created: int = 0
    updated: int = 0
    merged: int = 0
    skipped: int = 0
    unchanged: int = 0
    failed: int = 0
    warnings: int = 0

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.created + self.updated + self.merged + self.skipped + self.unchanged + self.failed


@dataclass(frozen=True, slots=True)
class ClosedChunk:
    """A chunk whose rows were worked on.

    `part`: the object with the rows' fates. `writes`: the object with the contacts that were written; empty when none
    were.
    """

    number: int
    part: str
    writes: str = ""


class Counts(BaseModel):
    """The number of rows in the file (while it is still being split: of those worked on so far), and how many had each
    outcome."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows: int
    created: int = 0
    updated: int = 0
    merged: int = 0
    skipped: int = 0
    unchanged: int = 0
    failed: int = 0
    warnings: Annotated[int, Field(description="Rows with a warning, whatever their outcome is.")] = 0

    @classmethod
    def of(cls, tally: Tally, rows_total: int | None) -> Counts:
        """Return the counts of an import. `rows_total` is None until the whole file has been split."""
        return cls(rows=tally.rows if rows_total is None else rows_total, **asdict(tally))
