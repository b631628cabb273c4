"""Rows put into the table without calls: the same as those that the calls wrote."""

from __future__ import annotations

import time
from typing import Any

import pytest

from shared.domain import timestamps
from tests.support import replay
from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import calls_of
from tests.support.replay import number_of_records, replayed
from tests.support.streams import records_of
from tests.support.template import Template
from tests.support.tenant_guard import as_operator

KEYS = [{"PK": {"S": "T#t1#C#1"}, "SK": {"S": sort}} for sort in ("kept", "removed")]


@pytest.fixture(autouse=True)
def nothing_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_saved", {})


def prepared(stack: Stack, name: str = "prepared") -> str:
    """Two new rows, of which one is changed and the other removed; replayed if possible."""
    table = {"TableName": stack.table_name}
    dynamodb = stack.client("dynamodb")

    def write() -> str:
        with as_operator():
            for key in KEYS:
                dynamodb.put_item(**table, Item={**key, "tags": {"L": [{"S": "x"}]}, "n": {"N": "1.50"}})
            dynamodb.update_item(
                **table,
                Key=KEYS[0],
                UpdateExpression="SET n = n + :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
            dynamodb.delete_item(**table, Key=KEYS[1])
        return "done"

    return replayed(name, write)


def shown(stack: Stack) -> tuple[Any, Any]:
    """The rows and the stream of a stack."""
    with as_operator():
        rows = stack.client("dynamodb").scan(TableName=stack.table_name)["Items"]
    return rows, records_of(stack.table_name)


def test_the_rows_and_the_stream_are_those_of_the_calls(sample: Template) -> None:
    with stack_in_moto(sample) as stack:
        assert prepared(stack) == "done"
        rows, records = shown(stack)
    with stack_in_moto(sample) as stack:
        assert calls_of(lambda: prepared(stack)) == []
        assert shown(stack) == (rows, records)
        assert number_of_records() == 4


def test_records_are_numbered_after_those_before_them(sample: Template) -> None:
    with stack_in_moto(sample) as stack:
        prepared(stack)
    with stack_in_moto(sample) as stack, as_operator():
        other = {"PK": {"S": "T#t2#C#1"}, "SK": {"S": "CONTACT"}}
        stack.client("dynamodb").put_item(TableName=stack.table_name, Item=other)
        assert calls_of(lambda: prepared(stack)) == []
        stack.client("dynamodb").delete_item(TableName=stack.table_name, Key=other)
        numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in records_of(stack.table_name)]
    assert numbers == [*range(numbers[0], numbers[0] + 6)]


def test_no_test_changes_what_is_saved(sample: Template) -> None:
    with stack_in_moto(sample) as stack:
        prepared(stack)
        rows, _ = shown(stack)
    for _ in range(2):
        with stack_in_moto(sample) as stack, as_operator():
            prepared(stack)
            assert shown(stack)[0] == rows
            stack.client("dynamodb").update_item(
                TableName=stack.table_name, Key=KEYS[0], UpdateExpression="REMOVE tags"
            )


def test_it_runs_again_where_one_of_the_rows_is_there(sample: Template) -> None:
    with stack_in_moto(sample) as stack:
        prepared(stack)
    with stack_in_moto(sample) as stack, as_operator():
        stack.client("dynamodb").put_item(TableName=stack.table_name, Item=KEYS[0])
        assert len(calls_of(lambda: prepared(stack))) == 4


def test_what_changes_other_rows_is_not_saved(sample: Template) -> None:
    for _ in range(2):
        with stack_in_moto(sample) as stack, as_operator():
            stack.client("dynamodb").put_item(TableName=stack.table_name, Item=KEYS[0])
            assert len(calls_of(lambda: prepared(stack))) == 4


def test_it_runs_again_when_its_times_are_no_longer_of_the_present(
    sample: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack_in_moto(sample) as stack:
        prepared(stack)
    monkeypatch.setattr(replay, "LONGEST_USE", 0.0)
    with stack_in_moto(sample) as stack:
        assert len(calls_of(lambda: prepared(stack))) == 4


def test_nothing_is_saved_or_replayed_while_a_test_moves_the_clock(
    sample: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stack_in_moto(sample) as stack:
        prepared(stack)
    later = timestamps.from_milliseconds(int(time.time() + 60) * 1000)
    monkeypatch.setattr(timestamps, "now", lambda: later)
    for name in ("prepared", "new", "new"):
        with stack_in_moto(sample) as stack:
            assert len(calls_of(lambda: prepared(stack, name))) == 4  # noqa: B023
