"""Routes of contact types."""

from __future__ import annotations

from functions.labels.kinds import label_routes
from shared import wiring
from shared.domain.labels.inputs import TypeInput, TypePatch
from shared.domain.labels.record import ContactType

routes = label_routes(
    ContactType,
    TypeInput,
    TypePatch,
    lambda call: wiring.labels(call.caller, ContactType, call.claim),
    listed="The tenant's managed list of types.",
)
