"""The work on imports that queue messages ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.domain.ids import new_id

Step = Literal["split", "rows", "finish", "undo"]


@dataclass(frozen=True, slots=True)
class ImportTask:
    """A step of an import: split its file into chunks, work on the rows of a chunk, gather the results, or undo what a
    chunk wrote.

    `attempt`: the name of the attempt that the step is part of; see `shared.domain.imports.record.ImportRun`. `chunk`:
    the number of the chunk, counted from 0; None for other steps. `id`: of the message that asks for it; a message
    that is delivered again keeps it.
    """

    tenant_id: str
    import_id: str
    attempt: str
    step: Step
    chunk: int | None = None
    id: str = field(default_factory=new_id, compare=False)

    @property
    def chunk_number(self) -> int:
        """The number of the chunk. Raises ValueError for a step that is not about one."""
        if self.chunk is None:
            raise ValueError("a task without a chunk")
        return self.chunk

    @property
    def is_preview(self) -> bool:
        """Whether the attempt is a preview."""
        return self.attempt.startswith("p")

    @property
    def is_undo(self) -> bool:
        """Whether the attempt is an undo."""
        return self.attempt.startswith("u")
