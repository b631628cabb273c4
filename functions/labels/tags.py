"""Routes of tags."""

from __future__ import annotations

from functions.labels.label_query import LabelListQuery
from shared import wiring
from shared.domain.errors import NameTaken, NotFound, VersionMismatch
from shared.domain.label_inputs import TagInput, TagPatch
from shared.domain.labels import Tag
from shared.http.call import Call
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes

routes = Routes("Tags")


@routes.route(
    "GET",
    "/tags",
    summary="List tags in the order of their names",
    query=LabelListQuery,
    answer=Tag,
    paged=True,
)
def list_tags(call: Call, query: LabelListQuery) -> Reply:
    """With `prefix`, for completing what a person types; `usage_count` says how many contacts have each."""
    page = wiring.labels(call.caller, Tag).list(prefix=query.prefix, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)


@routes.route(
    "POST",
    "/tags",
    summary="Make a tag",
    body=TagInput,
    answer=Tag,
    status=201,
    location="/tags/{id}",
    errors=(NameTaken,),
)
def create_tag(call: Call, body: TagInput) -> Reply:
    return Reply(record=wiring.labels(call.caller, Tag, call.claim).create(body.model_dump()))


@routes.route("GET", "/tags/{tag_id}", summary="Read a tag", answer=Tag, errors=(NotFound,))
def read_tag(call: Call, tag_id: str) -> Reply:
    return Reply(record=wiring.labels(call.caller, Tag).read(tag_id))


@routes.route(
    "PATCH",
    "/tags/{tag_id}",
    summary="Change a tag (JSON merge patch)",
    body=TagPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Tag,
    conditional=True,
    errors=(NotFound, NameTaken, VersionMismatch),
)
def patch_tag(call: Call, tag_id: str, body: TagPatch) -> Reply:
    """A new name or colour is seen with all its contacts at once."""
    return Reply(record=wiring.labels(call.caller, Tag).change(tag_id, body.as_given(), call.if_match))


@routes.route(
    "DELETE",
    "/tags/{tag_id}",
    summary="Delete a tag",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_tag(call: Call, tag_id: str) -> Reply:
    """Contacts that have it are without it at once."""
    wiring.labels(call.caller, Tag).delete(tag_id, call.if_match)
    return Reply(204)
