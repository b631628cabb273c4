"""The rows of a chunk become contacts, each once, however often the chunk is delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, Invalid, RuleBroken
from shared.domain.ids import new_id
from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.file import BadFile
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, fail_row, result_rows
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.imports.tasks import Chunk, ImportTask
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings, UniqueScope
from shared.services.contacts.creations import Creation
from shared.services.contacts.labelled_fields import label_fields
from shared.services.contacts.owners import Owners
from shared.services.contacts.writing import ContactWriting
from shared.services.imports.row_plans import Known, RowPlan, check_addresses, duplicate_of, plan
from shared.services.imports.runs import ImportRuns, UnknownTenant
from shared.services.jobs.runner import Portion


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def look_up(self, import_id: str, chunk: int) -> tuple[ImportRun | None, Layout | None, str | None]: ...

    def add_chunk(
        self, import_id: str, number: int, tally: Tally, part: str, at: str, *, task_id: str
    ) -> bool: ...


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]: ...


class Files(Protocol):
    """Dropped files and parts of results; see `shared.files.drop_bucket.DropBucket`."""

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]: ...

    def put_part(self, tenant_id: str, import_id: str, name: str, body: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class SplitImport:
    """An import whose file is being split, or was, with the file's layout."""

    run: ImportRun
    layout: Layout


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """The outcome of a chunk. `part`: the object with the fate of each row."""

    tally: Tally
    part: str


class ImportChunks:
    """The chunks of imports for the `JobRunner`: a chunk is a portion."""

    def __init__(
        self,
        imports: Callable[[str], ImportRepository],
        contacts: Callable[[str], Contacts],
        writing: Callable[[Caller], ContactWriting],
        files: Files,
        runs: ImportRuns,
        owners: Callable[[str], Owners],
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._imports = imports
        self._contacts = contacts
        self._writing = writing
        self._files = files
        self._runs = runs
        self._owners = owners
        self._now = now

    def find(self, task: ImportTask) -> Portion[SplitImport] | None:
        """Return the chunk; None when another task closed it, or the import has ended."""
        run, layout, closed_by = self._imports(task.tenant_id).look_up(task.import_id, _chunk_of(task).number)
        if run is None or layout is None:
            raise LookupError("a chunk of an import that is not there")
        if run.state != "running" or closed_by not in (None, "", task.id):
            return None
        return Portion(SplitImport(run, layout), is_closed=closed_by is not None)

    def refuse(self) -> None:
        """Raises UnknownTenant."""
        raise UnknownTenant()

    def work(self, task: ImportTask, run: SplitImport, tenant: Tenant) -> WrittenChunk | None:
        """Write the contacts of the chunk's rows, and then the fates of the rows. Returns None when the file cannot be
        read, which fails the import."""
        chunk = _chunk_of(task)
        try:
            rows = self._read(run.run, run.layout, chunk)
        except BadFile as refusal:
            self._runs.give_up(run.run, refusal)
            return None
        reader = RowReader(run.layout, ImportOptions(), tenant.settings)
        read = {number: reader.read(row) for number, row in rows}
        known = self._read_known(run.run, tenant.settings, read.values())
        fates = self.carry_out(known, [plan(number, row, read[number], known) for number, row in rows])
        body = result_rows(run.layout, ((number, row, fates[number]) for number, row in rows))
        # Two attempts may have different outcomes when others change contacts meanwhile. Each therefore has an object
        # of its own, and the chunk's record names the object of the attempt that was counted.
        name = f"{chunk.number:06d}-{new_id()}"
        part = self._files.put_part(task.tenant_id, task.import_id, name, body)
        return WrittenChunk(_tally(fates.values()), part)

    def close(self, task: ImportTask, run: SplitImport, result: WrittenChunk) -> SplitImport | None:
        """Count the chunk, unless another worker did."""
        imports = self._imports(task.tenant_id)
        is_first = imports.add_chunk(
            task.import_id, _chunk_of(task).number, result.tally, result.part, self._now(), task_id=task.id
        )
        current = imports.get(task.import_id)
        if is_first and current is not None:
            return replace(run, run=current)
        # The worker that was faster queues the next chunk: queued twice, all that follow would be written twice.
        self._runs.queue_finish_if_done(current)
        return None

    def queue_next(self, task: ImportTask, run: SplitImport) -> None:
        """Queue the next chunk of the chain, and after the last chunk the end of the import."""
        self._runs.queue_next(run.run, _chunk_of(task))
        self._runs.queue_finish_if_done(run.run)

    def _read(self, run: ImportRun, layout: Layout, chunk: Chunk) -> list[tuple[int, Row]]:
        rows = read_rows(
            self._files.read(run.object_key, run.etag, chunk.start, chunk.end),
            layout.encoding,
            layout.delimiter,
            start=chunk.start,
            line=chunk.first_line,
            alone_until=chunk.alone_until,
        )
        return list(enumerate(rows, chunk.first_row))

    def _read_known(self, run: ImportRun, settings: TenantSettings, rows: Iterable[ReadRow]) -> Known:
        """Read what the plans of rows follow from.

        The owner of a contact is the user that its row names. Otherwise it is the first active user of these: the owner
        given for the import, the tenant's default owner, and the user who created the import.
        """
        owners = self._owners(run.tenant_id)
        default_owner = owners.first_active(run.owner_id, settings.default_owner_id, run.uploader_id)
        named = {row.owner for row in rows if row.owner}
        return Known(run, settings, owners.find_by_addresses(named) if named else {}, default_owner)

    def carry_out(self, known: Known, plans: Sequence[RowPlan]) -> dict[int, Fate]:
        """Create the contacts that are planned. Returns the fates of all rows, by number."""
        run, scope = known.run, known.settings.unique_scope
        fates = {one.number: one.fate for one in plans if one.fields is None}
        writing = self._writing(run.caller)
        creations = self._prepare(writing, run, plans, fates)
        if scope == "customer":
            # Each row is about a person whom a customer may have as a contact already.
            planned = [one for one in plans if one.number in creations]
            addresses = {one.number: creations[one.number][0].email or "" for one in planned}
            taken = self._contacts(run.tenant_id).owners_of_emails(addresses.values(), "customer")
            for one in check_addresses(planned, taken, run):
                if one.fields is None:
                    fates[one.number] = one.fate
        by_contact = {run.contact_id(one.number): one for one in plans}
        created = writing.create_many(
            [creation for number, creation in creations.items() if number not in fates]
        )
        for contact_id, refusal in created:
            one = by_contact[contact_id]
            fates[one.number] = one.fate if refusal is None else _fate_of_refused(run, one.row, refusal)
        return fates

    def _prepare(
        self, writing: ContactWriting, run: ImportRun, plans: Iterable[RowPlan], fates: dict[int, Fate]
    ) -> Mapping[int, Creation]:
        """Build the contacts that are planned, by number. Tags that do not exist are created; a row with one tag too
        many gets its fate."""
        at = self._now()
        creations: dict[int, Creation] = {}
        for one in plans:
            if one.fields is None:
                continue
            try:
                fields = label_fields(one.fields, writing.labelling)
            except (Invalid, RuleBroken) as error:
                fates[one.number] = fail_row(one.row, error)
                continue
            creations[one.number] = writing.draft(
                {**fields, "owner_id": one.owner_id},
                contact_id=run.contact_id(one.number),
                stamp=Stamp(new_id(), at, run.caller),
                source="import",
            )
        return creations


def _chunk_of(task: ImportTask) -> Chunk:
    if task.chunk is None:
        raise ValueError("a task without a chunk")
    return task.chunk


def _fate_of_refused(run: ImportRun, row: Row, refusal: DomainError) -> Fate:
    """Return the fate of a row whose contact was refused. Raises ConcurrentChange when it is to be tried again."""
    if isinstance(refusal, Duplicate) and refusal.field == "email":
        return duplicate_of(run, refusal.contact_id)
    if isinstance(refusal, Duplicate):
        return Fate("skipped", refusal.contact_id, "duplicate", refusal.detail)
    if isinstance(refusal, ConcurrentChange):
        raise refusal
    return fail_row(row, refusal)


def _tally(fates: Iterable[Fate]) -> Tally:
    outcomes = [fate.outcome for fate in fates]
    return Tally(outcomes.count("created"), outcomes.count("skipped"), outcomes.count("failed"))
