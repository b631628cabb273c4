"""The progress and the failure of a job, as callers see them: the same for all kinds of jobs."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict

from shared.domain.timestamps import to_milliseconds


class Reason(BaseModel):
    """Why something was refused or failed: a stable code and a sentence."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    code: str
    message: str


class Progress(BaseModel):
    """How much of the work is done. `seconds_left` is null while it cannot be estimated."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    rows_done: int
    rows_per_second: float
    seconds_left: float | None = None

    @classmethod
    def measure(
        cls, *, done: int, total: int | None, is_running: bool, started_at: str, updated_at: str
    ) -> Self:
        """Return the progress of a job as of its last portion. `total` is None while it is not known; `started_at` is
        empty for a job that has not started."""
        if not started_at:
            return cls(rows_done=0, rows_per_second=0.0)
        seconds = (to_milliseconds(updated_at) - to_milliseconds(started_at)) / 1000
        speed = round(done / seconds, 1) if seconds > 0 else 0.0
        left: float | None = None
        if not is_running:
            left = 0.0
        elif total is not None and speed > 0:
            left = round(max(0, total - done) / speed, 1)
        return cls(rows_done=done, rows_per_second=speed, seconds_left=left)
