"""Routes of exports and their files."""

from __future__ import annotations

from shared.domain.errors import Conflict, NotFound, RuleBroken
from shared.domain.exports.views import Export, ExportFile, ExportInput, ExportPreview
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Accepted, Reply, Routes
from shared.wiring.exports import export_service, exported_filter

routes = Routes("Exports")


@routes.route(
    "POST",
    "/exports",
    summary="Export contacts to a file, or show what an export would have",
    body=ExportInput,
    answer=ExportPreview,
    accepted=Accepted(Export, "/exports/{id}"),
    errors=(RuleBroken, Conflict),
)
def create_export(call: Call, body: ExportInput) -> Reply:
    """The answer is 202 with the export, which is made in the background; with `dry_run`, it is 200 with the number of
    contacts and the first ten. An export has only contacts that the caller may see.
    """
    wanted = exported_filter(call.caller.tenant_id, body)
    return Reply(record=export_service(call.caller, call.claim, call.budget).create(body, wanted))


@routes.route(
    "GET", "/exports", summary="List exports, newest first", query=ListQuery, answer=Export, paged=True
)
def list_exports(call: Call, query: ListQuery) -> Reply:
    """Returns the caller's own exports, and all exports to an admin."""
    exports = export_service(call.caller, budget=call.budget)
    return Reply(page=exports.list(limit=query.limit, cursor=query.cursor))


@routes.route("GET", "/exports/{export_id}", summary="Read an export", answer=Export, errors=(NotFound,))
def read_export(call: Call, export_id: str) -> Reply:
    return Reply(record=export_service(call.caller).read(export_id))


@routes.route(
    "POST",
    "/exports/{export_id}/cancel",
    summary="Stop an export",
    answer=Export,
    errors=(NotFound, Conflict),
)
def cancel_export(call: Call, export_id: str) -> Reply:
    """The export stops within seconds, and counts as under way until then. A cancelled export has no file."""
    return Reply(record=export_service(call.caller, call.claim).cancel(export_id))


@routes.route(
    "GET",
    "/exports/{export_id}/file",
    summary="Get the URL of an export's file",
    answer=ExportFile,
    errors=(NotFound, Conflict),
)
def read_export_file(call: Call, export_id: str) -> Reply:
    """The URL is valid for five minutes. The file is removed seven days after the export ended."""
    return Reply(record=export_service(call.caller).file(export_id))
