"""The columns of a file: which field each one holds, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.domain.imports.csv_file import Encoding

Reason = Literal["mapping", "header", "repeated", "results", "unknown"]
"""Why a column has its field, or none: the mapping of the import names it; its header does; the header names a field
that another column has; it belongs to a results file; nothing is known about it."""

# The names of columns, compared without case and without `_IGNORED`. The first name that a file has counts.
_NAMES: dict[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "primaryemail", "mail", "mailaddress", "email1", "emailaddress1", "email1value"),
    "first_name": ("firstname", "givenname", "forename", "first"),
    "last_name": ("lastname", "familyname", "surname", "last"),
    "phone": (
        "phone", "phonenumber", "telephone", "telephonenumber", "tel", "mobile", "mobilephone", "mobilenumber",
        "mobilephonenumber", "cell", "cellphone", "businessphone", "workphone", "phone1value",
    ),
    "whatsapp": ("whatsapp", "whatsappnumber", "whatsappphonenumber"),
    "company": ("company", "companyname", "organization", "organisation", "organizationname", "employer"),
    "department": ("department", "dept"),
    "job_title": ("jobtitle", "position", "jobposition"),
    "about": ("about", "notes", "note", "description", "comments"),
    "tags": ("tags", "tag", "labels"),
    "relationship_status": ("relationshipstatus",),
    "lifecycle_stage": ("lifecyclestage",),
    "owner": ("owner", "owneremail", "contactowner", "contactowneremail", "assignedto", "accountowner"),
}  # fmt: skip
_IGNORED = re.compile(r"[\s_\-.\ufeff]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    `position`: from 0. `field`: the field of a contact that its cells hold: one of FIELDS or `custom.<key>`; None when
    they are not read. `label`: of the numbers in it, such as `mobile`.
    """

    position: int
    header: str
    field: str | None
    label: str = ""
    reason: Reason = "unknown"


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a file. It is kept with the import, so that all chunks are read the same way.

    `header`: the columns as the file names them. `columns`: what they hold, in the same order.
    """

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    columns: tuple[Column, ...]

    def has(self, field: str) -> bool:
        """Return whether a column holds a field."""
        return any(column.field == field for column in self.columns)


def recognize(header: tuple[str, ...], mapping: Mapping[str, str | None]) -> tuple[Column, ...]:
    """Return the columns of a file, one for each cell of its header.

    `mapping`: fields by header, from the options of the import, which are preferred; None for a column that is not
    read.
    """
    positions: dict[str, int] = {}
    for position, name in enumerate(header):
        positions.setdefault(_IGNORED.sub("", name).casefold(), position)
    fields: dict[int, str] = {}
    for field, names in _NAMES.items():
        found = next((positions[name] for name in names if name in positions), None)
        if found is not None:
            fields[found] = field
    return tuple(
        Column(position, name, mapping[name], reason="mapping")
        if name in mapping
        else Column(
            position, name, fields.get(position), reason="header" if position in fields else "unknown"
        )
        for position, name in enumerate(header)
    )
