"""The publication of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.publishing.publisher import Publisher
    from shared.table.feed.known import KnownEntries
    from shared.table.feed.outbox import EventTable


@kept
def known_entries() -> KnownEntries:
    """The entries of feeds that this process knows."""
    from shared.table.feed.known import KnownEntries

    return KnownEntries(store())


@kept
def event_table() -> EventTable:
    """The events of all tenants, for the sweep."""
    from shared.table.feed.outbox import EventTable

    return EventTable(store(), known_entries())


@kept
def publisher() -> Publisher:
    """The publisher to the topic `domain-events`."""
    from shared.publishing.publisher import Publisher
    from shared.table.feed.appending import FeedAppender

    return Publisher(
        aws_client("sns"), environment.domain_events_topic_arn(), FeedAppender(store(), known_entries())
    )
