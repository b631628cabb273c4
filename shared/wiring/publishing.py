"""The publication of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.publishing.publisher import Publisher
    from shared.table.events import EventTable


@kept
def event_table() -> EventTable:
    """The events of all tenants, for the publisher and the sweep."""
    from shared.table.events import EventTable

    return EventTable(store())


@kept
def publisher() -> Publisher:
    """The publisher to the topic `domain-events`."""
    from shared.publishing.publisher import Publisher
    from shared.table.webhooks.counts import WebhookCounts

    return Publisher(
        aws_client("sns"), environment.domain_events_topic_arn(), event_table(), WebhookCounts(store())
    )
