"""Checks whether the observations of concurrent clients can be explained by one order of their operations
(linearizability).

Clients record each operation with its begin, its end and its response. A history is legal if each operation can be
assigned one moment between its begin and its end such that all operations, carried out one by one in the order of these
moments, would have had the same responses. Wing and Gong's search, with Lowe's memory of visited states, looks for such
an order for each contact separately, since a history is legal if it is so for each object (Herlihy and Wing).
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["read", "patch", "toggle", "delete", "restore"]


class State(NamedTuple):
    """The state of a contact that the checker follows. `value`: what the last patch wrote."""

    version: int
    value: str
    is_active: bool = True
    is_deleted: bool = False


class Answer(NamedTuple):
    """The status of a response, and the contact in it, if any."""

    status: int
    seen: State | None = None


@dataclass(frozen=True)
class Operation:
    """An operation on a contact, and its response. `begun` and `ended`: readings of one clock of all clients.

    `if_match`: the only version that it may be carried out on; None for any. `value`: what a patch writes.
    """

    contact: str
    kind: Kind
    begun: int
    ended: int
    answer: Answer
    if_match: int | None = None
    value: str | None = None


class NoLegalOrder(AssertionError):
    """No order explains the history."""


class History:
    """Records operations as they happen, from any number of threads."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._clock = itertools.count()
        self._lock = threading.Lock()

    def note(
        self,
        contact: str,
        kind: Kind,
        act: Callable[[], Answer],
        *,
        if_match: int | None = None,
        value: str | None = None,
    ) -> Answer:
        """Carry out `act` and record it; return its response."""
        begun = self._tick()
        answer = act()
        operation = Operation(contact, kind, begun, self._tick(), answer, if_match, value)
        with self._lock:
            self.operations.append(operation)
        return answer

    def _tick(self) -> int:
        with self._lock:
            return next(self._clock)


def last_states(starts: Mapping[str, State], operations: Sequence[Operation]) -> dict[str, State]:
    """Return the state in which a legal order of the operations leaves each contact, from its state in `starts`.

    Raises NoLegalOrder when there is no such order.
    """
    by_contact = defaultdict(list)
    for operation in operations:
        by_contact[operation.contact].append(operation)
    return {contact: _last_state(start, by_contact[contact]) for contact, start in starts.items()}


def _last_state(start: State, operations: list[Operation]) -> State:
    _assert_conflicts_have_a_cause(operations)
    # A set of operations is a number with a bit for each.
    everything = (1 << len(operations)) - 1
    waiting = [(0, start)]
    tried = {waiting[0]}
    farthest = waiting[0]
    while waiting:
        done, state = waiting.pop()
        if done == everything:
            return state
        farthest = max(farthest, (done, state), key=lambda reached: reached[0].bit_count())
        steps = []
        for number in _next(operations, done):
            follows = _after(state, operations[number])
            if follows == state:
                # An operation that changes nothing may as well be next: no other choice needs to be tried.
                steps = [(done | 1 << number, state)]
                break
            if follows is not None:
                steps.append((done | 1 << number, follows))
        waiting += [step for step in steps if step not in tried]
        tried.update(steps)
    done, state = farthest
    stuck = "\n".join(f"  {operations[number]}" for number in _next(operations, done))
    raise NoLegalOrder(f"after {done.bit_count()} operations, in {state}, none of these fits:\n{stuck}")


def _next(operations: list[Operation], done: int) -> list[int]:
    """Return the operations that may be next: those that had begun when the first of the rest ended."""
    rest = [number for number in range(len(operations)) if not done >> number & 1]
    first_end = min(operations[number].ended for number in rest)
    return [number for number in rest if operations[number].begun < first_end]


def _after(state: State, operation: Operation) -> State | None:
    """Return the state after an operation with its response; None if the response is impossible in `state`."""
    status, seen = operation.answer
    matches = operation.if_match in (None, state.version)
    if status == 404:
        return state if state.is_deleted and operation.kind != "restore" else None
    if status == 412:
        return None if matches or (state.is_deleted and operation.kind != "restore") else state
    if status == 409:
        return state
    follows = _carried_out(state, operation) if matches else None
    # A deletion's response has no contact.
    shows = Answer(204) if operation.kind == "delete" else Answer(200, follows)
    return follows if (status, seen) == shows else None


def _carried_out(state: State, operation: Operation) -> State | None:
    """Return the state after an operation that succeeds; None if it cannot succeed in `state`."""
    changed = state._replace(version=state.version + 1)
    if operation.kind == "restore":
        return changed._replace(is_deleted=False) if state.is_deleted else state
    if state.is_deleted:
        return None
    if operation.kind == "patch":
        assert operation.value is not None
        return changed._replace(value=operation.value)
    if operation.kind == "toggle":
        return changed._replace(is_active=not state.is_active)
    return changed._replace(is_deleted=True) if operation.kind == "delete" else state


def _assert_conflicts_have_a_cause(operations: list[Operation]) -> None:
    """A 409 says that others kept changing the contact, so another operation's change must overlap it."""
    for operation in operations:
        if operation.answer.status == 409 and not any(
            other.kind != "read"
            and other.answer.status in (200, 204)
            and other.begun < operation.ended
            and operation.begun < other.ended
            for other in operations
        ):
            raise NoLegalOrder(f"no other operation was changing the contact:\n  {operation}")
