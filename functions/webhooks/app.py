"""HTTP entry point of webhook subscriptions."""

from __future__ import annotations

from functions.webhooks.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.idempotency import sealed_keyed_calls
from shared.wiring.limits import rate_limits
from shared.wiring.recoveries import recovery_service
from shared.wiring.sealing import encryption
from shared.wiring.webhooks import webhook_service

handler = lambda_handler(routes, keyed_calls=sealed_keyed_calls, rate_limits=rate_limits)

prepare(webhook_service, recovery_service, sealed_keyed_calls, encryption)
