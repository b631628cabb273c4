"""HTTP entry point of customers."""

from __future__ import annotations

from functions.customers.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.customers import customer_service, show_customers
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    customer_service,
    lambda caller: show_customers(caller, []),
    keyed_calls,
)
