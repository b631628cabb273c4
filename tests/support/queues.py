"""Feeds a handler from an SQS queue as Lambda's event source mapping does.

Messages are received from the (moto) queue in batches and deleted once the handler succeeded. Failed messages (all of a
batch whose handler raised or was killed; those in ``batchItemFailures`` when `report_failures`) become visible again at
once and are received again, until the queue's own redrive policy moves them to its dead-letter queue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.sqs.models import sqs_backends

from tests.support.clients import client
from tests.support.faults import Killed
from tests.support.lambda_context import lambda_context
from tests.support.roles import Role, under_role
from tests.support.tenant_guard import acting_for, as_operator, inferring_tenant

Handler = Callable[[dict[str, Any], Any], Any]
Message = dict[str, Any]


@dataclass
class QueueDriver:
    """A mapping from a queue to `handler`.

    `prefixes`: keys that the handler may touch besides its messages' tenants. A batch whose messages name their tenants
    (`tenants_named_in`) may touch those; a batch whose messages name none may touch a single tenant. `role`: the role
    it runs under, if its calls are to be checked. `errors`: the exceptions that the handler raised, in order.
    `invocations`: message ids of each batch.
    """

    queue_url: str
    handler: Handler
    batch_size: int = 10
    report_failures: bool = True
    function_name: str = "queue-function"
    prefixes: tuple[str, ...] = ()
    role: Role | None = None
    invocations: list[list[str]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def pump(self, *, rounds: int = 1000) -> int:
        """Receive until no message is visible. Returns how many messages succeeded."""
        done = 0
        for _ in range(rounds):
            messages = receive(self.queue_url, self.batch_size)
            if not messages:
                return done
            done += self.deliver(messages)
        raise AssertionError(
            f"the queue was still not empty after {rounds} batches; last error: {self.errors[-1:]}"
        )

    def deliver(self, messages: list[Message]) -> int:
        """Pass received messages to the handler as one event; delete those that succeeded, release the others."""
        event = {"Records": [sqs_record(message, self.queue_url) for message in messages]}
        ids = [message["MessageId"] for message in messages]
        self.invocations.append(ids)
        try:
            with self._scope(messages), under_role(self.role):
                result = self.handler(event, lambda_context(self.function_name))
        except (Exception, Killed) as error:  # noqa: BLE001 - as Lambda: whatever it was, the batch failed
            self.errors.append(error)
            failed = set(ids)
        else:
            failed = failed_messages(result, ids) if self.report_failures else set()
        with as_operator():
            sqs = client("sqs")
            for message in messages:
                handle = {"QueueUrl": self.queue_url, "ReceiptHandle": message["ReceiptHandle"]}
                if message["MessageId"] in failed:
                    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
                else:
                    sqs.delete_message(**handle)
        return len(messages) - len(failed)

    def _scope(self, messages: list[Message]) -> Any:
        tenants = {tenant for message in messages for tenant in tenants_named_in(message)}
        if tenants:
            return acting_for(*tenants, prefixes=self.prefixes)
        return inferring_tenant(*self.prefixes)


def failed_messages(result: Any, ids: list[str]) -> set[str]:
    """Return the failed messages of a batch response; all of the batch when the response is malformed."""
    failures = result.get("batchItemFailures") if isinstance(result, Mapping) else None
    if not failures:
        return set()
    named = {entry.get("itemIdentifier") for entry in failures}
    return set(ids) if not named <= set(ids) else named


def receive(queue_url: str, limit: int = 10) -> list[Message]:
    """Receive the visible messages, at most `limit`, in the form of ReceiveMessage."""
    messages: list[Message] = []
    with as_operator():
        sqs = client("sqs")
        while len(messages) < limit:
            found = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=min(10, limit - len(messages)),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            ).get("Messages", [])
            if not found:
                break
            messages.extend(found)
    return messages


def pass_delays(queue_url: str) -> None:
    """Make a queue's messages visible whose delay (`DelaySeconds`) has not passed."""
    account, name = queue_url.rsplit("/", 2)[1:]
    with as_operator():
        region = client("sqs").meta.region_name
    for message in sqs_backends[account][region].queues[name]._messages:
        message.delayed_until = 0.0


def sqs_record(message: Message, queue_url: str) -> dict[str, Any]:
    """Return a received message in the form of Lambda's SQS event."""
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "binaryValue": value.get("BinaryValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    name = queue_url.rpartition("/")[2]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{name}",
        "awsRegion": "us-east-1",
    }


def tenants_named_in(message: Message) -> set[str]:
    """Return the tenant ids that a message states: its attribute ``tenant_id``, or that member anywhere in its JSON
    body.
    """
    stated = message.get("MessageAttributes", {}).get("tenant_id", {}).get("StringValue")
    found = {stated} if stated else set()
    try:
        body = json.loads(message["Body"])
    except ValueError:
        return found
    return found | _members_named(body, "tenant_id")


def _members_named(value: Any, name: str) -> set[str]:
    if isinstance(value, dict):
        here = {value[name]} if isinstance(value.get(name), str) else set()
        return here.union(*(_members_named(entry, name) for entry in value.values()))
    if isinstance(value, list):
        return set().union(*(_members_named(entry, name) for entry in value))
    return set()
