"""Changes of a webhook beside the fan-out and the sender, in every order of their calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict
from shared.domain.events import Event, Notice
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import Attempt, DeliveryAttemptResult, DeliveryRequest
from shared.domain.webhooks.filters import WebhookFilterInput
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook, WebhookInput, WebhookPatch
from shared.publishing.contracts import from_message, to_message
from shared.services.limits.webhook_tests import WebhookTestLimit
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.deliveries import AttemptInProgress, Sending
from shared.services.webhooks.fan_out import FanOut
from shared.services.webhooks.holder_rights import EventReads
from shared.services.webhooks.subscriptions import WebhookService
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.event_items import event_from_item
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.buckets import MemoryBuckets
from tests.support.interleaving import Explored, Schedule, Turns, explored
from tests.support.memory_table import MemoryTable

TENANT = "t1"
AT = "2026-05-04T12:00:00.000Z"
FIRST, SECOND = Caller(TENANT, "user", "first", "admin"), Caller(TENANT, "user", "second", "admin")
WEBHOOK = derived_id(1, "webhook")


@dataclass
class Rights:
    """The rights of holders, who may see everything as long as they are there."""

    there: dict[str, Caller]

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None:
        return self.there.get(webhook.acts_as)

    def reads(self, notice: Notice, find_event: Callable[[], Event | None]) -> EventReads:
        return EventReads(find_event, lambda: None)

    def receives(self, webhook: Webhook, holder: Caller, notice: Notice, reads: EventReads) -> bool:
        return True

    def may_see(
        self, caller: Caller, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool:
        return True


@dataclass
class Scene:
    """A webhook of the first admin, an event that it wants, and workers who take turns at each call of the table.

    `workers`: names of methods. `gone`: whether the first admin is gone.
    """

    workers: Sequence[str]
    schedule: Schedule
    gone: bool = False
    requests: list[DeliveryRequest] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """The URL at each request to the receiver."""

    def __post_init__(self) -> None:
        self.turns = Turns([lambda: None])
        self._is_running = False
        self.table = MemoryTable(self._before_call)
        self._store = Store(self.table, "table", sleep=lambda _: None)
        self.webhooks = DeliveryTable(self._store, TENANT)
        webhook, event = Webhook.create(
            WebhookInput(url="https://hooks.example.com/1", events=["contact.created"]),
            webhook_id=WEBHOOK,
            stamp=Stamp(derived_id(1, "creation"), AT, FIRST),
            loopback=False,
        )
        self.webhooks.create(webhook.with_fields({"sealed": b"sealed"}), event)
        contact, self.event = Contact.create(
            {"first_name": "Ada"},
            contact_id=derived_id(1, "contact"),
            stamp=Stamp(derived_id(1, "event"), AT, FIRST),
            source="api",
        )
        ContactTable(self._store, TENANT).create((contact, self.event))
        rights = Rights({one.actor: one for one in (FIRST, SECOND) if not (self.gone and one is FIRST)})
        self._given: Any = (
            lambda _: Tenant(TENANT, "One", AT),
            partial(DeliveryTable, self._store),
        )
        self._rights = rights

    def run(self) -> Turns:
        self.turns = Turns(
            [getattr(self, name) for name in self.workers],
            self.schedule,
            state=lambda: (self.table.digest, tuple(self.requests), tuple(self.sent)),
        )
        self._is_running = True
        self.turns.run()
        self._is_running = False
        return self.turns

    def _before_call(self, operation: str) -> None:
        if self._is_running:
            self.turns.take()

    # The queue and the receiver

    def send_some(self, requests: Sequence[DeliveryRequest]) -> dict[DeliveryRequest, Exception]:
        self.requests += requests
        return {}

    def send(self, given: Any, *more: Any, **named: Any) -> Any:
        """Queue requests, or post an event: the queue and the sender of requests both have a `send`."""
        if isinstance(given, Webhook):
            self.sent.append(given.url)
            return DeliveryAttemptResult(Attempt(at=AT, status=204, duration_ms=1))
        self.requests += given
        return None

    def add(self, request: DeliveryRequest, reason: str) -> None:
        raise AssertionError("no delivery is given up after its attempts here")

    # The vault

    def seal(self, tenant_id: str, webhook_id: str, secrets: WebhookSecrets) -> bytes:
        return b"sealed"

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets:
        return WebhookSecrets.create({})

    # Workers

    def fan_out(self) -> None:
        notice = from_message(to_message(TENANT, self.event))
        # Each worker is a process of its own: its fan-out has threads of its own.
        fan_out = FanOut(*self._given, self, self._rights, now=lambda: AT, calls=SideBySide(1))
        for _ in range(3):  # as the queue brings a message again that has failed
            if fan_out.create_deliveries([notice]) in ([0], [1]):
                return
        raise AssertionError("the message fails again and again")

    def fan_out_and_send(self) -> None:
        self.fan_out()
        sending = Sending(*self._given, self, self, self, self._rights, self, now=lambda: AT)
        for request in tuple(self.requests):
            with suppress(AttemptInProgress):
                sending.attempt(request)

    def move(self) -> None:
        self._service(SECOND).change(WEBHOOK, WebhookPatch(url="https://hooks.example.com/2"), None)

    def narrow(self) -> None:
        patch = WebhookPatch(filter=WebhookFilterInput(source=["booking"]))
        self._service(FIRST).change(WEBHOOK, patch, None)

    def enable(self) -> None:
        self._service(SECOND).enable(WEBHOOK, None)

    def disable(self) -> None:
        self._service(SECOND).disable(WEBHOOK, None)

    def delete(self) -> None:
        self._service(SECOND).delete(WEBHOOK, None)

    def test(self) -> None:
        with suppress(Conflict):  # it is disabled
            self._service(FIRST).test(WEBHOOK)

    def _service(self, caller: Caller) -> WebhookService:
        return WebhookService(
            caller,
            self.webhooks,
            Cursors(b"key"),
            self,
            self,
            lambda: WebhookTestLimit(MemoryBuckets(), "T1"),
            lambda _: True,
            sleep=lambda _: None,
        )

    # What is left

    @property
    def webhook(self) -> Webhook | None:
        return self.webhooks.get(WEBHOOK)

    @property
    def told(self) -> list[Event]:
        """The events of the webhook, by version."""
        items = [one for one in self.table.all() if one["SK"]["S"].startswith("EVENT#")]
        events = [event_from_item(one) for one in items if one["entity"]["S"] == "webhook"]
        return sorted(events, key=lambda event: event.version)


def runs(*workers: str, gone: bool = False, switches: int = 3) -> Iterator[Scene]:
    """Yield the scene after each order of the calls, and check what holds after any of them."""
    scenes: list[Scene] = []

    def run(schedule: Schedule) -> Turns:
        scenes.append(Scene(workers, schedule, gone=gone))
        return scenes[-1].run()

    counted = Explored()
    for _ in explored(run, switches=switches, explored=counted):
        scene = scenes.pop()
        assert [event.version for event in scene.told] == list(range(1, len(scene.told) + 1)), "one for each"
        if scene.webhook is not None:
            assert scene.webhook.version == len(scene.told)
            assert scene.webhook.last_event == scene.told[-1].id
        assert len(scene.sent) <= 1 and len(scene.requests) <= 2
        yield scene
    assert counted.runs > 5


def test_changes_beside_each_other_are_all_kept() -> None:
    for scene in runs("move", "narrow", "disable"):
        webhook = scene.webhook
        assert webhook is not None
        assert (webhook.url, webhook.filter.source) == ("https://hooks.example.com/2", ["booking"])
        assert not webhook.is_active
        assert webhook.acts_as in (FIRST.actor, SECOND.actor)
        assert len(scene.told) == 4


def test_an_event_beside_a_change_is_sent_by_the_earlier_or_the_later_version() -> None:
    found = set()
    for scene in runs("fan_out_and_send", "move", "narrow"):
        assert len(scene.requests) == len(scene.sent)
        found |= {tuple(scene.sent)}
    assert found == {(), ("https://hooks.example.com/1",), ("https://hooks.example.com/2",)}


@pytest.mark.parametrize("ending", ["disable", "delete"])
def test_an_event_beside_the_end_of_a_webhook_is_sent_or_given_up(ending: str) -> None:
    found = set()
    for scene in runs("fan_out_and_send", ending):
        states = {
            (one["state"]["S"], one.get("reason", {"S": ""})["S"])
            for one in scene.table.all()
            if one["SK"]["S"].startswith("DELIVERY#")
        }
        found |= states
        assert (scene.sent == []) is (("delivered", "") not in states)
    assert found == {
        ("delivered", ""),
        ("failed", {"disable": "webhook_disabled"}.get(ending, "webhook_deleted")),
    }


def test_check_109_a_webhook_whose_holder_is_gone_is_disabled_once_and_sends_nothing() -> None:
    for scene in runs("fan_out_and_send", "fan_out_and_send", gone=True):
        webhook = scene.webhook
        assert webhook is not None and webhook.disabled_reason == "holder_lost_rights"
        assert [event.type for event in scene.told] == ["webhook.created", "webhook.disabled"]
        assert scene.requests == scene.sent == []


def test_check_109_who_enables_a_webhook_while_it_loses_its_holder_has_it_enabled() -> None:
    sent = set()
    for scene in runs("fan_out_and_send", "enable", gone=True):
        webhook = scene.webhook
        assert webhook is not None
        assert (webhook.is_active, webhook.acts_as) == (True, SECOND.actor)
        sent.add(len(scene.sent))
    assert sent == {0, 1}


def test_a_test_event_beside_an_end_of_the_webhook_has_a_delivery_or_is_refused() -> None:
    for scene in runs("test", "disable"):
        made = [one for one in scene.table.all() if one["SK"]["S"].startswith("DELIVERY#")]
        assert {one["event_type"]["S"] for one in made} <= {"webhook.test"}
