"""How far the recount has come with a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

Place = tuple[int, str]
"""A place in the recount of a tenant: the number of the walk, and the last row of it that is done, empty for none."""
START: Place = (0, "")


@dataclass(frozen=True, slots=True)
class Progress:
    """The recount of one tenant.

    `due_at`: when it begins or continues. `place`: where it continues. `counts`: what it has found since it began, at
    `started_at`. `last`: the counts of the last recount that came to its end, with its times. `revision` changes with
    each write.
    """

    tenant_id: str
    due_at: str
    place: Place = START
    started_at: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    revision: str = ""

    def at_revision(self, revision: str) -> Progress:
        """Return the progress as it was written."""
        return replace(self, revision=revision)

    def moved_to(self, place: Place, counts: dict[str, int], *, at: str) -> Progress:
        """Return the progress at a later place, to be continued at once."""
        return replace(self, place=place, counts=counts, started_at=self.started_at or at, due_at=at)

    def finished(self, counts: dict[str, int], *, at: str, due_at: str) -> Progress:
        """Return the progress of a recount that has come to its end. The next one begins at `due_at`."""
        last = {"started_at": self.started_at or at, "finished_at": at, **counts}
        return replace(self, place=START, counts={}, started_at="", last=last, due_at=due_at)
