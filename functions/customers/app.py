"""HTTP entry point of customers."""

from __future__ import annotations

from functions.customers.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(
    wiring.customers,
    lambda caller: wiring.show_customers(caller, []),
    wiring.keyed_calls,
)
