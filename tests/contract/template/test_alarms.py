"""House rules for alarms and for the API's access log (check 98)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.template.reading import (
    DEAD_LETTERS,
    EXHAUSTED,
    FUNCTIONS,
    QUEUES,
    RESOURCES,
    events,
    may,
    of_type,
    role_of,
)


@pytest.mark.parametrize("queue", sorted(DEAD_LETTERS - {EXHAUSTED}))
def test_a_dead_letter_of_a_fault_raises_an_alarm(queue: str) -> None:
    alarms = [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one.get("Dimensions") == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]
    (alarm,) = alarms
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


def test_what_a_receiver_refuses_raises_no_alarm_and_hides_no_fault() -> None:
    """A tenant's broken receiver would keep the alarm on, and a fault of the service would not be noticed."""
    assert [one for one in of_type("AWS::CloudWatch::Alarm").values() if EXHAUSTED in str(one)] == []
    assert {function for function in FUNCTIONS if may(role_of(function), "sqs:SendMessage", EXHAUSTED)} == {
        "WebhookSendFunction"
    }
    assert not may(role_of("WebhookSendFunction"), "sqs:SendMessage", "WebhookDeliveriesDeadLetters")


@pytest.mark.parametrize("function", sorted({function for function, _k, _p in events("DynamoDB")}))
def test_a_stream_reader_that_falls_behind_raises_an_alarm(function: str) -> None:
    (alarm,) = [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one.get("MetricName") == "IteratorAge"
        and one["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    ]
    assert alarm["Threshold"] <= 300_000


def alarms_on(metric: str, *dimensions: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one.get("MetricName") == metric and one["Dimensions"] == list(dimensions)
    ]


@pytest.mark.parametrize("queue", sorted(set(QUEUES) - DEAD_LETTERS))
def test_work_that_waits_long_in_a_queue_raises_an_alarm(queue: str) -> None:
    (alarm,) = alarms_on(
        "ApproximateAgeOfOldestMessage", {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
    )
    # Before the message is dead-lettered, but not for a message that failed only once or twice.
    twice = 2 * QUEUES[queue]["VisibilityTimeout"]
    assert twice <= alarm["Threshold"] <= max(3600, twice)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_that_fails_or_is_throttled_raises_an_alarm(function: str) -> None:
    """One alarm on both: Lambda counts no errors while all calls are throttled, so what is missing is filled."""
    (alarm,) = [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if {"Ref": function} in (stat["Metric"]["Dimensions"][0]["Value"] for stat in stats_of(one))
    ]
    assert [stat["Metric"]["MetricName"] for stat in stats_of(alarm)] == ["Errors", "Throttles"]
    for stat in stats_of(alarm):
        assert stat["Metric"]["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
        assert (stat["Metric"]["Namespace"], stat["Stat"]) == ("AWS/Lambda", "Sum")
        assert stat["Period"] * alarm["EvaluationPeriods"] <= 300
    (watched,) = [one for one in alarm["Metrics"] if one.get("ReturnData", True)]
    assert watched["Expression"] == "FILL(errors, 0) + FILL(throttles, 0)"


def stats_of(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics that an alarm's expression is made of."""
    return [one["MetricStat"] for one in alarm.get("Metrics", ()) if "MetricStat" in one]


def test_a_table_or_index_that_throttles_raises_an_alarm() -> None:
    table = {"Name": "TableName", "Value": {"Ref": "Table"}}
    indexes = of_type("AWS::DynamoDB::Table")["Table"]["GlobalSecondaryIndexes"]
    assert len(alarms_on("ReadThrottleEvents", table)) == len(alarms_on("WriteThrottleEvents", table)) == 1
    for index in indexes:
        of_index = {"Name": "GlobalSecondaryIndexName", "Value": index["IndexName"]}
        assert len(alarms_on("WriteThrottleEvents", table, of_index)) == 1


@pytest.mark.parametrize("name", sorted(of_type("AWS::CloudWatch::Alarm")))
def test_an_alarm_notifies_the_operator_s_topic_and_no_data_is_no_alarm(name: str) -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")[name]
    assert alarm["AlarmActions"]["Fn::If"][:2] == ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}]]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_metrics_of_each_method_are_off() -> None:
    """AWS charges for metrics per method of each route; metrics of the whole API are free."""
    assert all(one["MetricsEnabled"] is False for one in RESOURCES["Api"]["Properties"]["MethodSettings"])


def test_the_access_log_has_no_personal_data() -> None:
    """check 95: no address, path, username or e-mail, and no message of the gateway, which quotes headers."""
    condition, log, nothing = RESOURCES["Api"]["Properties"]["AccessLogSetting"]["Fn::If"]
    assert (condition, nothing) == ("WritesAccessLog", {"Ref": "AWS::NoValue"})
    assert log["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    assert RESOURCES["AccessLogs"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    members: dict[str, str] = json.loads(log["Format"])
    assert "\n" not in log["Format"]
    assert {value.removeprefix("$context.") for value in members.values()} == {
        "requestId",
        "requestTimeEpoch",
        "httpMethod",
        "resourcePath",
        "status",
        "error.responseType",
        "responseLatency",
        "responseLength",
        "integration.status",
        "integration.latency",
        "authorizer.status",
        "authorizer.latency",
        "authorizer.tenant_id",
        "authorizer.caller_kind",
    }


def test_the_stage_is_made_after_the_role_by_which_its_log_is_written() -> None:
    """API Gateway refuses a stage with a log while the account has no role for it in the region, and refuses the
    account's first setting before there is an API.
    """
    variables = RESOURCES["Api"]["Properties"]["Variables"]
    assert variables == {"logs": {"Fn::If": ["MakesAccessLogRole", {"Ref": "AccessLogAccount"}, "as-set-up"]}}
    assert RESOURCES["AccessLogAccount"]["DependsOn"] == "Api"
    assert RESOURCES["AccessLogAccount"]["Condition"] == "MakesAccessLogRole"
    role = {"Fn::GetAtt": ["AccessLogRole", "Arn"]}
    assert RESOURCES["AccessLogAccount"]["Properties"] == {"CloudWatchRoleArn": role}
