"""HTTP entry point of API clients."""

from __future__ import annotations

from functions.api_clients.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(wiring.api_clients, wiring.keyed_calls)
