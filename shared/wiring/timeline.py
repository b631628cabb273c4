"""Timelines of contacts: their interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.contacts import contact_reading

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.timeline.listing import InteractionLists


def interaction_lists(caller: Caller) -> InteractionLists:
    """The lists of interactions, for one caller."""
    from shared.services.timeline.listing import InteractionLists
    from shared.table.timeline.interactions import InteractionTable

    return InteractionLists(
        caller, contact_reading(caller), InteractionTable(store(), caller.tenant_id), cursors()
    )
