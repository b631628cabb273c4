"""Webhooks and the feed on the deployed stack, with receivers that listen on this machine."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import MAX_ATTEMPTS, DeliveryRequest
from shared.publishing.contracts import to_request_message
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.properties.feed.replicas import OF_OTHERS, Replica
from tests.stack.conftest import Answer, LiveStack, OpenedTenant, eventually
from tests.stack.test_four_doors import contact, subscribe
from tests.support.receiver import Answer as Response
from tests.support.receiver import Received, Receiver
from tests.support.tenant_guard import as_operator

HANGS = Response(delay=300.0)


class Caller:
    """The admin of one tenant on the stack."""

    def __init__(self, live: LiveStack, tenant: OpenedTenant) -> None:
        self.live, self.tenant = live, tenant

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **kwargs: Any) -> Any:
        """Return the body of an answer, which must have the status."""
        answer: Answer = self.live.api(method, path, token=self.tenant.admin_token, body=body, **kwargs)
        assert answer.status == status, (method, path, answer.status, answer.body)
        return answer.body

    def add_contact(self, name: str) -> Any:
        return self.call("POST", "/contacts", contact(f"{name}@example.com"), 201)

    def subscribe(self, receiver: Receiver, *events: str) -> Any:
        return subscribe(self.live, self.tenant, receiver.url, *events)

    def test(self, webhook: Any, status: int = 202) -> Any:
        """Ask for a test event."""
        return self.call("POST", f"/webhooks/{webhook['id']}/test", status=status)

    def deliveries(self, webhook: Any, query: str = "") -> list[Any]:
        found: list[Any] = self.call("GET", f"/webhooks/{webhook['id']}/deliveries{query}")["items"]
        return found

    def delivery(self, webhook: Any, event_id: str) -> Any:
        return self.call("GET", f"/webhooks/{webhook['id']}/deliveries/{event_id}")

    def read_feed(self, after: int = 0, query: str = "") -> list[Any]:
        """Return the entries after a position, read in small pages to the present end."""
        items: list[Any] = []
        has_more = True
        while has_more:
            page = self.call("GET", f"/events?after={after}&limit=7{query}")
            items += page["items"]
            after, has_more = page["next_after"], page["has_more"]
        return items

    def wait_for_entries(self, query: str, *types: str) -> list[Any]:
        """Return the entries of a query once there are as many as types. They must be of these types, in this order."""
        entries: list[Any] = []

        def are_there() -> bool:
            entries[:] = self.read_feed(query=query)
            return len(entries) >= len(types)

        eventually(are_there)
        assert tuple(one["type"] for one in entries) == types
        return entries


@pytest.fixture
def admin(live: LiveStack, tenant: OpenedTenant) -> Caller:
    return Caller(live, tenant)


def verify(secret: str, request: Received) -> Any:
    """Return the payload of a request. Raises WebhookVerificationError."""
    return Webhook(secret).verify(request.body, request.headers)


def test_a_changed_webhook_receives_what_its_new_events_and_filter_take(
    admin: Caller, receiver: Receiver
) -> None:
    webhook = admin.subscribe(receiver, "contact.created")
    ada = admin.add_contact("ada")
    [first] = receiver.wait_for(1)
    payload = verify(webhook["secret"], first)
    assert (payload["type"], payload["data"]["id"], "record" in payload["data"]) == (
        "contact.created", ada["id"], False,
    )  # fmt: skip

    path, changes = (
        f"/webhooks/{webhook['id']}",
        {"events": ["contact.*"], "filter": {"changed": ["company"]}, "include": "full"},
    )
    admin.call("PATCH", path, changes, 412, headers={"If-Match": '"7"'})
    patched = admin.call("PATCH", path, changes, headers={"If-Match": f'"{webhook["version"]}"'})
    assert (patched["events"], patched["filter"]["changed"], patched["include"]) == (
        ["contact.*"], ["company"], "full",
    )  # fmt: skip
    admin.call("PATCH", f"/contacts/{ada['id']}", {"first_name": "Augusta"})
    changed = admin.call("PATCH", f"/contacts/{ada['id']}", {"company": "Engines"})
    _, second = receiver.wait_for(2)
    payload = verify(webhook["secret"], second)
    assert (payload["type"], payload["data"]["version"]) == ("contact.updated", changed["version"])
    assert payload["data"]["record"] == changed
    assert {one["event_id"] for one in admin.deliveries(webhook)} == {
        one.headers["webhook-id"] for one in (first, second)
    }


def test_a_contact_that_joins_a_group_is_announced_for_the_group(admin: Caller, receiver: Receiver) -> None:
    webhook = admin.subscribe(receiver, "group.member_added")
    group = admin.call("POST", "/groups", {"name": "Fair", "kind": "static"}, 201)
    ada = admin.add_contact("ada")
    admin.call("PATCH", f"/contacts/{ada['id']}", {"groups": ["Fair"]})
    payload = verify(webhook["secret"], receiver.wait_for(1)[0])
    assert (payload["type"], payload["data"]["id"], payload["data"]["contact_id"]) == (
        "group.member_added", group["id"], ada["id"],
    )  # fmt: skip
    admin.wait_for_entries("&type=contact.*", "contact.created", "contact.updated")
    admin.wait_for_entries("&type=group.*", "group.created")


def test_while_a_secret_is_replaced_both_sign_and_the_new_one_goes_on(
    admin: Caller, receiver: Receiver
) -> None:
    """check 63"""
    webhook = admin.subscribe(receiver, "contact.created")
    path = f"/webhooks/{webhook['id']}/rotate-secret"
    second = admin.call("POST", path, {"overlap_hours": 1})
    test = admin.test(webhook)
    [request] = receiver.wait_for(1)
    for secret in (webhook["secret"], second["secret"]):
        assert verify(secret, request)["type"] == "webhook.test"
    assert request.headers["webhook-id"] == test["event_id"]

    third = admin.call("POST", path, {"overlap_hours": 0})
    admin.test(webhook)
    _, request = receiver.wait_for(2)
    verify(third["secret"], request)
    for secret in (webhook["secret"], second["secret"]):
        with pytest.raises(WebhookVerificationError):
            verify(secret, request)
    # Test events are not in the feed.
    rotated = "webhook.secret_rotated"
    admin.wait_for_entries(f"&entity_id={webhook['id']}", "webhook.created", rotated, rotated)


def test_a_disabled_webhook_receives_nothing_and_what_it_missed_can_be_sent(
    admin: Caller, receiver: Receiver
) -> None:
    """check 75"""
    webhook = admin.subscribe(receiver, "contact.created")
    path = f"/webhooks/{webhook['id']}"
    ada = admin.add_contact("ada")
    [first] = receiver.wait_for(1)
    event_id = first.headers["webhook-id"]
    eventually(lambda: admin.delivery(webhook, event_id)["state"] == "delivered")

    assert admin.call("POST", f"{path}/disable")["disabled_reason"] == "requested"
    again = f"{path}/deliveries/{event_id}/redeliver"
    assert admin.call("POST", again, status=409)["code"] == "webhook_disabled"
    assert admin.test(webhook, 409)["code"] == "webhook_disabled"
    with Receiver().serving() as witness:  # its request shows that the event has been passed on
        admin.subscribe(witness, "contact.created")
        bob = admin.add_contact("bob")
        witness.wait_for(1)

    assert admin.call("POST", f"{path}/enable")["is_active"] is True
    admin.call("POST", again, status=202)
    _, second = receiver.wait_for(2)
    assert (second.headers["webhook-id"], second.body) == (event_id, first.body)
    assert verify(webhook["secret"], second)["data"]["id"] == ada["id"]
    eventually(lambda: len(admin.delivery(webhook, event_id)["attempts"]) == 2)
    assert [one["event_id"] for one in admin.deliveries(webhook)] == [event_id]

    recovery = admin.call("POST", f"{path}/recover", {"after": 0}, 202)
    last = receiver.wait_for(3)[-1]
    assert verify(webhook["secret"], last)["data"]["id"] == bob["id"]
    where = f"{path}/recoveries/{recovery['id']}"
    done = eventually(lambda: (one := admin.call("GET", where))["state"] == "completed" and one)
    assert done
    assert done["counts"]["deliveries"] == 1


def test_a_receiver_that_is_gone_disables_its_webhook(admin: Caller, receiver: Receiver) -> None:
    """check 65"""
    receiver.answer_with(then=410)
    webhook = admin.subscribe(receiver, "contact.*")
    admin.add_contact("ada")
    found = eventually(
        lambda: not (one := admin.call("GET", f"/webhooks/{webhook['id']}"))["is_active"] and one
    )
    assert found
    assert found["disabled_reason"] == "gone"
    assert [one["reason"] for one in admin.deliveries(webhook, "?state=failed")] == ["gone"]
    _, last = admin.wait_for_entries("&entity=webhook", "webhook.created", "webhook.disabled")
    assert (last["entity_id"], last["version"], last["data"]["reason"], last["source"]) == (
        webhook["id"], found["version"], "gone", "system",
    )  # fmt: skip


def test_a_receiver_that_hangs_does_not_keep_events_from_another(admin: Caller, receiver: Receiver) -> None:
    """check 78: the other gets all its events although four requests hang; `test_slow_receivers` has the times."""
    with Receiver().serving() as hanging:
        hanging.answer_with(then=HANGS)
        slow = admin.subscribe(hanging, "group.created")
        for name in ("Fair", "Harbour", "Press", "Team"):
            admin.call("POST", "/groups", {"name": name, "kind": "static"}, 201)
        hanging.wait_for(4)
        webhook = admin.subscribe(receiver, "contact.created")
        made = {admin.add_contact(name)["id"] for name in ("ada", "bob", "eve")}
        payloads = [verify(webhook["secret"], one) for one in receiver.wait_for(3)]
        assert {one["data"]["id"] for one in payloads} == made
        assert [one["state"] for one in admin.deliveries(slow)] == ["pending"] * 4


def test_a_delivery_that_failed_ten_times_is_a_dead_letter_and_its_redrive_delivers(
    admin: Caller, receiver: Receiver
) -> None:
    """check 76: nine of the attempts are written by hand, since they would take three days."""
    receiver.answer_with(then=503)
    webhook = admin.subscribe(receiver, "contact.created")
    admin.add_contact("ada")
    [request] = receiver.wait_for(1)
    event_id = request.headers["webhook-id"]
    eventually(lambda: admin.delivery(webhook, event_id)["attempts"])
    sqs, outputs = admin.live.client("sqs"), admin.live.outputs
    tenant_id = admin.tenant.id
    with as_operator():
        table = DeliveryTable(Store(admin.live.client("dynamodb"), outputs["TableName"]), tenant_id)
        _, before = table.find_delivery(webhook["id"], event_id)
        assert before is not None
        attempts = before.attempts[:1] * (MAX_ATTEMPTS - 1)
        at = timestamps.now()
        late = {"attempts": attempts, "next_attempt_at": at, "due_at": timestamps.plus(at, 600)}
        table.save_delivery(before, before.model_copy(update={**late, "revision": new_id()}))
    last = DeliveryRequest(tenant_id, webhook["id"], event_id, MAX_ATTEMPTS)
    sqs.send_message(QueueUrl=outputs["WebhookDeliveriesQueueUrl"], MessageBody=to_request_message(last))
    letters = outputs["WebhookExhaustedDeadLettersUrl"]

    def find_letter() -> Any:
        answer = sqs.receive_message(
            QueueUrl=letters, MessageAttributeNames=["All"], MaxNumberOfMessages=10, VisibilityTimeout=1
        )
        return next((one for one in answer.get("Messages", ()) if event_id in one["Body"]), None)

    letter = eventually(find_letter)
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "exhausted"
    failed = eventually(lambda: (one := admin.delivery(webhook, event_id))["state"] == "failed" and one)
    assert failed
    assert (failed["reason"], len(failed["attempts"])) == ("exhausted", MAX_ATTEMPTS)

    receiver.answer_with(then=200)
    # What a redrive of SQS does.
    sqs.send_message(QueueUrl=outputs["WebhookDeliveriesQueueUrl"], MessageBody=letter["Body"])
    sqs.delete_message(QueueUrl=letters, ReceiptHandle=letter["ReceiptHandle"])
    eventually(lambda: admin.delivery(webhook, event_id)["state"] == "delivered")
    assert {one.headers["webhook-id"] for one in receiver.requests} == {event_id}
    verify(webhook["secret"], receiver.requests[-1])


def test_a_replica_from_a_snapshot_and_the_feed_equals_the_records(
    live: LiveStack, due_follow_up: tuple[OpenedTenant, str]
) -> None:
    """check 106: for a tenant that was there before the other tests, so the snapshot may have what is in the feed."""
    admin = Caller(live, due_follow_up[0])

    def read(kind: str, record_id: str) -> dict[str, Any] | None:
        answer = live.api("GET", f"/{kind}s/{record_id}", token=admin.tenant.admin_token)
        assert answer.status in (200, 404)
        return answer.body if answer.status == 200 else None

    replica = Replica(read)
    made = admin.call(
        "POST",
        "/contacts/bulk-create",
        {"contacts": [contact(f"p{number}@example.com") for number in range(12)]},
        207,
    )
    ids = [one["id"] for one in made["items"]]
    after = admin.call("GET", "/events/start")["position"]
    admin.call("PATCH", f"/contacts/{ids[0]}", {"company": "Engines", "custom_fields": {"visits": 3}})
    cursor = ""
    while cursor is not None:
        page = admin.call("GET", f"/contacts?sort=created_at&limit=5{cursor and f'&cursor={cursor}'}")
        for shown in page["items"]:
            replica.put("contact", shown)
        cursor = page["next_cursor"]
        admin.call("PATCH", f"/contacts/{ids[-1]}", {"job_title": f"after {cursor and cursor[:8]}"})
    customer = admin.call("POST", "/customers", {"first_name": "Naval", "username": "naval"}, 201)
    admin.call("PATCH", f"/contacts/{ids[1]}", {"customer_id": customer["id"], "tags": ["vip"]})
    admin.call("DELETE", f"/contacts/{ids[2]}", status=204)
    admin.call("POST", f"/contacts/{ids[2]}/restore")
    admin.call("DELETE", f"/contacts/{ids[3]}", status=204)

    known = {("contact", one) for one in ids} | {("customer", customer["id"])} | set(replica.records)

    def live_records() -> dict[tuple[str, str], Any]:
        return {key: shown for key in known if (shown := read(*key)) is not None}

    def has_all_versions() -> bool:
        for entry in admin.read_feed(replica.applied[-1] if replica.applied else after):
            replica.apply(entry)
        found = {key: one["version"] for key, one in replica.records.items() if not one["is_deleted"]}
        return found == {key: one["version"] for key, one in live_records().items()}

    eventually(has_all_versions)
    expected = {
        key: {name: value for name, value in one.items() if name not in OF_OTHERS}
        for key, one in live_records().items()
    }
    kept = {key: one for key, one in replica.records.items() if not one["is_deleted"]}
    # Records that are made from their events also have members that answers do not show.
    assert {key: {name: kept[key].get(name) for name in one} for key, one in expected.items()} == expected
    assert expected["contact", ids[0]]["custom_fields"] == {"visits": 3}
    assert ("contact", ids[3]) not in expected
