"""HTTP entry point of imports."""

from __future__ import annotations

from functions.imports.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(
    wiring.imports,
    wiring.import_uploads,
    wiring.keyed_calls,
    lambda _: wiring.drop_bucket(),
    lambda _: wiring.import_queue(),
)
