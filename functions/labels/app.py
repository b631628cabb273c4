"""HTTP entry point of labels: tags, types and groups."""

from __future__ import annotations

from functions.labels.routes import routes
from shared.domain.labels.record import Tag
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.groups import group_service
from shared.wiring.idempotency import keyed_calls
from shared.wiring.labels import label_service
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(lambda caller: label_service(caller, Tag), group_service, keyed_calls)
