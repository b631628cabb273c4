"""HTTP entry point of users and of invitations to become one."""

from __future__ import annotations

from functions.users.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(wiring.users, wiring.invitations, wiring.keyed_calls)
