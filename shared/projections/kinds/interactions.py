"""The projections of interactions: the tenant's list of them, and how many there were of each type in each hour."""

from __future__ import annotations

from collections import Counter

from shared.projections.kinds.kind import EntryKind, HourlyCount, count_at
from shared.table.item import Item
from shared.table.keys import interactions as interaction_keys
from shared.table.keys import lists as list_keys


def _count(item: Item) -> Counter[HourlyCount]:
    return count_at(list_keys.INTERACTIONS, item["occurred_at"]["S"], item["type"]["S"])


INTERACTION_KIND = EntryKind(list_keys.INTERACTIONS, interaction_keys.INTERACTIONS, _count, index="type")
