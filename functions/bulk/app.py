"""HTTP entry point of what is done to many contacts at once.

A function of its own, so that the one for single calls need not load this when it starts.
"""

from __future__ import annotations

from functions.bulk.routes import routes
from shared import wiring
from shared.domain.phone import normalize_phone
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(
    wiring.matching_contacts,
    wiring.bulk_jobs,
    wiring.keyed_calls,
    lambda _: wiring.client("sqs"),
    lambda _: normalize_phone("+14155552671", "US"),  # loads what is known of telephone numbers
)
