"""The states of a job."""

from __future__ import annotations

from typing import Literal

JobState = Literal["queued", "running", "completed", "failed", "cancelled"]
UNDER_WAY: frozenset[JobState] = frozenset({"queued", "running"})
"""The states that a job can leave."""
