"""HTTP entry point of imports."""

from __future__ import annotations

from functions.imports.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.base import aws_client
from shared.wiring.idempotency import keyed_calls
from shared.wiring.imports import (
    drop_bucket,
    import_previews,
    import_queue,
    import_retries,
    import_service,
    import_undos,
    import_uploads,
)
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    import_service,
    import_uploads,
    import_previews,
    import_undos,
    import_retries,
    keyed_calls,
    lambda _: drop_bucket(),
    lambda _: import_queue(),
    lambda _: aws_client("sqs"),
)
