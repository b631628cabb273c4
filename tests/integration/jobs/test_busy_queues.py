"""While the table cannot be reached, messages of every queue are visible again after seconds, not after the timeout."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.domain.ids import new_id
from shared.domain.imports.tasks import ImportTask, Step
from shared.files.queues.imports import to_message
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.faults import call, injecting, unreachable
from tests.support.lambda_context import lambda_context
from tests.support.queues import receive, sqs_record
from tests.support.roles import role_of, under_role
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Layer, Send, intercepting


def _step_of_import(step: Step, chunk: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(to_message(ImportTask("T1", new_id(), "r1", step, chunk)))
    return found


MESSAGES: dict[str, Callable[[], dict[str, Any]]] = {
    "BookingsFunction": booking,
    "BulkFunction": lambda: {"tenant_id": "T1", "job_id": new_id(), "number": 1},
    "ImportsFilesFunction": lambda: _step_of_import("split"),
    "ImportsRowsFunction": lambda: _step_of_import("rows", chunk=0),
    "NotesFunction": lambda: {
        "tenant_id": "T1",
        "id": new_id(),
        "type": "note.created",
        "entity": "contact",
        "entity_id": new_id(),
        "note_id": new_id(),
        "at": "2031-03-02T09:00:00.000Z",
        "origin": "api",
        "version": 2,
    },
    "WebhookFanOutFunction": lambda: {
        "tenant_id": "T1",
        "id": new_id(),
        "type": "contact.created",
        "entity": "contact",
        "entity_id": new_id(),
        "at": "2031-03-02T09:00:00.000Z",
        "origin": "api",
        "version": 1,
    },
    "WebhookNoticesFunction": lambda: {
        "tenant_id": "T1",
        "id": new_id(),
        "type": "webhook.disabled",
        "entity": "webhook",
        "entity_id": new_id(),
        "at": "2031-03-02T09:00:00.000Z",
        "origin": "system",
        "version": 2,
    },
    "WebhookSendFunction": lambda: {
        "tenant_id": "T1",
        "webhook_id": new_id(),
        "event_id": new_id(),
        "attempt": 1,
    },
}


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


def test_every_function_of_a_queue_is_covered(template: Template) -> None:
    assert MESSAGES.keys() == {name for name in template.functions() if template.events(name, "SQS")}


@pytest.mark.parametrize("function", MESSAGES)
def test_a_message_is_visible_again_within_seconds_when_the_table_was_unreachable(
    world: World, aws_stack: Stack, template: Template, function: str
) -> None:
    """check 15: with the permissions of the function's own role."""
    (source,) = template.events(function, "SQS").values()
    queue_url = aws_stack.queue_url(source["Queue"]["Fn::GetAtt"][0])
    with as_operator():
        aws_stack.client("sqs").send_message(QueueUrl=queue_url, MessageBody=json.dumps(MESSAGES[function]()))
    (message,) = receive(queue_url)
    module, _, name = template.handler(function).rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    asked: list[dict[str, Any]] = []

    def note(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation == "ChangeMessageVisibility":
            asked.append(attempt.params)
        return send(attempt)

    away = injecting(unreachable(call("dynamodb")))
    with intercepting(Layer.SCHEDULER, note), away, acting_for("T1"), under_role(role_of(template, function)):
        answer = handler({"Records": [sqs_record(message, queue_url)]}, lambda_context(function))
    assert answer == {"batchItemFailures": [{"itemIdentifier": message["MessageId"]}]}
    (change,) = asked
    assert change["QueueUrl"] == queue_url
    assert change["ReceiptHandle"] == message["ReceiptHandle"]
    assert 10 <= change["VisibilityTimeout"] <= 15
