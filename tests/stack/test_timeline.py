"""A booking that becomes a timeline on the one-machine stack, with a note, a follow-up and a status."""

from __future__ import annotations

import json
from typing import Any

from tests.stack.conftest import LiveStack, OpenedTenant, eventually
from tests.support.receiver import Receiver

BOOKED = {
    "BookingCreated": {"event_id": "e-1", "occurred_at": "2026-05-04T09:30:00Z", "version": 1},
    "BookingRescheduled": {"event_id": "e-2", "occurred_at": "2026-05-05T09:30:00Z", "version": 2},
    "BookingCompleted": {"event_id": "e-3", "occurred_at": "2026-05-07T09:30:00Z", "version": 3},
}


def put_on_bus(live: LiveStack, tenant_id: str, detail_type: str) -> None:
    detail = BOOKED[detail_type] | {
        "tenant_id": tenant_id,
        "booking_id": "b-1",
        "invitee_name": "Bob Stone",
        "invitee_email": "bob@example.com",
        "starts_at": "2026-05-07T08:00:00Z",
        "title": "Haircut",
    }
    entry = {
        "EventBusName": live.state["bus"],
        "Source": "scheduling.bookings",
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
    }
    assert live.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_a_booking_becomes_a_timeline_with_a_note_a_follow_up_and_a_status(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    """Checks 26, 27 and 89 through the real bus: the events arrive in the wrong order, and one of them twice."""

    def ask(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = live.api(method, path, token=tenant.admin_token, body=body)
        assert answer.status == status, answer.body
        return answer.body

    with Receiver().serving() as receiver:
        types = [
            "contact.status_changed",
            "interaction.created",
            "note.processed",
            "follow_up.completed",
        ]
        ask("POST", "/webhooks", {"url": receiver.url, "events": types}, 201)
        for detail_type in ("BookingCompleted", "BookingCreated", "BookingCreated", "BookingRescheduled"):
            put_on_bus(live, tenant.id, detail_type)

        def booked() -> dict[str, Any] | None:
            page = ask("GET", "/bookings?state=completed")
            return page["items"][0] if page["items"] and len(page["items"][0]["events"]) == 3 else None

        booking = eventually(booked)
        assert booking is not None
        path = f"/contacts/{booking['contact_id']}"
        contact = ask("GET", path)
        assert (contact["full_name"], contact["total_bookings"], contact["interaction_count"]) == (
            "Bob Stone",
            1,
            3,
        )

        call = {
            "type": "call",
            "description": "Asked how it was",
            "next_action": "Offer a series",
            "scheduled_follow_up": "2031-03-01T09:00:00Z",
        }
        called = ask("POST", f"{path}/interactions", call, 201)
        note = ask("POST", f"{path}/notes", {"note_text": "Prefers mornings #regular"}, 201)
        moved = ask("PUT", f"{path}/status", {"relationship_status": "qualified_lead"})
        assert (moved["old_status"], moved["new_lifecycle_stage"]) == ("prospect", "interest")

        # The list of the whole tenant follows the write by moments.
        [follow_up] = eventually(lambda: ask("GET", "/follow-ups?due_before=2031-03-02")["items"])
        assert (follow_up["title"], follow_up["interaction_id"]) == ("Offer a series", called["id"])
        done = ask("POST", f"/follow-ups/{follow_up['id']}/complete", {"outcome": "booked"})
        assert done["state"] == "done"
        assert ask("GET", path)["next_follow_up_at"] is None

        kinds = {"interaction": 4, "note": 1, "booking": 1, "status": 1}
        entries = [one for one in ask("GET", f"{path}/timeline?limit=100")["items"] if one["kind"] in kinds]
        assert {kind: sum(one["kind"] == kind for one in entries) for kind in kinds} == kinds
        assert [one["at"] for one in entries] == sorted((one["at"] for one in entries), reverse=True)
        assert [one["id"] for one in entries if one["kind"] == "note"] == [note["id"]]
        history = ask("GET", f"{path}/history?limit=100")["items"]
        assert [one["version"] for one in history] == list(range(len(history), 0, -1))

        sent = [json.loads(one.body)["type"] for one in receiver.wait_for(7)]
        assert {kind: sent.count(kind) for kind in types} == {
            kind: 4 if kind == "interaction.created" else 1 for kind in types
        }


def test_a_follow_up_that_became_due_was_announced_once(
    live: LiveStack, due_follow_up: tuple[OpenedTenant, str]
) -> None:
    tenant, path = due_follow_up

    def announced() -> dict[str, Any] | None:
        follow_up: dict[str, Any] = live.api("GET", path, token=tenant.admin_token).body
        return follow_up if follow_up["notified_at"] else None

    follow_up = eventually(announced)
    assert follow_up is not None
    history = live.api("GET", f"/contacts/{follow_up['contact_id']}/history", token=tenant.admin_token).body
    assert [one["type"] for one in history["items"]].count("follow_up.due") == 1
