"""The routes that tags, types and groups have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from functions.labels.label_query import LabelListQuery
from shared.domain.errors import NameTaken, NotFound, VersionMismatch
from shared.domain.labels.inputs import LabelInput, LabelPatch
from shared.http.call import Call
from shared.http.routes import JSON, MERGE_PATCH, Handler, Reply, Routes

if TYPE_CHECKING:
    from shared.services.labels.labels import AnyLabel, LabelService


def label_routes(
    kind: type[AnyLabel],
    given: type[LabelInput],
    patch: type[LabelPatch],
    service: Callable[[Call], LabelService[AnyLabel]],
    *,
    list_description: str,
    create: Callable[[Call, dict[str, Any]], AnyLabel] | None = None,
) -> Routes:
    """Return the routes of a kind of labels: list, create, read, change, delete.

    `given` and `patch`: the bodies that create and change a label.
    `service`: returns the service for a call.
    `list_description`: of the list, for the OpenAPI document.
    `create`: creates a label for a call from the given fields, if the service's own method does not suffice.
    """
    singular, plural = kind.entity, f"{kind.entity}s"
    label, label_id = f"/{plural}/{{{singular}_id}}", f"{singular}_id"
    routes = Routes(plural.capitalize())

    @routes.route(
        "GET",
        f"/{plural}",
        summary=f"List {plural} by name",
        query=LabelListQuery,
        answer=kind,
        paged=True,
    )
    @_described(f"list_{plural}", list_description)
    def list_labels(call: Call, query: LabelListQuery) -> Reply:
        page = service(call).list(prefix=query.prefix, limit=query.limit, cursor=query.cursor)
        return Reply(page=page)

    @routes.route(
        "POST",
        f"/{plural}",
        summary=f"Create a {singular}",
        body=given,
        answer=kind,
        status=201,
        location=f"/{plural}/{{id}}",
        errors=(NameTaken,),
    )
    @_described(f"create_{singular}")
    def create_label(call: Call, body: LabelInput) -> Reply:
        make_label = create or (lambda call, given: service(call).create(given))
        return Reply(record=make_label(call, body.given_fields()))

    @routes.route("GET", label, summary=f"Read a {singular}", answer=kind, errors=(NotFound,))
    @_described(f"read_{singular}")
    def read_label(call: Call, **path: str) -> Reply:
        return Reply(record=service(call).read(path[label_id]))

    @routes.route(
        "PATCH",
        label,
        summary=f"Change a {singular} (JSON merge patch)",
        body=patch,
        media_types=(JSON, MERGE_PATCH),
        answer=kind,
        conditional=True,
        errors=(NotFound, NameTaken, VersionMismatch),
    )
    @_described(f"patch_{singular}", "All contacts show a new name or colour at once.")
    def patch_label(call: Call, body: LabelPatch, **path: str) -> Reply:
        return Reply(record=service(call).change(path[label_id], body.given_fields(), call.if_match))

    @routes.route(
        "DELETE",
        label,
        summary=f"Delete a {singular}",
        status=204,
        conditional=True,
        errors=(NotFound, VersionMismatch),
    )
    @_described(f"delete_{singular}", "It disappears from all contacts at once.")
    def delete_label(call: Call, **path: str) -> Reply:
        service(call).delete(path[label_id], call.if_match)
        return Reply(204)

    return routes


def _described(name: str, description: str | None = None) -> Callable[[Handler], Handler]:
    """Return a decorator that sets a handler's name and description in the OpenAPI document."""

    def describe(handler: Handler) -> Handler:
        handler.__name__, handler.__doc__ = name, description
        return handler

    return describe
