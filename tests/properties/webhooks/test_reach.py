"""Checks 72 and 109: ten thousand random events reach the webhooks that want them and whose holders may see them,
and no other; with random patterns, filters and rights, which change between the fan-out and the sender.

What is expected is written down here once more, from docs/events.md, and does not use the code that it judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from shared.domain.accounts.api_client import ApiClient
from shared.domain.accounts.user import User
from shared.domain.callers import PERMISSIONS, Level
from shared.domain.contacts.record import Contact
from shared.domain.derived_events import derive_events
from shared.domain.events import DERIVED_TYPES, EVENT_TYPES, Event, Notice
from shared.domain.ids import derived_id
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import (
    Attempt,
    Delivery,
    DeliveryAttemptResult,
    DeliveryRequest,
)
from shared.domain.webhooks.filters import WebhookFilter
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook
from shared.publishing.contracts import from_message, to_message
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.deliveries import Sending
from shared.services.webhooks.fan_out import FanOut
from shared.services.webhooks.holder_rights import HolderRights

EVENTS = 10_000
"""The number that check 72 names."""
BATCH = 100
AT = "2026-05-04T12:00:00.000Z"
TENANTS = ("T1", "T10", "t1")
KINDS = tuple(one for one in EVENT_TYPES if one not in DERIVED_TYPES)
OF_CONTACTS = ("contact", "interaction", "follow_up", "note")
FIELDS = ("email", "company", "owner_id", "tags", "custom_fields.size", "custom_fields.visits")
IDS = [f"record-{number}" for number in range(8)]
GROUPS = ["group-1", "group-2"]
HOLDERS = ["user:boss", "user:clerk", "client:a", "client:b", "client:c"]
PATTERNS = ("*", *dict.fromkeys(f"{one.partition('.')[0]}.*" for one in EVENT_TYPES), *EVENT_TYPES)
FILTERED_FIELDS = ("email", "custom_fields", "custom_fields.visits", "owner_id", "custom", "custom_fields.n7")
SECRETS = WebhookSecrets.create({})
SOURCES = ("api", "import", "booking", "system")


@dataclass
class Room:
    """A tenant: its holders, contacts, webhooks, events and deliveries, as the services see its tables."""

    tenant_id: str
    rights: dict[str, dict[str, Level]] = field(default_factory=dict)
    """What each active holder may do; a holder who is missing is gone."""
    contacts: dict[str, Contact] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)
    """Events of the webhooks themselves."""

    # Users, API clients and contacts

    def holder(self, actor: str) -> User | ApiClient | None:
        granted = self.rights.get(actor)
        if granted is None:
            return None
        kind, _, identifier = actor.partition(":")
        if kind == "client":
            return ApiClient.model_construct(id=identifier, permissions=granted, is_active=True)
        role = "admin" if identifier == "boss" else "user"
        return User.model_construct(id=identifier, role=role, is_active=True)

    def find_present(self, contact_id: str) -> Contact | None:
        return self.contacts.get(contact_id)

    # Subscriptions and deliveries

    def all(self) -> list[Webhook]:
        return list(self.webhooks.values())

    def get(self, webhook_id: str) -> Webhook | None:
        return self.webhooks.get(webhook_id)

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None:
        self.webhooks[after.id] = after
        self.told.append(event)

    def add_delivery(self, delivery: Delivery) -> Delivery:
        return self.deliveries.setdefault((delivery.webhook_id, delivery.event_id), delivery)

    def events_of(self, notices: Sequence[Notice]) -> dict[str, Event]:
        return {one.id: self.events[one.id] for one in notices}

    def event_of(self, delivery: Delivery) -> Event | None:
        if delivery.source_id is None:
            return self.events.get(delivery.event_id)
        [derived] = [
            one for one in derive_events(self.events[delivery.source_id]) if one.id == delivery.event_id
        ]
        return derived

    def mark_queued(self, delivery: Delivery, at: str) -> None:
        pass

    def find_delivery(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]:
        return self.webhooks.get(webhook_id), self.deliveries.get((webhook_id, event_id))

    def reserve(self, delivery: Delivery, *, by: str, at: str, until: str) -> bool:
        return True

    def save_delivery(self, before: Delivery, after: Delivery) -> None:
        self.deliveries[after.webhook_id, after.event_id] = after

    def save_with_webhook(
        self,
        before: Delivery,
        after: Delivery,
        webhook_before: Webhook,
        webhook_after: Webhook,
        event: Event,
    ) -> None:
        self.save_delivery(before, after)
        self.replace(webhook_before, webhook_after, event)


class Accounts:
    """The users, or the API clients, of a room."""

    def __init__(self, room: Room, kind: str) -> None:
        self._room, self._kind = room, kind

    def get(self, identifier: str) -> Any:
        return self._room.holder(f"{self._kind}:{identifier}")


@dataclass
class Outside:
    """The queue and the receivers: the requests that were queued, and what was sent where."""

    requests: list[DeliveryRequest] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)

    def send_some(self, requests: Sequence[DeliveryRequest]) -> Mapping[DeliveryRequest, Exception]:
        self.requests += requests
        return {}

    def send(self, webhook: Any, *given: Any, **more: Any) -> Any:
        """Post an event. (The sender of requests and the queue both have a `send`; no request is queued again here.)"""
        self.sent.append((webhook.id, given[0].id))
        return DeliveryAttemptResult(Attempt(at=AT, status=204, duration_ms=1))

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets:
        return SECRETS

    def add(self, request: DeliveryRequest, reason: str) -> None:
        raise AssertionError("no delivery is given up after its attempts here")


# What is expected


def level(room: Room, actor: str, permission: str) -> Level | None:
    if actor == "user:boss":
        return "all"
    return room.rights[actor].get(permission)


def may_manage(room: Room, actor: str) -> bool:
    return actor in room.rights and level(room, actor, "webhooks:manage") == "all"


def may_see(room: Room, actor: str, event_type: str, contact_id: str, by: str) -> bool:
    """Whether a holder may see an event: the table "Events by permission" of docs/events.md."""
    kind = event_type.partition(".")[0]
    read = level(room, actor, "contacts:read")
    if kind in ("tenant", "user", "api_client", "webhook"):
        return level(room, actor, "tenant:admin") == "all"
    if read is None:
        return False
    if kind in OF_CONTACTS or event_type in DERIVED_TYPES:
        if read == "all":
            return True
        contact = room.contacts.get(contact_id)
        own = actor.partition(":")[2]
        return contact is not None and (contact.owner_id == own or own in contact.organizer_ids)
    if kind == "customer":
        return read == "all"
    if kind == "import":
        return read == "all" and level(room, actor, "imports:run") == "all"
    if kind in ("bulk_job", "export"):
        is_allowed = kind == "bulk_job" or level(room, actor, "exports:run") is not None
        return is_allowed and (actor in ("user:boss", by))
    return kind in ("tag", "type", "group")


def passes(room: Room, wanted: WebhookFilter, event: Event, subject_id: str, *, is_derived: bool) -> bool:
    """Whether an event meets all conditions of a filter: the table "filter" of docs/events.md."""
    changed = [] if is_derived else [*event.changes, *(["groups"] if event.groups_joined else [])]
    if wanted.changed and not any(
        name == one or name.startswith(one + ".") for one in wanted.changed for name in changed
    ):
        return False
    if wanted.source and event.origin not in wanted.source:
        return False
    if wanted.entity_id is not None and subject_id != wanted.entity_id:
        return False
    if wanted.owner_id is None:
        return True
    if event.entity != "contact":
        return False
    contact = room.contacts.get(event.entity_id)
    now = contact.owner_id if contact else None
    moved = () if is_derived else event.changes.get("owner_id", ())
    return wanted.owner_id == now or wanted.owner_id in moved


def expected(room: Room, event: Event) -> set[tuple[str, str]]:
    """Return the webhook and the event id of each delivery that is to follow from an event."""
    occurrences = [(event.id, event.type, event.entity_id, False)]
    occurrences += [(one.id, one.type, one.entity_id, True) for one in derive_events(event)]
    return {
        (webhook.id, event_id)
        for webhook in room.webhooks.values()
        for event_id, event_type, subject_id, is_derived in occurrences
        if webhook.is_active
        and any(one in ("*", event_type, event_type.partition(".")[0] + ".*") for one in webhook.events)
        and passes(room, webhook.filter, event, subject_id, is_derived=is_derived)
        and may_manage(room, webhook.acts_as)
        and may_see(room, webhook.acts_as, event_type, event.entity_id, event.actor)
    }


# What is drawn


def draw_rights(random: Random, room: Room) -> None:
    """Draw the rights of some holders anew; some of them go."""
    for actor in HOLDERS:
        granted: dict[str, Level] = {
            name: random.choice(("all", "all", "own")) for name in PERMISSIONS if random.random() < 0.7
        }
        if random.random() < 0.9:
            granted["webhooks:manage"] = "all"
        if actor == "user:clerk":
            granted = {"contacts:read": "all"}
        room.rights[actor] = granted
        if random.random() < 0.05:
            del room.rights[actor]


def draw_contacts(random: Random, room: Room) -> None:
    owners = [actor.partition(":")[2] for actor in HOLDERS]
    room.contacts = {
        contact_id: Contact.model_construct(
            id=contact_id,
            owner_id=random.choice([None, *owners]),
            organizer_ids=random.sample(owners, random.choice((0, 0, 1))),
        )
        for contact_id in IDS
        if random.random() < 0.9
    }


def draw_webhooks(random: Random, room: Room) -> None:
    room.webhooks = {}
    for number in range(6):
        conditions: dict[str, Any] = {}
        if random.random() < 0.4:
            conditions["changed"] = random.sample(FILTERED_FIELDS, 2)
        if random.random() < 0.3:
            conditions["source"] = random.sample(SOURCES, 2)
        if random.random() < 0.3:
            conditions["owner_id"] = random.choice(HOLDERS).partition(":")[2]
        if random.random() < 0.2:
            conditions["entity_id"] = random.choice([*IDS, *GROUPS])
        webhook = Webhook.model_construct(
            id=f"{room.tenant_id}-webhook-{number}",
            events=random.sample(PATTERNS, 5) if random.random() < 0.7 else ["*"],
            filter=WebhookFilter.model_construct(**conditions),
            is_active=random.random() < 0.9,
            acts_as=random.choice(HOLDERS),
            url="https://hooks.example.com/",
            created_by="user:boss",
            sealed=b"",
            last_event="",
        )
        room.webhooks[webhook.id] = webhook


def draw_event(random: Random, number: int) -> Event:
    event_type = random.choice(KINDS)
    kind = event_type.partition(".")[0]
    names = random.sample(FIELDS, random.randrange(4))
    if random.random() < 0.05:  # more than a message names
        names += [f"custom_fields.n{one}" for one in range(60)]
    owners = [actor.partition(":")[2] for actor in HOLDERS]
    changes = {name: tuple(random.sample(owners, 2)) if name == "owner_id" else (1, 2) for name in names}
    is_of_contact = kind == "contact"
    return Event(
        id=derived_id(1_700_000_000_000 + number, "event", str(number)),
        type=event_type,
        entity="contact" if kind in OF_CONTACTS else kind,
        entity_id=random.choice(IDS),
        at=AT,
        actor=random.choice(HOLDERS),
        origin=random.choice(SOURCES),
        version=1,
        changes=changes,  # type: ignore[arg-type]
        groups_joined=[random.choice(GROUPS)] if is_of_contact and random.random() < 0.3 else [],
    )


def test_checks_72_and_109_ten_thousand_events_reach_those_who_want_and_may_see_them_and_no_other() -> None:
    random = Random(72)
    rooms = {tenant_id: Room(tenant_id) for tenant_id in TENANTS}
    outside = Outside()
    rights = HolderRights(
        lambda tenant_id: Accounts(rooms[tenant_id], "user"),
        lambda tenant_id: Accounts(rooms[tenant_id], "client"),
        lambda tenant_id: rooms[tenant_id],
    )
    tenants = {tenant_id: Tenant(tenant_id, tenant_id, AT) for tenant_id in TENANTS}
    given: tuple[Any, Any] = (tenants.get, rooms.__getitem__)
    fan_out = FanOut(*given, outside, rights, now=lambda: AT, calls=SideBySide(1))
    sending = Sending(*given, outside, outside, outside, rights, outside, now=lambda: AT)
    counts = {"wanted": 0, "sent": 0, "withheld": 0, "disabled": 0}
    for start in range(0, EVENTS, BATCH):
        for room in rooms.values():
            draw_rights(random, room)
            draw_contacts(random, room)
            draw_webhooks(random, room)
            room.events, room.deliveries, room.told = {}, {}, []
        outside.requests, outside.sent = [], []
        wanted: set[tuple[str, str]] = set()
        notices = []
        for number in range(start, start + BATCH):
            room, event = rooms[random.choice(TENANTS)], draw_event(random, number)
            room.events[event.id] = event
            wanted |= expected(room, event)
            notices.append(from_message(to_message(room.tenant_id, event)))

        outcomes = fan_out.create_deliveries(notices)
        assert all(isinstance(one, int) for one in outcomes)
        made = {key for room in rooms.values() for key in room.deliveries}
        assert made == wanted
        assert {(one.webhook_id, one.event_id) for one in outside.requests} == wanted
        for room in rooms.values():
            for webhook in room.webhooks.values():
                if webhook.disabled_reason is not None:
                    assert webhook.disabled_reason == "holder_lost_rights"
                    assert not may_manage(room, webhook.acts_as)
                    counts["disabled"] += 1
            assert [one.type for one in room.told] == ["webhook.disabled"] * len(room.told)

        for room in rooms.values():  # while the deliveries wait
            draw_rights(random, room)
            draw_contacts(random, room)
        still = set()
        for request in outside.requests:
            room = rooms[request.tenant_id]
            webhook = room.webhooks[request.webhook_id]
            event = room.event_of(room.deliveries[request.webhook_id, request.event_id])  # type: ignore[assignment]
            contact_id = room.deliveries[request.webhook_id, request.event_id].entity_id
            if may_manage(room, webhook.acts_as) and may_see(
                room, webhook.acts_as, event.type, contact_id, event.actor
            ):
                still.add((webhook.id, event.id))
            sending.attempt(request)
        assert set(outside.sent) == still and len(outside.sent) == len(still)
        counts["wanted"] += len(wanted)
        counts["sent"] += len(still)
        counts["withheld"] += len(wanted - still)
    assert min(counts.values()) > 100, counts
