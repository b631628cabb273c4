"""Routes of the timelines of contacts, by kind of entry."""

from __future__ import annotations

from functions.timeline import bookings, follow_ups, history, interactions, joined, notes
from shared.http.routes import Routes

routes = Routes("Timeline")
routes.include(
    interactions.routes, follow_ups.routes, notes.routes, bookings.routes, history.routes, joined.routes
)
