"""The rows of a chunk become contacts, each once, however often the chunk is handed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from shared.domain import timestamps
from shared.domain.contacts.record import Contact
from shared.domain.errors import ConcurrentChange, Duplicate, Invalid, RuleBroken
from shared.domain.ids import new_id
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.file import BadFile, Layout
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.rows import (
    UNKNOWN_OWNER,
    Fate,
    contact_fields,
    failed,
    owner_of,
    result_rows,
    with_warnings,
)
from shared.domain.imports.tasks import Chunk
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.contacts.creations import ContactRepository, Creation, create_all
from shared.services.contacts.owners import Owners
from shared.services.imports.runs import ImportRuns, UnknownTenant
from shared.services.labels.labelling import Labelling, LabelRepository


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.repository.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def look_up(self, import_id: str, chunk: int) -> tuple[ImportRun | None, Layout | None, bool]: ...

    def add_chunk(self, import_id: str, number: int, tally: Tally, part: str, at: str) -> bool: ...


class Files(Protocol):
    """Dropped files and parts of results; see `shared.files.drop_bucket.DropBucket`."""

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]: ...

    def put_part(self, tenant_id: str, import_id: str, name: str, body: bytes) -> str: ...


class ImportChunks:
    """Writes the rows of chunks."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        imports: Callable[[str], ImportRepository],
        contacts: Callable[[str], ContactRepository],
        labels: Callable[[str], LabelRepository],
        files: Files,
        runs: ImportRuns,
        owners: Callable[[str], Owners],
        *,
        now: Callable[[], str] = timestamps.now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._tenant = tenant
        self._imports = imports
        self._contacts = contacts
        self._labels = labels
        self._files = files
        self._runs = runs
        self._owners = owners
        self._now = now
        self._sleep = sleep

    def write(self, tenant_id: str, import_id: str, chunk: Chunk) -> Tally | None:
        """Write a chunk's rows, and count them in; None when there is nothing to do any more.

        Raises UnknownTenant, and Unavailable or ConcurrentChange when it should be tried again.
        """
        imports = self._imports(tenant_id)
        run, layout, done = imports.look_up(import_id, chunk.number)
        if run is None or layout is None:
            raise LookupError("a chunk of an import that is not there")
        if run.state != "running":
            return None
        if done:
            self._runs.ask_for_next(run, chunk)
            self._runs.finish_if_done(run)
            return None
        tenant = self._tenant(tenant_id)
        if tenant is None or tenant.suspended:
            raise UnknownTenant()
        try:
            rows = self._read(run, layout, chunk)
        except BadFile as refusal:
            self._runs.give_up(run, refusal)
            return None
        fates = self._write_rows(run, layout, tenant.settings, rows)
        tally = _tally(fates.values())
        body = result_rows(layout, ((number, row, fates[number]) for number, row in rows))
        # Two attempts may come to different ends when others change contacts meanwhile, so each has an object of
        # its own, and the chunk's row names the one that was counted.
        part = self._files.put_part(tenant_id, import_id, f"{chunk.number:06d}-{new_id()}", body)
        if imports.add_chunk(import_id, chunk.number, tally, part, self._now()):
            # A twin that was faster asks for the next: asked for twice, all that follows would be written twice.
            self._runs.ask_for_next(run, chunk)
        self._runs.finish_if_done(imports.get(import_id))
        return tally

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

    def _write_rows(
        self, run: ImportRun, layout: Layout, settings: TenantSettings, rows: list[tuple[int, Row]]
    ) -> dict[int, Fate]:
        fates: dict[int, Fate] = {}
        creations: dict[str, tuple[int, Creation]] = {}
        at, scope = self._now(), settings.unique_scope
        labelling = Labelling(run.caller, self._labels(run.tenant_id))
        owners = _RowOwners(self._owners(run.tenant_id), run, layout, settings, rows)
        for number, row in rows:
            try:
                fields = labelling.settle(contact_fields(row, layout, settings))
            except (Invalid, RuleBroken) as error:
                fates[number] = failed(row, error)
                continue
            contact, event = Contact.create(
                {**fields, "owner_id": owners.of(row)},
                contact_id=run.contact_id(number),
                stamp=Stamp(new_id(), at, run.caller),
                source="import",
                unique_scope=scope,
            )
            creations[contact.id] = number, (contact, event)
        contacts, by_number = self._contacts(run.tenant_id), dict(rows)
        if scope == "customer":
            # A row is of a person whom a customer may have as a contact already.
            fates |= self._known(run, contacts, creations)
        made = create_all(
            contacts,
            [creation for number, creation in creations.values() if number not in fates],
            scope=scope,
            sleep=self._sleep,
        )
        for contact_id, refusal in made:
            number = creations[contact_id][0]
            if refusal is None:
                created = by_number[number]
                fate = owners.fate_of(created, contact_id)
                fates[number] = with_warnings(fate, created, layout, settings)
            elif isinstance(refusal, Duplicate) and refusal.field == "email":
                fates[number] = _fate_of_taken(run, refusal.contact_id)
            elif isinstance(refusal, Duplicate):
                fates[number] = Fate("skipped", refusal.contact_id, "duplicate", refusal.detail)
            elif isinstance(refusal, ConcurrentChange):
                raise refusal
            else:  # of this row alone
                fates[number] = failed(by_number[number], refusal)
        return fates

    def _known(
        self, run: ImportRun, contacts: ContactRepository, creations: dict[str, tuple[int, Creation]]
    ) -> dict[int, Fate]:
        """The fates of rows whose address any contact has, be it a customer's or not."""
        emails = {number: contact.email or "" for number, (contact, _) in creations.values()}
        owners = contacts.owners_of_emails(emails.values(), "customer")
        return {
            number: _fate_of_taken(run, owners[email])
            for number, email in emails.items()
            if email in owners and owners[email] != run.contact_id(number)
        }


class _RowOwners:
    """The owners of the contacts of some rows: the user that a row names; else, as far as they are active users, the
    owner that the import was asked for with, the tenant's default one, or who asked for the import.
    """

    def __init__(
        self,
        owners: Owners,
        run: ImportRun,
        layout: Layout,
        settings: TenantSettings,
        rows: list[tuple[int, Row]],
    ) -> None:
        self._layout = layout
        self._of_others = owners.first_active(run.owner_id, settings.default_owner_id, run.uploader_id)
        named = {address for _, row in rows if (address := owner_of(row, layout))}
        self._known = owners.by_addresses(named) if named else {}

    def of(self, row: Row) -> str | None:
        return self._known.get(owner_of(row, self._layout), self._of_others)

    def fate_of(self, row: Row, contact_id: str) -> Fate:
        """The fate of a row that was created."""
        named = owner_of(row, self._layout)
        return Fate("created", contact_id, *(UNKNOWN_OWNER if named and named not in self._known else ()))


def _fate_of_taken(run: ImportRun, owner: str) -> Fate:
    """The fate of a row whose address another contact has."""
    row = run.row_of_contact(owner)
    if row is not None:
        return Fate(
            "skipped", owner, "duplicate_in_file", f"Row {row} of this file has the same e-mail address."
        )
    return Fate("skipped", owner, "duplicate", "A contact with this e-mail address exists already.")


def _tally(fates: Iterable[Fate]) -> Tally:
    outcomes = [fate.outcome for fate in fates]
    return Tally(outcomes.count("created"), outcomes.count("skipped"), outcomes.count("failed"))
