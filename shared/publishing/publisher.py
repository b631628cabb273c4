"""Publishes events: to the SNS topic `domain-events`, and then to their tenant's feed, which acknowledges it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.publishing.contracts import to_message
from shared.table import items
from shared.table.keys.spelling import PK, tenant_of
from shared.table.store import Item

_BATCH = 10  # SNS's limit for one PublishBatch


class Acknowledgements(Protocol):
    """Where it is noted that events have been published."""

    def acknowledge(self, published: Sequence[Item]) -> None: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which of the events given, by index, did not go out: `failed` may later, `unreadable` ones never will."""

    failed: set[int] = field(default_factory=set)
    unreadable: set[int] = field(default_factory=set)

    @property
    def held_back(self) -> set[int]:
        """All that did not go out."""
        return self.failed | self.unreadable


class Publisher:
    """Publishes events' items. An event may go out twice, and never not at all."""

    def __init__(self, sns: Any, topic_arn: str, acknowledgements: Acknowledgements) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._acknowledgements = acknowledgements

    def publish(self, events: Sequence[Item]) -> Outcome:
        """Publish events in order and acknowledge them.

        Raises Unavailable when the acknowledging fails: only what is acknowledged is surely out.
        """
        outcome = Outcome()
        for start in range(0, len(events), _BATCH):
            self._publish_batch(dict(enumerate(events[start : start + _BATCH], start)), outcome)
        held_back = outcome.held_back
        self._acknowledgements.acknowledge([item for n, item in enumerate(events) if n not in held_back])
        return outcome

    def _publish_batch(self, batch: dict[int, Item], outcome: Outcome) -> None:
        entries = []
        for number, item in batch.items():
            try:
                entries.append(_entry(str(number), item))
            except (KeyError, ValueError):  # no event of ours: it must not hold its neighbours back
                observability.warn("not an event", trace=observability.trace())
                outcome.unreadable.add(number)
        if not entries:
            return
        try:
            answer = self._sns.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=entries)
        except (ClientError, BotoCoreError):
            observability.warn("publishing failed", events=len(entries), trace=observability.trace())
            outcome.failed.update(int(entry["Id"]) for entry in entries)
            return
        outcome.failed.update(int(entry["Id"]) for entry in answer.get("Failed", ()))


def _entry(number: str, item: Item) -> dict[str, Any]:
    tenant_id = tenant_of(item[PK]["S"])
    if tenant_id is None:
        raise ValueError("an event lies outside all tenants")
    event = items.event_from_item(item)
    return {
        "Id": number,
        "Message": to_message(tenant_id, event),
        "MessageAttributes": {
            "tenant_id": {"DataType": "String", "StringValue": tenant_id},
            "event_type": {"DataType": "String", "StringValue": event.type},
        },
    }
