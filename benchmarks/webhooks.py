"""The costs of an event from its publication to the answer of one webhook: calls, units, messages and dollars.

The functions run in this process, with moto as AWS, and every call is counted as it goes on the wire
(`benchmarks.aws_calls`, which has the prices). Lambda's own calls of SQS are added: a batch of messages is received and
deleted with a request each. The time of functions is left out: most of it is the receiver's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from unittest import mock

from moto.dynamodb.models import dynamodb_backends

from benchmarks.aws_calls import Cost, invoke
from benchmarks.report import Figure
from benchmarks.scale import align
from functions.changes import on_stream_publish
from functions.webhooks import on_delivery, on_event
from shared.domain.callers import Caller
from shared.domain.contacts.inputs import ContactInput
from shared.domain.webhooks.subscription import WebhookInput
from shared.publishing.transport import ReceiverResponse
from shared.table.item import Item
from shared.wiring.accounts import onboarding_service
from shared.wiring.contacts import contact_service
from shared.wiring.kept import reset_wiring
from shared.wiring.webhooks import webhook_service
from tests.support.aws import Stack, stack_in_moto
from tests.support.lambda_context import ACCOUNT, REGION, lambda_context
from tests.support.queues import Message, receive, sqs_record
from tests.support.template import Template

CALLS = 5
"""The budget of an attempt that succeeds: calls of the table."""
MESSAGES = 2
"""The budget of a delivered event: messages of SQS. One brings it to the fan-out, one its delivery to the sender."""

_TENANT = "t1"
_ADMIN = Caller(_TENANT, "user", "u1", "admin")
_BATCH = 10
"""The most messages of a batch of the fan-out, and of a call of SQS and SNS."""
_DELIVERED = ReceiverResponse(204, b"", None)


class Delivering:
    """A tenant with one webhook, whose receiver takes every event."""

    def __init__(self, stack: Stack) -> None:
        self._table = dynamodb_backends[ACCOUNT][REGION].tables[stack.table_name]
        self._events, self._deliveries = (
            stack.queue_url(f"Webhook{name}Queue") for name in ("Events", "Deliveries")
        )
        onboarding = onboarding_service()
        onboarding.open_tenant(_TENANT, "One")
        onboarding.add_member(_ADMIN.id, _TENANT, "admin", "admin@example.com")
        hook = WebhookInput(url="https://hooks.example.com/x", events=["contact.created"])
        webhook_service(_ADMIN).create(hook)
        self._made = 0
        self.deliver(1)  # so that the processes are warm

    def deliver(self, count: int, *, is_cold: bool = False) -> list[Cost]:
        """Return the costs of the publication, the fan-out and the attempts of new events.

        `is_cold`: by processes that have nothing in memory.
        """
        events = [self._change() for _ in range(count)]
        costs = []
        with mock.patch("shared.publishing.sender.post", return_value=_DELIVERED) as post:
            for step in (lambda: self._publish(events), self._fan_out, self._attempt):
                if is_cold:
                    reset_wiring()
                costs.append(step())
        assert post.call_count == count
        return costs

    def _change(self) -> Item:
        """Create a contact; return the item of its event."""
        self._made += 1
        given = ContactInput(first_name="Ada", last_name="Lovelace", email=f"ada{self._made}@example.com")
        made = contact_service(_ADMIN).create(given)
        (event,) = (
            item.attrs
            for item in self._table.all_items()
            if item.attrs["PK"].value.endswith(f"#C#{made.id}")
            and item.attrs["SK"].value.startswith("EVENT#")
        )
        return {name: value.to_json() for name, value in event.items()}

    def _publish(self, events: Sequence[Item]) -> Cost:
        records = [
            {"dynamodb": {"NewImage": event, "SequenceNumber": str(number)}}
            for number, event in enumerate(events)
        ]
        return invoke(on_stream_publish.handler, {"Records": records}, lambda_context("publish"))

    def _fan_out(self) -> Cost:
        cost = Cost()
        while messages := receive(self._events, _BATCH):
            cost += self._invoke_with(on_event.handler, messages, self._events)
        return cost

    def _attempt(self) -> Cost:
        cost = Cost()
        while messages := receive(self._deliveries, 1):
            cost += self._invoke_with(on_delivery.handler, messages, self._deliveries)
        return cost

    @staticmethod
    def _invoke_with(handler: object, messages: list[Message], queue_url: str) -> Cost:
        event = {"Records": [sqs_record(message, queue_url) for message in messages]}
        return invoke(handler, event, lambda_context("webhooks"), messages=len(messages))


def measure() -> dict[str, Cost]:
    """Return the costs of a delivered event, and of its attempt, in each situation.

    Warm processes have the tenant's record in memory, which they read every two seconds otherwise.
    """
    with (
        stack_in_moto(Template.load(), LOG_LEVEL="WARNING") as stack,
        mock.patch("shared.wiring.tenants.TENANT_SECONDS", inf),
    ):
        tenant = Delivering(stack)
        warm = tenant.deliver(1)
        together = tenant.deliver(_BATCH)
        cold = tenant.deliver(1, is_cold=True)
    return {
        "the attempt of an event": warm[-1],
        "an event alone": sum(warm, Cost()),
        "an event alone, in a cold process": sum(cold, Cost()),
        "one of ten events": sum(together, Cost()) / _BATCH,
    }


HEAD = (
    "delivered to one webhook",
    "calls of the table",
    "read units",
    "write units",
    "SNS requests",
    "SQS messages",
    "SQS requests",
    "KMS requests",
    "invocations",
    "dollars for 1,000",
)


def rows(costs: dict[str, Cost]) -> list[list[str]]:
    """Return a row of HEAD for each situation."""
    return [
        [
            name,
            *(
                f"{value:g}"
                for value in (
                    one.calls,
                    one.read,
                    one.write,
                    one.sns,
                    one.messages,
                    one.sqs,
                    one.kms,
                    one.invocations,
                )
            ),
            f"{1000 * one.dollars:.4f}",
        ]
        for name, one in costs.items()
    ]


def table(costs: dict[str, Cost]) -> str:
    """Return the costs as aligned text."""
    return align([[*HEAD], *rows(costs)])


def figures(costs: dict[str, Cost]) -> list[Figure]:
    """Return the figures that have budgets."""
    attempt, alone = costs["the attempt of an event"], costs["an event alone"]
    return [
        Figure("webhook: calls of the table for an attempt", attempt.calls, None, "", None, CALLS),
        Figure("webhook: SQS messages for an event", alone.messages, None, "", None, MESSAGES),
    ]


if __name__ == "__main__":
    print(table(measure()))
