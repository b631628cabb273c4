"""A note on the one-machine stack, from the call through the stream, the topic and the queue to its findings."""

from __future__ import annotations

from typing import Any

from tests.stack.conftest import LiveStack, OpenedTenant, eventually


def test_a_note_is_processed_after_it_was_written_and_again_after_it_was_edited(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    token = tenant.admin_token
    ada = {"first_name": "Ada", "email": "ada@example.com"}
    contact = live.api("POST", "/contacts", token=token, body=ada).body["id"]
    path = f"/contacts/{contact}/notes"
    text = "Call (202) 555-0143,  mail ada@home.example.com: https://example.com/offer #Offer"
    made = live.api("POST", path, token=token, body={"noteText": text, "is_pinned": True})
    assert (made.status, made.body["body"], made.body["processing_state"]) == (201, text, "pending")
    where = made.headers["Location"].removeprefix("/v1")

    def processed() -> dict[str, Any] | None:
        note: dict[str, Any] = live.api("GET", where, token=token).body
        return note if note["processing_state"] == "processed" else None

    note = eventually(processed)
    assert note is not None
    assert (note["body"], note["original"]) == (text.replace("  ", " "), text)
    assert [(one["kind"], one["value"]) for one in note["found"]] == [
        ("phone", "+12025550143"),
        ("email", "ada@home.example.com"),
        ("url", "https://example.com/offer"),
        ("tag", "offer"),
    ]
    edited = live.api(
        "PATCH",
        where,
        token=token,
        body={"content": "Accepted. #won"},
        headers={"If-Match": made.headers["ETag"]},
    )
    assert (edited.status, edited.body["processing_state"], edited.body["found"]) == (200, "pending", [])
    again = eventually(processed)
    assert again is not None
    assert [one["value"] for one in again["found"]] == ["won"]
    other = live.api("POST", path, token=token, body={"body": "Something else"}).body["id"]
    listed = live.api("GET", path, token=token).body
    assert ([one["id"] for one in listed["items"]], listed["total"]) == ([note["id"], other], 2)
    found = live.api("GET", f"{path}?search=acc%20won", token=token).body
    assert [one["id"] for one in found["items"]] == [note["id"]]
    assert live.api("POST", f"{where}/retry", token=token).body["code"] == "already_processed"
