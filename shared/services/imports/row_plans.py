"""The plan of a group of rows: what an import will do with them, and why, before anything is written.

A plan follows from the rows and from what is known already; making it reads and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.domain.contacts.fields import ContactFields
from shared.domain.imports.csv_file import Row
from shared.domain.imports.groups import Group, NumberedRow
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate, fail_row
from shared.domain.imports.rows import UNKNOWN_OWNER, ReadRow
from shared.domain.tenant import TenantSettings


@dataclass(frozen=True, slots=True)
class Known:
    """The facts from which the plans of groups follow.

    `rows`: what rows say, by their numbers. `contacts`: the ids of contacts, by the e-mail addresses of rows. `owners`:
    the ids of active users, by the e-mail addresses that rows name. `default_owner`: the owner of contacts whose rows
    name no active user.
    """

    run: ImportRun
    settings: TenantSettings
    rows: Mapping[int, ReadRow]
    contacts: Mapping[str, str]
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


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The plans of a group's rows, in the order of the file."""

    rows: tuple[RowPlan, ...]


def plan_groups(groups: Iterable[Group], known: Known) -> list[GroupPlan]:
    """Return the plan of each group."""
    return [_plan_group(group, known) for group in groups]


def fates_of(plans: Iterable[GroupPlan]) -> dict[int, Fate]:
    """Return the fates that are planned, by the numbers of the rows."""
    return {one.number: one.fate for plan in plans for one in plan.rows}


def _plan_group(group: Group, known: Known) -> GroupPlan:
    """The earlier row of the file goes first: a later one finds the contact that it creates."""
    contacts = dict(known.contacts)
    plans: list[RowPlan] = []
    for one in group.rows:
        planned = _plan_row(one, known, contacts)
        plans.append(planned)
        if planned.fields is not None:
            contacts.setdefault(planned.fields.get("email") or "", planned.fate.contact_id)
    return GroupPlan(tuple(plans))


def _plan_row(one: NumberedRow, known: Known, contacts: Mapping[str, str]) -> RowPlan:
    read = known.rows[one.number]
    if read.error is not None or read.fields is None:
        refusal = read.error
        if refusal is None:
            raise ValueError("a row without fields and without an error")
        return RowPlan(one.number, one.row, fail_row(one.row, refusal))
    contact_id = contacts.get(read.fields.get("email") or "")
    if contact_id is not None and contact_id != known.run.contact_id(one.number):
        return RowPlan(one.number, one.row, duplicate_of(known.run, contact_id))
    is_unknown = bool(read.owner) and read.owner not in known.owners
    warnings = (UNKNOWN_OWNER, *read.warnings) if is_unknown else read.warnings
    return RowPlan(
        one.number,
        one.row,
        Fate("created", known.run.contact_id(one.number), warnings=warnings),
        read.fields,
        known.owners.get(read.owner, known.default_owner),
    )


def duplicate_of(run: ImportRun, contact_id: str) -> Fate:
    """Return the fate of a row whose e-mail address a contact has already."""
    row = run.row_of_contact(contact_id)
    if row is not None:
        return Fate(
            "skipped", contact_id, "duplicate_in_file", f"Row {row} of this file has the same e-mail address."
        )
    return Fate("skipped", contact_id, "duplicate", "A contact with this e-mail address exists already.")
