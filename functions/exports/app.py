"""HTTP entry point of exports."""

from __future__ import annotations

from functions.exports.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.base import aws_client
from shared.wiring.exports import export_files, export_service
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    export_service,
    keyed_calls,
    lambda _: export_files(),
    lambda _: aws_client("sqs"),
)
