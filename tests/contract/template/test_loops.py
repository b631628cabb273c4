"""check 101: Lambda stops no chain of functions that call themselves through queues, topics or the bucket.

Lambda drops the event that would call a function for about the seventeenth time in one chain of requests, unless the
function says `RecursiveLoop: Allow` (AWS Lambda developer guide, "Use Lambda recursive loop detection to prevent
infinite loops"). It follows chains through SQS, SNS and S3, but not through DynamoDB's streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.template.reading import (
    DEAD_LETTERS,
    FUNCTIONS,
    QUEUES,
    as_list,
    events,
    of_type,
    queue_named_by,
    role_of,
    statements,
)

SENDING = {"sqs:SendMessage": QUEUES, "sns:Publish": of_type("AWS::SNS::Topic")}


def named_in(resource: Any, known: dict[str, Any]) -> set[str]:
    """Return the logical ids that a statement's resource names."""
    return {name for name in known if f"'{name}'" in str(resource) or f"${{{name}" in str(resource)}


def targets_of(function: str) -> Iterator[str]:
    """Yield the queues and topics to which a function may send, and `bucket` if it may put objects."""
    for statement in statements(role_of(function)):
        for action in as_list(statement["Action"]):
            if action in SENDING:
                yield from named_in(statement["Resource"], SENDING[action])
            if action == "s3:PutObject":
                yield "bucket"


def functions_triggered_by(target: str) -> Iterator[str]:
    """Yield the functions that a queue, a topic or the bucket calls."""
    if target == "bucket":
        yield from (function for function, _k, _p in events("S3"))
    for subscription in of_type("AWS::SNS::Subscription").values():
        if subscription["TopicArn"] == {"Ref": target}:
            yield from functions_triggered_by(queue_named_by(subscription["Endpoint"]))
    for function, _kind, properties in events("SQS"):
        if queue_named_by(properties["Queue"]) == target:
            yield function


def functions_called_by(function: str) -> set[str]:
    """Return the functions that a function calls by sending. A chain ends at a dead-letter queue."""
    return {
        called
        for target in targets_of(function)
        if target not in DEAD_LETTERS
        for called in functions_triggered_by(target)
    }


def may_call_itself(function: str) -> bool:
    """Return whether a function may call itself, directly or through others."""
    seen: set[str] = set()
    ahead = functions_called_by(function)
    while ahead:
        seen |= ahead
        ahead = set().union(*map(functions_called_by, ahead)) - seen
    return function in seen


LOOPING = {function for function in FUNCTIONS if may_call_itself(function)}


def test_known_loops_are_found() -> None:
    """A bulk job requests its next portion, an import's last chunk its results, a delivery its next attempt."""
    assert {"BulkFunction", "ImportsRowsFunction", "WebhookSendFunction"} <= LOOPING


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_only_a_function_that_may_call_itself_is_exempt_from_loop_detection(function: str) -> None:
    assert FUNCTIONS[function].get("RecursiveLoop") == ("Allow" if function in LOOPING else None)
