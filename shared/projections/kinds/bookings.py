"""The projections of bookings: the tenant's lists of those that count, and of those that are cancelled.

A booking can be cancelled without moving to another time, so each of its two ranges has a list: otherwise two records
would have the same list row.
"""

from __future__ import annotations

from shared.projections.kinds.kind import EntryKind, count_nothing
from shared.table.keys import bookings as booking_keys
from shared.table.keys import lists as list_keys

BOOKING_KIND = EntryKind(list_keys.BOOKINGS, (booking_keys.COUNTED,), count_nothing)
CANCELLED_BOOKING_KIND = EntryKind(list_keys.CANCELLED_BOOKINGS, (booking_keys.CANCELLED,), count_nothing)
