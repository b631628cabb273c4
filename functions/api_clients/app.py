"""HTTP entry point of API clients."""

from __future__ import annotations

from functions.api_clients.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.accounts import api_client_service
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(api_client_service, keyed_calls)
