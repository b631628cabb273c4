"""A thousand changes while publisher, fan-out, sender and the scheduled task are killed at random calls (check 71)."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import Attempt, DeliveryAttemptResult
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook, WebhookInput
from shared.publishing.contracts import from_message, from_request_message
from shared.publishing.publisher import Publisher
from shared.publishing.queue import DeliveryQueue
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.deliveries import AttemptInProgress, Sending
from shared.services.webhooks.due import send_due
from shared.services.webhooks.fan_out import FanOut
from shared.services.webhooks.holder_rights import EventReads
from shared.table.contacts.repository import ContactTable
from shared.table.event_items import event_from_item
from shared.table.feed.appending import FeedAppender
from shared.table.feed.known import KnownEntries
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from shared.table.webhooks.due import DueDeliveries
from tests.support.faults import Killed
from tests.support.memory_table import MemoryTable
from tests.unit.webhooks.virtual_senders import Everything

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u", "admin")
CHANGES, WEBHOOKS = 1_000, ("w1", "w2")
KILLS = 0.01
"""The share of calls at which a process is killed: before the call, or after it has had its effect."""
SLOW, ASKING = 0.05, 0.05
"""The shares of answers that take long, and of those that ask for a pause; after both, deliveries wait."""
INVISIBLE_SECONDS = 360.0
"""Seconds after which a message comes back whose sender was killed."""
SCHEDULE_SECONDS = 300
"""Seconds between two runs of the scheduled task: fewer than on AWS, where it runs every minute, to save time."""
START = timestamps.to_milliseconds("2026-05-04T12:00:00.000Z")


class Everywhere(Everything):
    """Rights to all events, for the fan-out too."""

    def reads(self, notice: Any, find_event: Callable[[], Any]) -> EventReads:
        return EventReads(find_event, lambda: None)

    def receives(self, webhook: Webhook, holder: Caller, notice: Any, reads: EventReads) -> bool:
        return True


class Chaos:
    """The table, topic and queues of one tenant, and processes that may be killed at any of their calls."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seconds, self.is_calm = 0.0, True
        self.kills = self.slow = self.asking = 0
        self.table = MemoryTable(before_call=lambda _: self.risk())
        self.table.on_answer = lambda _: self.risk()
        self.store = Store(self.table, "table", sleep=lambda _: None)
        self.events_queue: deque[str] = deque()
        self.deliveries_queue: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()
        self.arrived: dict[str, list[str]] = {name: [] for name in WEBHOOKS}
        self.queue = DeliveryQueue(self, "queue")
        self.deliveries = partial(DeliveryTable, self.store)

    def risk(self) -> None:
        if not self.is_calm and self.random.random() < KILLS:
            self.kills += 1
            raise Killed

    def now(self) -> str:
        return timestamps.from_milliseconds(START + round(self.seconds * 1000))

    # SNS and SQS

    def publish_batch(self, *, TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> Any:
        self.risk()
        self.events_queue.extend(one["Message"] for one in PublishBatchRequestEntries)
        self.risk()
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.risk()
        for one in Entries:
            self.add_message(one["MessageBody"], one["DelaySeconds"])
        self.risk()
        return {}

    def add_message(self, body: str, delay: float) -> None:
        heapq.heappush(self.deliveries_queue, (self.seconds + delay, next(self._numbers), body))

    def get_queue_attributes(self, **given: Any) -> Any:
        return {"Attributes": dict.fromkeys(given["AttributeNames"], str(len(self.deliveries_queue)))}

    # The receivers

    def send(
        self, webhook: Webhook, event: Event, secrets: WebhookSecrets, *, record: Any = None
    ) -> DeliveryAttemptResult:
        self.risk()
        status = self.random.choice((200, 200, 200, 200, 200, 200, 500, None))
        is_slow = self.random.random() < SLOW
        if self.random.random() < ASKING:
            status = 503
        self.slow, self.asking = self.slow + is_slow, self.asking + (status == 503)
        if status == 200:
            self.arrived[webhook.id].append(event.id)
        self.risk()
        attempt = Attempt.model_construct(
            at=self.now(), status=status, duration_ms=6_000 if is_slow else 1, error=None, response=""
        )
        return DeliveryAttemptResult(attempt, 60.0 if status == 503 else None)

    def add(self, request: Any, reason: str) -> None:
        raise AssertionError("no delivery is exhausted here")

    # The processes

    def write(self) -> None:
        for name in WEBHOOKS:
            given = WebhookInput(url="https://hooks.example.com/", events=["contact.created"])
            stamp = Stamp(derived_id(START, name), self.now(), ADMIN)
            self.deliveries(TENANT).create(
                *Webhook.create(given, webhook_id=name, stamp=stamp, loopback=False)
            )
        contacts = ContactTable(self.store, TENANT)
        for number in range(CHANGES):
            contacts.create(
                Contact.create(
                    {"first_name": "Ada", "last_name": ""},
                    contact_id=derived_id(START + number, "contact"),
                    stamp=Stamp(derived_id(START + number, "event"), self.now(), ADMIN),
                    source="api",
                )
            )

    def publish(self, batch: Sequence[dict[str, Any]]) -> None:
        while True:
            feeds = FeedAppender(self.store, KnownEntries(self.store), sleep=lambda _: None)
            with suppress(Killed):
                if not Publisher(self, "topic", feeds).publish(list(batch)).unpublished:
                    return

    def fan_out(self) -> None:
        bodies = [self.events_queue.popleft() for _ in range(min(10, len(self.events_queue)))]
        fan_out = FanOut(
            self.tenant, self.deliveries, self.queue, Everywhere(), now=self.now, calls=SideBySide(1)
        )
        try:
            outcomes = fan_out.create_deliveries([from_message(body) for body in bodies])
        except Killed:
            self.events_queue.extend(bodies)
        else:
            failed = [isinstance(outcome, Exception) for outcome in outcomes]
            self.events_queue.extend(body for body, has in zip(bodies, failed, strict=True) if has)

    def attempt(self) -> None:
        visible, _, body = heapq.heappop(self.deliveries_queue)
        self.seconds = max(self.seconds, visible) + 0.01
        sending = Sending(
            self.tenant, self.deliveries, self.queue, self, self, Everywhere(), Everywhere(), now=self.now
        )
        try:
            sending.attempt(from_request_message(body))
        except (Killed, AttemptInProgress):
            if self.random.random() < 0.5:  # else the message is lost
                self.add_message(body, INVISIBLE_SECONDS)

    def queue_due(self) -> None:
        with suppress(Killed):
            send_due(DueDeliveries(self.store), self.queue, has_time=lambda: True, now=self.now)

    def deliver(self) -> None:
        """Let the processes work until no delivery is pending. Times in which no message is visible and nothing is due
        are left out.
        """
        while self.events_queue:
            self.fan_out()
        end = 0
        while True:
            while self.deliveries_queue and self.deliveries_queue[0][0] < end:
                self.attempt()
            self.seconds = max(self.seconds, end)
            self.queue_due()
            due = [one["due_at"]["S"] for one in self.table.all() if "due_at" in one]
            if not due:
                return
            following = (timestamps.to_milliseconds(min(due)) - START) / 1000
            if self.deliveries_queue:
                following = min(following, self.deliveries_queue[0][0])
            end = max(end, int(following) // SCHEDULE_SECONDS * SCHEDULE_SECONDS) + SCHEDULE_SECONDS

    def tenant(self, tenant_id: str) -> Tenant:
        return Tenant(tenant_id, "One", "2026-01-01T00:00:00.000Z")


def test_check_71_a_thousand_changes_reach_each_webhook_though_all_processes_are_killed_at_random() -> None:
    chaos = Chaos(seed=71)
    chaos.write()
    events = [
        after
        for before, after in chaos.table.stream
        if before is None and after and after.get("type", {}).get("S") == "contact.created"
    ]
    assert len(events) == CHANGES
    chaos.is_calm = False
    for start in range(0, CHANGES, 50):
        chaos.publish(events[start : start + 50])
    chaos.deliver()
    ids = {event_from_item(item).id for item in events}
    for name in WEBHOOKS:
        assert set(chaos.arrived[name]) == ids, "each event reached the webhook"
        assert len(set(chaos.arrived[name])) == CHANGES
    assert min(chaos.kills, chaos.slow, chaos.asking) > 100
