"""Reads functions, queues and roles of `infra/template.yaml` for the house rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local import template
from tests.support.template import Template

TEMPLATE = template.load()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one.get("Properties", {}) for name, one in RESOURCES.items() if one["Type"] == kind}


FUNCTIONS = Template(TEMPLATE).functions()
"""Each function's properties, with those of `Globals` beneath them."""
QUEUES = of_type("AWS::SQS::Queue")
ROLES = {name: role for name, role in of_type("AWS::IAM::Role").items() if "Policies" in role}
"""The roles of functions."""
ASYNCHRONOUS = {"S3", "Schedule", "EventBridgeRule", "SNS"}
DEAD_LETTERS = {name for name in QUEUES if name.endswith("DeadLetters")}
EXHAUSTED = "WebhookExhaustedDeadLetters"
"""The dead-letter queue of what receivers outside have refused."""


def events(*kinds: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield function, kind and properties of each event of these kinds."""
    for function, properties in FUNCTIONS.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] in kinds:
                yield function, event["Type"], event["Properties"]


def queue_named_by(arn: Any) -> str:
    """Return the queue that an `!GetAtt Queue.Arn` names."""
    name, attribute = arn["Fn::GetAtt"]
    assert attribute == "Arn"
    assert name in QUEUES
    return str(name)


def role_of(function: str) -> str:
    name, attribute = FUNCTIONS[function]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(name)


def statements(role: str) -> Iterator[dict[str, Any]]:
    for policy in ROLES[role]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(role: str) -> set[str]:
    return {action for statement in statements(role) for action in as_list(statement["Action"])}


def may(role: str, action: str, resource: str) -> bool:
    """Return whether a role allows an action on a resource of the template, named by its logical id."""
    return any(
        action in as_list(statement["Action"])
        and {"Fn::GetAtt": [resource, "Arn"]} in as_list(statement["Resource"])
        for statement in statements(role)
    )
