"""The feed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import store
from shared.wiring.publishing import event_table

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.feed.reading import FeedReading
    from shared.services.reading_budget import Budget


def feed_reading(caller: Caller, budget: Budget | None = None) -> FeedReading:
    """The feed, for one caller. It is read within the request's budget, or within a budget of its own."""
    from shared.services.feed.reading import FeedReading
    from shared.services.reading_budget import Budget
    from shared.table.contacts.repository import ContactTable
    from shared.table.feed.contents import FeedContents
    from shared.table.feed.reading import FeedTable

    tenant_id = caller.tenant_id
    return FeedReading(
        caller,
        FeedTable(store(), tenant_id),
        FeedContents(store(), tenant_id),
        ContactTable(store(), tenant_id).read_owners,
        event_table().checkpoint,
        budget or Budget(),
    )
