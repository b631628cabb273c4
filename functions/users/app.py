"""HTTP entry point of users and invitations."""

from __future__ import annotations

from functions.users.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.accounts import invitation_service, user_service
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(user_service, invitation_service, keyed_calls)
