"""Routes of contact types."""

from __future__ import annotations

from functions.labels.label_query import LabelListQuery
from shared import wiring
from shared.domain.errors import NameTaken, NotFound, VersionMismatch
from shared.domain.label_inputs import TypeInput, TypePatch
from shared.domain.labels import ContactType
from shared.http.call import Call
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes

routes = Routes("Types")


@routes.route(
    "GET",
    "/types",
    summary="List types in the order of their names",
    query=LabelListQuery,
    answer=ContactType,
    paged=True,
)
def list_types(call: Call, query: LabelListQuery) -> Reply:
    """The tenant's managed list of types."""
    page = wiring.labels(call.caller, ContactType).list(
        prefix=query.prefix, limit=query.limit, cursor=query.cursor
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/types",
    summary="Make a type",
    body=TypeInput,
    answer=ContactType,
    status=201,
    location="/types/{id}",
    errors=(NameTaken,),
)
def create_type(call: Call, body: TypeInput) -> Reply:
    return Reply(record=wiring.labels(call.caller, ContactType, call.claim).create(body.model_dump()))


@routes.route("GET", "/types/{type_id}", summary="Read a type", answer=ContactType, errors=(NotFound,))
def read_type(call: Call, type_id: str) -> Reply:
    return Reply(record=wiring.labels(call.caller, ContactType).read(type_id))


@routes.route(
    "PATCH",
    "/types/{type_id}",
    summary="Change a type (JSON merge patch)",
    body=TypePatch,
    media_types=(JSON, MERGE_PATCH),
    answer=ContactType,
    conditional=True,
    errors=(NotFound, NameTaken, VersionMismatch),
)
def patch_type(call: Call, type_id: str, body: TypePatch) -> Reply:
    """A new name or colour is seen with all its contacts at once."""
    return Reply(
        record=wiring.labels(call.caller, ContactType).change(type_id, body.as_given(), call.if_match)
    )


@routes.route(
    "DELETE",
    "/types/{type_id}",
    summary="Delete a type",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_type(call: Call, type_id: str) -> Reply:
    """Contacts that have it are without it at once."""
    wiring.labels(call.caller, ContactType).delete(type_id, call.if_match)
    return Reply(204)
