"""Carries out the plans of groups of rows, each once, however often that is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Literal, Protocol

from shared.domain import timestamps
from shared.domain.errors import ConcurrentChange, DomainError, Duplicate, Invalid, RuleBroken
from shared.domain.ids import new_id
from shared.domain.imports.columns import Layout
from shared.domain.imports.csv_file import Row
from shared.domain.imports.groups import Group
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, fail_row
from shared.domain.imports.rows import RowReader
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings, UniqueScope
from shared.services.contacts.creations import Creation
from shared.services.contacts.labelled_fields import label_fields
from shared.services.contacts.owners import Owners
from shared.services.contacts.writing import ContactWriting
from shared.services.imports.row_plans import GroupPlan, Known, RowPlan, duplicate_of, fates_of


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def owners_of_emails(self, emails: Iterable[str], scope: UniqueScope = "tenant") -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A contact that a group of rows created or changed, and the event of that write."""

    contact_id: str
    change: Literal["created", "changed"]
    event_id: str


def encode_writes(written: Iterable[Written]) -> bytes:
    """Return what a chunk wrote, a line of JSON for each write."""
    return b"".join(json.dumps(astuple(one), separators=(",", ":")).encode() + b"\n" for one in written)


def decode_writes(lines: bytes) -> list[Written]:
    """Return the writes of an object that `encode_writes` made."""
    return [Written(*json.loads(line)) for line in lines.splitlines()]


class RowWriting:
    """Writes what the rows of one import ask for."""

    def __init__(
        self,
        contacts: Contacts,
        writing: ContactWriting,
        owners: Owners,
        *,
        now: Callable[[], str] = timestamps.now,
    ) -> None:
        self._contacts = contacts
        self._writing = writing
        self._owners = owners
        self._now = now

    def read_known(
        self, run: ImportRun, layout: Layout, settings: TenantSettings, groups: Sequence[Group]
    ) -> Known:
        """Read what the plans of groups follow from.

        The owner of a contact is the user that its row names. Otherwise it is the first active user of these: the owner
        given for the import, the tenant's default owner, and the user who created the import.
        """
        reader = RowReader(layout, run.options, settings)
        rows = {one.number: reader.read(one.row) for group in groups for one in group.rows}
        named = {row.owner for row in rows.values() if row.owner}
        addresses = {row.fields.get("email") or "" for row in rows.values() if row.fields} - {""}
        return Known(
            run,
            settings,
            rows,
            self._contacts.owners_of_emails(addresses, settings.unique_scope) if addresses else {},
            self._owners.find_by_addresses(named) if named else {},
            self._owners.first_active(run.options.owner_id, settings.default_owner_id, run.uploader_id),
        )

    def carry_out(
        self, known: Known, plans: Sequence[GroupPlan]
    ) -> tuple[dict[int, Fate], Collection[Written]]:
        """Create the contacts that are planned. Returns the fates of all rows, by number, and what was written."""
        run, fates = known.run, fates_of(plans)
        planned = {one.number: one for plan in plans for one in plan.rows if one.fields is not None}
        creations = self._prepare(run, planned.values(), fates)
        by_contact = {run.contact_id(number): one for number, one in planned.items()}
        written: list[Written] = []
        for contact_id, refusal in self._writing.create_many(list(creations.values())):
            one = by_contact[contact_id]
            if refusal is None:
                written.append(Written(contact_id, "created", creations[one.number][1].id))
            else:
                fates[one.number] = _fate_of_refused(run, one.row, refusal)
                fates |= {
                    number: duplicate_of(run, fates[one.number].contact_id)
                    for number, fate in fates.items()
                    if isinstance(refusal, Duplicate) and fate.contact_id == contact_id
                }
        return fates, written

    def _prepare(
        self, run: ImportRun, plans: Iterable[RowPlan], fates: dict[int, Fate]
    ) -> Mapping[int, Creation]:
        """Build the contacts that are planned, by number. Tags that do not exist are created; a row with one tag too
        many gets its fate."""
        at = self._now()
        creations: dict[int, Creation] = {}
        for one in plans:
            if one.fields is None:
                continue
            try:
                fields = label_fields(one.fields, self._writing.labelling)
            except (Invalid, RuleBroken) as error:
                fates[one.number] = fail_row(one.row, error)
                continue
            creations[one.number] = self._writing.draft(
                {**fields, "owner_id": one.owner_id},
                contact_id=run.contact_id(one.number),
                stamp=Stamp(new_id(), at, run.caller),
                source="import",
            )
        return creations


def _fate_of_refused(run: ImportRun, row: Row, refusal: DomainError) -> Fate:
    """Return the fate of a row whose contact was refused. Raises ConcurrentChange when it is to be tried again."""
    if isinstance(refusal, Duplicate) and refusal.field == "email":
        return duplicate_of(run, refusal.contact_id)
    if isinstance(refusal, Duplicate):
        return Fate("skipped", refusal.contact_id, "duplicate", refusal.detail)
    if isinstance(refusal, ConcurrentChange):
        raise refusal
    return fail_row(row, refusal)
