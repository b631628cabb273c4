"""The checker of histories accepts those that one order explains, and rejects all others."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.support.history import Answer, History, Kind, NoLegalOrder, Operation, State, last_states

START = State(1, "v1")
A2, B2, B3 = State(2, "a"), State(2, "b"), State(3, "b")
GONE = State(2, "v1", is_deleted=True)


def op(kind: Kind, begun: int, ended: int, status: int, seen: State | None = None, **how: Any) -> Operation:
    return Operation("c", kind, begun, ended, Answer(status, seen), **how)


def read(begun: int, ended: int, seen: State | None) -> Operation:
    return op("read", begun, ended, 200 if seen else 404, seen)


def patch(begun: int, ended: int, seen: State, if_match: int | None = None) -> Operation:
    return op("patch", begun, ended, 200, seen, value=seen.value, if_match=if_match)


def refused(begun: int, ended: int, status: int, if_match: int | None = None) -> Operation:
    return op("patch", begun, ended, status, value="refused", if_match=if_match)


LEGAL = {
    "nothing": ([], START),
    "one after the other": ([patch(0, 1, A2), read(2, 3, A2), patch(4, 5, B3)], B3),
    "a read during a write sees the state before it": ([patch(0, 9, A2), read(1, 2, START)], A2),
    "a read during a write sees the state after it": ([patch(0, 9, A2), read(1, 2, A2)], A2),
    "of two reads during a write the later sees more": (
        [patch(0, 9, A2), read(1, 2, START), read(3, 4, A2)],
        A2,
    ),
    "writes at once in the other order": ([patch(0, 9, B3), patch(1, 8, A2), read(10, 11, B3)], B3),
    "a stale If-Match": ([patch(0, 1, A2), refused(2, 3, 412, if_match=1)], A2),
    "an If-Match that became stale meanwhile": ([patch(0, 9, A2), refused(1, 8, 412, if_match=1)], A2),
    "an If-Match that was not yet right": (
        [patch(0, 9, A2), refused(1, 8, 412, if_match=2), read(2, 3, START)],
        A2,
    ),
    "a deletion and what follows": (
        [
            op("delete", 0, 1, 204),
            read(2, 3, None),
            refused(4, 5, 404),
            refused(4, 5, 404, if_match=1),
            op("restore", 6, 7, 200, State(3, "v1")),
            op("restore", 8, 9, 200, State(3, "v1")),
        ],
        State(3, "v1"),
    ),
    "gone for a moment": (
        [op("delete", 0, 20, 204), op("restore", 1, 19, 200, State(3, "v1")), read(2, 18, None)],
        State(3, "v1"),
    ),
    "deletions that tell no version, in the order that leaves room for the others": (
        [
            op("delete", 0, 30, 204),
            op("delete", 1, 10, 204, if_match=2),
            patch(2, 9, A2),
            op("restore", 11, 20, 200, State(4, "a")),
        ],
        State(5, "a", is_deleted=True),
    ),
    "toggled there and back": (
        [
            op("toggle", 0, 1, 200, State(2, "v1", is_active=False)),
            op("toggle", 2, 3, 200, State(3, "v1")),
        ],
        State(3, "v1"),
    ),
    "others were faster": ([patch(0, 9, A2), refused(1, 8, 409)], A2),
}

ILLEGAL = {
    "a lost update": [patch(0, 9, A2), patch(1, 8, B3), read(10, 11, State(3, "a"))],
    "an update lost without a trace": [patch(0, 1, A2), read(2, 3, START)],
    "two writes of one version": [patch(0, 9, A2), patch(1, 8, B2)],
    "two careful writes from one version": [patch(0, 9, A2, 1), patch(1, 8, B3, 1)],
    "a version nobody wrote": [patch(0, 1, B3)],
    "a stale read": [patch(0, 1, A2), patch(2, 3, B3), read(4, 5, A2)],
    "a read of the future": [read(0, 1, A2), patch(2, 3, A2)],
    "reads that go back": [patch(0, 9, A2), read(1, 2, A2), read(3, 4, START)],
    "reads that go back, of two clients": [
        patch(0, 9, A2),
        read(1, 3, A2),
        read(4, 5, START),
        read(2, 6, A2),
    ],
    "a read of another content under the same version": [patch(0, 1, A2), read(2, 3, B2)],
    "a value that was refused": [patch(0, 1, A2), refused(2, 3, 412, 1), read(4, 5, State(2, "refused"))],
    "versions against time": [patch(0, 1, B3), patch(2, 3, A2)],
    "412 though it matched throughout": [refused(0, 1, 412, if_match=1), patch(2, 3, A2)],
    "412 without an If-Match": [patch(0, 9, A2), refused(1, 8, 412)],
    "412 where there is nothing": [op("delete", 0, 1, 204), refused(2, 3, 412, if_match=1)],
    "written in spite of its If-Match": [patch(0, 1, A2), patch(2, 3, B3, 1)],
    "404 of a live contact": [read(0, 1, None), op("delete", 2, 3, 204)],
    "404 after it was restored": [
        op("delete", 0, 1, 204),
        op("restore", 2, 3, 200, State(3, "v1")),
        read(4, 5, None),
    ],
    "404 for a restore in time": [op("delete", 0, 1, 204), op("restore", 2, 3, 404)],
    "a read of a deleted contact": [op("delete", 0, 1, 204), read(2, 3, START)],
    "a write to a deleted contact": [op("delete", 0, 1, 204), patch(2, 3, B3)],
    "deleted twice": [op("delete", 0, 9, 204), op("delete", 1, 8, 204)],
    "a deletion that deleted nothing": [op("delete", 0, 1, 204), read(2, 3, GONE)],
    "restored under the version of the deletion": [
        op("delete", 0, 1, 204),
        op("restore", 2, 3, 200, State(2, "v1")),
    ],
    "a toggle that was lost": [
        op("toggle", 0, 9, 200, State(2, "v1", is_active=False)),
        op("toggle", 1, 8, 200, State(3, "v1", is_active=False)),
    ],
    "a toggle that loses a patch": [
        patch(0, 9, A2),
        op("toggle", 1, 8, 200, State(3, "v1", is_active=False)),
    ],
    "409 with nobody about": [patch(0, 1, A2), refused(2, 3, 409)],
    "409 for a reader's sake": [refused(0, 9, 409), read(1, 8, START)],
    "503": [refused(0, 1, 503)],
}


@pytest.mark.parametrize("name", LEGAL)
def test_a_history_that_an_order_explains_is_taken(name: str) -> None:
    operations, end = LEGAL[name]
    assert last_states({"c": START}, operations) == {"c": end}
    assert last_states({"c": START}, operations[::-1]) == {"c": end}


@pytest.mark.parametrize("name", ILLEGAL)
def test_a_history_that_no_order_explains_is_refused(name: str) -> None:
    operations = ILLEGAL[name]
    for noted in (operations, operations[::-1]):
        with pytest.raises(NoLegalOrder):
            last_states({"c": START}, noted)


def test_one_contact_s_operations_do_not_excuse_another_s() -> None:
    starts = {"c": START, "d": START}
    both = [patch(0, 1, A2), replace(read(2, 3, START), contact="d")]
    assert last_states(starts, both) == {"c": A2, "d": START}
    with pytest.raises(NoLegalOrder):
        last_states(starts, [patch(0, 1, A2), replace(read(2, 3, A2), contact="d")])


def long_history(seed: int) -> list[Operation]:
    """Four hundred patches and reads that happened one by one, each lasting up to eight moments."""
    chosen = random.Random(seed)
    state, operations = START, []
    for moment in range(400):
        span = (10 * moment - chosen.randrange(40), 10 * moment + chosen.randrange(40) + 1)
        if chosen.random() < 0.5:
            state = State(state.version + 1, f"v{moment}")
            operations.append(patch(*span, state))
        else:
            operations.append(read(*span, state))
    return operations


@pytest.mark.parametrize("seed", range(3))
def test_in_a_long_history_any_answer_from_another_time_is_found(seed: int) -> None:
    operations = long_history(seed)
    last_states({"c": START}, operations)
    reads = [number for number, operation in enumerate(operations) if operation.kind == "read"]
    states = [operation.answer.seen for operation in operations]
    for number in reads[::20]:
        other = states[number - 60 if number >= 200 else number + 60]
        false = replace(operations[number], answer=Answer(200, other))
        with pytest.raises(NoLegalOrder):
            last_states({"c": START}, [*operations[:number], false, *operations[number + 1 :]])


def test_operations_are_noted_with_begin_end_and_answer() -> None:
    history = History()
    inner = Answer(200, START)

    def outer() -> Answer:
        history.note("d", "read", lambda: inner)
        return Answer(204)

    assert history.note("c", "delete", outer, if_match=1) == Answer(204)
    assert history.operations == [
        Operation("d", "read", 1, 2, inner),
        Operation("c", "delete", 0, 3, Answer(204), if_match=1),
    ]
