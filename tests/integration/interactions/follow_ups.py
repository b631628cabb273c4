"""A contact and its follow-ups, and the scheduled function that announces them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.timeline.on_schedule_due import handler
from shared.domain import timestamps
from shared.wiring.tenants import tenant_memory
from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import acting_for_system, as_operator

PAST, EARLIER = "2026-02-10T09:30:00.000Z", "2026-01-10T09:30:00.000Z"
FUTURE, LATER = "2031-01-10T09:30:00.000Z", "2031-02-10T09:30:00.000Z"
CALL = {"type": "call", "description": "Talked about the offer.", "occurred_at": "2026-01-01T09:30:00.000Z"}


class FollowUps:
    """A contact, and calls of its follow-ups."""

    def __init__(self, world: World, contact_id: str | None = None) -> None:
        self.world = world
        self.id: str = contact_id or world.create()["id"]

    def schedule(self, due_at: str = FUTURE, title: str = "call", **given: Any) -> dict[str, Any]:
        body = {"title": title, "due_at": due_at, **given}
        answer = self.world.send("POST", f"/contacts/{self.id}/follow-ups", body)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def record(self, due_at: str | None = FUTURE, **given: Any) -> dict[str, Any]:
        body = {**CALL, "scheduled_follow_up": due_at, **given}
        answer = self.world.send("POST", f"/contacts/{self.id}/interactions", body)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def interaction(self, method: str, interaction_id: str, body: Any = None) -> Response:
        return self.world.send(method, f"/contacts/{self.id}/interactions/{interaction_id}", body)

    def ask(self, method: str, follow_up_id: str, rest: str = "", body: Any = None, **how: Any) -> Response:
        return self.world.send(method, f"/follow-ups/{follow_up_id}{rest}", body, **how)

    def read(self, follow_up_id: str) -> dict[str, Any]:
        answer = self.ask("GET", follow_up_id)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def list(self, **query: Any) -> list[str]:
        """The ids of the contact's list, walked page by page."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.world.send(
                "GET", f"/contacts/{self.id}/follow-ups", query={"limit": 2, **query, **cursor}
            )
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    @property
    def next_at(self) -> str | None:
        """When the contact's next follow-up is due, checked against the items."""
        self.world.content.assert_whole()
        at: str | None = self.world.send("GET", f"/contacts/{self.id}").json["next_follow_up_at"]
        return at

    def events(self, type: str) -> list[dict[str, Any]]:
        """The data of the contact's events of a type, in the order of its versions."""
        found = [
            item
            for item in self.world.content.events
            if item["type"]["S"] == type and item["entity_id"]["S"] == self.id
        ]
        found.sort(key=lambda item: int(item["version"]["N"]))
        return [json.loads(item["data"]["S"]) for item in found]

    def announced(self) -> list[str]:
        """The ids of the follow-ups that were announced, in the order of the events."""
        return [data["follow_up_id"] for data in self.events("follow_up.due")]


def run_schedule(at: str | None = None) -> dict[str, int]:
    """Call the scheduled function, at another time than now if one is given; return its counts that are not 0."""
    with pytest.MonkeyPatch.context() as patch, acting_for_system("DUE#TIMELINE#", "T#"):
        if at is not None:
            patch.setattr(timestamps, "now", lambda: at)
        report = handler({}, lambda_context("TimelineDueFunction", timeout_ms=60_000))
    return {name: count for name, count in report.items() if count}


def suspend(world: World, tenant_id: str = "T1", *, suspended: bool) -> None:
    """Suspend a tenant, or end its suspension, as an operator does."""
    with as_operator():
        world.stack.client("dynamodb").update_item(
            TableName=world.stack.table_name,
            Key={"PK": {"S": f"T#{tenant_id}#TENANT"}, "SK": {"S": "TENANT"}},
            UpdateExpression="SET suspended = :s",
            ExpressionAttributeValues={":s": {"BOOL": suspended}},
        )
    tenant_memory.cache_clear()
