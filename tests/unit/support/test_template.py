"""The template reader evaluates what CloudFormation would, and moto gets its resources only from that."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.support.aws import Stack, stack_in_moto
from tests.support.template import Route, Template
from tests.support.tokens import TokenIssuer
from tests.unit.support.conftest import SAMPLE


def test_routes_carry_method_path_function_and_authorizer(sample: Template) -> None:
    assert Route("GET", "/things/{thing_id}", "ThingsFunction", "Callers") in sample.routes()
    assert Route("GET", "/health", "HealthFunction", None) in sample.routes()
    assert sample.handler("ThingsFunction") == "tests.unit.support.sample_functions.things"


def test_the_environment_is_the_template_s(stack: Stack) -> None:
    assert os.environ["TABLE_NAME"] == stack.table_name
    assert os.environ["WHERE"] == f"us-east-1/{stack.table_name}"
    assert os.environ["QUEUE_URL"].endswith("contacts-Queue")
    assert os.environ["TOPIC_ARN"] == "arn:aws:sns:us-east-1:123456789012:domain-events"
    assert "ONLY_LOCAL" not in os.environ
    assert len(os.environ["SECRET"]) > 40


def test_parameters_change_what_conditions_choose() -> None:
    local = Template.load(SAMPLE, Local="true")
    with stack_in_moto(local):
        assert os.environ["WHERE"] == "here"
        assert os.environ["ONLY_LOCAL"] == "1"
    assert "NotHere" in local.resources("AWS::SQS::Queue")
    assert "NotHere" not in Template.load(SAMPLE).resources("AWS::SQS::Queue")


def test_the_environment_is_as_before_afterwards(sample: Template) -> None:
    before = dict(os.environ)
    with stack_in_moto(sample):
        assert dict(os.environ) != before
    assert dict(os.environ) == before


def test_the_table_has_the_template_s_keys_index_and_stream(dynamodb: Any, stack: Stack) -> None:
    table = dynamodb.describe_table(TableName=stack.table_name)["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["PK", "SK"]
    assert table["GlobalSecondaryIndexes"][0]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    lifetime = dynamodb.describe_time_to_live(TableName=stack.table_name)["TimeToLiveDescription"]
    assert lifetime["AttributeName"] == "expires_at"


def test_a_topic_s_message_comes_to_the_subscribed_queue_as_it_is(stack: Stack) -> None:
    stack.client("sns").publish(
        TopicArn=stack.ref("Topic"),
        Message='{"a": 1}',
        MessageAttributes={"tenant_id": {"DataType": "String", "StringValue": "t1"}},
    )
    found = stack.client("sqs").receive_message(
        QueueUrl=stack.queue_url("Queue"), MessageAttributeNames=["All"]
    )["Messages"]
    assert found[0]["Body"] == '{"a": 1}'
    assert found[0]["MessageAttributes"]["tenant_id"]["StringValue"] == "t1"


def test_the_rule_passes_its_events_to_the_queue_and_no_others(stack: Stack) -> None:
    for kind in ("BookingCreated", "BookingForgotten"):
        stack.client("events").put_events(
            Entries=[
                {
                    "EventBusName": "bookings",
                    "Source": "scheduling.bookings",
                    "DetailType": kind,
                    "Detail": json.dumps({"tenant_id": "t1"}),
                }
            ]
        )
    assert stack.messages_in("Queue") == 1


def test_the_product_s_template_stands_in_moto(token_issuer: TokenIssuer) -> None:
    template = Template.load()
    with stack_in_moto(template, token_issuer) as stack:
        assert os.environ["TABLE_NAME"] == stack.table_name
        assert os.environ["TOKEN_JWKS_URL"] == token_issuer.jwks_url
        assert not [value for value in stack.environment.values() if "{{resolve" in value]
    assert {route.path for route in template.routes()} >= {"/contacts", "/contacts/{contact_id}", "/health"}
