"""HTTP entry point of merges."""

from __future__ import annotations

from functions.merges.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.base import aws_client
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits
from shared.wiring.merge_jobs import merge_job_service
from shared.wiring.merges import merge_reading, merging, show_merged

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    merging,
    merge_reading,
    merge_job_service,
    lambda _: aws_client("sqs"),
    lambda caller: show_merged(caller, []),
    keyed_calls,
)
