"""Each event reaches each webhook that was created before it, and once, however callers, publisher and fan-out
interleave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.events import Event, Notice
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import DeliveryRequest
from shared.domain.webhooks.subscription import Webhook, WebhookInput
from shared.publishing.contracts import from_message, to_message
from shared.publishing.publisher import Publisher
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.fan_out import FanOut
from shared.services.webhooks.holder_rights import EventReads
from shared.table.contacts.repository import ContactTable
from shared.table.event_items import event_from_item
from shared.table.feed.appending import FeedAppender, Situation, has_webhooks
from shared.table.feed.known import KnownEntries
from shared.table.feed.outgoing import Outgoing
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.support.interleaving import Explored, Schedule, Turns, explored
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u", "admin")
ROUNDS = 3
"""Batches that the publisher takes while callers write; the last one is taken when all has been written."""


@dataclass
class Topic:
    """An SNS client that records each message's `has_webhooks`, and how much was in the stream at that time."""

    table: MemoryTable
    turns: Callable[[], Turns]
    published: dict[str, tuple[str, int]] = field(default_factory=dict)

    def publish_batch(
        self, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        self.turns().take()
        for entry in PublishBatchRequestEntries:
            event_id = entry["Message"].split('"id":"')[1][:36]
            said = entry["MessageAttributes"]["has_webhooks"]["StringValue"]
            self.published.setdefault(event_id, (said, len(self.table.stream)))
        return {}


@dataclass
class Sender:
    """The queue of requests for the sender."""

    turns: Callable[[], Turns]
    requests: list[DeliveryRequest] = field(default_factory=list)

    def send_some(self, requests: Sequence[DeliveryRequest]) -> dict[DeliveryRequest, Exception]:
        self.turns().take()
        self.requests += requests
        return {}


class AllRights:
    """Every holder may see every event."""

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None:
        return ADMIN

    def reads(self, notice: Notice, find_event: Callable[[], Event | None]) -> EventReads:
        return EventReads(find_event, lambda: None)

    def receives(self, webhook: Webhook, holder: Caller, notice: Notice, reads: EventReads) -> bool:
        return True


class ReadTooEarly(FeedAppender):
    """Feeds, with the counts as they were before the publisher received its batch."""

    def before_batch(self) -> None:
        self._found = has_webhooks(self._store.get(webhook_keys.webhook_count(TENANT)))

    def look_up(self, events: Sequence[Outgoing]) -> Situation:
        situation = super().look_up(events)
        situation.with_webhooks = {TENANT} if self._found else set()
        return situation


class Scene:
    """Callers who write contacts and webhooks, one call after the other; and, after the stream, the publisher and the
    fan-out of what the topic lets pass.
    """

    def __init__(self, writes: Sequence[str], schedule: Schedule, *, too_early: bool) -> None:
        self.table = MemoryTable(before_call=lambda _: self.turns.take())
        self.topic = Topic(self.table, lambda: self.turns)
        store = Store(self.table, "table", sleep=lambda _: None)
        self._store, self._writes = store, writes
        self._taken = 0
        self.turns = Turns([self._receive], ())  # for the preparation, which no other worker meets
        made = ReadTooEarly if too_early else FeedAppender
        self._feeds = made(store, KnownEntries(store), sleep=lambda _: None)
        self._publisher = Publisher(self.topic, "topic", self._feeds)
        self._sender = Sender(lambda: self.turns)
        self._fan_out = FanOut(
            lambda tenant_id: Tenant(tenant_id, "One", "2026-05-04T12:00:00.000Z"),
            partial(DeliveryTable, store),
            self._sender,
            AllRights(),
            now=lambda: "2026-05-04T12:00:00.000Z",
            calls=SideBySide(1),
        )
        self._fanned_out: dict[str, int] = {}
        self.turns = Turns(
            [self._write, self._publish],
            schedule,
            state=lambda: (
                self.table.digest,
                self._taken,
                tuple(sorted(self.topic.published.items())),
                tuple(self._sender.requests),
            ),
        )

    def run(self) -> Turns:
        self.turns.run()
        turns, self.turns = self.turns, Turns([self._receive], ())
        self._receive()
        return turns

    def _write(self) -> None:
        webhooks = DeliveryTable(self._store, TENANT)
        contacts = ContactTable(self._store, TENANT)
        made: dict[str, Webhook] = {}
        for number, write in enumerate(self._writes):
            kind, _, name = write.partition(" ")
            if kind == "event":
                contacts.create(contact(number))
            elif kind == "webhook":
                made[name], event = webhook(number)
                webhooks.create(made[name], event)
            else:
                stamp = Stamp(derived_id(number, "removal"), "2026-05-04T12:00:00.000Z", ADMIN)
                webhooks.remove(made[name], made[name].delete(stamp=stamp)[1])

    def _publish(self) -> None:
        for _ in range(ROUNDS):
            if isinstance(self._feeds, ReadTooEarly):
                self._feeds.before_batch()
            self.turns.take()
            self._receive()

    def _receive(self) -> None:
        """Publish what has come into the stream since the last batch, and fan out what the topic lets pass."""
        found = self.table.stream[self._taken :]
        self._taken += len(found)
        events = [after for before, after in found if before is None and after and is_event(after)]
        if not events:
            return
        assert not self._publisher.publish(events).unpublished
        notices = [from_message(to_message(TENANT, event_from_item(item))) for item in events]
        passed = [one for one in notices if self.topic.published[one.id][0] == "true"]
        if passed:
            assert all(isinstance(one, int) for one in self._fan_out.create_deliveries(passed))
        self._fanned_out.update((one.id, len(self.table.stream)) for one in passed)

    def faults(self) -> list[str]:
        """Return the events whose message says "false" though one webhook was there all the time from the event's
        commit until its publication, and those whose message says "true" though none was there in all that time; and
        the deliveries that are missing though the webhook was there until the fan-out was done, or were queued twice.
        """
        present: list[set[str]] = [set()]
        committed: dict[str, int] = {}
        wanted: set[str] = set()
        for number, (before, after) in enumerate(self.table.stream, start=1):
            item = after or before or {}
            now = set(present[-1])
            if item["PK"]["S"] == webhook_keys.webhooks(TENANT):
                now = now | {item["SK"]["S"]} if after else now - {item["SK"]["S"]}
            elif after and is_event(after):
                committed[event_keys.id_of(item)] = number
                if after["entity"]["S"] == "contact":
                    wanted.add(event_keys.id_of(item))
            present.append(now)
        assert committed.keys() == self.topic.published.keys()
        found = []
        for event_id, (said, at) in self.topic.published.items():
            meanwhile = present[committed[event_id] : at + 1]
            if said == "false" and set.intersection(*meanwhile):
                found.append(f"{event_id} is withheld")
            if said == "true" and not set.union(*meanwhile):
                found.append(f"{event_id} goes on for nothing")
        requests = Counter((one.webhook_id, one.event_id) for one in self._sender.requests)
        for event_id, until in self._fanned_out.items():
            if event_id not in wanted:
                continue
            throughout = set.intersection(*present[committed[event_id] : until + 1])
            found += [
                f"{event_id} did not reach {one}" for one in throughout if (one, event_id) not in requests
            ]
        found += [f"{request} was queued again" for request, times in requests.items() if times > 1]
        return found


def is_event(item: Item) -> bool:
    return item["SK"]["S"].startswith("EVENT#")


def contact(number: int) -> Any:
    return Contact.create(
        {"first_name": "Ada", "last_name": ""},
        contact_id=derived_id(number, "contact"),
        stamp=Stamp(derived_id(number, "event"), "2026-05-04T12:00:00.000Z", ADMIN),
        source="api",
    )


@cache
def webhook(number: int) -> tuple[Webhook, Event]:
    """Return a new webhook and its event."""
    return Webhook.create(
        WebhookInput(url="https://hooks.example.com/", events=["contact.created"]),
        webhook_id=derived_id(number, "webhook"),
        stamp=Stamp(derived_id(number, "webhook's event"), "2026-05-04T12:00:00.000Z", ADMIN),
        loopback=False,
    )


SCENES: dict[str, tuple[str, ...]] = {
    "the first webhook": ("event", "webhook a", "event", "event"),
    "the last one deleted": ("webhook a", "event", "delete a", "event"),
    "one takes another's place": ("webhook a", "event", "delete a", "webhook b", "event"),
    "one of two deleted": ("webhook a", "webhook b", "delete a", "event"),
    "deleted and created again": ("webhook a", "delete a", "event", "webhook b", "event"),
}


def failures(scene: str, *, switches: int, too_early: bool = False) -> tuple[int, list[str]]:
    """Return the number of interleavings of a scene, and the faults of all of them."""
    runs: list[Scene] = []

    def run(schedule: Schedule) -> Turns:
        runs.append(Scene(SCENES[scene], schedule, too_early=too_early))
        return runs[-1].run()

    counted = Explored()
    found = [
        fault for _ in explored(run, switches=switches, explored=counted) for fault in runs.pop().faults()
    ]
    return counted.runs, found


@pytest.mark.parametrize("scene", SCENES)
def test_check_72_each_event_reaches_each_webhook_that_was_there_before_it_once(scene: str) -> None:
    runs, found = failures(scene, switches=3)
    assert found == []
    assert runs > 20


def test_a_publisher_that_read_before_it_received_would_withhold_events() -> None:
    _, found = failures("the first webhook", switches=2, too_early=True)
    assert found
