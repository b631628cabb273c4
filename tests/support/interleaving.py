"""Runs several workers in every order in which their calls can interleave.

A worker is a function that makes calls; it announces each call with `Turns.take`. One worker runs at a time. Another
one continues at the calls that a schedule names (a switch), or when the worker has ended. `explored` runs all schedules
of up to a number of switches. It remembers the state of each run at each call (the table's content and all responses
that each worker has had) and does not continue twice from the same state. That leaves nothing out: workers do the same
when they have had the same responses.

A worker may divide its work into parts (`Turns.divide`), which take turns like workers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Schedule = tuple[tuple[int, int], ...]
"""Switches in the order of calls, each as (the call of the run before which it happens, the next worker)."""


class Killed(BaseException):
    """A worker is killed. No `except Exception` swallows it."""


@dataclass
class Step:
    """The situation before a call of a run: the worker whose turn it was, those that have not ended, and the state."""

    turn: int
    waiting: frozenset[int]
    state: object


class Turns:
    """One run of several workers under a schedule.

    `state`: returns a value that distinguishes states of the table. `kills`: workers, and before which of its calls
    each is killed.
    """

    def __init__(
        self,
        workers: Sequence[Callable[[], None]],
        schedule: Schedule = (),
        *,
        kills: Mapping[int, int] | None = None,
        state: Callable[[], object] = lambda: None,
    ) -> None:
        self.steps: list[Step] = []
        self.killed: set[int] = set()
        self._workers = workers
        self._switches = dict(schedule)
        self._kills = kills or {}
        self._state = state
        self._turn = self._switches.get(0, 0)
        self._calls = [0] * len(workers)
        self._worker_of = {number: number for number in range(len(workers))}
        self._parts: dict[int, set[int]] = {}  # those of a divided worker that have not ended
        self._waiting = set(range(len(workers)))
        self._gates = [threading.Semaphore(0) for _ in workers]
        self._is_over = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Run all workers to their ends. Raises what one of them raised, except Killed."""
        threads = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in self._waiting
        ]
        for thread in threads:
            thread.start()
        self._gates[self._turn].release()
        self._is_over.wait()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    @property
    def turn(self) -> int:
        """The worker, or part of one, whose turn it is."""
        return self._turn

    def divide(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Do tasks of the worker whose turn it is as parts that take turns; return their results.

        The parts have the next numbers. Raises what one of them raised, after all have ended.
        """
        whole = self._turn
        results: dict[int, Any] = {}
        failures: list[BaseException] = []
        parts = [len(self._gates) + number for number in range(len(tasks))]

        def work(part: int, task: Callable[[], Any]) -> None:
            self._gates[part].acquire()
            self._turn = part
            try:
                results[part] = task()
            except BaseException as error:  # noqa: BLE001 (raised below)
                failures.append(error)
            self._waiting.discard(part)
            left = self._parts[whole]
            left.discard(part)
            if not left:
                self._waiting.add(whole)
            self._hand_over(min(left, default=whole))

        self._parts[whole] = set(parts)
        self._waiting.discard(whole)
        self._waiting.update(parts)
        for part, task in zip(parts, tasks, strict=True):
            self._gates.append(threading.Semaphore(0))
            self._worker_of[part] = self._worker_of[whole]
            threading.Thread(target=work, args=(part, task), daemon=True).start()
        self._hand_over(parts[0])
        self._gates[whole].acquire()
        self._turn = whole
        for failure in failures:
            raise failure
        return [results[part] for part in parts]

    def take(self) -> None:
        """Announce a call of the worker whose turn it is; returns when the call is to be made."""
        worker = self._turn
        at = len(self.steps)
        self.steps.append(Step(worker, frozenset(self._waiting), self._state()))
        following = self._switches.get(at, worker)
        if following != worker and following in self._waiting:
            self._hand_over(following)
            self._gates[worker].acquire()
            self._turn = worker
        whole = self._worker_of[worker]
        self._calls[whole] += 1
        if self._kills.get(whole) == self._calls[whole]:
            self.killed.add(whole)
            raise Killed()

    def _work(self, number: int) -> None:
        self._gates[number].acquire()
        self._turn = number
        try:
            self._workers[number]()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 (raised by `run`)
            self._failure = error
        self._waiting.discard(number)
        if self._waiting:
            self._hand_over(min(self._waiting))
        else:
            self._is_over.set()

    def _hand_over(self, worker: int) -> None:
        self._turn = worker
        self._gates[worker].release()


@dataclass
class Explored:
    """The number of runs, and of continuations that were skipped as those of an earlier run."""

    runs: int = 0
    known: int = 0
    _seen: dict[object, int] = field(default_factory=dict)

    def is_new(self, state: object, left: int) -> bool:
        """Whether a state was never left with this many switches remaining."""
        if self._seen.get(state, -1) >= left:
            self.known += 1
            return False
        self._seen[state] = left
        return True


def explored(
    run: Callable[[Schedule], Turns], *, switches: int, workers: int = 2, explored: Explored | None = None
) -> Iterator[tuple[Schedule, Turns]]:
    """Run all schedules of up to `switches` switches between workers; yield each with its run.

    `run` creates a new world, runs a schedule, and returns its `Turns`. The choice of the first worker is no
    switch.
    """
    counted = explored or Explored()
    ways: list[Schedule] = [((0, worker),) for worker in range(workers)]
    while ways:
        schedule = ways.pop()
        turns = run(schedule)
        counted.runs += 1
        yield schedule, turns
        used = len(schedule) - 1
        if used == switches:
            continue
        for at in range(schedule[-1][0] + 1, len(turns.steps)):
            step = turns.steps[at]
            ways += [
                (*schedule, (at, other))
                for other in step.waiting - {step.turn}
                if counted.is_new((step.state, step.turn, other), switches - used - 1)
            ]
