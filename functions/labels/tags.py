"""Routes of tags."""

from __future__ import annotations

from functions.labels.kinds import label_routes
from shared import wiring
from shared.domain.labels.inputs import TagInput, TagPatch
from shared.domain.labels.record import Tag

routes = label_routes(
    Tag,
    TagInput,
    TagPatch,
    lambda call: wiring.labels(call.caller, Tag, call.claim),
    listed="With `prefix`, for completing what a person types; `usage_count` says how many contacts have each.",
)
