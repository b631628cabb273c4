"""Routes of contact types."""

from __future__ import annotations

from functions.labels.kinds import label_routes
from shared.domain.labels.inputs import TypeInput, TypePatch
from shared.domain.labels.record import ContactType
from shared.wiring.labels import label_service

routes = label_routes(
    ContactType,
    TypeInput,
    TypePatch,
    lambda call: label_service(call.caller, ContactType, call.claim),
    list_description="The list of types that the tenant maintains.",
)
