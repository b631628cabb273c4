"""HTTP entry point of the caller's identity and of the tenant's settings."""

from __future__ import annotations

from functions.account.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.accounts import settings_service
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, rate_limits=rate_limits)

prepare(settings_service)
