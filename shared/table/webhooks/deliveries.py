"""The deliveries of webhooks in the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.domain import timestamps
from shared.domain.derived_events import derive_events
from shared.domain.events import CONTACT_UPDATED, WEBHOOK_TEST, Event, Notice
from shared.domain.ids import new_id
from shared.domain.webhooks.delivery import FAULT_SECONDS, MAX_FAULTS, Delivery, DeliveryRequest
from shared.domain.webhooks.failing import MAX_PAUSE_SECONDS
from shared.domain.webhooks.subscription import Webhook
from shared.services.reading_budget import Budget
from shared.table import event_items, guards, walking
from shared.table.budgeted_reads import BudgetedReads
from shared.table.item import Item
from shared.table.keys import events as event_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.keys.work import WORK_PK, WORK_SK
from shared.table.transactions import Transaction
from shared.table.webhooks.items import delivery_from_item, delivery_to_item, read_or_salvage, salvage
from shared.table.webhooks.repository import WebhookTable, webhook_from_item

_SLOTS_KEPT_SECONDS = 3_600
"""Seconds for which the time of a tenant's next slot is kept after the latest slot that can be taken."""
_SLOT_TRIES = 3
"""Attempts to take a slot while others take some too."""
_LARGEST = 500
"""The maximum number of deliveries that are read at once."""

_HAS_RECEIVER = (
    "attribute_exists(PK) AND (attribute_not_exists(receiver_event) OR receiver_event = :receiver)"
)
"""The condition that the URL has not been changed, nor the subscription enabled again."""


class DeliveryTable(WebhookTable):
    """The subscriptions of one tenant, and their deliveries."""

    def walk_deliveries(
        self,
        webhook_id: str,
        budget: Budget,
        *,
        first: str | None,
        last: str | None,
        after: str | None,
        portion: int,
    ) -> Iterator[tuple[str, Delivery]]:
        """Yield a subscription's deliveries as of now, newest event first, each with its position. Of one whose item is
        damaged, yields what can be read.

        `first` and `last`: bounds of the times of the events' ids, both included. `after`: a position to continue
        after. Reads `portion` deliveries first, and twice as many each time, up to 500. Raises BudgetSpent when the
        budget is spent.
        """
        rows = walking.walk(
            BudgetedReads(self._store, budget),
            webhook_keys.deliveries(self._tenant, webhook_id),
            page=portion,
            largest=_LARGEST,
            between=webhook_keys.deliveries_between(first, last),
            after=after,
            descending=True,
            consistent=True,
        )
        for row in rows:
            budget.advance()
            yield row[SK]["S"], read_or_salvage(row)

    def add_delivery(self, delivery: Delivery) -> Delivery:
        """Write a new delivery, unless it exists; return the delivery in the table."""
        item = delivery_to_item(self._tenant, delivery)
        if self._store.put(item, condition=guards.IS_NEW):
            return delivery
        return self._delivery(delivery.webhook_id, delivery.event_id) or delivery

    def add_test(self, delivery: Delivery) -> None:
        """Write the delivery of a test event, which has a new id."""
        transaction = Transaction()
        transaction.put(delivery_to_item(self._tenant, delivery), **guards.is_new())
        self._store.commit(transaction)

    def find_delivery(self, webhook_id: str, event_id: str) -> tuple[Webhook | None, Delivery | None]:
        """Return a subscription and one of its deliveries, as of now."""
        wanted = (
            webhook_keys.webhook(self._tenant, webhook_id),
            webhook_keys.delivery(self._tenant, webhook_id, event_id),
        )
        found = self._store.get_many(wanted)
        webhook, delivery = (found.get(identity_of(key)) for key in wanted)
        return (
            webhook_from_item(webhook) if webhook else None,
            delivery_from_item(delivery) if delivery else None,
        )

    def event_of(self, delivery: Delivery) -> Event | None:
        """Return the event of a delivery, or None when it has been removed.

        A test event follows from its delivery, and a derived event from the event of its contact.
        """
        if delivery.event_type == WEBHOOK_TEST:
            return delivery.test_event()
        if delivery.source_id is not None:
            source = self._event(delivery.entity, delivery.entity_id, delivery.source_id, CONTACT_UPDATED)
            derived = derive_events(source) if source else []
            return next((one for one in derived if one.id == delivery.event_id), None)
        return self._event(delivery.entity, delivery.entity_id, delivery.event_id, delivery.event_type)

    def events_of(self, notices: Sequence[Notice]) -> dict[str, Event]:
        """Return the events that are announced, by their ids, without those that have been removed."""
        keys = [
            key
            for one in notices
            for key in event_keys.possible_keys(self._tenant, one.entity, one.entity_id, one.id, one.type)
        ]
        found = map(event_items.event_from_item, self._store.get_many(keys).values())
        return {event.id: event for event in found}

    def mark_queued(self, delivery: Delivery, at: str) -> None:
        """Write that the message of a delivery's next attempt is in the queue since `at`.

        Writes nothing when the attempt has been made meanwhile. The index entry does not change, so this costs one
        write unit.
        """
        if delivery.due_at is None:
            return
        entry = webhook_keys.due_delivery(
            delivery.due_at, delivery.webhook_id, delivery.event_id, delivery.next_attempt
        )
        self._store.update(
            webhook_keys.delivery(self._tenant, delivery.webhook_id, delivery.event_id),
            "SET queued_at = :at",
            {":at": {"S": at}, ":position": entry[WORK_SK]},
            condition="WSK = :position",
        )

    def reserve(self, delivery: Delivery, *, by: str, at: str, until: str) -> bool:
        """Reserve a delivery's next attempt for the sender `by` until a time; return whether it is reserved.

        It counts as a fault until the attempt is written, since a sender that is killed can count nothing. The attempt
        is not reserved when the delivery has changed, or another sender has reserved it until a later time than now.
        """
        is_unchanged = "revision = :revision"
        is_free = "attribute_not_exists(claimed_until) OR claimed_until < :at"
        # Also holds when this write is sent again after its answer was lost.
        is_own = "claimed_by = :by"
        return self._store.update(
            webhook_keys.delivery(self._tenant, delivery.webhook_id, delivery.event_id),
            "SET claimed_by = :by, claimed_until = :until, faults = :faults",
            {
                ":faults": {"N": str(delivery.faults + 1)},
                ":by": {"S": by},
                ":at": {"S": at},
                ":until": {"S": until},
                ":revision": {"S": delivery.revision},
            },
            condition=f"{is_unchanged} AND ({is_free} OR {is_own})",
        )

    def mark_failing(self, webhook: Webhook, at: str) -> None:
        """Write that a subscription fails since a time, unless a failure of the last MAX_PAUSE_SECONDS is written.

        Writes nothing when the subscription has another receiver than `webhook` or is gone.
        """
        is_first = "attribute_not_exists(last_failed_at) OR last_failed_at <= :paused"
        paused = timestamps.plus(at, -MAX_PAUSE_SECONDS)
        self._store.update(
            webhook_keys.webhook(self._tenant, webhook.id),
            "SET failing_since = :at, last_failed_at = :at",
            {":at": {"S": at}, ":paused": {"S": paused}, ":receiver": {"S": webhook.receiver_event}},
            condition=f"{_HAS_RECEIVER} AND ({is_first})",
        )

    def mark_still_failing(self, webhook: Webhook, at: str) -> None:
        """Write when a subscription failed again, unless an attempt has succeeded or the receiver changed since."""
        self._store.update(
            webhook_keys.webhook(self._tenant, webhook.id),
            "SET last_failed_at = :at",
            {
                ":at": {"S": at},
                ":since": {"S": webhook.failing_since or ""},
                ":receiver": {"S": webhook.receiver_event},
            },
            condition=f"{_HAS_RECEIVER} AND failing_since = :since",
        )

    def mark_working(self, webhook: Webhook, at: str) -> None:
        """Write that an attempt has succeeded by a time: the subscription has not failed since before then.

        Writes nothing when it has begun to fail later, has another receiver than `webhook` or is gone.
        """
        self._store.update(
            webhook_keys.webhook(self._tenant, webhook.id),
            "REMOVE failing_since, last_failed_at",
            {":at": {"S": at}, ":receiver": {"S": webhook.receiver_event}},
            condition=f"{_HAS_RECEIVER} AND failing_since <= :at",
        )

    def mark_slow(self, webhook: Webhook, until: str, milliseconds: int) -> None:
        """Write until when a subscription is slow, and how long an attempt took, unless it has another receiver than
        `webhook` or is gone.
        """
        self._store.update(
            webhook_keys.webhook(self._tenant, webhook.id),
            "SET slow_until = :until, slow_milliseconds = :milliseconds",
            {
                ":until": {"S": until},
                ":milliseconds": {"N": str(milliseconds)},
                ":receiver": {"S": webhook.receiver_event},
            },
            condition=_HAS_RECEIVER,
        )

    def mark_paused(self, webhook: Webhook, until: str) -> None:
        """Write until when a receiver asked not to be called, unless a later time is written, or the subscription has
        another receiver than `webhook` or is gone.
        """
        is_later = "attribute_not_exists(paused_until) OR paused_until < :until"
        self._store.update(
            webhook_keys.webhook(self._tenant, webhook.id),
            "SET paused_until = :until",
            {":until": {"S": until}, ":receiver": {"S": webhook.receiver_event}},
            condition=f"{_HAS_RECEIVER} AND ({is_later})",
        )

    def take_slot(self, *, at: str, seconds: float, horizon: str) -> str | None:
        """Take the next slot of the tenant's slow subscriptions, and return its time: `at` (now) or later. None when it
        is after `horizon`.

        `seconds`: from one slot to the next. Costs one write if other deliveries wait for slots, else two. A write that
        is sent again because its answer was lost leaves a slot unused.
        """
        key, now, length = webhook_keys.slots(self._tenant), timestamps.to_milliseconds(at), seconds * 1000
        latest = timestamps.to_milliseconds(horizon)
        values: Item = {
            ":now": {"N": str(now)},
            ":expires_at": {"N": str(latest // 1000 + _SLOTS_KEPT_SECONDS)},
        }
        for _ in range(_SLOT_TRIES):
            is_taken, found = self._store.update_or_read(
                key,
                "SET expires_at = :expires_at ADD next_slot :length",
                {**values, ":length": {"N": str(round(length))}, ":latest": {"N": str(latest)}},
                condition="next_slot BETWEEN :now AND :latest",
            )
            following = int(found["next_slot"]["N"]) if "next_slot" in found else 0
            if is_taken:
                return timestamps.from_milliseconds(following - round(length))
            if following > latest:
                return None
            is_first, _ = self._store.update_or_read(
                key,
                "SET expires_at = :expires_at, next_slot = :following",
                {**values, ":following": {"N": str(now + round(length))}},
                condition="attribute_not_exists(next_slot) OR next_slot < :now",
            )
            if is_first:
                return at
        return None

    def save_delivery(self, before: Delivery, after: Delivery) -> None:
        """Write a changed delivery. Raises ConcurrentChange when it is no longer as `before`."""
        guard = guards.at_revision_or_own(before.revision, after.revision)
        self._store.put(delivery_to_item(self._tenant, after), **guard)

    def note_unreadable(self, request: DeliveryRequest, *, at: str) -> None:
        """Count a fault of the requested delivery, whose item or whose subscription's cannot be read.

        The delivery is then as after `Delivery.note_fault`. What cannot be read stays as it is until the last fault,
        and is left out then. Writes nothing when the delivery is gone or has ended.
        """
        key = webhook_keys.delivery(self._tenant, request.webhook_id, request.event_id)
        due_at = timestamps.plus(at, FAULT_SECONDS)
        entry = webhook_keys.due_delivery(due_at, request.webhook_id, request.event_id, request.attempt)
        is_pending = "attribute_exists(WSK)"
        # A count of another type than a number meets no comparison, so it ends the delivery.
        may_go_on = "attribute_not_exists(faults) OR faults < :last"
        is_counted, found = self._store.update_or_read(
            key,
            "SET WPK = :wpk, WSK = :wsk, due_at = :due, revision = :revision "
            "REMOVE queued_at, claimed_by, claimed_until, waits_until, slot_at ADD faults :one",
            {
                ":wpk": entry[WORK_PK],
                ":wsk": entry[WORK_SK],
                ":due": {"S": due_at},
                ":revision": {"S": new_id()},
                ":one": {"N": "1"},
                ":last": {"N": str(MAX_FAULTS - 1)},
            },
            condition=f"{is_pending} AND ({may_go_on})",
        )
        if is_counted or WORK_SK not in found:
            return
        ended = salvage(found).give_up("service_fault", revision=new_id())
        self._store.put(
            delivery_to_item(self._tenant, ended),
            condition="WSK = :position",
            values={":position": found[WORK_SK]},
        )

    def commit_delivery(self, before: Delivery, after: Delivery) -> None:
        """Write a changed delivery, together with the answer of the call that changes it.

        Raises ConcurrentChange when it is no longer as `before`, or a sender has reserved an attempt since.
        """
        transaction = Transaction()
        guard = guards.at_revision_or_own(before.revision, after.revision)
        is_claim_as_before = "attribute_not_exists(claimed_by)"
        if before.claimed_by is not None:
            is_claim_as_before = "claimed_by = :claimed_by"
            guard["values"] = {**guard["values"], ":claimed_by": {"S": before.claimed_by}}
        guard["condition"] = f"({guard['condition']}) AND {is_claim_as_before}"
        transaction.put(delivery_to_item(self._tenant, after), **guard)
        self._store.commit(transaction)

    def save_with_webhook(
        self,
        before: Delivery,
        after: Delivery,
        webhook_before: Webhook,
        webhook_after: Webhook,
        event: Event,
    ) -> None:
        """Write a changed delivery, its changed subscription and the event of that change, all or none.

        Raises ConcurrentChange when one of them is no longer as before.
        """
        transaction = Transaction()
        transaction.put(
            delivery_to_item(self._tenant, after),
            **guards.at_revision_or_own(before.revision, after.revision),
        )
        self._replace(transaction, webhook_before, webhook_after, event)
        self._store.commit(transaction)

    def _event(self, entity: str, entity_id: str, event_id: str, event_type: str) -> Event | None:
        for key in event_keys.possible_keys(self._tenant, entity, entity_id, event_id, event_type):
            if item := self._store.get(key):
                return event_items.event_from_item(item)
        return None

    def _delivery(self, webhook_id: str, event_id: str) -> Delivery | None:
        item = self._store.get(webhook_keys.delivery(self._tenant, webhook_id, event_id))
        return delivery_from_item(item) if item else None
