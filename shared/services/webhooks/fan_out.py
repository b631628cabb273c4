"""The fan-out: creates the deliveries of published events, and queues their first attempts, a batch at a time.

Every step may be repeated or be killed at any point: a delivery is in the table before its message is queued, and says
so once it is. The subscriptions of a tenant, and the rights of their holders, are read once for a batch. A subscription
whose holder is gone, or may no longer manage webhooks, is disabled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.derived_events import derive_notices, may_have_derived
from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.events import DERIVED_TYPES, Event, Notice
from shared.domain.ids import new_id
from shared.domain.tenant import Tenant
from shared.domain.webhooks.delivery import MAX_LOGGED_ATTEMPTS, Delivery, DeliveryRequest
from shared.domain.webhooks.subscription import HOLDER_LOST_RIGHTS, Webhook, system_stamp
from shared.services.backoff import RECORD
from shared.services.side_by_side import SideBySide
from shared.services.webhooks.holder_rights import EventReads

Given = TypeVar("Given")
Result = TypeVar("Result")

_EventKey = tuple[str, str]
"""The ids of an event's tenant and of the event."""

_AT_ONCE = 8
"""The number of calls of the table that are made side by side."""
_TOGETHER = 10
"""The number of deliveries that are queued before they are marked. After a kill in between, they are queued twice."""


class Subscriptions(Protocol):
    """The subscriptions of one tenant and their deliveries; see `shared.table.webhooks.deliveries.DeliveryTable`."""

    def all(self) -> list[Webhook]: ...

    def get(self, webhook_id: str) -> Webhook | None: ...

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None: ...

    def add_delivery(self, delivery: Delivery) -> Delivery: ...

    def save_delivery(self, before: Delivery, after: Delivery) -> None: ...

    def event_of(self, delivery: Delivery) -> Event | None: ...

    def events_of(self, notices: Sequence[Notice]) -> dict[str, Event]: ...

    def mark_queued(self, delivery: Delivery, at: str) -> None: ...


class Rights(Protocol):
    """Decides which events a subscription receives; see `shared.services.webhooks.holder_rights.HolderRights`."""

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None: ...

    def reads(self, notice: Notice, find_event: Callable[[], Event | None]) -> EventReads: ...

    def receives(self, webhook: Webhook, holder: Caller, notice: Notice, reads: EventReads) -> bool: ...


class Queue(Protocol):
    """The queue of requests for the sender; see `shared.publishing.queue.DeliveryQueue`."""

    def send_some(self, requests: Sequence[DeliveryRequest]) -> Mapping[DeliveryRequest, Exception]: ...


class UnknownTenant(Exception):
    """A message names a tenant that does not exist."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A delivery that is to be created and queued, unless it has been.

    `holder`: the subscription's holder with their present rights. `reads`: of the event, shared by its subscriptions.
    `is_recovery`: whether a delivery that has failed is
    started over.
    """

    notice: Notice
    delivery: Delivery
    webhook: Webhook
    holder: Caller
    table: Subscriptions
    reads: EventReads
    is_recovery: bool = False

    @property
    def event(self) -> _EventKey:
        """The ids of the event's tenant and of the event."""
        return _key(self.notice)

    @property
    def request(self) -> DeliveryRequest:
        """The request that the sender is to receive."""
        one = self.delivery
        return DeliveryRequest(self.notice.tenant_id, one.webhook_id, one.event_id, one.next_attempt)


class FanOut:
    """Creates the deliveries of events, of one tenant or of several. `calls` makes the calls of the table."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        subscriptions: Callable[[str], Subscriptions],
        queue: Queue,
        rights: Rights,
        *,
        now: Callable[[], str] = timestamps.now,
        calls: SideBySide | None = None,
    ) -> None:
        self._tenant = tenant
        self._subscriptions = subscriptions
        self._queue = queue
        self._rights = rights
        self._now = now
        self._calls = calls or SideBySide(_AT_ONCE)

    def create_deliveries(self, notices: Sequence[Notice]) -> list[int | Exception]:
        """Create and queue a delivery for each event and each subscription that wants the event and whose holder may
        see it. Return for each notice the number of deliveries that were queued, or the error for which the notice must
        be repeated, such as Unavailable or UnknownTenant.

        A failure for one event does not affect the deliveries of the others. Repeating a notice, also within a batch,
        creates nothing new, and queues only deliveries without an attempt whose message is not known to be queued.
        """
        failed: dict[_EventKey, Exception] = {}
        queued: Counter[_EventKey] = Counter()
        unsent = self._create(self._plan(notices, failed), failed)
        for start in range(0, len(unsent), _TOGETHER):
            self._enqueue(unsent[start : start + _TOGETHER], queued, failed)
        return [failed.get(_key(notice), queued[_key(notice)]) for notice in notices]

    def recover(self, webhook_id: str, notices: Sequence[Notice]) -> int:
        """Create and queue the deliveries of one tenant's events that a subscription lacks, and start those over that
        have failed. Return how many were queued. Raises the error of the first event that must be repeated.

        Repeating it creates nothing new; a delivery that has failed again meanwhile is started over again.
        """
        failed: dict[_EventKey, Exception] = {}
        queued: Counter[_EventKey] = Counter()
        tasks = [task for task in self._plan(notices, failed) if task.webhook.id == webhook_id]
        unsent = self._create([replace(task, is_recovery=True) for task in tasks], failed)
        for start in range(0, len(unsent), _TOGETHER):
            self._enqueue(unsent[start : start + _TOGETHER], queued, failed)
        for error in failed.values():
            raise error
        return queued.total()

    def _plan(self, notices: Sequence[Notice], failed: dict[_EventKey, Exception]) -> list[_Task]:
        """Return the deliveries that follow from events, each event once."""
        by_tenant: dict[str, list[Notice]] = {}
        for notice in {_key(notice): notice for notice in notices}.values():
            by_tenant.setdefault(notice.tenant_id, []).append(notice)
        groups = list(by_tenant.values())
        tasks = []
        for group, planned in zip(groups, self._side_by_side(self._plan_for_tenant, groups), strict=True):
            if isinstance(planned, Exception):
                failed.update((_key(notice), planned) for notice in group)
            else:
                tasks += planned
        return tasks

    def _plan_for_tenant(self, published: Sequence[Notice]) -> list[_Task]:
        tenant_id = published[0].tenant_id
        tenant = self._tenant(tenant_id)
        if tenant is None:
            raise UnknownTenant
        table = self._subscriptions(tenant_id)
        webhooks = table.all()
        notices = [*published, *_derive(published, webhooks, table)]
        holders: dict[str, Caller | None] = {}
        reads = [self._reads(notice, table) for notice in notices]
        tasks = []
        for webhook in webhooks:
            if not any(map(webhook.may_want, notices)):
                continue
            if webhook.acts_as not in holders:
                holders[webhook.acts_as] = self._rights.holder_of(webhook, tenant)
            current, holder = webhook, holders[webhook.acts_as]
            if holder is None and (held := self._disable_or_find_holder(table, webhook, tenant)):
                current, holder = held
            if holder is not None:
                tasks += [
                    _Task(notice, self._delivery(notice, current), current, holder, table, read)
                    for notice, read in zip(notices, reads, strict=True)
                    if current.may_want(notice)
                ]
        return tasks

    def _delivery(self, notice: Notice, webhook: Webhook) -> Delivery:
        return Delivery.create(notice, webhook.id, at=self._now())

    def _reads(self, notice: Notice, table: Subscriptions) -> EventReads:
        # A delivery to any subscription names the same event.
        anyone = Delivery.create(notice, "", at=self._now())
        return self._rights.reads(notice, lambda: table.event_of(anyone))

    def _disable_or_find_holder(
        self, table: Subscriptions, webhook: Webhook, tenant: Tenant
    ) -> tuple[Webhook, Caller] | None:
        """Disable a subscription whose holder may no longer manage webhooks.

        Return it with its holder if another caller has become the holder meanwhile. Raises ConcurrentChange when it
        changes at every attempt.
        """
        for _ in RECORD.tries():
            disabled = webhook.disable(HOLDER_LOST_RIGHTS, stamp=system_stamp(tenant.id, self._now()))
            if disabled is None:
                return None
            try:
                table.replace(webhook, *disabled)
            except ConcurrentChange:
                found = table.get(webhook.id)
                if found is None:
                    return None
                webhook = found
                if holder := self._rights.holder_of(webhook, tenant):
                    return webhook, holder
            else:
                return None
        raise ConcurrentChange()

    def _create(self, tasks: Sequence[_Task], failed: dict[_EventKey, Exception]) -> list[_Task]:
        """Write the deliveries of events that their subscriptions receive. Return those to queue."""
        unsent = []
        for task, delivery in zip(tasks, self._side_by_side(self._find_or_add, tasks), strict=True):
            if isinstance(delivery, Exception):
                failed[task.event] = delivery
            elif (
                delivery
                and delivery.state == "pending"
                and len(delivery.attempts) == delivery.earlier_attempts
                and not delivery.queued_at
            ):
                unsent.append(replace(task, delivery=delivery))
        return unsent

    def _find_or_add(self, task: _Task) -> Delivery | None:
        if not self._rights.receives(task.webhook, task.holder, task.notice, task.reads):
            return None
        delivery = task.table.add_delivery(task.delivery)
        if not task.is_recovery or delivery.state != "failed" or len(delivery.attempts) > MAX_LOGGED_ATTEMPTS:
            return delivery
        started_over = delivery.redeliver(at=self._now(), revision=new_id())
        task.table.save_delivery(delivery, started_over)
        return started_over

    def _enqueue(
        self, tasks: Sequence[_Task], queued: Counter[_EventKey], failed: dict[_EventKey, Exception]
    ) -> None:
        """Queue the messages of deliveries, then mark the deliveries as queued.

        In this order, a kill in between leads to one message too many, and never to none.
        """
        lost = self._queue.send_some([task.request for task in tasks])
        at = self._now()
        sent = [task for task in tasks if task.request not in lost]
        failed.update((task.event, lost[task.request]) for task in tasks if task.request in lost)
        queued.update(task.event for task in sent)
        marked = self._side_by_side(lambda task: task.table.mark_queued(task.delivery, at), sent)
        for task, outcome in zip(sent, marked, strict=True):
            # When the table is busy, the mark is left out: the message is queued, and a second one would not help.
            if isinstance(outcome, Exception) and not isinstance(outcome, Unavailable):
                failed[task.event] = outcome

    def _side_by_side(
        self, call: Callable[[Given], Result], given: Sequence[Given]
    ) -> list[Result | Exception]:
        """Return what `call` returned or raised for each of `given`."""
        outcomes = self._calls.run_each([partial(call, one) for one in given])
        return [
            error if isinstance(error := one.exception(), Exception) else one.result() for one in outcomes
        ]


def _derive(notices: Sequence[Notice], webhooks: Sequence[Webhook], table: Subscriptions) -> list[Notice]:
    """Return the notices of the events that follow from others. Nothing is read unless a subscription wants them."""
    sources = [notice for notice in notices if may_have_derived(notice)]
    if not sources or not any(one.wants_type(event_type) for one in webhooks for event_type in DERIVED_TYPES):
        return []
    events = table.events_of(sources)
    return [
        derived
        for source in sources
        if source.id in events
        for derived in derive_notices(source, events[source.id])
    ]


def _key(notice: Notice) -> _EventKey:
    """Return the key of a published event: of a derived event, that of the event from which it follows."""
    return notice.tenant_id, notice.source_id or notice.id
