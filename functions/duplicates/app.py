"""HTTP entry point of duplicates."""

from __future__ import annotations

from functions.duplicates.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.duplicates import dismissing, suggestions
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    suggestions,
    dismissing,
    keyed_calls,
)
