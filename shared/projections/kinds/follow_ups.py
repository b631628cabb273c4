"""The projections of follow-ups: the tenant's list of open ones, indexed by assignee, and the list of the others."""

from __future__ import annotations

from shared.projections.kinds.kind import EntryKind, count_nothing
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import lists as list_keys

OPEN_FOLLOW_UP_KIND = EntryKind(
    list_keys.OPEN_FOLLOW_UPS, (follow_up_keys.OPEN,), count_nothing, index="assignee_id"
)
CLOSED_FOLLOW_UP_KIND = EntryKind(list_keys.CLOSED_FOLLOW_UPS, (follow_up_keys.CLOSED,), count_nothing)
