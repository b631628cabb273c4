"""Webhooks receive what their creators may see, when they are created and whenever an event is sent (check 109)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.webhooks import on_delivery, on_event
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import DeliveryRequest
from shared.wiring.accounts import onboarding_service
from shared.wiring.webhooks import sending
from tests.gateway.isolation.test_isolation import HOOK
from tests.integration.jobs.bulk import Jobs, running_job
from tests.integration.world import World
from tests.support.queues import QueueDriver
from tests.support.receiver import Answer, Receiver
from tests.support.tenant_guard import acting_for, as_operator
from tests.tenants import caller_of

EVERYTHING = [
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "interaction.created",
    "tag.created",
    "tenant.updated",
    "user.updated",
    "user.invited",
    "api_client.created",
    "bulk_job.completed",
]


class Hooks:
    """The webhooks of one tenant, and the events that reach them."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world, self.receiver = world, receiver
        self._fan_out: QueueDriver = world.stack.queue_driver("WebhookFanOutFunction", on_event.handler)
        self._sender: QueueDriver = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)

    def client(self, permissions: dict[str, str]) -> tuple[str, str]:
        """Return the id and key of a new API client."""
        made = self.world.send("POST", "/api-clients", {"name": f"c{new_id()}", "permissions": permissions})
        assert made.status == 201, made.text
        return made.json["id"], made.json["key"]

    def subscribe(self, token: str, *events: str) -> dict[str, Any]:
        body = {"url": f"{self.receiver.url}/{new_id()}", "events": list(events)}
        answer = self.world.send("POST", "/webhooks", body, token=token)
        assert answer.status == 201, answer.text
        made: dict[str, Any] = answer.json
        return made

    def spread(self) -> None:
        self.world.catch_up()
        self._fan_out.pump()

    def send(self) -> None:
        self._sender.pump()

    def came(self, webhook: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the type and record of each event that has reached a webhook."""
        self.spread()
        self.send()
        path = "/" + webhook["url"].rpartition("/")[2]
        found = [json.loads(one.body) for one in self.receiver.requests if one.path == path]
        return [(one["type"], one["data"]["id"]) for one in found]

    def deliveries(self, webhook: dict[str, Any], token: str | None = None) -> list[dict[str, Any]]:
        answer = self.world.send("GET", f"/webhooks/{webhook['id']}/deliveries", token=token)
        assert answer.status == 200, answer.text
        items: list[dict[str, Any]] = answer.json["items"]
        return items


@pytest.fixture
def hooks(world: World, receiver: Receiver) -> Hooks:
    return Hooks(world, receiver)


def test_check_109_a_client_with_webhooks_and_contacts_learns_nothing_that_is_for_admins(
    hooks: Hooks,
) -> None:
    world = hooks.world
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    for event_type in EVERYTHING[5:9]:
        answer = world.send(
            "POST", "/webhooks", {**HOOK, "events": ["contact.created", event_type]}, token=key
        )
        assert answer.status == 403
        assert answer.json["detail"] == f"Insufficient permissions: tenant:admin required for {event_type}"
        assert [one["field"] for one in answer.json["errors"]] == ["events.1"]
    mine = hooks.subscribe(key, "contact.created", "tag.created", "bulk_job.completed")
    contact = world.create(tags=["vip"])
    world.send("POST", "/users/invitations", {"email": "new@example.com", "role": "user"})
    assert {kind for kind, _ in hooks.came(mine)} == {"contact.created", "tag.created"}
    assert ("contact.created", contact["id"]) in hooks.came(mine)


def test_check_109_at_level_own_a_webhook_is_sent_events_of_own_contacts_alone(hooks: Hooks) -> None:
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "own", "contacts:write": "own"})
    webhook = hooks.subscribe(key, *EVERYTHING[:5])
    own, others = world.create(token=key), world.create()
    world.send("PATCH", f"/contacts/{others['id']}", {"company": "Elsewhere"})
    world.send("PATCH", f"/contacts/{own['id']}", {"company": "Here"}, token=key)
    world.send("DELETE", f"/contacts/{others['id']}")
    world.send("DELETE", f"/contacts/{own['id']}")
    assert own["owner_id"] == client_id
    assert sorted(hooks.came(webhook)) == [
        ("contact.created", own["id"]),
        ("contact.deleted", own["id"]),
        ("contact.updated", own["id"]),
    ]
    assert {one["event_type"] for one in hooks.deliveries(webhook, key)} == {
        "contact.created",
        "contact.deleted",
        "contact.updated",
    }


def test_check_109_at_level_own_nobody_reads_the_log_of_another_s_webhook(hooks: Hooks) -> None:
    world = hooks.world
    _, key = hooks.client({"webhooks:manage": "all", "contacts:read": "own"})
    _, manager = hooks.client({"webhooks:manage": "all"})
    theirs, mine = hooks.subscribe(world.t1.admin, "contact.created"), hooks.subscribe(key, "contact.created")
    administrative = hooks.subscribe(world.t1.admin, "user.invited")
    _, reader = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    assert world.send("GET", f"/webhooks/{theirs['id']}/deliveries", token=key).status == 403
    assert world.send("GET", f"/webhooks/{mine['id']}/deliveries", token=key).status == 200
    assert world.send("GET", f"/webhooks/{mine['id']}/deliveries", token=manager).status == 403
    assert world.send("GET", f"/webhooks/{theirs['id']}/deliveries", token=reader).status == 200
    assert world.send("GET", f"/webhooks/{administrative['id']}/deliveries", token=reader).status == 403


def test_check_109_a_bulk_job_s_end_is_told_to_its_maker_and_to_admins(hooks: Hooks) -> None:
    world = hooks.world
    rights = {"webhooks:manage": "all", "contacts:read": "all", "contacts:write": "all"}
    (_, mine), (_, other) = hooks.client(rights), hooks.client(rights)
    webhooks = [hooks.subscribe(token, "bulk_job.completed") for token in (mine, other, world.t1.admin)]
    world.create(tags=["x"])
    world.catch_up()
    job_id = running_job(world, caller=caller_of(mine))
    hooks.spread()
    Jobs(world).send(job_id, 1)
    Jobs(world).work()
    assert [hooks.came(one) for one in webhooks] == [
        [("bulk_job.completed", job_id)],
        [],
        [("bulk_job.completed", job_id)],
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"is_active": False},
        {"permissions": {"webhooks:manage": None}},
        {"permissions": {"webhooks:manage": "own"}},
        {"permissions": {"contacts:read": None}},
        {"permissions": {"contacts:read": "own"}},
        None,
    ],
    ids=str,
)
def test_check_109_when_its_creator_s_rights_shrink_a_webhook_is_sent_nothing_more_not_even_what_waits(
    hooks: Hooks, change: dict[str, Any] | None
) -> None:
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    webhook = hooks.subscribe(key, "contact.created")
    world.create()
    hooks.spread()
    path = f"/api-clients/{client_id}"
    answer = world.send("DELETE", path) if change is None else world.send("PATCH", path, change)
    assert answer.status < 300, answer.text
    hooks.send()
    world.create()
    assert hooks.came(webhook) == []
    (delivery,) = hooks.deliveries(webhook)
    assert (delivery["state"], delivery["reason"], delivery["attempts"]) == ("failed", "not_permitted", [])
    assert delivery["event_type"] == "contact.created"


@pytest.mark.parametrize("change", [{"role": "user"}, {"is_active": False}, None], ids=str)
def test_check_109_a_webhook_ends_with_the_admin_who_made_it(
    hooks: Hooks, change: dict[str, Any] | None
) -> None:
    world = hooks.world
    with as_operator():
        onboarding_service().add_member("second-admin", "T1", "admin", "second@example.com")
    second = world.issuer.make_token("second-admin")
    webhook = hooks.subscribe(second, *EVERYTHING)
    first = world.create()
    assert ("contact.created", first["id"]) in hooks.came(webhook)
    answer = (
        world.send("DELETE", "/users/second-admin")
        if change is None
        else world.send("PATCH", "/users/second-admin", change)
    )
    assert answer.status < 300, answer.text
    before = len(hooks.receiver.requests)
    world.create()
    hooks.came(webhook)
    assert len(hooks.receiver.requests) == before


def test_rights_that_shrink_while_a_receiver_is_down_end_its_retries(hooks: Hooks) -> None:
    world = hooks.world
    client_id, key = hooks.client({"webhooks:manage": "all", "contacts:read": "all"})
    webhook = hooks.subscribe(key, "contact.created")
    hooks.receiver.answer_with(Answer(503), then=200)
    world.create()
    hooks.spread()
    hooks.send()
    assert len(hooks.receiver.requests) == 1
    world.send("PATCH", f"/api-clients/{client_id}", {"is_active": False})
    (delivery,) = hooks.deliveries(webhook)
    assert delivery["state"] == "pending"
    with acting_for("T1"):
        report = sending().attempt(DeliveryRequest("T1", webhook["id"], delivery["event_id"], 2))
    assert (report.done, report.reason) == ("given_up", "not_permitted")
    assert len(hooks.receiver.requests) == 1
