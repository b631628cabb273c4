"""HTTP entry point of contacts."""

from __future__ import annotations

from functions.contacts.routes import routes
from shared.domain.phone import normalize_phone
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.contacts import contact_lists, contact_service, show_contacts
from shared.wiring.idempotency import keyed_calls
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, keyed_calls=keyed_calls, rate_limits=rate_limits)

prepare(
    contact_service,
    contact_lists,
    lambda caller: show_contacts(caller, []),
    keyed_calls,
    lambda _: normalize_phone("+14155552671", "US"),  # loads the metadata of telephone numbers
)
