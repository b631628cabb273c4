"""Finds work that is left undone, and records that are lost, after the load."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from local.deploy import Aws
from local.projections import compare
from shared.domain.events import EVENT_TYPES
from shared.table.keys.events import EVENT, id_of
from shared.table.keys.spelling import tenant_prefix

CONTACT_EVENTS = tuple(
    name for name in EVENT_TYPES if name.split(".")[0] in ("contact", "interaction", "follow_up", "note")
)
"""The event types that the load's webhook is sent."""
_SECONDS_BETWEEN_CHECKS = 2


@dataclass
class Checks:
    """The checks of one tenant's work since a time; `events`: the types of the tenant's events, by id, as last read."""

    state: dict[str, Any]
    tenant_id: str
    since: str
    events: dict[str, str] = field(default_factory=dict)

    def find_unfinished(self, received: Collection[str]) -> dict[str, int]:
        """Count what is left to do, by kind; empty when everything is done. `received`: the ids of events that the
        webhook received.
        """
        # The queues first, since comparing projections reads the whole table.
        if depths := self.queue_depths(dead=False):
            return depths
        self.events.update(self._read_events())
        expected = [event_id for event_id, kind in self.events.items() if kind in CONTACT_EVENTS]
        differing, surplus = compare(self._aws.client("dynamodb"), self.state["table"], self.tenant_id)
        left = Counter(
            {
                "projected otherwise": len(differing),
                "projected too much": len(surplus),
                "events not received": sum(1 for event_id in expected if event_id not in received),
            }
        )
        return dict(+left)

    def queue_depths(self, *, dead: bool) -> dict[str, int]:
        """Count the messages in each dead-letter queue, or in each of the others; queues without any are left out."""
        sqs = self._aws.client("sqs")
        depths = {}
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for name, url in self.state["outputs"].items():
            if name.endswith("Url") and "Queue" in name + url and ("DeadLetters" in name) == dead:
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                if depth := sum(map(int, found.values())):
                    depths[name] = depth
        return depths

    def _read_events(self) -> dict[str, str]:
        pages = (
            self._aws.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.state["table"],
                ConsistentRead=True,
                FilterExpression="begins_with(PK, :tenant) AND begins_with(SK, :event)",
                ExpressionAttributeValues={
                    ":tenant": {"S": tenant_prefix(self.tenant_id)},
                    ":event": {"S": EVENT},
                },
            )
        )
        return {
            id_of(item): item["type"]["S"]
            for page in pages
            for item in page["Items"]
            if "type" in item and item["at"]["S"] >= self.since
        }

    @property
    def _aws(self) -> Aws:
        return Aws(self.state["aws_endpoint"])


def repeat_until_empty(check: Callable[[], Any], minutes: float) -> Iterator[Any]:
    """Yield what `check` returns, every few seconds, until it returns nothing or the minutes are over."""
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        found = check()
        yield found
        if not found:
            return
        time.sleep(_SECONDS_BETWEEN_CHECKS)
