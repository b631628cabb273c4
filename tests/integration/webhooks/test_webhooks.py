"""Webhooks from subscription to receiver: real routes, handlers and sockets; AWS in moto."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from functions.webhooks import on_delivery, on_event, on_schedule
from shared.domain import ids, timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.events import Event, Notice
from shared.domain.stamp import Stamp
from shared.domain.webhooks.delivery import (
    LOST_MESSAGE_SECONDS,
    MAX_ATTEMPTS,
    MAX_QUEUED_SECONDS,
    RECHECK_SECONDS,
    RESERVATION_SECONDS,
    SUSPENSION_SECONDS,
    Attempt,
    Delivery,
    DeliveryAttemptResult,
    DeliveryRequest,
)
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import MAX_WEBHOOKS, NewWebhook, Webhook, WebhookInput
from shared.publishing.contracts import from_message, to_message
from shared.publishing.sender import Sender
from shared.services.webhooks import deliveries
from shared.services.webhooks.deliveries import AttemptInProgress, Sending
from shared.services.webhooks.delivery_log import DeliveryFilter
from shared.services.webhooks.due import send_due
from shared.services.webhooks.fan_out import FanOut
from shared.table.contacts.repository import ContactTable
from shared.table.keys import events as event_keys
from shared.table.keys import imports as import_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys import work as work_keys
from shared.table.webhooks import due
from shared.table.webhooks.deliveries import DeliveryTable
from shared.table.webhooks.due import DueDeliveries
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.tenants import find_tenant
from shared.wiring.webhooks import (
    delivery_log,
    delivery_queue,
    due_deliveries,
    holder_rights,
    vault,
    webhook_service,
)
from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import Killed, assert_same_after_kills, assert_same_under_throttling
from tests.support.gateway import Gateway
from tests.support.lambda_context import lambda_context
from tests.support.queues import QueueDriver, receive, sqs_record
from tests.support.receiver import Answer, Received, Receiver
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator
from tests.support.tokens import TokenIssuer
from tests.support.transport import unobserved
from tests.tenants import suspend

TENANT, OTHER = "t1", "t10"
ADMIN = Caller(TENANT, "user", "u-admin", "admin")
QUEUE = "WebhookDeliveriesQueue"
NOWHERE = "0190a8b0-0000-7000-8000-00000000000a"


@pytest.fixture
def stack(aws_stack: Stack) -> Stack:
    """The stack with two tenants, each with an admin and a user."""
    with as_operator():
        onboarding = onboarding_service()
        for tenant_id in (TENANT, OTHER):
            onboarding.open_tenant(tenant_id, tenant_id)
            for role in ("admin", "user"):
                onboarding.add_member(f"{tenant_id}-{role}", tenant_id, role, role)
    return aws_stack


@pytest.fixture
def call(stack: Stack, gateway: Gateway, token_issuer: TokenIssuer) -> Callable[..., Any]:
    """Sends an API request as a tenant's admin, or as its user."""

    def request(method: str, path: str, *, tenant: str = TENANT, role: str = "admin", **given: Any) -> Any:
        token = given.pop("token", None) or token_issuer.make_token(f"{tenant}-{role}")
        return gateway.request(method, path, token=token, **given)

    return request


def subscribe(url: str, *events: str, tenant: str = TENANT) -> NewWebhook:
    given = WebhookInput(url=url, events=list(events) or ["contact.created"], description="")
    with acting_for(tenant):
        return webhook_service(Caller(tenant, "user", f"{tenant}-admin", "admin")).create(given)


def contact_created(tenant: str = TENANT, name: str = "Zoë 🦊") -> Event:
    """Write a contact's creation into the table."""
    contact, event = Contact.create(
        {"first_name": name, "last_name": "", "tags": ["vip"]},
        contact_id=ids.new_id(),
        stamp=Stamp.now(Caller(tenant, "user", "u", "admin")),
        source="api",
    )
    with acting_for(tenant):
        ContactTable(store(), tenant).create((contact, event))
    return event


def delivery_of(webhook: Webhook, event: Event, tenant: str = TENANT) -> Delivery | None:
    with acting_for(tenant):
        _, delivery = DeliveryTable(store(), tenant).find_delivery(webhook.id, event.id)
    return delivery


def sqs_event(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(number), "receiptHandle": str(number), "body": body}
            for number, body in enumerate(bodies, start=1)
        ]
    }


def fan_out(event: Event, tenant: str = TENANT) -> Any:
    """Run the fan-out function with the message of an event."""
    with acting_for(tenant):
        return on_event.handler(sqs_event(to_message(tenant, event)), lambda_context("fan-out"))


def pump(stack: Stack) -> QueueDriver:
    """Run the sending function with what is visible in its queue."""
    driver = stack.queue_driver("WebhookSendFunction", on_delivery.handler)
    driver.pump()
    return driver


def sweep(later: float = 0.0) -> int:
    """Run the scheduled task, `later` seconds from now."""
    now = timestamps.plus(timestamps.now(), later)
    with acting_for_system("DUE#", "T#"):
        return send_due(due_deliveries(), delivery_queue(), has_time=lambda: True, now=lambda: now)


# ------------------------------------------------------------------------------ the routes


HOOK = {"url": "https://hooks.example.com/contacts", "events": ["contact.created"]}


def test_a_new_webhook_comes_with_its_secret_and_a_location(call: Callable[..., Any]) -> None:
    answer = call("POST", "/webhooks", json={**HOOK, "description": " to the shop "})
    made = answer.json
    assert answer.status == 201
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["events"], made["description"]) == (HOOK["url"], HOOK["events"], "to the shop")
    assert (made["is_active"], made["version"], made["created_by"]) == (True, 1, f"user:{TENANT}-admin")
    assert answer.headers["Location"] == f"/v1/webhooks/{made['id']}"
    assert answer.headers["ETag"] == '"1"'


def test_check_77_no_secret_is_in_any_get(call: Callable[..., Any], receiver: Receiver) -> None:
    made = call("POST", "/webhooks", json={**HOOK, "url": receiver.url}).json
    fan_out(contact_created())
    for path in ("/webhooks", f"/webhooks/{made['id']}", f"/webhooks/{made['id']}/deliveries"):
        answer = call("GET", path)
        assert answer.status == 200
        assert "secret" not in answer.text
        assert made["secret"] not in answer.text


def test_webhooks_are_listed_newest_first_and_in_pages(call: Callable[..., Any]) -> None:
    made = [call("POST", "/webhooks", json=HOOK).json["id"] for _ in range(3)]
    first = call("GET", "/webhooks", query={"limit": 2}).json
    second = call("GET", "/webhooks", query={"limit": 2, "cursor": first["next_cursor"]}).json
    assert [one["id"] for one in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"events": []}, "events", "too_short"),
        ({"events": ["contact.created", "contact.eaten"]}, "events.1", "unknown_event_type"),
        ({"url": "http://hooks.example.com/"}, "url", "not_https"),
        ({"url": "https://169.254.169.254/"}, "url", "forbidden_address"),
        ({"url": "https://hooks.example.com:22/"}, "url", "port"),
        ({"url": "https://" + "a" * 3000}, "url", "string_too_long"),
        ({"secret": "whsec_mine"}, "secret", "extra_forbidden"),
        ({"is_active": False}, "is_active", "extra_forbidden"),
        ({"id": "mine"}, "id", "extra_forbidden"),
    ],
)
def test_refused_fields_are_named(
    call: Callable[..., Any], change: dict[str, Any], field: str, code: str
) -> None:
    answer = call("POST", "/webhooks", json={**HOOK, **change})
    assert answer.status == 422
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [(field, code)]


def test_an_event_type_named_twice_counts_once(call: Callable[..., Any]) -> None:
    answer = call("POST", "/webhooks", json={**HOOK, "events": ["contact.created"] * 2})
    assert answer.json["events"] == ["contact.created"]


def test_the_webhook_after_the_last_allowed_is_refused_until_one_is_deleted(call: Callable[..., Any]) -> None:
    made = [subscribe(HOOK["url"]) for _ in range(MAX_WEBHOOKS)]  # type: ignore[arg-type]
    answer = call("POST", "/webhooks", json=HOOK)
    assert (answer.status, answer.json["code"]) == (409, "too_many_webhooks")
    call("DELETE", f"/webhooks/{made[0].id}")
    assert call("POST", "/webhooks", json=HOOK).status == 201


def test_racing_requests_do_not_pass_the_limit(
    stack: Stack, racing_gateway: Gateway, token_issuer: TokenIssuer
) -> None:
    for _ in range(MAX_WEBHOOKS - 2):
        subscribe("https://hooks.example.com/")
    token = token_issuer.make_token(f"{TENANT}-admin")
    answers = racing_gateway.together(
        [lambda: racing_gateway.request("POST", "/webhooks", json=HOOK, token=token)] * 8
    )
    assert sorted(answer.status for answer in answers) == [201] * 2 + [409] * 6


def test_a_deleted_webhook_is_gone(call: Callable[..., Any]) -> None:
    webhook = subscribe("https://hooks.example.com/")
    assert call("DELETE", f"/webhooks/{webhook.id}").status == 204
    assert call("GET", f"/webhooks/{webhook.id}").status == 404
    assert call("GET", f"/webhooks/{webhook.id}/deliveries").status == 404
    assert call("DELETE", f"/webhooks/{webhook.id}").status == 404


def test_check_25_if_match_of_another_version_deletes_nothing(call: Callable[..., Any]) -> None:
    webhook = subscribe("https://hooks.example.com/")
    path = f"/webhooks/{webhook.id}"
    assert call("DELETE", path, headers={"If-Match": '"2"'}).status == 412
    assert call("DELETE", path, headers={"If-Match": '"1"'}).status == 204


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("GET", "/deliveries")])
def test_check_48_a_foreign_webhook_is_answered_like_a_missing_one(
    call: Callable[..., Any], method: str, suffix: str
) -> None:
    theirs = subscribe("https://hooks.example.com/", tenant=OTHER)
    foreign = call(method, f"/webhooks/{theirs.id}{suffix}")
    missing = call(method, f"/webhooks/{ids.new_id()}{suffix}")
    assert foreign.status == missing.status == 404
    assert {**foreign.json, "request_id": ""} == {**missing.json, "request_id": ""}
    assert call("GET", f"/webhooks/{theirs.id}", tenant=OTHER).status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", f"/webhooks/{NOWHERE}")]
)
def test_check_52_a_user_may_not_manage_webhooks(call: Callable[..., Any], method: str, path: str) -> None:
    answer = call(method, path, role="user", json=HOOK if method == "POST" else None)
    assert answer.status == 403
    assert answer.json["detail"] == "Insufficient permissions: webhooks:manage required"


@pytest.mark.parametrize(
    ("permissions", "status"), [("webhooks:manage:all", 200), ("webhooks:manage:own", 403)]
)
def test_an_api_client_needs_the_permission_at_level_all(
    call: Callable[..., Any], permissions: str, status: int
) -> None:
    with as_operator():
        key = onboarding_service().add_api_client(TENANT, "shop", permissions)
    assert call("GET", "/webhooks", token=key).status == status


def test_deliveries_are_listed_newest_first_with_every_attempt(
    call: Callable[..., Any], stack: Stack, receiver: Receiver
) -> None:
    webhook = subscribe(receiver.url)
    receiver.answer_with(Answer(500, body=b"x" * 5000), then=200)
    events = [contact_created() for _ in range(3)]
    for event in events:
        fan_out(event)
        pump(stack)
    first = call("GET", f"/webhooks/{webhook.id}/deliveries", query={"limit": 2}).json
    query = {"limit": 2, "cursor": first["next_cursor"]}
    second = call("GET", f"/webhooks/{webhook.id}/deliveries", query=query).json
    shown = first["items"] + second["items"]
    assert [one["event_id"] for one in shown] == [event.id for event in reversed(events)]
    assert [one["state"] for one in shown] == ["delivered", "delivered", "pending"]
    (attempt,) = shown[2]["attempts"]
    assert (attempt["status"], attempt["error"], attempt["response"]) == (500, None, "x" * 1024)
    assert shown[2]["next_attempt_at"] > attempt["at"]
    assert shown[0]["next_attempt_at"] is None


# ------------------------------------------------------------------------------ from event to receiver


def verified(webhook: NewWebhook, came: Received) -> Any:
    return Verifier(webhook.secret).verify(came.body, came.headers)


def test_check_61_an_event_reaches_its_receiver_signed(stack: Stack, receiver: Receiver) -> None:
    webhook, event = subscribe(receiver.url + "/hook?a=b"), contact_created()
    fan_out(event)
    pump(stack)
    (came,) = receiver.requests
    body = verified(webhook, came)
    assert (came.method, came.path, came.headers["webhook-id"]) == ("POST", "/hook?a=b", event.id)
    assert came.headers["content-type"] == "application/json"
    assert (body["type"], body["timestamp"]) == ("contact.created", event.at)
    assert body["data"]["id"] == event.entity_id
    assert body["data"]["changes"]["first_name"] == {"old": None, "new": "Zoë 🦊"}
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, len(delivery.attempts), delivery.due_at) == ("delivered", 1, None)


def test_check_72_an_event_goes_to_the_subscriptions_that_want_it_and_to_no_other_tenant(
    stack: Stack, receiver: Receiver
) -> None:
    subscribe(receiver.url + "/wants", "contact.updated", "contact.created")
    subscribe(receiver.url + "/wants-other", "contact.deleted")
    subscribe(receiver.url + "/foreign", tenant=OTHER)
    fan_out(contact_created())
    pump(stack)
    assert [came.path for came in receiver.requests] == ["/wants"]


def test_check_62_a_retry_has_the_same_id_and_body_and_a_fresh_timestamp(
    stack: Stack, receiver: Receiver
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    receiver.answer_with(503, then=204)
    fan_out(event)
    pump(stack)
    first = delivery_of(webhook, event)
    assert first is not None
    assert (first.state, first.attempts[0].status) == ("pending", 503)
    time.sleep(1.0)  # a timestamp has whole seconds
    lose_messages(stack)
    sweep(later=3600)
    pump(stack)
    earlier, later = receiver.requests
    assert earlier.headers["webhook-id"] == later.headers["webhook-id"] == event.id
    assert earlier.body == later.body
    assert int(earlier.headers["webhook-timestamp"]) < int(later.headers["webhook-timestamp"])
    assert verified(webhook, earlier) == verified(webhook, later)
    after = delivery_of(webhook, event)
    assert after is not None
    assert (after.state, [attempt.status for attempt in after.attempts]) == ("delivered", [503, 204])


def test_check_73_a_message_that_comes_twice_makes_one_delivery(stack: Stack, receiver: Receiver) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    fan_out(event)
    fan_out(event)
    pump(stack)
    fan_out(event)
    pump(stack)
    with acting_for(TENANT):
        rows = delivery_log(ADMIN).list(webhook.id, DeliveryFilter(), limit=10, cursor=None)
    assert [delivery.event_id for delivery in rows.items] == [event.id]
    assert len(receiver.requests) == 1


def test_an_events_first_message_is_sent_again_when_the_fan_out_died_before_it(
    stack: Stack, receiver: Receiver
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    with acting_for(TENANT):
        delivery = Delivery.create(notice_of(event), webhook.id, at=timestamps.now())
        DeliveryTable(store(), TENANT).add_delivery(delivery)
    fan_out(event)
    pump(stack)
    assert [came.headers["webhook-id"] for came in receiver.requests] == [event.id]


def test_a_message_lost_on_its_way_to_the_sender_is_sent_again(stack: Stack, receiver: Receiver) -> None:
    subscribe(receiver.url)
    event = contact_created()
    fan_out(event)
    with unobserved():
        stack.client("sqs").purge_queue(QueueUrl=stack.queue_url(QUEUE))
    assert sweep(later=LOST_MESSAGE_SECONDS - 10) == 0
    assert sweep(later=LOST_MESSAGE_SECONDS + 10) == 1
    pump(stack)
    assert [came.headers["webhook-id"] for came in receiver.requests] == [event.id]


def test_a_due_delivery_is_handed_over_once_and_comes_up_again_if_that_fails(stack: Stack) -> None:
    subscribe("https://hooks.example.com/")
    fan_out(contact_created())
    lose_messages(stack)
    assert [sweep(later=LOST_MESSAGE_SECONDS + 10) for _ in range(2)] == [1, 0]
    lose_messages(stack)
    assert sweep(later=LOST_MESSAGE_SECONDS + 10 + 1000) == 1


def lose_messages(stack: Stack) -> None:
    with unobserved(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "moto.sqs.models.sqs_enforce_strict_queue_purge_behaviour", lambda: False
        )  # once a minute
        stack.client("sqs").purge_queue(QueueUrl=stack.queue_url(QUEUE))


def test_while_a_backlog_waits_each_delivery_has_one_message(stack: Stack) -> None:
    """Whatever the scheduled task does meanwhile, and however often an event's message arrives."""
    webhook = subscribe("https://hooks.example.com/")
    made = [contact_created() for _ in range(12)]
    for event in made:
        fan_out(event)
    for minutes in range(1, 180, 7):
        assert sweep(later=minutes * 60) == 0
    for event in made:
        fan_out(event)
    assert stack.messages_in(QUEUE) == len(made)
    for event in made:
        delivery = delivery_of(webhook, event)
        assert delivery is not None
        assert (delivery.state, delivery.attempts) == ("pending", [])


def test_a_message_that_waited_for_a_day_counts_as_lost(stack: Stack) -> None:
    subscribe("https://hooks.example.com/")
    fan_out(contact_created())
    fan_out(contact_created())
    assert sweep(later=MAX_QUEUED_SECONDS - 60) == 0
    assert sweep(later=MAX_QUEUED_SECONDS - 60 + RECHECK_SECONDS + 61) == 2


def test_a_delivery_whose_fan_out_died_is_sent_though_others_wait(stack: Stack) -> None:
    webhook = subscribe("https://hooks.example.com/")
    fan_out(contact_created())
    event = contact_created()
    with acting_for(TENANT):
        delivery = Delivery.create(notice_of(event), webhook.id, at=timestamps.now())
        DeliveryTable(store(), TENANT).add_delivery(delivery)
    assert sweep(later=LOST_MESSAGE_SECONDS + 10) == 1
    assert sweep(later=LOST_MESSAGE_SECONDS + RECHECK_SECONDS + 20) == 0
    assert stack.messages_in(QUEUE) == 2


def test_a_retry_kept_by_the_index_is_sent_in_its_time_though_others_wait(stack: Stack) -> None:
    subscribe("https://hooks.example.com/")
    event = contact_created()
    clock = Clock()
    room, script = WaitingRoom(clock), Script(clock, [(503, 7_200.0)])
    index = DueDeliveries(store())
    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now).create_deliveries(
            [notice_of(event)]
        )
        sending(room, script).attempt(room.take())
        other = FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now)
        other.create_deliveries([replace(notice_of(event), id=ids.new_id())])
    assert len(room.waiting) == 1
    clock.wait_until(timestamps.plus(clock.now(), 7_300))
    with acting_for_system("DUE#", "T#"):
        assert send_due(index, room, has_time=lambda: True, now=clock.now) == 1
        assert send_due(index, room, has_time=lambda: True, now=clock.now) == 0
    assert sorted(request.attempt for _, request in room.waiting) == [1, 2]


def test_a_handover_cut_off_anywhere_sends_what_is_left_and_starves_no_shard(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "_PAGE", 7)
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    notices = [replace(notice_of(event), id=ids.derived_id(number, "e")) for number in range(40)]
    table = DeliveryTable(store(), TENANT)
    written = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]
    with acting_for(TENANT):
        for number, notice in enumerate(notices):
            table.add_delivery(Delivery.create(notice, webhook.id, at=written[number % 2]))
    room = WaitingRoom(Clock())
    for _ in range(8):
        has_time = partial(next, iter([True]), False)
        with acting_for_system("DUE#", "T#"):
            send_due(due_deliveries(), room, has_time=has_time, now=room.clock.now)
    sent = [request.event_id for _, request in room.waiting]
    assert sorted(sent) == sorted(notice.id for notice in notices), "each once"
    oldest = {notice.id for number, notice in enumerate(notices) if number % 2 == 0}
    assert set(sent[:14]) <= oldest, "the longest overdue of all shards come first"


def test_the_scheduled_function_hands_over_what_is_due(stack: Stack) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    with acting_for(TENANT):
        long_ago = timestamps.plus(timestamps.now(), -3600)
        delivery = Delivery.create(notice_of(event), webhook.id, at=long_ago)
        DeliveryTable(store(), TENANT).add_delivery(delivery)
    with acting_for_system("DUE#", "T#"):
        assert on_schedule.handler({}, lambda_context("due")) == {"sent": 1}
    assert stack.messages_in(QUEUE) == 1


def test_what_else_is_in_the_due_time_index_is_left_alone(stack: Stack) -> None:
    with as_operator():
        partition = webhook_keys.due_partition(work_keys.shard_of("IMPORT#1", webhook_keys.DUE_SHARDS))
        entry = work_keys.entry(partition, timestamps.plus(timestamps.now(), -60), "IMPORT#1")
        item = {**import_keys.import_run(TENANT, "1"), **entry}
        store().put(item)
    assert sweep() == 0
    assert stack.messages_in(QUEUE) == 0


def test_more_than_a_page_of_due_deliveries_is_handed_over_each_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "_PAGE", 3)
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    notices = [replace(notice_of(event), id=ids.derived_id(number, "e")) for number in range(50)]
    table = DeliveryTable(store(), TENANT)
    with acting_for(TENANT):
        for notice in notices:
            table.add_delivery(Delivery.create(notice, webhook.id, at="2026-01-01T00:00:00.000Z"))
    assert sweep() == 50
    assert sweep() == 0
    assert stack.messages_in(QUEUE) == 50


@pytest.mark.parametrize(
    "message", ["", "{}", "not JSON", json.dumps({"tenant_id": TENANT}), '{"tenant_id": 1, "id": "e"}']
)
def test_check_88_a_malformed_message_fails_alone(stack: Stack, receiver: Receiver, message: str) -> None:
    subscribe(receiver.url)
    good = to_message(TENANT, contact_created())
    with acting_for(TENANT):
        answer = on_event.handler(sqs_event(message, good), lambda_context("fan-out"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    pump(stack)
    assert len(receiver.requests) == 1


def test_check_88_an_event_of_an_unknown_tenant_fails_its_message(stack: Stack) -> None:
    message = json.dumps({**json.loads(to_message(TENANT, contact_created())), "tenant_id": "nobody"})
    with acting_for("nobody"):
        answer = on_event.handler(sqs_event(message), lambda_context("fan-out"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_check_88_a_malformed_message_ends_in_the_dead_letter_queue(stack: Stack) -> None:
    with unobserved():
        url = stack.queue_url("WebhookEventsQueue")
        stack.client("sqs").send_message(QueueUrl=url, MessageBody="not JSON")
    stack.queue_driver("WebhookFanOutFunction", on_event.handler).pump()
    assert stack.messages_in("WebhookEventsDeadLetters") == 1


def test_check_65_a_410_puts_the_webhook_to_sleep(
    call: Callable[..., Any], stack: Stack, receiver: Receiver
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    receiver.answer_with(410)
    fan_out(event)
    pump(stack)
    shown = call("GET", f"/webhooks/{webhook.id}").json
    assert (shown["is_active"], shown["disabled_reason"], shown["version"]) == (False, "gone", 2)
    assert shown["updated_by"] == "system:webhooks"
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, delivery.reason) == ("failed", "gone")
    fan_out(contact_created())
    pump(stack)
    assert len(receiver.requests) == 1


def test_what_was_pending_for_a_sleeping_webhook_is_given_up(stack: Stack, receiver: Receiver) -> None:
    webhook = subscribe(receiver.url)
    waiting, last = contact_created(), contact_created()
    receiver.answer_with(500, 410)
    for event in (waiting, last):
        fan_out(event)
        pump(stack)
    lose_messages(stack)
    sweep(later=3600)
    pump(stack)
    delivery = delivery_of(webhook, waiting)
    assert delivery is not None
    assert (delivery.state, delivery.reason, delivery.due_at) == ("failed", "webhook_disabled", None)
    assert len(receiver.requests) == 2


def test_what_was_pending_for_a_deleted_webhook_is_given_up(
    call: Callable[..., Any], stack: Stack, receiver: Receiver
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    fan_out(event)
    call("DELETE", f"/webhooks/{webhook.id}")
    pump(stack)
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, delivery.reason) == ("failed", "webhook_deleted")
    assert receiver.requests == []
    assert sweep(later=10**6) == 0


def test_an_event_that_was_removed_is_not_sent(stack: Stack, receiver: Receiver) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    fan_out(event)
    with as_operator():
        store().write_many(delete=[event_keys.event(TENANT, "contact", event.entity_id, event.id)])
    pump(stack)
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, delivery.reason) == ("failed", "event_removed")
    assert receiver.requests == []


def test_check_59_a_suspended_tenants_deliveries_wait_until_it_is_back(
    stack: Stack, receiver: Receiver
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    fan_out(event)
    suspend(TENANT)
    pump(stack)
    waiting = delivery_of(webhook, event)
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == ("pending", [])
    assert receiver.requests == []
    suspend(TENANT, is_suspended=False)
    assert sweep(later=SUSPENSION_SECONDS[0] + 10) == 1
    pump(stack)
    assert [came.headers["webhook-id"] for came in receiver.requests] == [event.id]


@pytest.mark.parametrize("status", [302, 307])
def test_check_69_a_redirect_is_a_failed_attempt(stack: Stack, receiver: Receiver, status: int) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    receiver.answer_with(Answer(status, {"Location": "http://169.254.169.254/latest/meta-data/"}))
    fan_out(event)
    pump(stack)
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert [(one.status, one.error) for one in delivery.attempts] == [(status, "redirect")]
    assert delivery.state == "pending"


def test_check_67_a_webhook_made_under_looser_rules_is_not_sent_to(
    stack: Stack, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    fan_out(event)
    monkeypatch.setenv("WEBHOOK_LOOPBACK", "0")
    pump(stack)
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert [one.error for one in delivery.attempts] == ["forbidden_address"]
    assert receiver.requests == []


def test_check_95_nothing_personal_and_no_secret_is_logged(
    stack: Stack, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, event = subscribe(receiver.url + "/hook?key=canary-url"), contact_created(name="canary-name")
    receiver.answer_with(Answer(500, body=b"canary-answer"), 200)
    fan_out(event)
    pump(stack)
    lose_messages(stack)
    sweep(later=3600)
    pump(stack)
    logged = repr([record.__dict__ for record in caplog.records])
    assert event.id in logged
    assert "canary" not in logged
    assert webhook.secret not in logged


# ------------------------------------------------------------------------------ faults


@dataclass
class World:
    """A tenant with a webhook and an event whose deliveries are to be created."""

    stack: Stack
    receiver: Receiver
    webhook: NewWebhook
    event: Event


@pytest.fixture
def world(template: Template, token_issuer: TokenIssuer) -> Callable[[], Any]:
    @contextmanager
    def make() -> Iterator[World]:
        with (
            stack_in_moto(template, token_issuer, WEBHOOK_LOOPBACK="1") as stack,
            Receiver().serving() as receiver,
        ):
            with unobserved(), as_operator():
                onboarding_service().open_tenant(TENANT, TENANT)
                onboarding_service().add_member(f"{TENANT}-admin", TENANT, "admin", "admin")
            with unobserved():
                webhook, event = subscribe(receiver.url), contact_created()
            receiver.answer_with(503, then=200)
            yield World(stack, receiver, webhook, event)

    return make


def work_through(world: World) -> None:
    """Create the event's deliveries and send what is queued; an hour later queue what is due, and send that too.

    All waiting messages are lost between the rounds, so only the index finds what was left.
    """
    fan_out(world.event)
    for later in (None, 3600, 7200):
        if later is not None:
            lose_messages(world.stack)
            sweep(later)
        while messages := received(world.stack):
            for message in messages:
                record = sqs_record(message, world.stack.queue_url(QUEUE))
                with acting_for(TENANT):
                    answer = on_delivery.handler({"Records": [record]}, lambda_context("send"))
                if not answer["batchItemFailures"]:
                    deleted(world.stack, message)


def received(stack: Stack) -> list[dict[str, Any]]:
    with unobserved():
        return receive(stack.queue_url(QUEUE), 1)


def deleted(stack: Stack, message: dict[str, Any]) -> None:
    with unobserved():
        stack.client("sqs").delete_message(
            QueueUrl=stack.queue_url(QUEUE), ReceiptHandle=message["ReceiptHandle"]
        )


def state_of(world: World) -> Any:
    with unobserved():
        delivery = delivery_of(world.webhook, world.event)
    assert delivery is not None
    assert all(verified(world.webhook, came) for came in world.receiver.requests)
    # An id may arrive any number of times, so only the set of ids is compared.
    came = {request.headers["webhook-id"] for request in world.receiver.requests}
    return delivery.state, delivery.due_at, came == {world.event.id}


def test_check_13_and_71_killed_anywhere_an_event_is_delivered(
    world: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        deliveries, "RESERVATION_SECONDS", -1
    )  # ended by the time a killed sender's message arrives again
    assert assert_same_after_kills(world, work_through, state_of) >= 10


def test_check_10_throttled_anywhere_an_event_is_delivered(world: Callable[[], Any]) -> None:
    assert assert_same_under_throttling(world, work_through, state_of) >= 5


# ------------------------------------------------------------------------------ with a clock of our own


@dataclass
class Clock:
    """Unix milliseconds that change on command."""

    milliseconds: int = 1_777_887_000_000

    def now(self) -> str:
        return timestamps.from_milliseconds(self.milliseconds)

    def seconds(self) -> float:
        return self.milliseconds / 1000

    def wait_until(self, at: str) -> None:
        self.milliseconds = max(self.milliseconds, timestamps.to_milliseconds(at))


@dataclass
class DeadLetters:
    """A dead-letter queue."""

    messages: list[tuple[DeliveryRequest, str]] = field(default_factory=list)

    def add(self, request: DeliveryRequest, reason: str) -> None:
        self.messages.append((request, reason))


@dataclass
class WaitingRoom:
    """A queue that records when each request becomes visible."""

    clock: Clock
    dead: DeadLetters = field(default_factory=DeadLetters)
    waiting: list[tuple[str, DeliveryRequest]] = field(default_factory=list)

    def send(self, requests: Sequence[DeliveryRequest], *, delay: int = 0) -> None:
        assert 0 <= delay <= 900
        at = timestamps.plus(self.clock.now(), delay)
        self.waiting.extend((at, request) for request in requests)

    def send_some(self, requests: Sequence[DeliveryRequest]) -> dict[DeliveryRequest, Exception]:
        self.send(requests)
        return {}

    def holds_messages(self) -> bool:
        return bool(self.waiting)

    def take(self) -> DeliveryRequest:
        self.waiting.sort(key=lambda entry: entry[0])
        at, request = self.waiting.pop(0)
        self.clock.wait_until(at)
        return request


@dataclass
class Script:
    """A sender whose receivers respond as given; the last response is repeated."""

    clock: Clock
    answers: list[tuple[int | None, float | None]]
    before: Callable[[], None] = lambda: None
    sent: list[str] = field(default_factory=list)

    def send(
        self, webhook: Webhook, event: Event, secrets: WebhookSecrets, *, record: dict[str, Any] | None = None
    ) -> DeliveryAttemptResult:
        self.before()
        status, retry_after = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.sent.append(self.clock.now())
        return DeliveryAttemptResult(Attempt(at=self.clock.now(), status=status, duration_ms=1), retry_after)


def table_of(tenant_id: str) -> DeliveryTable:
    return DeliveryTable(store(), tenant_id)


def sending(room: WaitingRoom, script: Script) -> Sending:
    return Sending(
        find_tenant,
        table_of,
        room,
        room.dead,
        script,
        holder_rights(),
        vault(),
        now=room.clock.now,
        jitter=lambda: 0.5,
    )


def notice_of(event: Event) -> Notice:
    return from_message(to_message(TENANT, event))


def follow(webhook: Webhook, event: Event, room: WaitingRoom, script: Script) -> Delivery:
    """Let the clock run until the delivery has ended, with the scheduled task every minute."""
    sender = sending(room, script)
    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=room.clock.now).create_deliveries(
            [notice_of(event)]
        )
    while True:
        while room.waiting:
            with acting_for(TENANT):
                sender.attempt(room.take())
        delivery = delivery_of(webhook, event)
        assert delivery is not None
        if delivery.due_at is None:
            return delivery
        room.clock.wait_until(timestamps.plus(delivery.due_at, 60))
        with acting_for_system("DUE#", "T#"):
            index = DueDeliveries(store())
            assert send_due(index, room, has_time=lambda: True, now=room.clock.now) == 1


def test_check_64_a_receiver_that_is_down_is_tried_ten_times_over_three_days(stack: Stack) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    clock = Clock()
    script = Script(clock, [(None, None)])
    delivery = follow(webhook, event, WaitingRoom(clock), script)
    assert len(script.sent) == len(delivery.attempts) == MAX_ATTEMPTS
    assert (delivery.state, delivery.reason) == ("failed", "exhausted")
    lasted = timestamps.to_milliseconds(script.sent[-1]) - timestamps.to_milliseconds(script.sent[0])
    assert lasted >= 72 * 3_600_000


def test_a_receiver_that_comes_back_gets_the_event(stack: Stack) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    clock = Clock()
    script = Script(clock, [(500, None)] * 6 + [(200, None)])
    delivery = follow(webhook, event, WaitingRoom(clock), script)
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 7)


@pytest.mark.parametrize("retry_after", [300.0, 7200.0])
def test_check_65_retry_after_is_obeyed(stack: Stack, retry_after: float) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    clock = Clock()
    script = Script(clock, [(503, retry_after), (200, None)])
    follow(webhook, event, WaitingRoom(clock), script)
    first, second = (timestamps.to_milliseconds(at) for at in script.sent)
    assert retry_after * 1000 <= second - first < (retry_after + 90) * 1000


def test_two_senders_with_one_message_make_one_attempt(stack: Stack) -> None:
    """check 73: the message stays for the second sender in case the first is killed, and is outdated afterwards."""
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    clock = Clock()
    room = WaitingRoom(clock)
    second = sending(room, Script(clock, [(200, None)]))

    def meanwhile() -> None:
        with pytest.raises(AttemptInProgress):
            second.attempt(request)

    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now).create_deliveries(
            [notice_of(event)]
        )
        request = room.take()
        first = sending(room, Script(clock, [(500, None)], before=meanwhile))
        assert first.attempt(request).done == "attempted"
        assert second.attempt(request).done == "passed_over"
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert [attempt.status for attempt in delivery.attempts] == [500]
    assert [request.attempt for _, request in room.waiting] == [2]


def slower_than_its_claim(
    webhook: Webhook, event: Event, room: WaitingRoom, slower: int, faster: int
) -> Delivery:
    """Return the delivery after a sender recorded its attempt when another had made the attempt again."""
    clock = room.clock
    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now).create_deliveries(
            [notice_of(event)]
        )
        request = room.take()
        other = sending(room, Script(clock, [(faster, None)]))

        def much_later() -> None:
            clock.wait_until(timestamps.plus(clock.now(), RESERVATION_SECONDS + 1))
            other.attempt(request)

        sending(room, Script(clock, [(slower, None)], before=much_later)).attempt(request)
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    return delivery


def test_an_attempt_that_outlived_its_claim_is_in_the_log_too(stack: Stack) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    room = WaitingRoom(Clock())
    delivery = slower_than_its_claim(webhook, event, room, slower=500, faster=200)
    assert [attempt.status for attempt in delivery.attempts] == [200, 500]
    assert (delivery.state, room.waiting) == ("delivered", [])


def test_a_success_that_comes_second_ends_the_retries_of_a_failure(stack: Stack) -> None:
    webhook, event = subscribe("https://hooks.example.com/"), contact_created()
    room = WaitingRoom(Clock())
    slower_than_its_claim(webhook, event, room, slower=200, faster=500)
    left = Script(room.clock, [(200, None)])
    with acting_for(TENANT):
        sending(room, left).attempt(room.take())
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, len(delivery.attempts), left.sent) == ("delivered", 2, [])


def test_a_message_of_an_attempt_already_made_does_nothing(stack: Stack) -> None:
    subscribe("https://hooks.example.com/")
    event = contact_created()
    clock = Clock()
    room, script = WaitingRoom(clock), Script(clock, [(500, None)])
    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now).create_deliveries(
            [notice_of(event)]
        )
        request = room.take()
        sending(room, script).attempt(request)
        sending(room, script).attempt(request)
    assert len(script.sent) == 1


def test_a_sender_killed_between_request_and_log_sends_again(stack: Stack, receiver: Receiver) -> None:
    webhook, event = subscribe(receiver.url), contact_created()
    clock = Clock(milliseconds=time.time_ns() // 1_000_000)
    room = WaitingRoom(clock)

    class Dying(Sender):
        def send(
            self,
            webhook: Webhook,
            event: Event,
            secrets: WebhookSecrets,
            *,
            record: dict[str, Any] | None = None,
        ) -> DeliveryAttemptResult:
            super().send(webhook, event, secrets, record=record)
            raise Killed

    with acting_for(TENANT):
        FanOut(find_tenant, table_of, room, holder_rights(), now=clock.now).create_deliveries(
            [notice_of(event)]
        )
        request = room.take()
        with pytest.raises(Killed):
            Sending(
                find_tenant,
                table_of,
                room,
                room.dead,
                Dying(loopback=True),
                holder_rights(),
                vault(),
                now=clock.now,
            ).attempt(request)
        clock.wait_until(
            timestamps.plus(clock.now(), RESERVATION_SECONDS + 1)
        )  # its message becomes visible again after longer
        Sending(
            find_tenant,
            table_of,
            room,
            room.dead,
            Sender(loopback=True),
            holder_rights(),
            vault(),
            now=clock.now,
        ).attempt(request)
    assert {came.headers["webhook-id"] for came in receiver.requests} == {event.id}
    delivery = delivery_of(webhook, event)
    assert delivery is not None
    assert (delivery.state, len(receiver.requests)) == ("delivered", 2)
