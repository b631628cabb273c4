"""Publishes events to the SNS topic `domain-events`, and then acknowledges them in their tenant's feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.publishing.contracts import to_message
from shared.table import event_items
from shared.table.item import Item
from shared.table.keys.spelling import PK, tenant_of

_BATCH = 10
"""Events in one call: the limit of SNS PublishBatch."""


class Acknowledgements(Protocol):
    """Records that events have been published; see `shared.table.events.EventTable`."""

    def acknowledge(self, published: Sequence[Item]) -> None: ...


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

    def __init__(self, sns: Any, topic_arn: str, acknowledgements: Acknowledgements) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._acknowledgements = acknowledgements

    def publish(self, events: Sequence[Item]) -> PublishResult:
        """Publish events in order and acknowledge them.

        Raises Unavailable when they cannot be acknowledged: only acknowledged events are known to be published.
        """
        result = PublishResult()
        for start in range(0, len(events), _BATCH):
            self._publish_batch(dict(enumerate(events[start : start + _BATCH], start)), result)
        unpublished = result.unpublished
        self._acknowledgements.acknowledge([item for n, item in enumerate(events) if n not in unpublished])
        return result

    def _publish_batch(self, batch: dict[int, Item], result: PublishResult) -> None:
        entries = []
        for number, item in batch.items():
            try:
                entries.append(_entry(str(number), item))
            except (KeyError, ValueError):  # not an event: the others must be published all the same
                observability.warn("not an event", trace=observability.trace())
                result.unreadable.add(number)
        if not entries:
            return
        try:
            answer = self._sns.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        except (ClientError, BotoCoreError):
            observability.warn("publishing failed", events=len(entries), trace=observability.trace())
            result.failed.update(int(entry["Id"]) for entry in entries)
            return
        result.failed.update(int(entry["Id"]) for entry in answer.get("Failed", ()))


def _entry(number: str, item: Item) -> dict[str, Any]:
    tenant_id = tenant_of(item[PK]["S"])
    if tenant_id is None:
        raise ValueError("an event lies outside all tenants")
    event = event_items.event_from_item(item)
    return {
        "Id": number,
        "Message": to_message(tenant_id, event),
        "MessageAttributes": {
            "tenant_id": {"DataType": "String", "StringValue": tenant_id},
            "event_type": {"DataType": "String", "StringValue": event.type},
        },
    }
