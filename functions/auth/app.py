"""HTTP entry point of registering, accepting an invitation and signing in."""

from __future__ import annotations

from functions.auth.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, gated=lambda: wiring.sign_in_gate())

prepare(
    lambda _: wiring.sign_in(),
    lambda _: wiring.registration(),
    lambda _: wiring.acceptance(),
    lambda _: wiring.client("cognito-idp"),
)
