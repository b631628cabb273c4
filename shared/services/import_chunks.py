"""The rows of a chunk become contacts, each once, however often the chunk is handed out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from shared.domain import timestamps
from shared.domain.contact import Contact
from shared.domain.csv_file import Row, read_rows
from shared.domain.errors import ConcurrentChange, Duplicate, Invalid, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.import_file import BadFile, Layout
from shared.domain.import_rows import Fate, contact_fields, failed, result_rows
from shared.domain.imports import Chunk, ImportRun, Tally
from shared.domain.tenant import Settings, Tenant, UniqueScope
from shared.services.import_runs import ImportRuns, UnknownTenant
from shared.services.labelling import Labelling, LabelRepository

_TOGETHER = 33  # contacts in one transaction: three items each, of DynamoDB's hundred
_ATTEMPTS = 6


class ImportRepository(Protocol):
    """The imports of one tenant; see `shared.table.imports.ImportTable`."""

    def get(self, import_id: str) -> ImportRun | None: ...

    def look_up(self, import_id: str, chunk: int) -> tuple[ImportRun | None, Layout | None, bool]: ...

    def add_chunk(self, import_id: str, number: int, tally: Tally, part: str, at: str) -> bool: ...


class ContactRepository(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.ContactTable`."""

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]: ...

    def create(self, *created: tuple[Contact, Event]) -> None: ...


class Files(Protocol):
    """Dropped files and parts of results; see `shared.storage.drop_bucket.DropBucket`."""

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
        imports.add_chunk(import_id, chunk.number, tally, part, self._now())
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
        self, run: ImportRun, layout: Layout, settings: Settings, rows: list[tuple[int, Row]]
    ) -> dict[int, Fate]:
        fates: dict[int, Fate] = {}
        wanted: dict[str, tuple[int, dict[str, Any]]] = {}
        repeated: list[tuple[int, str]] = []
        labelling = Labelling(run.caller, self._labels(run.tenant_id))
        for number, row in rows:
            try:
                fields = labelling.settle(contact_fields(row, layout, settings))
            except (Invalid, RuleBroken) as error:
                fates[number] = failed(row, error)
                continue
            email = fields["email"]
            if email in wanted:
                repeated.append((number, email))
            else:
                wanted[email] = number, fields
        contacts, scope = self._contacts(run.tenant_id), settings.unique_scope
        # Looked up first, since a single address that is taken cancels the transaction of all the others.
        owners = contacts.owners_of_emails(wanted, scope) if wanted else {}
        free = []
        for email, (number, fields) in wanted.items():
            if email in owners:
                fates[number] = _fate_of_taken(run, number, owners[email])
            else:
                free.append((number, fields))
        # Where numbers are unique too, rows of one file may stand in each other's way: so each goes by itself.
        together = _TOGETHER if scope == "tenant" else 1
        for start in range(0, len(free), together):
            fates |= self._create(run, contacts, free[start : start + together], scope)
        for number, email in repeated:
            fates[number] = _fate_of_taken(run, number, fates[wanted[email][0]].contact_id)
        return fates

    def _create(
        self,
        run: ImportRun,
        contacts: ContactRepository,
        group: list[tuple[int, dict[str, Any]]],
        scope: UniqueScope,
    ) -> dict[int, Fate]:
        """Create contacts together; those that others made, or took the address of, meanwhile, are left out."""
        fates: dict[int, Fate] = {}
        for attempt in range(_ATTEMPTS):
            at = self._now()
            made = [
                Contact.create(
                    fields,
                    contact_id=run.contact_id(number),
                    event_id=new_id(),
                    at=at,
                    caller=run.caller,
                    source="import",
                    unique_scope=scope,
                )
                for number, fields in group
            ]
            try:
                contacts.create(*made)
            except (Duplicate, ConcurrentChange) as refusal:
                if isinstance(refusal, Duplicate) and refusal.field != "email":
                    ((number, _),) = group  # numbers are unique where rows go one by one, and nowhere else
                    return {number: Fate("skipped", refusal.contact_id, "duplicate", refusal.detail)}
                if attempt == _ATTEMPTS - 1:
                    raise
                owners = contacts.owners_of_emails((fields["email"] for _, fields in group), scope)
                left = []
                for number, fields in group:
                    owner = owners.get(fields["email"])
                    if owner is not None:
                        fates[number] = _fate_of_taken(run, number, owner)
                    elif contacts.get_with_deleted(run.contact_id(number)) is not None:
                        # Made by an earlier attempt, and given another address or deleted since.
                        fates[number] = Fate("created", run.contact_id(number))
                    else:
                        left.append((number, fields))
                if not left:
                    return fates
                group = left
                self._sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
            else:
                fates.update((number, Fate("created", run.contact_id(number))) for number, _ in group)
                return fates
        raise ConcurrentChange()


def _fate_of_taken(run: ImportRun, number: int, owner: str) -> Fate:
    """The fate of a row whose address a contact has: that of the row itself from an earlier attempt, or another."""
    if owner == run.contact_id(number):
        return Fate("created", owner)
    row = run.row_of_contact(owner)
    if row is not None:
        return Fate(
            "skipped", owner, "duplicate_in_file", f"Row {row} of this file has the same e-mail address."
        )
    return Fate("skipped", owner, "duplicate", "A contact with this e-mail address exists already.")


def _tally(fates: Iterable[Fate]) -> Tally:
    outcomes = [fate.outcome for fate in fates]
    return Tally(outcomes.count("created"), outcomes.count("skipped"), outcomes.count("failed"))
