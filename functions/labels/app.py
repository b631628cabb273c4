"""HTTP entry point of labels: tags, types and groups."""

from __future__ import annotations

from functions.labels.routes import routes
from shared import wiring
from shared.domain.labels.record import Tag
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(lambda caller: wiring.labels(caller, Tag), wiring.groups, wiring.keyed_calls)
