"""The stream driver delivers as Lambda's event source mapping does (checks 18 and 90 rely on it)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.aws import Stack
from tests.support.event_filter import passes
from tests.support.faults import Killed
from tests.support.streams import StreamDriver, StreamSettings, records_of
from tests.support.tenant_guard import LeadingKeyViolation, TenantGuard, acting_for


@pytest.fixture(autouse=True)
def as_tenant() -> Iterator[None]:
    with acting_for("t1", "t2"):
        yield


@pytest.fixture
def rows(dynamodb: Any, item: Callable[..., Any]) -> Callable[..., None]:
    def write(*names: str) -> None:
        for name in names:
            dynamodb.put_item(**item(sk=name))

    return write


def names_of(event: dict[str, Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["SK"]["S"] for record in event["Records"]]


class Recorder:
    """A handler that records its batches and fails on the rows in `poison`."""

    def __init__(self, *poison: str) -> None:
        self.poison = poison
        self.batches: list[list[str]] = []
        self.done: list[str] = []

    def __call__(self, event: dict[str, Any], context: Any) -> None:
        names = names_of(event)
        self.batches.append(names)
        if set(names) & set(self.poison):
            raise RuntimeError("poison")
        self.done.extend(names)


class Reporter(Recorder):
    """The same handler, which names the failed records instead of raising."""

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        self.batches.append(names_of(event))
        failures = []
        for record, name in zip(event["Records"], names_of(event), strict=True):
            if name in self.poison:
                failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            elif not failures:
                self.done.append(name)
        return {"batchItemFailures": failures}


def test_records_have_the_shape_lambda_gives_them(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    dynamodb.put_item(**item(d={"B": b"\x01\x02"}))
    dynamodb.put_item(**item(n={"N": "1"}))
    dynamodb.delete_item(TableName=stack.table_name, Key={"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}})
    inserted, modified, removed = records_of(stack.table_name)
    assert [record["eventName"] for record in (inserted, modified, removed)] == ["INSERT", "MODIFY", "REMOVE"]
    assert inserted["dynamodb"]["NewImage"]["d"] == {"B": "AQI="}
    assert modified["dynamodb"]["OldImage"]["d"] == {"B": "AQI="}
    assert modified["dynamodb"]["NewImage"]["n"] == {"N": "1"}
    assert "NewImage" not in removed["dynamodb"]
    assert inserted["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert isinstance(inserted["dynamodb"]["ApproximateCreationDateTime"], float)
    assert f"table/{stack.table_name}/stream/" in inserted["eventSourceARN"]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in (inserted, modified, removed)]
    assert numbers == sorted(set(numbers))
    assert len({record["eventID"] for record in (inserted, modified, removed)}) == 3


def test_an_update_that_makes_an_item_is_one_record_and_a_write_that_changes_nothing_none(
    stack: Stack, dynamodb: Any, item: Callable[..., Any]
) -> None:
    for _ in range(2):
        dynamodb.update_item(
            TableName=stack.table_name,
            Key={"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}},
            UpdateExpression="SET n = :n",
            ExpressionAttributeValues={":n": {"N": "1"}},
        )
    (record,) = records_of(stack.table_name)
    assert record["dynamodb"]["NewImage"]["n"] == {"N": "1"}


def test_records_come_in_order_in_batches_once(stack: Stack, rows: Callable[..., None]) -> None:
    handler = Recorder()
    driver = StreamDriver(stack.table_name, handler, StreamSettings(batch_size=2))
    rows("a", "b", "c")
    assert driver.pump() == 3
    rows("d")
    assert driver.pump() == 1
    assert driver.pump() == 0
    assert handler.batches == [["a", "b"], ["c"], ["d"]]


def test_what_a_handler_writes_is_delivered_too(
    stack: Stack, dynamodb: Any, item: Callable[..., Any], rows: Callable[..., None]
) -> None:
    handler = Recorder()

    def follow(event: dict[str, Any], context: Any) -> None:
        handler(event, context)
        if "a" in names_of(event):
            dynamodb.put_item(**item(sk="follows a"))

    driver = StreamDriver(stack.table_name, follow)
    rows("a")
    assert driver.pump() == 2
    assert handler.done == ["a", "follows a"]


def test_the_template_s_settings_and_filter_are_used(stack: Stack, rows: Callable[..., None]) -> None:
    handler = Recorder()
    driver = stack.stream_driver("StreamFunction", handler)
    assert driver.settings.batch_size == 4
    assert driver.settings.maximum_retry_attempts == 2
    assert driver.settings.bisect
    assert driver.settings.report_failures
    rows("EVENT#1", "CONTACT", "EVENT#2", "EVENT#2")
    driver.pump()
    assert handler.done == ["EVENT#1", "EVENT#2"]


def test_bisecting_isolates_the_poison_record_and_its_neighbours_pass(
    stack: Stack, rows: Callable[..., None]
) -> None:
    handler = Recorder("c")
    driver = StreamDriver(stack.table_name, handler, StreamSettings(maximum_retry_attempts=2, bisect=True))
    rows(*"abcdef")
    driver.pump()
    assert handler.done == ["a", "b", "d", "e", "f"]
    assert names_of({"Records": driver.dead_letters}) == ["c"]
    assert handler.batches == [
        list("abcdef"),
        ["a", "b", "c"],
        ["a", "b"],
        ["c"],
        ["c"],
        ["c"],
        ["d", "e", "f"],
    ]


def test_without_bisecting_the_whole_batch_is_given_up(stack: Stack, rows: Callable[..., None]) -> None:
    handler = Recorder("b")
    driver = StreamDriver(stack.table_name, handler, StreamSettings(batch_size=3, maximum_retry_attempts=1))
    rows(*"abcd")
    driver.pump()
    assert handler.batches == [list("abc"), list("abc"), ["d"]]
    assert names_of({"Records": driver.dead_letters}) == ["a", "b", "c"]


def test_a_reported_failure_is_tried_again_from_there_on(stack: Stack, rows: Callable[..., None]) -> None:
    handler = Reporter("c")
    settings = StreamSettings(maximum_retry_attempts=1, report_failures=True)
    driver = StreamDriver(stack.table_name, handler, settings)
    rows(*"abcd")
    driver.pump()
    assert handler.batches == [list("abcd"), ["c", "d"]]
    assert handler.done == ["a", "b"]
    assert names_of({"Records": driver.dead_letters}) == ["c", "d"]


def test_a_handler_that_raises_for_its_first_record_and_reports_others_loses_the_poison_record_alone(
    stack: Stack, rows: Callable[..., None]
) -> None:
    reporter = Reporter("c")

    def handler(event: dict[str, Any], context: Any) -> Any:
        if names_of(event)[0] == "c":
            raise RuntimeError("poison")
        return reporter(event, context)

    settings = StreamSettings(maximum_retry_attempts=1, report_failures=True, bisect=True)
    driver = StreamDriver(stack.table_name, handler, settings)
    rows(*"abcd")
    driver.pump()
    assert reporter.done == ["a", "b", "d"]
    assert names_of({"Records": driver.dead_letters}) == ["c"]


def test_a_batch_whose_first_record_is_reported_is_never_halved(
    stack: Stack, rows: Callable[..., None]
) -> None:
    handler = Reporter("c")
    settings = StreamSettings(maximum_retry_attempts=1, report_failures=True, bisect=True)
    driver = StreamDriver(stack.table_name, handler, settings)
    rows(*"abcd")
    driver.pump()
    assert handler.done == ["a", "b"]
    assert names_of({"Records": driver.dead_letters}) == ["c", "d"]


@pytest.mark.parametrize("identifier", ["no such record", "", None])
def test_a_report_that_names_nothing_of_the_batch_fails_all_of_it(
    stack: Stack, rows: Callable[..., None], identifier: str | None
) -> None:
    calls = []

    def handler(event: dict[str, Any], context: Any) -> Any:
        calls.append(names_of(event))
        return {"batchItemFailures": [{"itemIdentifier": identifier}]} if len(calls) == 1 else None

    rows("a", "b")
    StreamDriver(stack.table_name, handler, StreamSettings(report_failures=True)).pump()
    assert calls == [["a", "b"], ["a", "b"]]


def test_a_killed_handler_is_given_its_records_again(stack: Stack, rows: Callable[..., None]) -> None:
    calls = []

    def handler(event: dict[str, Any], context: Any) -> None:
        calls.append(names_of(event))
        if len(calls) == 1:
            raise Killed

    rows("a")
    driver = StreamDriver(stack.table_name, handler)
    driver.pump()
    assert calls == [["a"], ["a"]]
    assert len(driver.errors) == 1


def test_a_replay_delivers_all_again(stack: Stack, rows: Callable[..., None]) -> None:
    handler = Recorder()
    driver = StreamDriver(stack.table_name, handler)
    rows("a", "b")
    driver.pump()
    driver.replay()
    assert handler.done == ["a", "b", "a", "b"]


def test_a_handler_may_touch_the_tenants_of_its_records_alone(
    stack: Stack, dynamodb: Any, rows: Callable[..., None], tenant_guard: TenantGuard
) -> None:
    touched = iter(["T#t1#FEED", "S#bookkeeping", "T#t2#FEED"])

    def handler(event: dict[str, Any], context: Any) -> None:
        dynamodb.get_item(TableName=stack.table_name, Key={"PK": {"S": next(touched)}, "SK": {"S": "x"}})

    driver = StreamDriver(stack.table_name, handler, prefixes=("S#",))
    for name in ("a", "b"):
        rows(name)
        driver.pump()
    rows("c")
    with tenant_guard.expecting_violations(), pytest.raises(LeadingKeyViolation):
        driver.pump()


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"dynamodb": {"Keys": {"SK": {"S": [{"prefix": "EV"}]}}}}, True),
        ({"dynamodb": {"Keys": {"SK": {"S": [{"suffix": "#2"}]}}}}, False),
        ({"dynamodb": {"OldImage": {"SK": [{"exists": False}]}}}, True),
        ({"eventName": [{"anything-but": ["REMOVE"]}]}, True),
        ({"eventName": [{"anything-but": {"prefix": "INS"}}]}, False),
        ({"$or": [{"eventName": ["REMOVE"]}, {"eventName": [{"equals-ignore-case": "insert"}]}]}, True),
    ],
)
def test_filters_follow_lambda_s_patterns(pattern: dict[str, Any], fits: bool) -> None:
    record = {"eventName": "INSERT", "dynamodb": {"Keys": {"SK": {"S": "EVENT#1"}}}}
    assert passes(record, [pattern]) is fits
