"""Independent pieces of work, done side by side in threads.

A function mostly waits for AWS. Calls that do not depend on each other can wait at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

_T = TypeVar("_T")


class SideBySide:
    """Up to `at_once` threads, which start when they are needed and are kept.

    Work must not wait for other work on the same threads: when all of them wait, none continues. An AWS client has
    `shared.aws.CONNECTIONS` connections; the threads that use one client should not exceed them.
    """

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once)

    def run(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        """Do all tasks and return their results, in the order of the tasks.

        After a failure no further task begins; the failure is raised when those under way have ended. A single task is
        done in the caller's thread.
        """
        if len(tasks) == 1:
            return [tasks[0]()]
        futures = [self._threads.submit(task) for task in tasks]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.cancel()  # without effect on those that have begun
        wait(futures)
        return [future.result() for future in futures if not future.cancelled()]

    def run_each(self, tasks: Sequence[Callable[[], _T]]) -> list[Future[_T]]:
        """Do all tasks, whether others fail or not; return their outcomes in the order of the tasks."""
        futures = [self._threads.submit(task) for task in tasks]
        wait(futures)
        return futures
