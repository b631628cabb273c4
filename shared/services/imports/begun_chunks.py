"""Closes the chunks that were being written when an import was cancelled or failed.

A worker that is killed while it writes a chunk leaves contacts that no closed chunk counts. While the import runs, the
chunk is worked on again. After its end that is too late: what the chunk has written is then found by its events, so
that it is counted, named in the results, and known to an undo.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Protocol

from shared.domain import timestamps
from shared.domain.errors import Conflict, FieldError
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.groups import NumberedRow, decode_groups
from shared.domain.imports.progress import ClosedChunk, Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, RowOutcome, result_lines
from shared.services.imports.carrying_out import Written, encode_writes
from shared.services.imports.chains import open_ends
from shared.services.imports.gathering import encode_lines, not_run

_INTERRUPTED = FieldError(
    "row", "interrupted", "The import ended while this row was written. What was left out of it is not known."
)
_COUNTED = frozenset(one.name for one in fields(Tally)) - {"warnings"}


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def chunks(self, import_id: str, attempt: str) -> Iterator[ClosedChunk]: ...

    def add_chunk(
        self, import_id: str, attempt: str, chunk: ClosedChunk, tally: Tally, at: str, *, task_id: str
    ) -> bool: ...


class Begun(Protocol):
    """The chunks that were begun; see `shared.table.imports.begun.BegunChunkTable`."""

    def find(self, run: ImportRun, first_row: int) -> list[tuple[str, str]] | None: ...


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def read_events(self, events: Iterable[tuple[str, str]]) -> dict[str, Event]: ...


class Files(Protocol):
    """The inputs and outputs of chunks; see `shared.files.drop_bucket.DropBucket`."""

    def read_input(self, tenant_id: str, import_id: str, attempt: str, number: int) -> bytes: ...

    def put_output(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str: ...

    def put_writes(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str: ...


class BegunChunks:
    """The begun chunks of one tenant's imports."""

    def __init__(self, imports: ImportRepository, begun: Begun, contacts: Contacts, files: Files) -> None:
        self._imports = imports
        self._begun = begun
        self._contacts = contacts
        self._files = files

    def close(self, run: ImportRun, layout: Layout) -> None:
        """Close the chunks of an ended import that were begun and have written something.

        Call it only when no worker works on the import any more. A chunk is queued once the one before it in its chain
        is closed, so only the open end of each chain may have been begun.
        """
        if run.is_dry:
            return
        closed = {chunk.number for chunk in self._imports.chunks(run.id, run.attempt)}
        for number in open_ends(closed, run.chunks_total or 0):
            try:
                body = self._files.read_input(run.tenant_id, run.id, run.attempt, number)
            except Conflict:
                continue  # gone for good, with the file
            rows = [row for group in decode_groups(body) for row in group.rows]
            events = self._read_events(run, rows)
            if events:
                self._close_chunk(run, layout, number, rows, events)

    def _read_events(self, run: ImportRun, rows: Collection[NumberedRow]) -> Collection[Event]:
        changed = self._begun.find(run, min(row.number for row in rows))
        if changed is None:
            return ()
        created = ((contact_id, run.event_id(contact_id, row)) for row, contact_id in _contact_ids(run, rows))
        return self._contacts.read_events([*changed, *created]).values()

    def _close_chunk(
        self,
        run: ImportRun,
        layout: Layout,
        number: int,
        rows: Collection[NumberedRow],
        events: Collection[Event],
    ) -> None:
        fates = {
            int(row): _interrupted(outcome, event.entity_id)
            for event in events
            for row, outcome in event.data["rows"].items()
        }
        lines = result_lines(
            layout,
            ((one.number, one.row, fates.get(one.number) or not_run(layout, one.row)) for one in rows),
        )
        where, name = (run.tenant_id, run.id, run.attempt), f"{number:06d}-{new_id()}"
        part = self._files.put_output(
            *where, name, encode_lines(zip((one.number for one in rows), lines, strict=True))
        )
        writes = self._files.put_writes(*where, name, encode_writes(map(Written.of, events)))
        self._imports.add_chunk(
            run.id,
            run.attempt,
            ClosedChunk(number, part, writes),
            _tally(fates),
            timestamps.now(),
            task_id=new_id(),
        )


def _contact_ids(run: ImportRun, rows: Iterable[NumberedRow]) -> Iterator[tuple[int, str]]:
    """Yield each row with the id of the contact that the import creates from it."""
    for row in rows:
        yield row.number, run.contact_id(row.number)


def _interrupted(outcome: RowOutcome, contact_id: str) -> Fate:
    """Return the fate of a row of which an event names only the outcome."""
    if outcome in ("skipped", "failed"):
        return Fate(outcome, contact_id, _INTERRUPTED.code, _INTERRUPTED.message)
    return Fate(outcome, contact_id, warnings=(_INTERRUPTED,))


def _tally(fates: Mapping[int, Fate]) -> Tally:
    outcomes = [fate.outcome for fate in fates.values()]
    counted = {name: sum(1 for one in outcomes if one == name) for name in _COUNTED}
    return Tally(**counted, warnings=sum(1 for fate in fates.values() if fate.warnings))
