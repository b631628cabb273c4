"""Senders that work side by side in a time of their own, with a queue like SQS's.

One sender works at a time, until it waits: for a message, or for a receiver. Then the time advances to the next moment
at which one of them continues. So minutes pass in no time, and a machine's speed has no effect.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.events import Event, Notice
from shared.domain.ids import derived_id, new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import Attempt, Delivery, DeliveryAttemptResult, DeliveryRequest
from shared.domain.webhooks.secrets import WebhookSecrets
from shared.domain.webhooks.subscription import Webhook, WebhookInput
from shared.publishing.contracts import from_request_message
from shared.publishing.queue import DeliveryQueue
from shared.services.webhooks.deliveries import AttemptInProgress, Sending
from shared.table.event_items import event_from_item
from shared.table.store import Store
from shared.table.webhooks.deliveries import DeliveryTable
from tests.support.memory_table import MemoryTable

START = timestamps.to_milliseconds("2026-05-04T12:00:00.000Z")


class VirtualTime:
    """Workers and the seconds that have passed for them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._numbers = itertools.count()
        self._failures: list[BaseException] = []
        self._is_running = False

    def now(self) -> str:
        return timestamps.from_milliseconds(START + round(self.seconds * 1000))

    def sleep_until(self, seconds: float) -> None:
        if not self._is_running:
            self.seconds = max(self.seconds, seconds)
            return
        turn = threading.Event()
        heapq.heappush(self._waiting, (seconds, next(self._numbers), turn))
        self._wake_next()
        turn.wait()

    def run(self, workers: Sequence[Callable[[], None]]) -> None:
        """Let workers work until all are done. Raises the first failure of one."""
        threads = []
        for work in workers:
            turn = threading.Event()
            heapq.heappush(self._waiting, (0.0, next(self._numbers), turn))
            threads.append(threading.Thread(target=self._work, args=(work, turn), daemon=True))
        self._is_running = True
        for thread in threads:
            thread.start()
        self._wake_next()
        for thread in threads:
            thread.join()
        self._is_running = False
        if self._failures:
            raise self._failures[0]

    def _work(self, work: Callable[[], None], turn: threading.Event) -> None:
        turn.wait()
        try:
            work()
        except BaseException as failure:  # noqa: BLE001 - raised by `run`
            self._failures.append(failure)
        self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            at, _, turn = heapq.heappop(self._waiting)
            self.seconds = max(self.seconds, at)
            turn.set()


@dataclass
class VirtualSqs:
    """An SQS client with one queue.

    `is_fair`: of the messages that wait, one whose group has the fewest messages with receivers is received first, as
    SQS does for a standard queue ("fair queues" in the Amazon SQS Developer Guide). Otherwise the oldest one is.
    """

    time: VirtualTime
    is_fair: bool
    with_receivers: Counter[str] = field(default_factory=Counter)
    _delayed: list[tuple[float, int, str, str]] = field(default_factory=list)
    _visible: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=itertools.count)
    sent: int = 0

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        for one in Entries:
            visible = self.time.seconds + one["DelaySeconds"]
            self.add(visible, one["MessageGroupId"], one["MessageBody"])
        self.sent += len(Entries)
        return {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        waiting = len(self._delayed) + sum(map(len, self._visible.values()))
        return {"Attributes": dict.fromkeys(AttributeNames, str(waiting))}

    def clear(self) -> None:
        """Remove all messages that wait."""
        self._delayed.clear()
        self._visible.clear()

    def add(self, visible: float, group: str, body: str) -> None:
        heapq.heappush(self._delayed, (visible, next(self._numbers), group, body))

    def receive(self) -> tuple[str, str] | None:
        """Return the group and the body of a message that is visible now."""
        while self._delayed and self._delayed[0][0] <= self.time.seconds:
            _, _, group, body = heapq.heappop(self._delayed)
            self._visible.setdefault(group, deque()).append((next(self._numbers), body))
        groups = [group for group, waiting in self._visible.items() if waiting]
        if not groups:
            return None
        busy = self.with_receivers if self.is_fair else Counter[str]()
        chosen = min(groups, key=lambda group: (busy[group], self._visible[group][0][0]))
        self.with_receivers[chosen] += 1
        return chosen, self._visible[chosen].popleft()[1]

    @property
    def next_visible(self) -> float | None:
        """When the next message becomes visible, if none is visible now."""
        return self._delayed[0][0] if self._delayed else None


class Everything:
    """Rights to all events, and secrets of all webhooks."""

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None:
        return Caller(tenant.id, "user", "u", "admin")

    def may_see(
        self, caller: Caller, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool:
        return True

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets:
        return WebhookSecrets(())


class Deliveries(DeliveryTable):
    """Deliveries of events that are not stored."""

    def event_of(self, delivery: Delivery) -> Event | None:
        return Event(
            id=delivery.event_id,
            type=delivery.event_type,
            entity=delivery.entity,
            entity_id=delivery.entity_id,
            at=delivery.created_at,
            actor="user:u",
            origin="api",
            version=1,
        )


@dataclass
class Answering:
    """A receiver that answers after some seconds; `status` None: it never does, and the attempt ends by then."""

    seconds: float
    status: int | None = 200
    retry_after: float | None = None


class Senders:
    """Subscriptions with their receivers, and `count` senders.

    `waits`: the seconds from each event to the answer of its first attempt, by subscription. `at_once`: the most
    attempts that were under way for it. `attempts`: of all subscriptions.
    """

    def __init__(self, receivers: dict[str, Answering], *, count: int, is_fair: bool = False) -> None:
        self.time = VirtualTime()
        self.sqs = VirtualSqs(self.time, is_fair)
        self.waits: dict[str, list[float]] = {name: [] for name in receivers}
        self.at_once: Counter[str] = Counter()
        self.calls = self.attempts = 0
        self._under_way: Counter[str] = Counter()
        self._calls_at: dict[int, tuple[float, Callable[[], None]]] = {}
        self._receivers, self._count = receivers, count
        self._table = MemoryTable(before_call=self._note_call)
        self.store = Store(self._table, "table", sleep=lambda _: None)
        self.queue = DeliveryQueue(self.sqs, "queue")
        self._arrivals: dict[str, float] = {}
        for name in receivers:
            tenant_id = _tenant_of(name)
            given = WebhookInput(url="https://hooks.example.com/", events=["contact.created"])
            made = Webhook.create(given, webhook_id=name, stamp=self.stamp(tenant_id), loopback=False)
            self.deliveries(tenant_id).create(*made)

    def stamp(self, tenant_id: str) -> Stamp:
        """Return the stamp of a change by an admin."""
        return Stamp(new_id(), "2026-01-01T00:00:00.000Z", Caller(tenant_id, "user", "u", "admin"))

    def _note_call(self, operation: str) -> None:
        self.calls += 1

    table_class = Deliveries

    def deliveries(self, tenant_id: str) -> Deliveries:
        """Return the deliveries of a tenant."""
        return Deliveries(self.store, tenant_id)

    def add_event(self, name: str, seconds: float) -> str:
        """Add an event that is fanned out to a subscription when some seconds have passed; return its id."""
        tenant_id = _tenant_of(name)
        at = timestamps.from_milliseconds(START + round(seconds * 1000))
        event_id = derived_id(START + round(seconds * 1000), name, str(len(self._arrivals)))
        notice = Notice(
            id=event_id,
            type="contact.created",
            tenant_id=tenant_id,
            at=at,
            entity="contact",
            entity_id=event_id,
            version=1,
            origin="api",
        )
        self.deliveries(tenant_id).add_delivery(Delivery.create(notice, name, at=at))
        self._arrivals[event_id] = seconds
        captured: list[dict[str, Any]] = []
        DeliveryQueue(_Capturing(captured), "queue").send([DeliveryRequest(tenant_id, name, event_id, 1)])
        self.sqs.add(seconds, captured[0]["MessageGroupId"], captured[0]["MessageBody"])
        return event_id

    def mark_slow(self, name: str, until: str) -> None:
        """Make a subscription one whose attempts take 15 seconds, until a time."""
        table = self.deliveries(_tenant_of(name))
        webhook = table.get(name)
        assert webhook is not None
        table.mark_slow(webhook, until, 15_000)

    def events(self, event_type: str) -> list[Event]:
        """Return the stored events of a type."""
        items = [one for one in self._table.all() if one["SK"]["S"].startswith("EVENT#")]
        return [one for one in map(event_from_item, items) if one.type == event_type]

    def run(self, *, until: float) -> None:
        self.time.run([partial(self._work, until)] * self._count)

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return a tenant."""
        return Tenant(tenant_id, "One", "2026-01-01T00:00:00.000Z")

    def kept_until(self, event_id: str) -> int:
        """Return when the delivery of an event expires, as Unix time."""
        (item,) = (one for one in self._table.all() if one["SK"]["S"] == f"DELIVERY#{event_id}")
        return int(item["expires_at"]["N"])

    def sending(self) -> Sending:
        """Return a sender."""
        return Sending(
            self.tenant,
            self.deliveries,
            self.queue,
            _NoDeadLetters(),
            self,
            Everything(),
            Everything(),
            now=self.time.now,
            call_after=self._call_after,
        )

    @contextmanager
    def _call_after(self, seconds: float, call: Callable[[], None]) -> Iterator[None]:
        """Have `send`, in the same thread, call a function in the virtual time."""
        self._calls_at[threading.get_ident()] = self.time.seconds + seconds, call
        yield

    def _work(self, until: float) -> None:
        sending = self.sending()
        while self.time.seconds < until:
            message = self.sqs.receive()
            if message is None:
                following = self.sqs.next_visible
                if following is None or following >= until:
                    return
                self.time.sleep_until(following)
                continue
            group, body = message
            try:
                sending.attempt(from_request_message(body))
            except AttemptInProgress:
                self.sqs.add(self.time.seconds + 360, group, body)
            self.sqs.with_receivers[group] -= 1

    def send(
        self, webhook: Webhook, event: Event, secrets: WebhookSecrets, *, record: Any = None
    ) -> DeliveryAttemptResult:
        """Make an attempt, as the sender of `Sending`."""
        started, receiver = self.time.now(), self._receivers[webhook.id]
        self.attempts += 1
        self._under_way[webhook.id] += 1
        self.at_once[webhook.id] = max(self.at_once[webhook.id], self._under_way[webhook.id])
        end = self.time.seconds + receiver.seconds
        calls_at, call = self._calls_at.pop(threading.get_ident())
        if calls_at < end:
            self.time.sleep_until(calls_at)
            call()
        self.time.sleep_until(end)
        self._under_way[webhook.id] -= 1
        arrived = self._arrivals.pop(event.id, None)
        if arrived is not None:
            self.waits[webhook.id].append(self.time.seconds - arrived)
        attempt = Attempt.model_construct(
            at=started, status=receiver.status, duration_ms=round(receiver.seconds * 1000)
        )
        return DeliveryAttemptResult(attempt, receiver.retry_after)


class _Capturing:
    def __init__(self, captured: list[dict[str, Any]]) -> None:
        self._captured = captured

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self._captured += Entries
        return {}


class _NoDeadLetters:
    def add(self, request: DeliveryRequest, reason: str) -> None:
        raise AssertionError("no delivery has ten attempts here")


def _tenant_of(name: str) -> str:
    return name.partition(" ")[0]
