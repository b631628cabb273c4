"""The projections of interactions: the tenant's list of them, and how many there were of each type in each hour."""

from __future__ import annotations

from collections import Counter

from shared.domain.interactions.interaction import SYSTEM_TYPES
from shared.projections.kinds.kind import EntryKind, HourlyCount, count_at
from shared.table.item import Item
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import lists as list_keys


def _count(item: Item) -> Counter[HourlyCount]:
    return count_at(list_keys.INTERACTIONS, item["occurred_at"]["S"], item["type"]["S"])


def _prefix_of(item: Item) -> str:
    return interaction_keys.range_of(by_system=item["type"]["S"] in SYSTEM_TYPES)


INTERACTION_KIND = EntryKind(
    list_keys.INTERACTIONS, interaction_keys.INTERACTIONS, _count, index="type", prefix_of=_prefix_of
)
