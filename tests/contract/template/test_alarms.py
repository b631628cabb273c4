"""House rules for alarms and logs (check 98)."""

from __future__ import annotations

import pytest

from tests.contract.template.reading import (
    DEAD_LETTERS,
    events,
    of_type,
)


@pytest.mark.parametrize("queue", sorted(DEAD_LETTERS))
def test_a_dead_letter_raises_an_alarm(queue: str) -> None:
    alarms = [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
    ]
    (alarm,) = alarms
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


@pytest.mark.parametrize("function", sorted({function for function, _k, _p in events("DynamoDB")}))
def test_a_stream_reader_that_falls_behind_raises_an_alarm(function: str) -> None:
    (alarm,) = [
        one
        for one in of_type("AWS::CloudWatch::Alarm").values()
        if one["MetricName"] == "IteratorAge"
        and one["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    ]
    assert alarm["Threshold"] <= 300_000
