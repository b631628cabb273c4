"""Webhook subscriptions in the table."""

from __future__ import annotations

from typing import Any

from shared.domain.errors import Conflict
from shared.domain.events import Event
from shared.domain.webhooks.filters import WebhookFilter
from shared.domain.webhooks.subscription import FAILING, MAX_WEBHOOKS, Webhook
from shared.table import event_items, guards
from shared.table.codec import AttributeCodec
from shared.table.item import Item, binary
from shared.table.keys import webhooks as webhook_keys
from shared.table.store import Store
from shared.table.transactions import Transaction

_WEBHOOK = AttributeCodec(
    texts=(
        "id",
        "url",
        "description",
        "disabled_reason",
        "failing_since",
        "last_failed_at",
        "slow_until",
        "paused_until",
        "receiver_event",
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
    numbers=("version", "slow_milliseconds"),
    flags=("is_active",),
    lists=("events", "header_names"),
    json=("filter",),
    defaults={
        "slow_milliseconds": 15_000,
        "header_names": [],
        "include": "thin",
        "filter": WebhookFilter.model_construct(),
    },
)


_MARKS = frozenset({"failing_since", "last_failed_at", "paused_until", "slow_until"})
"""The attributes that senders write by what a receiver says. They end with another URL, and most of them when the
subscription is enabled."""


class WebhookTable:
    """The subscriptions of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        self._store = store
        self._tenant = tenant_id

    def get(self, webhook_id: str) -> Webhook | None:
        """Return a subscription as of now, or None."""
        item = self._store.get(webhook_keys.webhook(self._tenant, webhook_id))
        return webhook_from_item(item) if item else None

    def list_newest(self, *, limit: int, after: str | None) -> list[Webhook]:
        """Return subscriptions as of now, newest first, after the id `after`."""
        partition = webhook_keys.webhooks(self._tenant)
        rows = self._store.query(partition, limit=limit, after=after, descending=True, consistent=True)
        return [webhook_from_item(row) for row in rows]

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
        self._add_event(transaction, event, follows="")
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
        self._add_event(transaction, event, follows=before.last_event)
        self._store.commit(transaction)

    def _replace(self, transaction: Transaction, before: Webhook, after: Webhook, event: Event) -> None:
        """Change a subscription in place, so that attributes that are no part of the record are kept."""
        old, new = _encode(before), _encode(after)
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        removed = [name for name in old if name not in new]
        if "sealed" in changed:
            removed.append("secret")  # in plain text, until it is sealed (decision 0053)
        if after.receiver_event != before.receiver_event:
            # Also what senders have written since `before` was read, which changes no version.
            marks = _MARKS if after.url != before.url else _MARKS - {"slow_until"}
            removed += sorted(marks - new.keys() - set(removed))
        expression = f"SET {', '.join(f'#{name} = :{name}' for name in changed)}"
        if removed:
            expression += f" REMOVE {', '.join(f'#{name}' for name in removed)}"
        guard = guards.at_version_or_own(before.version, after.last_event)
        condition, values = guard["condition"], guard["values"]
        if after.disabled_reason == FAILING and before.is_active:
            # A success removes it without a new version.
            condition, values = f"({condition}) AND failing_since = :since", {**values, **_since(before)}
        transaction.update(
            webhook_keys.webhook(self._tenant, after.id),
            expression,
            {**{f":{name}": value for name, value in changed.items()}, **values},
            names={f"#{name}": name for name in (*changed, *removed)},
            condition=condition,
            refusal=guard["refusal"],
        )
        self._add_event(transaction, event, follows=before.last_event)

    def _add_event(self, transaction: Transaction, event: Event, *, follows: str) -> None:
        event_items.add_event(transaction, self._tenant, event, follows=follows)


def _since(webhook: Webhook) -> Item:
    return {":since": {"S": webhook.failing_since or ""}}


def _encode(webhook: Webhook) -> Item:
    fields = _WEBHOOK.encode({**webhook.__dict__, "filter": webhook.filter.conditions})
    return {**fields, "sealed": {"B": webhook.sealed}}


def webhook_from_item(item: Item) -> Webhook:
    """Return the subscription of an item."""
    values: dict[str, Any] = _WEBHOOK.decode(item)
    if "filter" in item:
        values["filter"] = WebhookFilter.model_construct(**values["filter"])
    # Items of before decision 0052 have no holder: it was the creator.
    values.setdefault("acts_as", values["created_by"])
    values.setdefault("held_since", values["created_at"])
    values.setdefault("receiver_event", values["created_at"])
    # Before decision 0053 an item had its only secret in plain text.
    values["sealed"] = binary(item["sealed"]) if "sealed" in item else item["secret"]["S"].encode()
    return Webhook.model_construct(**values)
