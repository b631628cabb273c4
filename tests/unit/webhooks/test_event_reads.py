"""What the fan-out reads of an event is read once for all subscriptions that need it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import Unavailable
from shared.domain.events import Event, Notice
from shared.domain.ids import derived_id, new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import Delivery
from shared.domain.webhooks.filters import WebhookFilterInput
from shared.domain.webhooks.subscription import MAX_WEBHOOKS, Webhook, WebhookInput
from shared.services.webhooks.fan_out import FanOut
from shared.services.webhooks.holder_rights import EventReads, HolderRights

START = 1_777_000_000_000
HOLDER = Caller("t1", "client", "c1", "client", {"webhooks:manage": "all", "contacts:read": "own"})


class Tables:
    """A tenant with as many webhooks as it may have, all at level `own` and filtered by a changed field."""

    def __init__(self) -> None:
        self.contacts_read = self.events_read = 0
        stamp = Stamp(new_id(), "2026-01-01T00:00:00.000Z", HOLDER)
        given = WebhookInput(
            url="https://hooks.example.com/",
            events=["contact.updated"],
            filter=WebhookFilterInput(changed=["company"]),
        )
        self.webhooks = [
            Webhook.create(given, webhook_id=f"w{number}", stamp=stamp, loopback=False)[0]
            for number in range(MAX_WEBHOOKS)
        ]
        self.sent: list[Any] = []

    # Clients, contacts, deliveries and the queue

    def get(self, client_id: str) -> Any:
        return SimpleNamespace(id=client_id, is_active=True, permissions=HOLDER.granted)

    def find_present(self, contact_id: str) -> Any:
        self.contacts_read += 1
        return SimpleNamespace(owner_id="c1", organizer_ids=[], id=contact_id)

    def all(self) -> list[Webhook]:
        return self.webhooks

    def event_of(self, delivery: Delivery) -> Event:
        self.events_read += 1
        return Event(
            id=delivery.event_id,
            type=delivery.event_type,
            entity=delivery.entity,
            entity_id=delivery.entity_id,
            at="",
            actor="",
            origin="api",
            version=2,
            changes={"company": (None, "Elsewhere")},
        )

    def add_delivery(self, delivery: Delivery) -> Delivery:
        return delivery

    def mark_queued(self, delivery: Delivery, at: str) -> None: ...

    def send_some(self, requests: Any) -> dict[Any, Exception]:
        self.sent += requests
        return {}


def test_check_72_a_contact_and_an_event_are_read_once_for_fifty_webhooks() -> None:
    tables = Tables()
    rights = HolderRights(lambda _: tables, lambda _: tables, lambda _: tables)  # type: ignore[arg-type, return-value]
    tenant = Tenant("t1", "One", "2026-01-01T00:00:00.000Z")
    fan_out = FanOut(lambda _: tenant, lambda _: tables, tables, rights)  # type: ignore[arg-type, return-value]
    notices = [
        Notice(
            id=derived_id(START, name),
            type="contact.updated",
            tenant_id="t1",
            at="",
            entity="contact",
            entity_id=name,
            version=2,
            origin="api",
            changed=None,  # more than fifty fields
        )
        for name in ("a", "b")
    ]
    assert fan_out.create_deliveries(notices) == [MAX_WEBHOOKS, MAX_WEBHOOKS]
    assert len(tables.sent) == 2 * MAX_WEBHOOKS
    assert (tables.contacts_read, tables.events_read) == (2, 2)


def test_a_read_that_failed_is_made_again() -> None:
    answers: list[Callable[[], Event | None]] = [lambda: None]

    def find() -> Event | None:
        if answers:
            answers.pop()
            raise Unavailable
        return None

    reads = EventReads(find, lambda: None)
    with pytest.raises(Unavailable):
        reads.event()
    assert reads.event() is None
