"""Deliveries that are sent again, dead letters and their redrive, and the filters of the log (checks 75 to 77)."""

from __future__ import annotations

from typing import Any

import pytest

from functions.webhooks import on_delivery
from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import MAX_ATTEMPTS, MAX_LOGGED_ATTEMPTS, Attempt
from shared.table.webhooks.deliveries import DeliveryTable
from shared.wiring.base import store
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.queues import receive
from tests.support.receiver import Receiver
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer
from tests.support.transport import unobserved


class Hook:
    """A webhook of tenant T1 to the receiver, with its routes."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world, self.receiver = world, receiver
        self.id: str = self._create(receiver.url)
        self.sender = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)

    def _create(self, url: str) -> str:
        answer = self.world.send(
            "POST", "/webhooks", {"url": url, "events": ["contact.created", "contact.updated"]}
        )
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    def deliver(self, *, status: int = 200) -> str:
        """Send an event to the receiver once; return the event's id."""
        self.receiver.answer_with(status)
        made = self.world.send("POST", f"/webhooks/{self.id}/test")
        assert made.status == 202, made.text
        self.sender.pump()
        return str(made.json["event_id"])

    def show(self, event_id: str) -> Any:
        answer = self.world.send("GET", f"/webhooks/{self.id}/deliveries/{event_id}")
        assert answer.status == 200, answer.text
        return answer.json

    def redeliver(self, event_id: str) -> Any:
        return self.world.send("POST", f"/webhooks/{self.id}/deliveries/{event_id}/redeliver")

    def list(self, **query: Any) -> list[str]:
        answer = self.world.send("GET", f"/webhooks/{self.id}/deliveries", query=query)
        assert answer.status == 200, answer.text
        return [one["event_id"] for one in answer.json["items"]]

    def change(self, event_id: str, **fields: Any) -> None:
        """Change a delivery in the table."""
        with acting_for("T1"):
            table = DeliveryTable(store(), "T1")
            _, delivery = table.find_delivery(self.id, event_id)
            assert delivery is not None
            table.save_delivery(
                delivery, delivery.model_copy(update={"revision": delivery.revision + "+", **fields})
            )

    def exhaust(self, event_id: str, attempts: int = MAX_ATTEMPTS - 1) -> None:
        """Make all attempts but the last one, without sending anything."""
        failed = Attempt(at=timestamps.now(), status=500, duration_ms=1)
        self.change(event_id, attempts=[failed] * attempts)


@pytest.fixture
def hook(aws_stack: Stack, token_issuer: TokenIssuer, receiver: Receiver) -> Hook:
    return Hook(World(aws_stack, token_issuer), receiver)


def test_check_75_a_delivered_event_is_sent_again_with_its_id_and_another_attempt(hook: Hook) -> None:
    event_id = hook.deliver()
    answer = hook.redeliver(event_id)
    assert (answer.status, answer.json["state"], len(answer.json["attempts"])) == (202, "pending", 1)
    hook.sender.pump()
    first, second = hook.receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event_id
    assert first.body == second.body
    shown = hook.show(event_id)
    assert (shown["state"], [one["status"] for one in shown["attempts"]]) == ("delivered", [200, 200])


def test_check_75_a_disabled_webhook_is_sent_nothing_again(hook: Hook) -> None:
    event_id = hook.deliver()
    assert hook.world.send("POST", f"/webhooks/{hook.id}/disable").status == 200
    refused = hook.redeliver(event_id)
    assert (refused.status, refused.json["code"]) == (409, "webhook_disabled")
    hook.sender.pump()
    assert len(hook.receiver.requests) == 1
    assert hook.show(event_id)["state"] == "delivered"


def test_a_pending_delivery_is_attempted_at_once_and_keeps_its_schedule(hook: Hook) -> None:
    event_id = hook.deliver(status=503)
    waiting = hook.show(event_id)
    assert waiting["next_attempt_at"] > waiting["attempts"][0]["at"]
    answer = hook.redeliver(event_id)
    assert answer.json["next_attempt_at"] < waiting["next_attempt_at"]
    hook.receiver.answer_with(503)
    hook.sender.pump()
    shown = hook.show(event_id)
    assert (shown["state"], len(shown["attempts"])) == ("pending", 2)
    second = shown["attempts"][1]["at"]
    assert shown["next_attempt_at"] >= timestamps.plus(second, 60), "the second wait, not the first again"


def test_a_delivery_with_many_attempts_is_not_sent_again(hook: Hook) -> None:
    event_id = hook.deliver()
    hook.exhaust(event_id, MAX_LOGGED_ATTEMPTS + 1)
    refused = hook.redeliver(event_id)
    assert (refused.status, refused.json["code"]) == (409, "too_many_attempts")


def test_check_76_an_exhausted_delivery_is_a_dead_letter_with_its_reason_and_a_redrive_sends_it(
    hook: Hook,
) -> None:
    event_id = hook.deliver(status=500)
    hook.exhaust(event_id)
    hook.receiver.answer_with(500)
    hook.redeliver(event_id)
    hook.sender.pump()
    shown = hook.show(event_id)
    assert (shown["state"], shown["reason"], len(shown["attempts"])) == ("failed", "exhausted", MAX_ATTEMPTS)
    assert dead_letters(hook.world.stack) == [(event_id, "exhausted")]
    assert hook.world.stack.messages_in("WebhookDeliveriesDeadLetters") == 0, "whose alarm is for faults"
    hook.receiver.answer_with(500, then=204)
    redrive(hook.world.stack)
    hook.sender.pump()
    shown = hook.show(event_id)
    assert (shown["state"], len(shown["attempts"])) == ("pending", MAX_ATTEMPTS + 1), "it starts over"
    hook.redeliver(event_id)
    hook.sender.pump()
    shown = hook.show(event_id)
    assert (shown["state"], len(shown["attempts"])) == ("delivered", MAX_ATTEMPTS + 2)
    assert {one.headers["webhook-id"] for one in hook.receiver.requests} == {event_id}


def dead_letters(stack: Stack) -> list[tuple[str, str]]:
    """Return the event ids and the reasons of the messages in the dead-letter queue, and leave them there."""
    url = stack.queue_url("WebhookExhaustedDeadLetters")
    found = receive(url)
    with unobserved():
        for message in found:
            stack.client("sqs").change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    return [
        (one["Body"].split('"event_id":"')[1][:36], one["MessageAttributes"]["reason"]["StringValue"])
        for one in found
    ]


def redrive(stack: Stack) -> None:
    """Move the dead letters back, as an operator does with SQS's own redrive."""
    source, target = (
        stack.queue_url("WebhookExhaustedDeadLetters"),
        stack.queue_url("WebhookDeliveriesQueue"),
    )
    with unobserved():
        for message in receive(source):
            stack.client("sqs").send_message(QueueUrl=target, MessageBody=message["Body"])
            stack.client("sqs").delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


def test_a_dead_letter_of_a_delivery_that_was_delivered_since_does_nothing(hook: Hook) -> None:
    event_id = hook.deliver(status=500)
    hook.exhaust(event_id)
    hook.receiver.answer_with(500, then=200)
    hook.redeliver(event_id)
    hook.sender.pump()
    hook.redeliver(event_id)
    hook.sender.pump()
    sent = len(hook.receiver.requests)
    redrive(hook.world.stack)
    hook.sender.pump()
    assert len(hook.receiver.requests) == sent
    assert hook.show(event_id)["state"] == "delivered"


def test_the_log_is_filtered_by_state_type_and_time(hook: Hook) -> None:
    events = [
        logged_delivery("T1", hook.id, event_type)
        for event_type in ("contact.created", "contact.updated", "contact.created")
    ]
    hook.change(events[0], state="failed", due_at=None)
    assert hook.list() == events[::-1]
    assert hook.list(state="failed") == events[:1]
    assert hook.list(state="pending", event_type="contact.created") == events[2:]
    assert hook.list(event_type="contact.*") == hook.list(event_type="*") == events[::-1]
    assert hook.list(event_type="webhook.test") == hook.list(event_type="note.*") == []
    assert hook.list(state="delivered") == []
    at = hook.show(events[1])["created_at"]
    assert hook.list(**{"from": at}) == [events[2], events[1]]
    assert hook.list(to=at) == [events[1], events[0]]
    assert hook.list(**{"from": at}, to=at) == [events[1]]
    assert hook.list(to=timestamps.plus(at, -3600)) == []
    assert hook.list(**{"from": timestamps.plus(at, 3600)}) == []


@pytest.mark.parametrize("given", ["contact.create", "contacts.*", "contact"])
def test_an_unknown_event_type_in_the_log_s_filter_is_refused(hook: Hook, given: str) -> None:
    answer = hook.world.send("GET", f"/webhooks/{hook.id}/deliveries", query={"event_type": given})
    assert answer.status == 422
    (fault,) = answer.json["errors"]
    assert (fault["field"], fault["code"]) == ("event_type", "unknown_event_type")
    assert "Did you mean `contact." in fault["message"]


def test_a_missing_delivery_is_not_answered_as_a_missing_webhook(hook: Hook) -> None:
    for event_id in ("nope", new_id()):
        path = f"/webhooks/{hook.id}/deliveries/{event_id}"
        for answer in (hook.world.send("GET", path), hook.redeliver(event_id)):
            assert (answer.status, answer.json["detail"]) == (404, "Delivery not found.")


def test_a_filtered_log_is_walked_page_by_page_without_a_gap(hook: Hook) -> None:
    events = [
        logged_delivery("T1", hook.id, "contact.updated" if number % 3 else "contact.created")
        for number in range(20)
    ]
    found: list[str] = []
    query: dict[str, Any] = {"event_type": "contact.created", "limit": 2}
    while True:
        page = hook.world.send("GET", f"/webhooks/{hook.id}/deliveries", query=query).json
        found += [one["event_id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [one for number, one in enumerate(events) if number % 3 == 0][::-1]


def test_a_cursor_of_another_filter_is_refused(hook: Hook) -> None:
    for _ in range(3):
        logged_delivery("T1", hook.id)
    path = f"/webhooks/{hook.id}/deliveries"
    cursor = hook.world.send("GET", path, query={"limit": 1}).json["next_cursor"]
    assert hook.world.send("GET", path, query={"limit": 1, "cursor": cursor, "state": "failed"}).status == 400


def test_deliveries_of_types_that_the_caller_may_not_see_are_left_out(hook: Hook) -> None:
    """The webhook may have had other event types before it was changed."""
    hidden = logged_delivery("T1", hook.id, "user.created")
    shown = logged_delivery("T1", hook.id)
    made = hook.world.send(
        "POST",
        "/api-clients",
        {"name": "a", "permissions": {"webhooks:manage": "all", "contacts:read": "all"}},
    ).json
    path = f"/webhooks/{hook.id}/deliveries"
    listed = hook.world.send("GET", path, token=made["key"]).json
    assert [one["event_id"] for one in listed["items"]] == [shown]
    for method, suffix in (("GET", ""), ("POST", "/redeliver")):
        assert hook.world.send(method, f"{path}/{hidden}{suffix}", token=made["key"]).status == 404
    assert hook.list() == [shown, hidden]
