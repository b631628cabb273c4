"""The plan of a row: what an import will do with it, and why, before anything is written.

A plan follows from the row and from what is known already; making it reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared.domain.contacts.fields import ContactFields
from shared.domain.imports.csv_file import Row
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, fail_row
from shared.domain.imports.rows import UNKNOWN_OWNER, ReadRow
from shared.domain.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Known:
    """The facts from which the plans of rows follow.

    `owners`: the ids of active users, by the e-mail addresses that rows name. `default_owner`: the owner of contacts
    whose rows name no active user.
    """

    run: ImportRun
    settings: TenantSettings
    owners: Mapping[str, str]
    default_owner: str | None


@dataclass(frozen=True, slots=True)
class RowPlan:
    """The plan of a row, whose number is `number`.

    `fate`: the outcome with its reasons, if nothing unforeseen happens. `fields`: of the contact to create, with labels
    by their names; None when none is to be created.
    """

    number: int
    row: Row
    fate: Fate
    fields: ContactFields | None = None
    owner_id: str | None = None


def plan(number: int, row: Row, read: ReadRow, known: Known) -> RowPlan:
    """Return the plan of a row: a contact to create, or a failure with its reasons. `check_addresses` completes it."""
    if read.error is not None:
        return RowPlan(number, row, fail_row(row, read.error))
    is_unknown = bool(read.owner) and read.owner not in known.owners
    warnings = (UNKNOWN_OWNER, *read.warnings) if is_unknown else read.warnings
    return RowPlan(
        number,
        row,
        Fate("created", known.run.contact_id(number), warnings=warnings),
        read.fields,
        known.owners.get(read.owner, known.default_owner),
    )


def check_addresses(plans: Iterable[RowPlan], contacts: Mapping[str, str], run: ImportRun) -> list[RowPlan]:
    """Return the plans with the rows skipped whose e-mail address another contact has. `contacts`: ids by address."""
    checked = []
    for one in plans:
        contact_id = contacts.get(one.fields.get("email") or "") if one.fields is not None else None
        if contact_id is not None and contact_id != run.contact_id(one.number):
            one = replace(one, fate=duplicate_of(run, contact_id), fields=None)
        checked.append(one)
    return checked


def duplicate_of(run: ImportRun, contact_id: str) -> Fate:
    """Return the fate of a row whose e-mail address a contact has already."""
    row = run.row_of_contact(contact_id)
    if row is not None:
        return Fate(
            "skipped", contact_id, "duplicate_in_file", f"Row {row} of this file has the same e-mail address."
        )
    return Fate("skipped", contact_id, "duplicate", "A contact with this e-mail address exists already.")
