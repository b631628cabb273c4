"""HTTP entry point of contacts."""

from __future__ import annotations

from functions.contacts.routes import routes
from shared import wiring
from shared.domain.phone import normalize_phone
from shared.http.routes import lambda_handler
from shared.snapshot import prepare

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)

prepare(
    wiring.contacts,
    wiring.contact_lists,
    lambda caller: wiring.show_contacts(caller, []),
    wiring.keyed_calls,
    lambda _: normalize_phone("+14155552671", "US"),  # loads what is known of telephone numbers
)
