"""The undo of an import and its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Change = Literal["created", "changed"]
"""The change that an import made to a contact."""
UndoOutcome = Literal["removed", "restored", "kept", "failed"]
"""The outcome of an undo for a contact."""
UNDO_SECONDS = 30 * 86_400
"""Seconds after the end of an import within which it can be undone: 30 days."""


@dataclass(frozen=True, slots=True)
class UndoTally:
    """The number of contacts by outcome."""

    removed: int = 0
    restored: int = 0
    kept: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """The number of contacts."""
        return self.removed + self.restored + self.kept + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The progress of an undo.

    `attempt`: its name, `u1` for the undo of the run `r1`. `rows_done`: the rows of the chunks that are taken back.
    `kept_key`: the object that lists the contacts that were kept, once there is one.
    """

    attempt: str
    started_at: str
    rows_done: int = 0
    chunks_done: int = 0
    tally: UndoTally = field(default_factory=UndoTally)
    ended_at: str | None = None
    kept_key: str | None = None
