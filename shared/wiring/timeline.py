"""The timelines of contacts: entries of all kinds in one list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.reading_budget import Budget
    from shared.services.timeline.service import ContactTimeline


def contact_timeline(caller: Caller, budget: Budget | None = None) -> ContactTimeline:
    """The timelines of contacts, for one caller. They are read within the request's budget, or within a budget of their
    own.
    """
    from shared.services.reading_budget import Budget
    from shared.services.timeline.service import ContactTimeline
    from shared.table.contacts.names import NameTable
    from shared.table.timeline.index import TimelineIndex

    tenant_id, budget = caller.tenant_id, budget or Budget()
    return ContactTimeline(
        caller,
        contact_reading(caller),
        TimelineIndex(store(), tenant_id, budget),
        NameTable(store(), tenant_id),
        cursors(),
        budget,
    )
