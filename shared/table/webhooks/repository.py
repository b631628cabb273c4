"""Webhook subscriptions and their deliveries in the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.domain import timestamps
from shared.domain.derived_events import derive_events
from shared.domain.errors import Conflict
from shared.domain.events import CONTACT_UPDATED, WEBHOOK_TEST, Event, Notice
from shared.domain.webhooks.delivery import KEPT_SECONDS, Attempt, Delivery
from shared.domain.webhooks.filters import WebhookFilter
from shared.domain.webhooks.subscription import MAX_WEBHOOKS, Webhook
from shared.table import event_items, guards
from shared.table.codec import AttributeCodec
from shared.table.item import Item, binary
from shared.table.keys import events as event_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import SK, identity_of
from shared.table.keys.work import WORK_SK
from shared.table.store import Store
from shared.table.transactions import Transaction

_WEBHOOK = AttributeCodec(
    texts=(
        "id",
        "url",
        "description",
        "disabled_reason",
        "acts_as",
        "held_since",
        "rotation_ends_at",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "last_event",
    ),
    states=("include",),
    numbers=("version",),
    flags=("is_active",),
    lists=("events", "header_names"),
    json=("filter",),
    defaults={"header_names": [], "include": "thin", "filter": WebhookFilter.model_construct()},
)
_DELIVERY = AttributeCodec(
    texts=(
        "event_id",
        "event_type",
        "state",
        "reason",
        "next_attempt_at",
        "created_at",
        "webhook_id",
        "entity",
        "entity_id",
        "source_id",
        "due_at",
        "queued_at",
        "revision",
    ),
    numbers=("version",),
)


class WebhookTable:
    """The subscriptions of one tenant, and their deliveries."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, webhook_id: str) -> Webhook | None:
        """Return a subscription as of now, or None."""
        item = self._store.get(webhook_keys.webhook(self._tenant, webhook_id))
        return _webhook_from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[Webhook]:
        """Return subscriptions as of now, newest first, after the id `after`."""
        partition = webhook_keys.webhooks(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True, consistent=True)
        return [_webhook_from_item(row) for row in rows]

    def all(self) -> list[Webhook]:
        """Return all subscriptions as of now."""
        return self.list_newest(limit=MAX_WEBHOOKS, after=None)

    def create(self, webhook: Webhook, event: Event) -> None:
        """Write a new subscription and its event. Raises Conflict when the tenant has MAX_WEBHOOKS."""
        transaction = Transaction()
        transaction.put(
            {**webhook_keys.webhook(self._tenant, webhook.id), **_encode(webhook)},
            **guards.is_new(),
        )
        is_first = "attribute_not_exists(webhooks)"
        is_below_limit = "webhooks < :limit"
        transaction.update(
            webhook_keys.webhook_count(self._tenant),
            "ADD webhooks :one",
            {":one": {"N": "1"}, ":limit": {"N": str(MAX_WEBHOOKS)}},
            condition=f"{is_first} OR {is_below_limit}",
            refusal=lambda _: Conflict(
                f"A tenant has at most {MAX_WEBHOOKS} webhooks. Delete one that is no longer needed.",
                code="too_many_webhooks",
            ),
        )
        self._add_event(transaction, event)
        self._store.commit(transaction)

    def replace(self, before: Webhook, after: Webhook, event: Event) -> None:
        """Write a changed subscription and its event.

        Raises ConcurrentChange when it is no longer at the version of `before`.
        """
        transaction = Transaction()
        self._replace(transaction, before, after, event)
        self._store.commit(transaction)

    def remove(self, before: Webhook, event: Event) -> None:
        """Remove a subscription, with its event; its deliveries stay in the log until they expire.

        Raises ConcurrentChange when it is no longer at this version.
        """
        transaction = Transaction()
        transaction.delete(webhook_keys.webhook(self._tenant, before.id), **guards.at_version(before.version))
        transaction.update(
            webhook_keys.webhook_count(self._tenant), "ADD webhooks :less", {":less": {"N": "-1"}}
        )
        self._add_event(transaction, event)
        self._store.commit(transaction)

    def deliveries(self, webhook_id: str, *, limit: int, after: str | None) -> list[tuple[str, Delivery]]:
        """Return a subscription's deliveries, newest event first, each with its position for `after`."""
        rows = self._store.query(
            webhook_keys.deliveries(self._tenant, webhook_id),
            prefix=webhook_keys.DELIVERY,
            limit=limit,
            after=after,
            descending=True,
            consistent=True,
        )
        return [(row[SK]["S"], _delivery_from_item(row)) for row in rows]

    def add_delivery(self, delivery: Delivery) -> Delivery:
        """Write a new delivery, unless it exists; return the delivery in the table."""
        item = _delivery_to_item(self._tenant, delivery)
        if self._store.put(item, condition=guards.IS_NEW):
            return delivery
        return self._delivery(delivery.webhook_id, delivery.event_id) or delivery

    def add_test(self, delivery: Delivery) -> None:
        """Write the delivery of a test event, which has a new id."""
        transaction = Transaction()
        transaction.put(_delivery_to_item(self._tenant, delivery), **guards.is_new())
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
            _webhook_from_item(webhook) if webhook else None,
            _delivery_from_item(delivery) if delivery else None,
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

        It is not when the delivery has changed, or another sender has reserved the attempt until a later time than now.
        """
        is_unchanged = "revision = :revision"
        is_free = "attribute_not_exists(claimed_until) OR claimed_until < :at"
        # Also holds when this write is sent again after its answer was lost.
        is_own = "claimed_by = :by"
        return self._store.update(
            webhook_keys.delivery(self._tenant, delivery.webhook_id, delivery.event_id),
            "SET claimed_by = :by, claimed_until = :until",
            {
                ":by": {"S": by},
                ":at": {"S": at},
                ":until": {"S": until},
                ":revision": {"S": delivery.revision},
            },
            condition=f"{is_unchanged} AND ({is_free} OR {is_own})",
        )

    def save_delivery(self, before: Delivery, after: Delivery) -> None:
        """Write a changed delivery. Raises ConcurrentChange when it is no longer as `before`."""
        guard = guards.at_revision_or_own(before.revision, after.revision)
        self._store.put(_delivery_to_item(self._tenant, after), **guard)

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
            _delivery_to_item(self._tenant, after),
            **guards.at_revision_or_own(before.revision, after.revision),
        )
        self._replace(transaction, webhook_before, webhook_after, event)
        self._store.commit(transaction)

    def _replace(self, transaction: Transaction, before: Webhook, after: Webhook, event: Event) -> None:
        """Change a subscription in place, so that attributes that are no part of the record are kept."""
        old, new = _encode(before), _encode(after)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        removed = [name for name in old if name not in new]
        expression = f"SET {', '.join(f'#{name} = :{name}' for name in changed)}"
        if removed:
            expression += f" REMOVE {', '.join(f'#{name}' for name in removed)}"
        guard = guards.at_version_or_own(before.version, after.last_event)
        transaction.update(
            webhook_keys.webhook(self._tenant, after.id),
            expression,
            {**{f":{name}": value for name, value in changed.items()}, **guard["values"]},
            names={f"#{name}": name for name in (*changed, *removed)},
            condition=guard["condition"],
            refusal=guard["refusal"],
        )
        self._add_event(transaction, event)

    def _add_event(self, transaction: Transaction, event: Event) -> None:
        transaction.put(event_items.event_to_item(self._tenant, event))

    def _event(self, entity: str, entity_id: str, event_id: str, event_type: str) -> Event | None:
        for key in event_keys.possible_keys(self._tenant, entity, entity_id, event_id, event_type):
            if item := self._store.get(key):
                return event_items.event_from_item(item)
        return None

    def _delivery(self, webhook_id: str, event_id: str) -> Delivery | None:
        item = self._store.get(webhook_keys.delivery(self._tenant, webhook_id, event_id))
        return _delivery_from_item(item) if item else None


def _encode(webhook: Webhook) -> Item:
    fields = _WEBHOOK.encode({**webhook.__dict__, "filter": webhook.filter.conditions})
    return {**fields, "sealed": {"B": webhook.sealed}}


def _webhook_from_item(item: Item) -> Webhook:
    values: dict[str, Any] = _WEBHOOK.decode(item)
    if "filter" in item:
        values["filter"] = WebhookFilter.model_construct(**values["filter"])
    # Items of before decision 0052 have no holder: it was the creator.
    values.setdefault("acts_as", values["created_by"])
    values.setdefault("held_since", values["created_at"])
    # Before decision 0053 an item had its only secret in plain text.
    values["sealed"] = binary(item["sealed"]) if "sealed" in item else item["secret"]["S"].encode()
    return Webhook.model_construct(**values)


def _delivery_to_item(tenant_id: str, delivery: Delivery) -> Item:
    item: Item = {
        **webhook_keys.delivery(tenant_id, delivery.webhook_id, delivery.event_id),
        **_DELIVERY.encode(delivery.__dict__),
    }
    if delivery.due_at:
        item.update(
            webhook_keys.due_delivery(
                delivery.due_at, delivery.webhook_id, delivery.event_id, delivery.next_attempt
            )
        )
    if delivery.attempts:
        attempts = [attempt.__dict__ for attempt in delivery.attempts]
        item["attempts"] = {"S": json.dumps(attempts, separators=(",", ":"), ensure_ascii=False)}
    expires_at = timestamps.to_milliseconds(delivery.created_at) // 1000 + KEPT_SECONDS
    item["expires_at"] = {"N": str(expires_at)}
    return item


def _delivery_from_item(item: Item) -> Delivery:
    values = _DELIVERY.decode(item)
    attempts = json.loads(item["attempts"]["S"]) if "attempts" in item else []
    values["attempts"] = [Attempt.model_construct(**attempt) for attempt in attempts]
    return Delivery.model_construct(**values)
