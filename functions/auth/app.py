"""HTTP entry point of registration, acceptance of invitations and sign-in."""

from __future__ import annotations

from functions.auth.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.accounts import acceptance_service, registration_service, sign_in_service
from shared.wiring.base import aws_client
from shared.wiring.limits import sign_in_gate

handler = lambda_handler(routes, gate=sign_in_gate)

prepare(
    lambda _: sign_in_service(),
    lambda _: registration_service(),
    lambda _: acceptance_service(),
    lambda _: aws_client("cognito-idp"),
)
