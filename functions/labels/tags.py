"""Routes of tags."""

from __future__ import annotations

from functions.labels.kinds import label_routes
from shared.domain.labels.inputs import TagInput, TagPatch
from shared.domain.labels.record import Tag
from shared.wiring.labels import label_service

routes = label_routes(
    Tag,
    TagInput,
    TagPatch,
    lambda call: label_service(call.caller, Tag, call.claim),
    list_description="`prefix` is for completing what a user types; `usage_count` is the number of contacts.",
)
