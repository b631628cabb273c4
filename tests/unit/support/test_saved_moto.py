"""Stacks restored from saved contents: the same as newly created ones, and without the changes of earlier tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import calls_of
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.unit.support.conftest import SAMPLE


@pytest.fixture
def new() -> Template:
    """A template of which no stack has been made yet."""
    return Template.load(SAMPLE)


@pytest.fixture
def restored(new: Template) -> Iterator[Stack]:
    with stack_in_moto(new) as first, as_operator():
        first.client("dynamodb").put_item(
            TableName=first.table_name, Item={"PK": {"S": "T#t1#C#1"}, "SK": {"S": "CONTACT"}}
        )
        first.client("sqs").send_message(QueueUrl=first.queue_url("Queue"), MessageBody="left")
    with stack_in_moto(new) as second:
        yield second


def described(stack: Stack) -> dict[str, Any]:
    """Return the resources of a stack, as the services describe them."""
    sqs, sns, events = (stack.client(service) for service in ("sqs", "sns", "events"))
    topics = [one["TopicArn"] for one in sns.list_topics()["Topics"]]
    subscriptions = [
        sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
        for one in sns.list_subscriptions()["Subscriptions"]
    ]
    table = stack.client("dynamodb").describe_table(TableName=stack.table_name)["Table"]
    return {
        "table": table,
        "queues": [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            for url in sqs.list_queues()["QueueUrls"]
        ],
        "topics": topics,
        "subscriptions": subscriptions,
        "rules": events.list_rules(EventBusName="bookings")["Rules"],
        "targets": [
            events.list_targets_by_rule(EventBusName="bookings", Rule=rule["Name"])["Targets"]
            for rule in events.list_rules(EventBusName="bookings")["Rules"]
        ],
        "secrets": [one["ARN"] for one in stack.client("secretsmanager").list_secrets()["SecretList"]],
    }


def test_the_resources_are_those_of_the_first_stack(new: Template) -> None:
    with stack_in_moto(new) as stack:
        first, names = described(stack), (stack.refs, stack.attributes, stack.environment)
    with stack_in_moto(new) as stack:
        assert described(stack) == first
        assert (stack.refs, stack.attributes, stack.environment) == names


def test_overrides_of_an_earlier_test_are_gone(new: Template) -> None:
    with stack_in_moto(new, ONLY_HERE="1") as stack:
        assert stack.environment["ONLY_HERE"] == os.environ["ONLY_HERE"] == "1"
    with stack_in_moto(new) as stack:
        assert "ONLY_HERE" not in stack.environment
        assert "ONLY_HERE" not in os.environ


def test_they_are_made_without_calls(new: Template) -> None:
    def make() -> None:
        with stack_in_moto(new):
            pass

    assert "dynamodb.CreateTable" in calls_of(make)
    assert calls_of(make) == []


def test_nothing_of_an_earlier_test_is_left(restored: Stack) -> None:
    with as_operator():
        assert restored.client("dynamodb").scan(TableName=restored.table_name)["Items"] == []
    assert restored.messages_in("Queue") == 0


def test_resources_reach_each_other(restored: Stack) -> None:
    restored.client("sns").publish(TopicArn=restored.ref("Topic"), Message="{}")
    entry = {"EventBusName": "bookings", "Source": "scheduling.bookings", "DetailType": "BookingCreated"}
    restored.client("events").put_events(Entries=[{**entry, "Detail": "{}"}])
    assert restored.messages_in("Queue") == 2
