"""Runs several workers in every order in which their calls can fall between one another.

A worker is a function that makes calls; each call is announced with `Turns.take`. One worker runs at a time, and hands
over at those calls that a schedule names (a switch), or when it is through. `explored` runs all schedules of up to so
many switches. It remembers in what state each run was at each call (the table's content and all that each worker has
been answered) and does not go the same way on from the same state twice, which leaves nothing out: workers do the same
when they are answered the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Schedule = tuple[tuple[int, int], ...]
"""Switches as (before which call of the run, to which worker), in the order of calls."""


class Killed(BaseException):
    """A worker that is killed: no `except Exception` swallows it."""


@dataclass
class Step:
    """The situation before a call of a run: the worker whose turn it was, those not yet through, and the state."""

    turn: int
    waiting: frozenset[int]
    state: object


class Turns:
    """One run of some workers under a schedule.

    `state`: gives what tells states of the table apart. `kills`: workers, and before which of its calls each is killed.
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
        self._waiting = set(range(len(workers)))
        self._gates = [threading.Semaphore(0) for _ in workers]
        self._is_over = threading.Event()
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Run all workers to their ends. Raises what one of them raised, but for Killed."""
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
        """The worker whose turn it is."""
        return self._turn

    def take(self) -> None:
        """Announce a call of the worker whose turn it is: returns when it is to be made."""
        worker = self._turn
        at = len(self.steps)
        self.steps.append(Step(worker, frozenset(self._waiting), self._state()))
        following = self._switches.get(at, worker)
        if following != worker and following in self._waiting:
            self._hand_over(following)
            self._gates[worker].acquire()
            self._turn = worker
        self._calls[worker] += 1
        if self._kills.get(worker) == self._calls[worker]:
            self.killed.add(worker)
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
    """How many runs there were, and how many ways on were those of an earlier one."""

    runs: int = 0
    known: int = 0
    _seen: dict[object, int] = field(default_factory=dict)

    def is_new(self, state: object, left: int) -> bool:
        """Whether a state was never left with so many switches to go."""
        if self._seen.get(state, -1) >= left:
            self.known += 1
            return False
        self._seen[state] = left
        return True


def explored(
    run: Callable[[Schedule], Turns], *, switches: int, workers: int = 2, explored: Explored | None = None
) -> Iterator[tuple[Schedule, Turns]]:
    """Run all schedules of up to `switches` switches between workers; each with the run it led to.

    `run` makes everything anew, runs a schedule, and gives its `Turns`. Which worker begins is no switch.
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
