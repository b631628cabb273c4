"""HTTP entry point of bulk calls and bulk jobs.

A separate function, so that the function for single contacts need not load this on a cold start.
"""

from __future__ import annotations

from functions.bulk.routes import routes
from shared.domain.phone import normalize_phone
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.base import aws_client
from shared.wiring.idempotency import keyed_calls
from shared.wiring.jobs import bulk_job_service, matching_contacts
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    matching_contacts,
    bulk_job_service,
    keyed_calls,
    lambda _: aws_client("sqs"),
    lambda _: normalize_phone("+14155552671", "US"),  # loads the metadata of telephone numbers
)
