"""A stack in moto with a tenant in it, and its doors: the HTTP API, the bookings queue, the stream's consumers."""

from __future__ import annotations

import itertools
import json
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

from functions.bookings.on_booking import handler as on_booking
from functions.changes.on_schedule_sweep import handler as on_schedule_sweep
from functions.changes.on_stream_project import handler as on_stream_project
from functions.changes.on_stream_publish import handler as on_stream_publish
from functions.timeline.on_note import handler as on_note
from shared.domain.tenant import TenantSettings
from tests.integration.stream_records import changes_something, records_from
from tests.integration.table_content import Content
from tests.support.aws import Stack
from tests.support.gateway import Gateway, Response
from tests.support.lambda_context import lambda_context
from tests.support.queues import QueueDriver, receive
from tests.support.replay import number_of_records
from tests.support.streams import StreamDriver
from tests.support.tenant_guard import acting_for_system
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy, settle

EVENTS = Path(__file__).parents[1] / "events"
SWEEPER_PREFIXES = ("OUTBOX#", "DUE#MATCHES", "S#", "T#")

_numbers = itertools.count(1)


class World:
    """The stack `stack`, and the tenant T1 (`t1`) in it. `openings`: which records of the stream tell of
    tenants' openings. With `like`, the stack must have the contents of that world.

    Its gateway keeps the authorizer's answers, as API Gateway does. A test that changes rights and expects that they
    take effect at once needs a `Gateway` of its own.
    """

    def __init__(
        self,
        stack: Stack,
        issuer: TokenIssuer,
        settings: TenantSettings | None = None,
        *,
        like: World | None = None,
    ) -> None:
        self.stack = stack
        self.issuer = issuer
        self.gateway = Gateway(stack.template, cached=True)
        self.projector: StreamDriver = stack.stream_driver("ProjectFunction", on_stream_project)
        self.publisher: StreamDriver = stack.stream_driver(
            "PublishFunction", on_stream_publish, prefixes=("S#SWEEP",)
        )
        self.bookings: QueueDriver = stack.queue_driver("BookingsFunction", on_booking)
        self.notes: QueueDriver = stack.queue_driver("NotesFunction", on_note)
        if like:
            self.openings, self._taken_in = {*like.openings}, like._taken_in
            self.t1, self._listener = like.t1, like._listener
        else:
            self.openings, self._taken_in = set[int](), 0
            self.t1 = self._settled("T1", settings)
            self._listener = self._subscribe_to_topic()

    @cached_property
    def racing(self) -> Gateway:
        """A gateway for requests that are sent together."""
        return Gateway(self.stack.template, isolation="interleaved")

    def tenant(self, tenant_id: str) -> Tenancy:
        """A further tenant."""
        return self._settled(tenant_id)

    def _settled(self, tenant_id: str, settings: TenantSettings | None = None) -> Tenancy:
        """A tenant without the events of its opening, so that tests see only the events they make."""
        start = number_of_records()
        made = settle(self.issuer, tenant_id, settings, events=False)
        self.openings.update(range(start, number_of_records()))
        return made

    @property
    def content(self) -> Content:
        """The table as it is now."""
        return Content.of_stack(self.stack)

    # The HTTP API

    def send(
        self, method: str, path: str, json: Any = None, *, token: str | None = None, **how: Any
    ) -> Response:
        """One request, T1's admin's unless `token` says otherwise."""
        return self.gateway.request(method, path, json=json, token=token or self.t1.admin, **how)

    def create(self, email: str | None = None, *, token: str | None = None, **fields: Any) -> dict[str, Any]:
        """A new contact as the API shows it."""
        email = email or f"person{next(_numbers)}@example.com"
        answer = self.send("POST", "/contacts", {"first_name": "Ada", "email": email, **fields}, token=token)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def listed(self, *, token: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """All contacts of the list, walked page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.send("GET", "/contacts", query={**query, **cursor}, token=token)
            assert answer.status == 200, answer.text
            found += answer.json["items"]
            if answer.json["next_cursor"] is None:
                return found
            assert answer.json["items"], "an empty page with a cursor"
            cursor = {"cursor": answer.json["next_cursor"]}

    # What follows from changes

    def catch_up(self) -> None:
        """Let both consumers of the stream take in all there is, also what they themselves write."""
        while (known := number_of_records()) > self._taken_in:
            records = self.telling(self._taken_in)
            self._taken_in = known
            self.projector.deliver(records)
            self.publisher.deliver(records)

    def telling(self, start: int = 0) -> list[dict[str, Any]]:
        """The stream's records from a position on, without those of tenants' openings and those of no change."""
        return [
            record
            for position, record in enumerate(records_from(self.stack, start), start)
            if position not in self.openings and changes_something(record)
        ]

    def sweep(self) -> dict[str, Any]:
        """One run of the sweeper."""
        with acting_for_system(*SWEEPER_PREFIXES):
            report: dict[str, Any] = on_schedule_sweep({}, lambda_context("SweepFunction", timeout_ms=60_000))
        return report

    def _subscribe_to_topic(self) -> str:
        """A queue of the tests' own, which receives each message of the topic: the webhooks' queue does not."""
        sqs, sns = self.stack.client("sqs"), self.stack.client("sns")
        url: str = sqs.create_queue(QueueName="listener")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(
            TopicArn=self.stack.refs["DomainEventsTopic"],
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )
        return url

    def published(self) -> list[dict[str, Any]]:
        """The messages that were sent to the topic since the last look."""
        return [
            {
                **json.loads(message["Body"]),
                "attributes": {
                    name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()
                },
            }
            for message in self._taken_from(self._listener)
        ]

    # Bookings

    def post_booking(self, *bodies: Any) -> None:
        """Put messages into the bookings queue; what is no text becomes JSON."""
        for body in bodies:
            self.stack.client("sqs").send_message(
                QueueUrl=self.stack.queue_url("BookingsQueue"),
                MessageBody=body if isinstance(body, str) else json.dumps(body),
            )

    def dead_bookings(self) -> list[dict[str, Any]]:
        """What has come to the bookings' dead-letter queue since the last look: `body`, `reason`, `detail`."""
        return [
            {
                "body": message["Body"],
                **{
                    name: message.get("MessageAttributes", {}).get(name, {}).get("StringValue")
                    for name in ("reason", "detail")
                },
            }
            for message in self._taken_from(self.stack.queue_url("BookingsDeadLetters"))
        ]

    def _taken_from(self, url: str) -> list[dict[str, Any]]:
        messages = receive(url, 10_000)
        for start in range(0, len(messages), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[start : start + 10])
            ]
            self.stack.client("sqs").delete_message_batch(QueueUrl=url, Entries=entries)
        return messages


def booking(kind: str = "BookingCreated", /, **detail: Any) -> dict[str, Any]:
    """An EventBridge event of a booking of tenant T1: that of events/booking_created.json with members replaced.

    Each has event and booking ids of its own unless they are given. A member given as None is left out.
    """
    event: dict[str, Any] = json.loads((EVENTS / "booking_created.json").read_text())
    event["id"] = str(uuid.uuid4())
    event["detail-type"] = kind
    number = next(_numbers)
    event["detail"] |= {"event_id": f"event-{number}", "booking_id": f"booking-{number}", **detail}
    event["detail"] = {name: value for name, value in event["detail"].items() if value is not None}
    return event
