"""The queue of work on one kind of job. Its messages hold ids and numbers, and no personal data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from shared.files.queues.sending import send_all

LATER_SECONDS = 180
"""Seconds after which a task that is sent for later is delivered: longer than a worker of an import's chunks takes (the
functions' timeouts in infra/template.yaml)."""


class TenantTask(Protocol):
    """A task for a tenant."""

    @property
    def tenant_id(self) -> str: ...


Task = TypeVar("Task", bound=TenantTask)


class SqsTaskQueue(Generic[Task]):
    """Queues tasks in SQS.

    `sqs` builds the client when it is first needed. `to_message` encodes a task.
    """

    def __init__(
        self,
        sqs: Callable[[], Any],
        queue_url: str,
        to_message: Callable[[Task], str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._to_message = to_message
        self._sleep = sleep

    def send(self, tasks: Iterable[Task], *, delay: int = 0) -> None:
        """Queue any number of tasks, for workers to get after `delay` seconds (0 to 900, the limit of SQS).

        Raises Unavailable when some could not be queued; others may have been.
        """
        messages = ((task.tenant_id, self._to_message(task)) for task in tasks)
        send_all(self._sqs(), self._queue_url, messages, delay=delay, sleep=self._sleep)

    def send_later(self, tasks: Iterable[Task]) -> None:
        """Queue tasks for workers to get in LATER_SECONDS, once the tasks that are being done now have ended."""
        self.send(tasks, delay=LATER_SECONDS)
