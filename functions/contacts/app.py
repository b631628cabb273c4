"""HTTP entry point of contacts."""

from __future__ import annotations

from functions.contacts.bulk_routes import routes as bulk_routes
from functions.contacts.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler

handler = lambda_handler(routes, bulk_routes, keyed=wiring.keyed_calls)
