"""House rules for queues, streams, schedules and asynchronous functions: nothing is lost silently (check 96)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.sqs import retry_delay
from tests.contract.template.reading import (
    ASYNCHRONOUS,
    DEAD_LETTERS,
    EXHAUSTED,
    FUNCTIONS,
    QUEUES,
    events,
    may,
    of_type,
    queue_named_by,
    role_of,
)


@pytest.mark.parametrize("name", sorted(set(QUEUES) - DEAD_LETTERS))
def test_a_queue_gives_up_into_a_dead_letter_queue(name: str) -> None:
    redrive = QUEUES[name]["RedrivePolicy"]
    assert 3 <= redrive["maxReceiveCount"] <= 20
    assert queue_named_by(redrive["deadLetterTargetArn"]) in DEAD_LETTERS


@pytest.mark.parametrize("name", sorted(set(QUEUES) - DEAD_LETTERS))
def test_messages_outlast_a_busy_table_though_they_become_visible_again_soon(name: str) -> None:
    """At least a quarter of an hour passes before a message is dead-lettered, with the shortest random waits."""
    receives = QUEUES[name]["RedrivePolicy"]["maxReceiveCount"]
    waits = [retry_delay(received) for received in range(1, receives + 1)]
    assert sum(QUEUES[name]["VisibilityTimeout"] if wait is None else wait for wait in waits) >= 900


@pytest.mark.parametrize("name", sorted(DEAD_LETTERS))
def test_a_dead_letter_queue_keeps_as_long_as_sqs_can(name: str) -> None:
    assert QUEUES[name]["MessageRetentionPeriod"] == 14 * 86400


@pytest.mark.parametrize(("function", "kind", "properties"), list(events("SQS")))
def test_a_queue_hides_messages_for_six_timeouts_and_takes_partial_failures(
    function: str, kind: str, properties: dict[str, Any]
) -> None:
    queue = QUEUES[queue_named_by(properties["Queue"])]
    assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "ScalingConfig" in properties


def test_sqs_can_redrive_from_the_dead_letters_to_which_a_function_sends() -> None:
    """StartMessageMoveTask takes only a queue that is the dead-letter queue of another queue."""
    targets = {
        queue_named_by(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in QUEUES.values()
        if "RedrivePolicy" in queue
    }
    assert EXHAUSTED in targets
    # No queue that is read may end there, past its own alarm.
    sources = {name for name, queue in QUEUES.items() if EXHAUSTED in str(queue.get("RedrivePolicy"))}
    assert sources <= DEAD_LETTERS


def test_every_queue_but_the_dead_letters_has_a_reader() -> None:
    read = {queue_named_by(properties["Queue"]) for _f, _k, properties in events("SQS")}
    assert read == set(QUEUES) - DEAD_LETTERS


@pytest.mark.parametrize(("function", "kind", "properties"), list(events("DynamoDB")))
def test_a_stream_reader_has_bounds_and_a_dead_letter_queue(
    function: str, kind: str, properties: dict[str, Any]
) -> None:
    assert 1 <= properties["MaximumRetryAttempts"] <= 100
    # The stream keeps a record for a day; a dead letter is of use only while the record can be read there.
    assert 3600 <= properties["MaximumRecordAgeInSeconds"] < 86400
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue_named_by(properties["DestinationConfig"]["OnFailure"]["Destination"]) in DEAD_LETTERS


@pytest.mark.parametrize("function", sorted({function for function, _k, _p in events(*ASYNCHRONOUS)}))
def test_an_asynchronous_function_has_bounds_and_a_dead_letter_queue(function: str) -> None:
    config = FUNCTIONS[function]["EventInvokeConfig"]
    assert 0 <= config["MaximumRetryAttempts"] <= 2
    assert 60 <= config["MaximumEventAgeInSeconds"] <= 21600
    queue = queue_named_by(config["DestinationConfig"]["OnFailure"]["Destination"])
    assert queue in DEAD_LETTERS
    assert may(role_of(function), "sqs:SendMessage", queue)


@pytest.mark.parametrize(("function", "kind", "properties"), list(events("Schedule", "ScheduleV2")))
def test_a_clock_has_retry_bounds_and_a_dead_letter_queue(
    function: str, kind: str, properties: dict[str, Any]
) -> None:
    assert 0 <= properties["RetryPolicy"]["MaximumRetryAttempts"] <= 185
    assert 60 <= properties["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
    assert queue_named_by(properties["DeadLetterConfig"]["Arn"]) in DEAD_LETTERS


def test_a_rule_retries_for_a_day_and_then_dead_letters() -> None:
    targets = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    assert targets
    for target in targets:
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86400
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert queue_named_by(target["DeadLetterConfig"]["Arn"]) in DEAD_LETTERS


def test_a_subscription_dead_letters() -> None:
    subscriptions = of_type("AWS::SNS::Subscription")
    assert subscriptions
    for subscription in subscriptions.values():
        assert queue_named_by(subscription["RedrivePolicy"]["deadLetterTargetArn"]) in DEAD_LETTERS


def test_no_event_comes_by_a_way_this_file_does_not_judge() -> None:
    judged = {"Api", "SQS", "DynamoDB", "Schedule", "ScheduleV2", "S3"}
    assert {event["Type"] for one in FUNCTIONS.values() for event in one.get("Events", {}).values()} <= judged


def test_each_service_may_write_to_a_queue_for_one_source_only() -> None:
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Action"] == "sqs:SendMessage"
            assert statement["Principal"].keys() == {"Service"}
            assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]
