"""HTTP entry point of webhook subscriptions."""

from __future__ import annotations

from functions.webhooks.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(wiring.webhooks, wiring.keyed_calls)
