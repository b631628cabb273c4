"""The kinds of records that are projected. A new kind is a module beside this one and a line here."""

from __future__ import annotations

from typing import Any

from shared.projections.kinds.bookings import BOOKING_KIND, CANCELLED_BOOKING_KIND
from shared.projections.kinds.contacts import CONTACT_KIND
from shared.projections.kinds.customers import CUSTOMER_KIND
from shared.projections.kinds.follow_ups import CLOSED_FOLLOW_UP_KIND, OPEN_FOLLOW_UP_KIND
from shared.projections.kinds.interactions import INTERACTION_KIND
from shared.projections.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (
    CONTACT_KIND,
    CUSTOMER_KIND,
    INTERACTION_KIND,
    BOOKING_KIND,
    CANCELLED_BOOKING_KIND,
    OPEN_FOLLOW_UP_KIND,
    CLOSED_FOLLOW_UP_KIND,
)


def kind_of(key: dict[str, Any]) -> Kind | None:
    """Return the kind of the record that has a key (or an item with that key); None when it is not projected."""
    return next((kind for kind in KINDS if kind.matches(key)), None)
