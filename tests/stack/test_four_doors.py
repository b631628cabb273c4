"""Each door of the deployed stack, as users use it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.sources import ROOT
from tests.stack.conftest import LiveStack, OpenedTenant, eventually
from tests.support.receiver import Received, Receiver


def contact(email: str, **fields: Any) -> dict[str, Any]:
    return {"first_name": "Ada", "last_name": "Lovelace", "email": email, **fields}


def listed(live: LiveStack, tenant: OpenedTenant) -> list[dict[str, Any]]:
    """Return all contacts, read page by page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = live.api("GET", f"/contacts?limit=100{cursor}", token=tenant.admin_token).body
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        assert len(page["items"]) == 100, "a page is full while more exist"
        cursor = f"&cursor={page['next_cursor']}"


def drop(live: LiveStack, tenant_id: str, name: str, content: str) -> None:
    key = f"tenants/{tenant_id}/inbox/{name}"
    live.client("s3").put_object(Bucket=live.state["drop_bucket"], Key=key, Body=content.encode())


def imports(live: LiveStack, tenant: OpenedTenant) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = live.api("GET", "/imports", token=tenant.admin_token).body["items"]
    return items


def finished(
    live: LiveStack, tenant: OpenedTenant, count: int = 1, seconds: float = 300
) -> list[dict[str, Any]]:
    """Wait until `count` of the tenant's imports have ended, and return them."""

    def ended() -> list[dict[str, Any]] | None:
        found = [one for one in imports(live, tenant) if one["state"] != "running"]
        return found if len(found) >= count else None

    result = eventually(ended, seconds=seconds)
    assert result is not None
    return result


def book(live: LiveStack, detail: dict[str, Any], detail_type: str = "BookingCreated") -> None:
    entry = {
        "EventBusName": live.state["bus"],
        "Source": "scheduling.bookings",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
    }
    assert live.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def booking(tenant_id: str, number: str = "1", email: str = "bob@example.com") -> dict[str, Any]:
    return {
        "event_id": f"event-{number}",
        "occurred_at": "2026-05-04T09:30:00Z",
        "tenant_id": tenant_id,
        "booking_id": f"booking-{number}",
        "invitee_name": "Bob Stone",
        "invitee_email": email,
        "starts_at": "2026-05-06T09:30:00Z",
        "title": "Haircut",
    }


Delivery = tuple[OpenedTenant, dict[str, Any], Receiver]


@pytest.fixture(scope="module", autouse=True)
def refused_delivery(live: LiveStack) -> Iterator[Delivery]:
    """A delivery whose first attempt is refused: its tenant, its webhook, and the receiver.

    Made before the other tests, during which the wait for the next attempt passes.
    """
    tenant = live.open_tenant()
    with Receiver().serving() as receiver:
        receiver.answer_with(503)
        subscription = subscribe(live, tenant, receiver.url, "contact.created")
        live.api("POST", "/contacts", token=tenant.admin_token, body=contact("ada@example.com"))
        yield tenant, subscription, receiver


# ---------------------------------------------------------------- HTTPS


def test_contacts_are_created_read_changed_listed_and_deleted(live: LiveStack, tenant: OpenedTenant) -> None:
    token = tenant.admin_token
    made = live.api("POST", "/contacts", token=token, body=contact("ada@example.com", phone="(415) 555-2671"))
    assert (made.status, made.headers["etag"], made.body["phone"]) == (201, '"1"', "+14155552671")
    path = f"/contacts/{made.body['id']}"
    assert made.headers["location"] == f"/v1{path}"

    assert live.api("GET", path, token=token).body == made.body
    put = live.api("PUT", path, token=token, body={"first_name": "Augusta", "email": "king@example.com"})
    assert (put.status, put.body["full_name"], put.body["phone"], put.body["version"]) == (
        200,
        "Augusta",
        None,
        2,
    )
    patched = live.api("PATCH", path, token=token, body={"company": "Engines"}, headers={"If-Match": '"2"'})
    assert (patched.status, patched.body["company"], patched.body["email"]) == (
        200,
        "Engines",
        "king@example.com",
    )
    stale = live.api("PATCH", path, token=token, body={"company": "Mills"}, headers={"If-Match": '"2"'})
    assert (stale.status, stale.body["code"]) == (412, "version_mismatch")

    other = live.api("POST", "/contacts", token=token, body=contact("king@example.com"))
    assert (other.status, other.body["errors"][0]["contact_id"]) == (409, made.body["id"])
    assert other.headers["content-type"] == "application/problem+json"

    assert eventually(lambda: [one["version"] for one in listed(live, tenant)] == [3])
    assert live.api("DELETE", path, token=token).status == 204
    assert live.api("GET", path, token=token).status == 404
    assert eventually(lambda: listed(live, tenant) == [])
    assert live.api("POST", "/contacts", token=token, body=contact("king@example.com")).status == 201


def test_paging_by_cursor_returns_each_contact_once(live: LiveStack, tenant: OpenedTenant) -> None:
    made = {
        live.api("POST", "/contacts", token=tenant.api_key, body=contact(f"a{n}@example.com")).body["id"]
        for n in range(7)
    }
    assert eventually(lambda: len(listed(live, tenant)) == 7)
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = live.api("GET", f"/contacts?limit=3{cursor}", token=tenant.api_key).body
        seen += [one["id"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert (len(seen), set(seen), seen == sorted(seen, reverse=True)) == (7, made, True)


@pytest.mark.parametrize("token", [None, "nonsense", "ck_0190_wrong"])
def test_without_a_valid_token_the_answer_is_401(live: LiveStack, token: str | None) -> None:
    answer = live.api("GET", "/contacts", token=token)
    assert (answer.status, answer.body["code"]) == (401, "unauthenticated")


def test_another_tenants_ids_look_missing(
    live: LiveStack, tenant: OpenedTenant, other_tenant: OpenedTenant
) -> None:
    made = live.api("POST", "/contacts", token=tenant.admin_token, body=contact("ada@example.com")).body
    for method, body in (("GET", None), ("PUT", contact("x@example.com")), ("PATCH", {}), ("DELETE", None)):
        answer = live.api(method, f"/contacts/{made['id']}", token=other_tenant.admin_token, body=body)
        missing = live.api(
            method,
            "/contacts/0197a1b2-c3d4-7e5f-8a6b-0123456789ab",
            token=other_tenant.admin_token,
            body=body,
        )
        for one in (answer, missing):
            one.body.pop("request_id")
        assert (answer.status, answer.body) == (404, missing.body)


def test_64_racing_creates_of_one_address_make_one_contact(live: LiveStack, tenant: OpenedTenant) -> None:
    """check 22"""

    def create(_: int) -> tuple[int, Any]:
        answer = live.api("POST", "/contacts", token=tenant.admin_token, body=contact("ada@example.com"))
        return answer.status, answer.body

    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(create, range(64)))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 63}
    winner = next(body["id"] for status, body in answers if status == 201)
    assert {body["errors"][0]["contact_id"] for status, body in answers if status == 409} == {winner}


# ---------------------------------------------------------------- S3


def file_of(*, new: int, repeated: int, bad: int) -> str:
    """Return rows with new addresses, with some of those again, and without a valid address, in this order."""
    rows = ["Email,First Name,Last Name,Phone,Company,Tags"]
    rows += [f'a{n}@example.com,Ada{n},"Love, lace",+14155552671,Engines,"vip,new"' for n in range(new)]
    rows += [f"A{n * 7}@EXAMPLE.com,Again,,,," for n in range(repeated)]
    rows += [f"nobody{n},Bad,,,," for n in range(bad)]
    return "\n".join(rows) + "\n"


def test_a_dropped_csv_becomes_contacts_with_a_result_for_every_row(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    drop(live, tenant.id, "people 1+ü.csv", file_of(new=950, repeated=30, bad=20))
    [done] = finished(live, tenant)
    counts = done["counts"]
    assert done["state"] == "completed"
    assert (counts["rows"], counts["created"], counts["skipped"], counts["failed"]) == (1000, 950, 30, 20)
    assert eventually(lambda: len(listed(live, tenant)) == 950)

    shown = live.api("GET", f"/imports/{done['id']}", token=tenant.admin_token).body
    with urllib.request.urlopen(shown["results_url"], timeout=60) as answer:
        fates = list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"))))
    assert Counter(fate["outcome"] for fate in fates) == {"created": 950, "skipped": 30, "failed": 20}
    assert [int(fate["row_number"]) for fate in fates] == list(range(1, 1001))


def test_a_dropped_file_that_is_not_csv_fails_with_a_reason_and_is_kept(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    drop(live, tenant.id, "people.csv", "PK\x03\x04 zipped")
    [done] = finished(live, tenant)
    assert (done["state"], bool(done["error"])) == ("failed", True)
    key = f"tenants/{tenant.id}/inbox/people.csv"
    assert live.client("s3").head_object(Bucket=live.state["drop_bucket"], Key=key)["ContentLength"] > 0


# ---------------------------------------------------------------- EventBridge


def test_a_booking_becomes_a_contact_an_interaction_and_a_count_once(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    for _ in range(3):
        book(live, booking(tenant.id))
    book(live, booking(tenant.id, "2", "BOB@example.com"))

    def bookings() -> bool:
        return [one["total_bookings"] for one in listed(live, tenant)] == [2]

    assert eventually(bookings)
    [bob] = listed(live, tenant)
    assert (bob["full_name"], bob["source"], bob["last_booking_at"]) == (
        "Bob Stone", "booking", "2026-05-06T09:30:00.000Z",
    )  # fmt: skip
    timeline = live.api("GET", f"/contacts/{bob['id']}/interactions", token=tenant.admin_token).body["items"]
    assert [one["type"] for one in timeline] == ["booking_created"] * 2
    assert {one["booking_id"] for one in timeline} == {"booking-1", "booking-2"}


def test_a_booking_finds_the_contact_with_that_address(live: LiveStack, tenant: OpenedTenant) -> None:
    made = live.api("POST", "/contacts", token=tenant.admin_token, body=contact("bob@example.com")).body
    book(live, booking(tenant.id))
    path = f"/contacts/{made['id']}"
    found = eventually(
        lambda: (one := live.api("GET", path, token=tenant.admin_token).body)["total_bookings"] and one
    )
    assert (found["total_bookings"], found["first_name"], found["source"]) == (1, "Ada", "api")


def test_the_command_sends_each_kind_of_booking_event_and_they_become_one_booking(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    """check 89: the cancellation is sent first."""
    moved = ["--starts", "2031-05-07T09:30:00Z"]
    for state, given in (
        ("cancelled", ["--version", "3", "--title", "Haircut", *moved]),
        ("created", ["--starts", "2031-05-06T09:30:00Z", "--name", "Bob Stone"]),
        ("rescheduled", ["--version", "2", *moved]),
        ("completed", ["--version", "4", *moved]),
    ):
        sent = subprocess.run(
            [
                *(sys.executable, "-m", "local.book", state, "--tenant", tenant.id),
                *("--booking", "b-1", "--email", "bob@example.com", *given),
            ],
            cwd=ROOT,
            env=os.environ | {"STATE_DIR": str(live.state_dir)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(sent.stdout)["booking_id"] == "b-1"

    def told() -> list[dict[str, Any]] | None:
        found = listed(live, tenant)
        if [one["interaction_count"] for one in found] != [4]:
            return None
        items = live.api("GET", f"/contacts/{found[0]['id']}/bookings", token=tenant.admin_token).body[
            "items"
        ]
        return items if [len(one["events"]) for one in items] == [4] else None

    [one] = eventually(told) or []
    assert (one["state"], one["starts_at"], one["title"]) == (
        "completed", "2031-05-07T09:30:00.000Z", "Haircut",
    )  # fmt: skip
    assert [event["state"] for event in one["events"]] == ["created", "rescheduled", "cancelled", "completed"]
    [bob] = listed(live, tenant)
    assert (bob["full_name"], bob["total_bookings"], bob["last_booking_at"]) == (
        "Bob Stone", 1, "2031-05-07T09:30:00.000Z",
    )  # fmt: skip


def test_without_a_stack_the_command_says_how_to_start_one(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "local.book", "created", "--email", "bob@example.com"],
        cwd=ROOT, env=os.environ | {"STATE_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert outcome.returncode == 1
    assert "make run" in outcome.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"invitee_email": "nobody"}, "invalid_email"),
        ({"starts_at": "soon"}, "malformed"),
        ({"tenant_id": "no-such"}, "unknown_tenant"),
    ],
)  # fmt: skip
def test_what_cannot_be_processed_ends_in_the_dead_letter_queue_with_a_reason(
    live: LiveStack, tenant: OpenedTenant, change: dict[str, Any], reason: str
) -> None:
    """check 88"""
    marked = booking(tenant.id, number=f"{tenant.id}-{reason}") | change
    book(live, marked)
    queue = live.outputs["BookingsDeadLettersUrl"]

    def letter() -> Any:
        answer = live.client("sqs").receive_message(
            QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10, VisibilityTimeout=1
        )
        return next((one for one in answer.get("Messages", ()) if marked["event_id"] in one["Body"]), None)

    assert eventually(letter)["MessageAttributes"]["reason"]["StringValue"] == reason
    assert listed(live, tenant) == []


# ---------------------------------------------------------------- webhooks


def subscribe(live: LiveStack, tenant: OpenedTenant, url: str, *events: str) -> dict[str, Any]:
    answer = live.api(
        "POST", "/webhooks", token=tenant.admin_token, body={"url": url, "events": list(events)}
    )
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def verified(subscription: dict[str, Any], request: Received) -> dict[str, Any]:
    payload: dict[str, Any] = Webhook(subscription["secret"]).verify(request.body, request.headers)
    return payload


def test_a_contact_from_any_door_is_delivered_signed(
    live: LiveStack, tenant: OpenedTenant, other_tenant: OpenedTenant, receiver: Receiver
) -> None:
    subscription = subscribe(live, tenant, f"{receiver.url}/hook", "contact.created")
    by_api = live.api("POST", "/contacts", token=tenant.admin_token, body=contact("api@example.com")).body
    drop(live, tenant.id, "one.csv", "email,first_name\nüser@example.com,Zoë\ncsv@example.com,Zoë\n")
    book(live, booking(tenant.id, email="booking@example.com"))
    live.api("POST", "/contacts", token=other_tenant.admin_token, body=contact("foreign@example.com"))

    requests = receiver.wait_for(4, timeout=300)
    payloads = {request.headers["webhook-id"]: verified(subscription, request) for request in requests}
    created = {one["data"]["id"] for one in payloads.values()}
    assert {one["type"] for one in payloads.values()} == {"contact.created"}
    assert eventually(lambda: {one["id"] for one in listed(live, tenant)} == created)
    assert by_api["id"] in created
    assert {one["data"]["source"] for one in payloads.values()} == {"api", "import", "booking"}


def test_a_failed_delivery_is_retried_with_the_same_id(live: LiveStack, refused_delivery: Delivery) -> None:
    tenant, subscription, receiver = refused_delivery
    first, second = receiver.wait_for(2, timeout=300)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert verified(subscription, second)["data"]["changes"]["email"]["new"] == "ada@example.com"
    path = f"/webhooks/{subscription['id']}/deliveries"

    def delivered() -> Any:
        [delivery] = live.api("GET", path, token=tenant.admin_token).body["items"]
        return delivery if delivery["state"] == "delivered" else None

    assert [attempt["status"] for attempt in eventually(delivered)["attempts"]] == [503, 200]
