"""Imports as callers see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import Conflict, NotFound
from shared.domain.ids import is_id
from shared.domain.imports.record import ImportRun
from shared.domain.imports.template import template
from shared.domain.imports.views import Import, Results
from shared.services.paging import Cursors, Page, read_page

RESULTS_SECONDS = 300
"""Seconds for which the address of results is valid."""

_PERMISSIONS = ("imports:run", "contacts:read")
"""`contacts:read`, since results name contacts of any owner."""


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def list_newest(self, *, limit: int, after: str | None) -> list[ImportRun]: ...


class ImportService:
    """The imports that one caller may see. For any other import it raises NotFound."""

    def __init__(
        self,
        caller: Caller,
        imports: ImportRepository,
        sign: Callable[[str, int], str],
        cursors: Cursors,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._caller = caller
        self._imports = imports
        self._sign = sign
        self._cursors = cursors
        self._now = now

    def list(self, *, limit: int, cursor: str | None) -> Page[Import]:
        """Return a page of the imports, the newest files first."""
        self._caller.require_all(*_PERMISSIONS)

        def read(count: int, after: Any) -> list[ImportRun]:
            return self._imports.list_newest(limit=count, after=after)

        return read_page(
            read,
            lambda run: run.id,
            self._to_view,
            limit=limit,
            cursor=cursor,
            cursors=self._cursors,
            scope=self._caller.scope("imports"),
        )

    def read(self, import_id: str) -> Import:
        """Return an import."""
        return self._to_view(self._get(import_id))

    def results(self, import_id: str) -> Results:
        """Return the address from which the results of an import can be fetched.

        Raises Conflict while the import is running or its results are being gathered, NotFound when it ended before any
        row was read.
        """
        run = self._get(import_id)
        if run.results_key is None:
            if run.state in ("awaiting_upload", "uploaded", "running"):
                raise Conflict(
                    "The import has not ended yet. Its results are available once it has.", code="not_ready"
                )
            if run.will_have_results:
                raise Conflict(
                    "The results are still being gathered. They are available in a few minutes.",
                    code="not_ready",
                )
            raise NotFound("Results")
        return Results(
            url=self._sign(run.results_key, RESULTS_SECONDS),
            expires_at=timestamps.plus(self._now(), RESULTS_SECONDS),
        )

    def template(self, *, with_examples: bool) -> str:
        """Return a CSV file with the header line of a file to import, and with example rows."""
        self._caller.require_all("imports:run")
        return template(with_examples=with_examples)

    def _get(self, import_id: str) -> ImportRun:
        self._caller.require_all(*_PERMISSIONS)
        run = self._imports.get(import_id) if is_id(import_id) else None
        if run is None:
            raise NotFound("Import")
        return run

    def _to_view(self, run: ImportRun) -> Import:
        url = self._sign(run.results_key, RESULTS_SECONDS) if run.results_key else None
        return Import.of(run, url)
