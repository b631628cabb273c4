"""The stack's storage and messaging in moto, created from the resources of infra/template.yaml.

There is no second description: names, keys, the index, the stream, redrive policies, subscriptions and rules are the
template's. Functions are not deployed; tests call their handlers (`gateway`, `streams`, `queues`).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from moto import mock_aws

from tests.support.clients import client
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.moto_truth import truthful_moto
from tests.support.queues import QueueDriver
from tests.support.roles import role_of
from tests.support.saved_moto import SavedMoto
from tests.support.streams import StreamDriver, StreamSettings
from tests.support.template import Template
from tests.support.tokens import TokenIssuer

Handler = Any


@dataclass
class Stack:
    """The resources created from a template, and the names that CloudFormation would give them."""

    template: Template
    refs: dict[str, str] = field(default_factory=dict)
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def ref(self, logical_id: str) -> str:
        return self.refs.get(logical_id, f"{self.template.stack_name}-{logical_id}")

    def attribute(self, logical_id: str, attribute: str) -> str:
        known = self.attributes.get((logical_id, attribute))
        return known or f"arn:aws:harness:{REGION}:{ACCOUNT}:{logical_id}/{attribute}"

    @property
    def table_name(self) -> str:
        logical_id, _ = self.template.resource("AWS::DynamoDB::Table")
        return self.ref(logical_id)

    def queue_url(self, logical_id: str) -> str:
        return self.refs[logical_id]

    def client(self, service: str) -> Any:
        """Return the harness's client, which is cached. Tests may use it too, within a guard scope like any other."""
        return client(service)

    def stream_driver(self, function: str, handler: Handler, **overrides: Any) -> StreamDriver:
        """Return a driver with the settings of the function's stream event in the template."""
        settings = StreamSettings.of_event(self.template.event(function, "DynamoDB"))
        return StreamDriver(
            self.table_name,
            handler,
            settings,
            function_name=function,
            role=role_of(self.template, function),
            **overrides,
        )

    def queue_driver(self, function: str, handler: Handler, **overrides: Any) -> QueueDriver:
        """Return a driver with the settings of the function's SQS event in the template."""
        event = self.template.event(function, "SQS")
        queue = event["Queue"]
        logical_id = queue["Fn::GetAtt"][0] if isinstance(queue, dict) else str(queue)
        settings: dict[str, Any] = {
            "batch_size": int(event.get("BatchSize", 10)),
            "report_failures": "ReportBatchItemFailures" in event.get("FunctionResponseTypes", []),
            "function_name": function,
            "role": role_of(self.template, function),
            **overrides,
        }
        return QueueDriver(self.queue_url(logical_id), handler, **settings)

    def messages_in(self, logical_id: str) -> int:
        """Return the number of messages in a queue, visible or not."""
        names = (
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        )
        found = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url(logical_id), AttributeNames=list(names)
        )["Attributes"]
        return sum(int(found[name]) for name in names)


def make_resources(template: Template) -> Stack:
    """Create the template's table, queues, topics, buckets, buses and rules at the current AWS endpoint."""
    stack = Stack(template)
    for make in (
        _tables,
        _queues,
        _buckets,
        _topics,
        _buses,
        _secrets,
        _encryption_keys,
        _user_pools,
        _redrives,
        _subscriptions,
        _rules,
    ):
        make(stack)
    return stack


def _name(stack: Stack, logical_id: str, properties: Mapping[str, Any], member: str) -> str:
    given = properties.get(member)
    return str(stack.template.resolve(given, stack)) if given else f"{stack.template.stack_name}-{logical_id}"


def _tables(stack: Stack) -> None:
    for logical_id, properties in stack.template.resources("AWS::DynamoDB::Table").items():
        name = _name(stack, logical_id, properties, "TableName")
        wanted: dict[str, Any] = {
            member: stack.template.resolve(properties[member], stack)
            for member in (
                "AttributeDefinitions",
                "KeySchema",
                "GlobalSecondaryIndexes",
                "LocalSecondaryIndexes",
                "BillingMode",
            )
            if member in properties
        }
        if "StreamSpecification" in properties:
            stream = stack.template.resolve(properties["StreamSpecification"], stack)
            wanted["StreamSpecification"] = {
                "StreamEnabled": True,
                "StreamViewType": stream["StreamViewType"],
            }
        aws = client("dynamodb")
        made = aws.create_table(TableName=name, **wanted)["TableDescription"]
        if "TimeToLiveSpecification" in properties:
            lifetime = stack.template.resolve(properties["TimeToLiveSpecification"], stack)
            aws.update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={
                    "AttributeName": lifetime["AttributeName"],
                    "Enabled": lifetime["Enabled"] in (True, "true"),
                },
            )
        stack.refs[logical_id] = name
        stack.attributes[(logical_id, "Arn")] = made["TableArn"]
        if "LatestStreamArn" in made:
            stack.attributes[(logical_id, "StreamArn")] = made["LatestStreamArn"]


def _queues(stack: Stack) -> None:
    aws = client("sqs")
    for logical_id, properties in stack.template.resources("AWS::SQS::Queue").items():
        name = _name(stack, logical_id, properties, "QueueName")
        attributes = {
            member: str(stack.template.resolve(properties[member], stack))
            for member in ("VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod")
            if member in properties
        }
        url = aws.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        stack.refs[logical_id] = url
        stack.attributes[(logical_id, "Arn")] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        stack.attributes[(logical_id, "QueueName")] = name
        stack.attributes[(logical_id, "QueueUrl")] = url


def _redrives(stack: Stack) -> None:
    aws = client("sqs")
    for logical_id, properties in stack.template.resources("AWS::SQS::Queue").items():
        if policy := properties.get("RedrivePolicy"):
            resolved = json.dumps(stack.template.resolve(policy, stack))
            aws.set_queue_attributes(QueueUrl=stack.refs[logical_id], Attributes={"RedrivePolicy": resolved})


def _buckets(stack: Stack) -> None:
    aws = client("s3")
    for logical_id, properties in stack.template.resources("AWS::S3::Bucket").items():
        name = _name(stack, logical_id, properties, "BucketName").lower()
        aws.create_bucket(Bucket=name)
        versioning = stack.template.resolve(properties.get("VersioningConfiguration"), stack)
        if versioning:
            aws.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)
        stack.refs[logical_id] = name
        stack.attributes[(logical_id, "Arn")] = f"arn:aws:s3:::{name}"


def _topics(stack: Stack) -> None:
    aws = client("sns")
    for logical_id, properties in stack.template.resources("AWS::SNS::Topic").items():
        name = _name(stack, logical_id, properties, "TopicName")
        arn = aws.create_topic(Name=name)["TopicArn"]
        stack.refs[logical_id] = arn
        stack.attributes[(logical_id, "TopicArn")] = arn
        stack.attributes[(logical_id, "TopicName")] = name


def _subscriptions(stack: Stack) -> None:
    aws = client("sns")
    for properties in stack.template.resources("AWS::SNS::Subscription").values():
        wanted = stack.template.resolve(properties, stack)
        attributes = {}
        if "RawMessageDelivery" in wanted:
            attributes["RawMessageDelivery"] = str(wanted["RawMessageDelivery"]).lower()
        for member in ("FilterPolicy", "RedrivePolicy"):
            if member in wanted:
                attributes[member] = json.dumps(wanted[member])
        aws.subscribe(
            TopicArn=wanted["TopicArn"],
            Protocol=wanted["Protocol"],
            Endpoint=wanted["Endpoint"],
            Attributes=attributes,
        )


def _buses(stack: Stack) -> None:
    aws = client("events")
    for logical_id, properties in stack.template.resources("AWS::Events::EventBus").items():
        name = _name(stack, logical_id, properties, "Name")
        arn = aws.create_event_bus(Name=name)["EventBusArn"]
        stack.refs[logical_id] = name
        stack.attributes[(logical_id, "Name")] = name
        stack.attributes[(logical_id, "Arn")] = arn


def _rules(stack: Stack) -> None:
    aws = client("events")
    for logical_id, properties in stack.template.resources("AWS::Events::Rule").items():
        wanted = stack.template.resolve(properties, stack)
        name = wanted.get("Name", f"{stack.template.stack_name}-{logical_id}")
        bus = wanted.get("EventBusName", "default")
        if "EventPattern" not in wanted:
            continue
        aws.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(wanted["EventPattern"]))
        targets = [
            {member: target[member] for member in ("Id", "Arn", "InputPath", "Input") if member in target}
            for target in wanted["Targets"]
        ]
        aws.put_targets(Rule=name, EventBusName=bus, Targets=targets)


def _secrets(stack: Stack) -> None:
    aws = client("secretsmanager")
    for logical_id, properties in stack.template.resources("AWS::SecretsManager::Secret").items():
        name = _name(stack, logical_id, properties, "Name")
        value = secrets.token_urlsafe(48)
        wanted = stack.template.resolve(properties.get("GenerateSecretString") or {}, stack)
        if key := wanted.get("GenerateStringKey"):
            known = json.loads(wanted.get("SecretStringTemplate", "{}"))
            value = json.dumps({**known, key: value})
        arn = aws.create_secret(Name=name, SecretString=value)["ARN"]
        stack.refs[logical_id] = arn
        stack.attributes[(logical_id, "Id")] = arn


def _encryption_keys(stack: Stack) -> None:
    aws = client("kms")
    for logical_id in stack.template.resources("AWS::KMS::Key"):
        made = aws.create_key()["KeyMetadata"]
        stack.refs[logical_id] = made["KeyId"]
        stack.attributes[(logical_id, "Arn")] = made["Arn"]


def _user_pools(stack: Stack) -> None:
    aws = client("cognito-idp")
    pools = stack.template.resources("AWS::Cognito::UserPool")
    for logical_id, properties in pools.items():
        wanted = stack.template.resolve(properties, stack)
        made = aws.create_user_pool(PoolName=logical_id, Policies=wanted["Policies"])["UserPool"]
        stack.refs[logical_id] = made["Id"]
        stack.attributes[(logical_id, "Arn")] = made["Arn"]
    for logical_id, properties in stack.template.resources("AWS::Cognito::UserPoolClient").items():
        wanted = stack.template.resolve(properties, stack)
        made = aws.create_user_pool_client(
            UserPoolId=wanted["UserPoolId"],
            ClientName=logical_id,
            ExplicitAuthFlows=wanted["ExplicitAuthFlows"],
        )["UserPoolClient"]
        stack.refs[logical_id] = made["ClientId"]


_DYNAMIC_REFERENCE = "{{resolve:"


def environment_of(stack: Stack) -> dict[str, str]:
    """Return the variables of all functions together, as the template sets them.

    Values that CloudFormation would look up elsewhere ({{resolve:…}}) are invented, the same for the whole stack.
    """
    variables: dict[str, str] = {}
    for function in stack.template.functions():
        for name, value in stack.template.environment(function, stack).items():
            if _DYNAMIC_REFERENCE in value:
                value = secrets.token_urlsafe(48)
            variables.setdefault(name, value)
    return variables


def environment_of_tests(issuer: TokenIssuer | None) -> dict[str, str]:
    """Return the variables that differ in tests. Tokens are expected from `issuer` if given."""
    variables = {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # Spans and metrics are not recorded.
        "POWERTOOLS_TRACE_DISABLED": "true",
        # So that calls are counted the same way. Tests of limits switch them on.
        "RATE_LIMITS": "off",
    }
    if issuer is not None:
        variables |= {
            "TOKEN_ISSUER": issuer.issuer,
            "TOKEN_AUDIENCE": issuer.client_id,
            "TOKEN_JWKS_URL": issuer.jwks_url,
        }
    return variables


@contextmanager
def variables_set(variables: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Iterator[None]:
    """Set environment variables for the length of the block; those named in `without` are absent."""
    before = {name: os.environ.get(name) for name in (*variables, *without)}
    for name in without:
        os.environ.pop(name, None)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def forget_wiring() -> None:
    """Drop the clients and settings that warm functions keep, as in a new execution environment."""
    kept = sys.modules.get("shared.wiring.kept")
    if kept is not None:
        kept.reset_wiring()


_saved: dict[Template, tuple[Stack, SavedMoto]] = {}


def _stack_of(template: Template, contents: SavedMoto | None) -> Stack:
    """Return a stack whose resources are new in moto: created the first time, restored after that. With `contents`,
    which must be those of an earlier stack of this template, it has what that had.
    """
    if template in _saved:
        stack, empty = _saved[template]
        (contents or empty).restore()
    else:
        stack = make_resources(template)
        stack.environment = environment_of(stack)
        _saved[template] = stack, SavedMoto()
    return replace(stack, refs={**stack.refs}, attributes={**stack.attributes})


@contextmanager
def stack_in_moto(
    template: Template,
    issuer: TokenIssuer | None = None,
    *,
    contents: SavedMoto | None = None,
    **overrides: str,
) -> Iterator[Stack]:
    """A new world: moto with the template's resources, the functions' environment, and cold wiring. Its resources are
    empty, or have the saved `contents` of an earlier one.
    """
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    elsewhere = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN")
    with variables_set(region, without=elsewhere), mock_aws(), truthful_moto():
        stack = _stack_of(template, contents)
        stack.environment = stack.environment | environment_of_tests(issuer) | overrides
        with variables_set(stack.environment, without=elsewhere):
            forget_wiring()
            try:
                yield stack
            finally:
                forget_wiring()
