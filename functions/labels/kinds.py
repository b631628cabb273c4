"""The routes that tags, types and groups have alike."""

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
    listed: str,
    create: Callable[[Call, dict[str, Any]], AnyLabel] | None = None,
) -> Routes:
    """The routes of a kind of labels: list, make, read, change, delete.

    `given` and `patch`: what makes a label and what changes one. `service` works on the labels for a call. `listed`:
    what is to be said of the list. `create`: makes a label for a call from what was given, in the place of `service`.
    """
    one, many = kind.entity, f"{kind.entity}s"
    label, label_id = f"/{many}/{{{one}_id}}", f"{one}_id"
    routes = Routes(many.capitalize())

    @routes.route(
        "GET",
        f"/{many}",
        summary=f"List {many} in the order of their names",
        query=LabelListQuery,
        answer=kind,
        paged=True,
    )
    @_named(f"list_{many}", listed)
    def list_labels(call: Call, query: LabelListQuery) -> Reply:
        page = service(call).list(prefix=query.prefix, limit=query.limit, cursor=query.cursor)
        return Reply(page=page)

    @routes.route(
        "POST",
        f"/{many}",
        summary=f"Make a {one}",
        body=given,
        answer=kind,
        status=201,
        location=f"/{many}/{{id}}",
        errors=(NameTaken,),
    )
    @_named(f"create_{one}")
    def create_label(call: Call, body: LabelInput) -> Reply:
        make = create or (lambda call, given: service(call).create(given))
        return Reply(record=make(call, body.given_fields()))

    @routes.route("GET", label, summary=f"Read a {one}", answer=kind, errors=(NotFound,))
    @_named(f"read_{one}")
    def read_label(call: Call, **path: str) -> Reply:
        return Reply(record=service(call).read(path[label_id]))

    @routes.route(
        "PATCH",
        label,
        summary=f"Change a {one} (JSON merge patch)",
        body=patch,
        media_types=(JSON, MERGE_PATCH),
        answer=kind,
        conditional=True,
        errors=(NotFound, NameTaken, VersionMismatch),
    )
    @_named(f"patch_{one}", "A new name or colour is seen with all its contacts at once.")
    def patch_label(call: Call, body: LabelPatch, **path: str) -> Reply:
        return Reply(record=service(call).change(path[label_id], body.given_fields(), call.if_match))

    @routes.route(
        "DELETE",
        label,
        summary=f"Delete a {one}",
        status=204,
        conditional=True,
        errors=(NotFound, VersionMismatch),
    )
    @_named(f"delete_{one}", "Contacts that have it are without it at once.")
    def delete_label(call: Call, **path: str) -> Reply:
        service(call).delete(path[label_id], call.if_match)
        return Reply(204)

    return routes


def _named(name: str, told: str | None = None) -> Callable[[Handler], Handler]:
    """Gives a handler the name and the words by which the OpenAPI document knows it."""

    def rename(handler: Handler) -> Handler:
        handler.__name__, handler.__doc__ = name, told
        return handler

    return rename
