"""The queue of work on jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

Task_contra = TypeVar("Task_contra", contravariant=True)


class TaskQueue(Protocol[Task_contra]):
    """A queue of tasks, pieces of a job that one worker call does; see `shared.files.queues.tasks.SqsTaskQueue`."""

    def send(self, tasks: Iterable[Task_contra], *, delay: int = 0) -> None:
        """Queue any number of tasks, for workers to get after `delay` seconds (0 to 900).

        Raises Unavailable when some could not be queued; others may have been.
        """

    def send_later(self, tasks: Iterable[Task_contra]) -> None:
        """Queue tasks as `send` does, for workers to get once the tasks that are being done now have ended."""
