"""Publishes events to the SNS topic `domain-events`, and then acknowledges them in their tenant's feed.

Each message says whether its tenant has webhooks; the webhooks' queue receives no message that says "false". The
publisher reads this after it has received the events. So an event that was written after a webhook was created is never
withheld from it (docs/decisions/0030-events-without-webhooks.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.domain.errors import NOT_A_RECORD, Unavailable
from shared.domain.events import Event
from shared.publishing.contracts import to_message
from shared.table import event_items
from shared.table.item import Item
from shared.table.keys.spelling import tenant_of_item

_BATCH = 10
"""Events in one call: the limit of SNS PublishBatch."""


class Acknowledgements(Protocol):
    """Records that events have been published; see `shared.table.events.EventTable`."""

    def acknowledge(self, published: Sequence[Item]) -> None: ...


class WebhookCounts(Protocol):
    """Says which tenants have webhooks; see `shared.table.webhooks.counts.WebhookCounts`."""

    def find_tenants_with_webhooks(self, tenant_ids: Collection[str]) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class PublishResult:
    """The events that were not published, by their index: `failed` may be published later, `unreadable` never."""

    failed: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)

    @property
    def unpublished(self) -> set[int]:
        """The indexes of all events that were not published."""
        return self.failed | self.unreadable


class Publisher:
    """Publishes events' items. Each event is published at least once."""

    def __init__(
        self, sns: Any, topic_arn: str, acknowledgements: Acknowledgements, webhook_counts: WebhookCounts
    ) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._acknowledgements = acknowledgements
        self._webhook_counts = webhook_counts

    def publish(self, events: Sequence[Item]) -> PublishResult:
        """Publish events in order and acknowledge them.

        Raises Unavailable when they cannot be acknowledged: only acknowledged events are known to be published.
        """
        result = PublishResult()
        readable = _read(events, result)
        with_webhooks = self._find_tenants_with_webhooks({tenant_id for tenant_id, _ in readable.values()})
        entries = [
            _entry(number, tenant_id, event, has_webhooks=tenant_id in with_webhooks)
            for number, (tenant_id, event) in readable.items()
        ]
        for start in range(0, len(entries), _BATCH):
            self._publish_batch(entries[start : start + _BATCH], result)
        unpublished = result.unpublished
        self._acknowledgements.acknowledge([item for n, item in enumerate(events) if n not in unpublished])
        return result

    def _find_tenants_with_webhooks(self, tenant_ids: set[str]) -> set[str]:
        """Return those of some tenants that have webhooks; all of them if that cannot be read now.

        A surplus tenant costs a query of the fan-out. A missing tenant would lose events.
        """
        if not tenant_ids:
            return set()
        try:
            return self._webhook_counts.find_tenants_with_webhooks(tenant_ids)
        except (ClientError, Unavailable):
            observability.warn(
                "the counts of webhooks cannot be read", tenants=len(tenant_ids), trace=observability.trace()
            )
            return tenant_ids

    def _publish_batch(self, entries: list[dict[str, Any]], result: PublishResult) -> None:
        try:
            answer = self._sns.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        except (ClientError, BotoCoreError):
            observability.warn("publishing failed", events=len(entries), trace=observability.trace())
            result.failed.update(int(entry["Id"]) for entry in entries)
            return
        result.failed.update(int(entry["Id"]) for entry in answer.get("Failed", ()))


def _read(events: Sequence[Item], result: PublishResult) -> dict[int, tuple[str, Event]]:
    """Return the tenants and events of items by their index, and note in `result` which items are no events."""
    readable = {}
    for number, item in enumerate(events):
        try:
            readable[number] = (tenant_of_item(item), event_items.event_from_item(item))
        except NOT_A_RECORD:  # not an event: the others must be published all the same
            observability.warn("not an event", trace=observability.trace())
            result.unreadable.add(number)
    return readable


def _entry(number: int, tenant_id: str, event: Event, *, has_webhooks: bool) -> dict[str, Any]:
    return {
        "Id": str(number),
        "Message": to_message(tenant_id, event),
        "MessageAttributes": {
            "tenant_id": {"DataType": "String", "StringValue": tenant_id},
            "event_type": {"DataType": "String", "StringValue": event.type},
            "has_webhooks": {"DataType": "String", "StringValue": "true" if has_webhooks else "false"},
        },
    }
