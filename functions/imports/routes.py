"""Routes of imports and their results."""

from __future__ import annotations

from shared.domain.errors import Conflict, NotFound
from shared.domain.imports.preview import Preview, PreviewInput
from shared.domain.imports.template import FILE_NAME, TemplateQuery
from shared.domain.imports.undo_views import ImportUndo
from shared.domain.imports.upload import ImportInput, StartInput
from shared.domain.imports.views import Import, NewImport, Results
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.imports import (
    import_cancelling,
    import_previews,
    import_retries,
    import_service,
    import_undos,
    import_uploads,
)

routes = Routes("Imports")


@routes.route(
    "GET", "/imports", summary="List imports, newest first", query=ListQuery, answer=Import, paged=True
)
def list_imports(call: Call, query: ListQuery) -> Reply:
    return Reply(page=import_service(call.caller).list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/imports",
    summary="Create an import; only this answer says where to upload its file",
    body=ImportInput,
    answer=NewImport,
    status=201,
    location="/imports/{id}",
)
def create_import(call: Call, body: ImportInput) -> Reply:
    return Reply(record=import_uploads(call.caller, call.claim).create(body))


@routes.route(
    "POST",
    "/imports/{import_id}/start",
    summary="Start an import after its file was uploaded",
    body=StartInput,
    body_optional=True,
    answer=Import,
    status=202,
    errors=(NotFound, Conflict),
)
def start_import(call: Call, import_id: str, body: StartInput) -> Reply:
    """An import that was undone can be started again, and so can one that has run and written nothing: with `dry_run`,
    or because it ended before its file was split."""
    return Reply(record=import_uploads(call.caller, call.claim).start(import_id, body))


@routes.route(
    "POST",
    "/imports/{import_id}/preview",
    summary="Preview an import: what it would do with each row",
    body=PreviewInput,
    body_optional=True,
    answer=Preview,
    status=202,
    location="/imports/{import_id}/preview",
    errors=(NotFound, Conflict),
)
def preview_import(call: Call, import_id: str, body: PreviewInput) -> Reply:
    """The preview is a dry run of the whole file, made in the background. It writes nothing, and replaces an earlier
    preview of the import."""
    return Reply(record=import_previews(call.caller, call.claim).begin(import_id, body))


@routes.route(
    "GET",
    "/imports/{import_id}/preview",
    summary="Read the preview of an import, complete or not",
    answer=Preview,
    errors=(NotFound,),
)
def read_preview(call: Call, import_id: str) -> Reply:
    return Reply(record=import_previews(call.caller).read(import_id))


@routes.route(
    "POST",
    "/imports/{import_id}/retry",
    summary="Retry an import: start another one of the rows that failed or were not run",
    body=StartInput,
    body_optional=True,
    answer=Import,
    status=201,
    location="/imports/{id}",
    errors=(NotFound, Conflict),
)
def retry_import(call: Call, import_id: str, body: StartInput) -> Reply:
    """The new import reads the rows from the results of the other one, and has its options unless others are given. It
    starts at once."""
    return Reply(record=import_retries(call.caller, call.claim).start(import_id, body))


@routes.route(
    "GET",
    "/imports/template",
    summary="Get a CSV file to fill in",
    query=TemplateQuery,
    answer_type="text/csv; charset=utf-8",
)
def read_template(call: Call, query: TemplateQuery) -> Reply:
    """The file is in UTF-8 with a byte order mark."""
    return Reply(
        text=import_service(call.caller).template(with_examples=query.example),
        headers={"Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
    )


@routes.route(
    "POST",
    "/imports/{import_id}/cancel",
    summary="Cancel an import",
    answer=Import,
    errors=(NotFound, Conflict),
)
def cancel_import(call: Call, import_id: str) -> Reply:
    """The import stops after the chunks that it is working on, at most twenty of 200 rows. The contacts that it has
    written so far stay. The results follow within minutes; rows that were not reached have the outcome `not_run`."""
    return Reply(record=import_cancelling(call.caller, call.claim).cancel(import_id))


@routes.route("GET", "/imports/{import_id}", summary="Read an import", answer=Import, errors=(NotFound,))
def read_import(call: Call, import_id: str) -> Reply:
    return Reply(record=import_service(call.caller).read(import_id))


@routes.route(
    "GET",
    "/imports/{import_id}/results",
    summary="Get the URL of an import's results, row by row",
    answer=Results,
    errors=(NotFound, Conflict),
)
def read_results(call: Call, import_id: str) -> Reply:
    return Reply(record=import_service(call.caller).results(import_id))


@routes.route(
    "POST",
    "/imports/{import_id}/undo",
    summary="Undo an import: take back what it wrote, except what has changed since",
    answer=ImportUndo,
    status=202,
    location="/imports/{import_id}/undo",
    errors=(NotFound, Conflict),
)
def undo_import(call: Call, import_id: str) -> Reply:
    """Removes the contacts that the import created, and restores the fields of those that it changed."""
    return Reply(record=import_undos(call.caller, call.claim).begin(import_id))


@routes.route(
    "GET",
    "/imports/{import_id}/undo",
    summary="Read the undo of an import: its progress, and the contacts that were kept",
    answer=ImportUndo,
    errors=(NotFound,),
)
def read_undo(call: Call, import_id: str) -> Reply:
    return Reply(record=import_undos(call.caller).read(import_id))
