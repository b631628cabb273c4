"""The work on imports that queue messages ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.domain.ids import new_id

Step = Literal["split", "rows", "finish"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file: a run of consecutive rows.

    `start`, `end`: offsets in bytes; `end` is not included. `first_row`: the number of the first row, where the row
    below the header is 1. `first_line`: the number of the first row's line. `alone_until`: see
    `shared.domain.imports.csv_file.Row`.
    """

    number: int
    start: int
    end: int
    first_row: int
    first_line: int
    alone_until: int = 0


@dataclass(frozen=True, slots=True)
class ImportTask:
    """A step of an import: split its file into chunks, write the rows of a chunk, or gather the results.

    `id`: of the message that asks for it; a message that is delivered again keeps it.
    """

    tenant_id: str
    import_id: str
    step: Step
    chunk: Chunk | None = None
    id: str = field(default_factory=new_id, compare=False)
