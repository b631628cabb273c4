"""HTTP entry point of the timelines of contacts: interactions, follow-ups, notes, bookings and history.

They have a function of their own, so that the cold start of contacts does not grow with each kind of entry.
"""

from __future__ import annotations

from functions.timeline.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.bookings import booking_lists, tenant_bookings
from shared.wiring.contacts import contact_changes, contact_revert
from shared.wiring.idempotency import keyed_calls
from shared.wiring.interactions import (
    follow_up_lists,
    follow_up_service,
    interaction_lists,
    interaction_service,
    tenant_follow_ups,
    tenant_interactions,
)
from shared.wiring.limits import rate_limits
from shared.wiring.notes import note_lists, note_service
from shared.wiring.timeline import contact_timeline

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    interaction_service,
    interaction_lists,
    tenant_interactions,
    follow_up_service,
    follow_up_lists,
    tenant_follow_ups,
    note_service,
    note_lists,
    booking_lists,
    tenant_bookings,
    contact_changes,
    contact_revert,
    contact_timeline,
    keyed_calls,
)
