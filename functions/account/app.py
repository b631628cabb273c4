"""HTTP entry point of who calls, and of the tenant's settings."""

from __future__ import annotations

from functions.account.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, limited=wiring.rate_limits)

prepare(wiring.settings_service)
