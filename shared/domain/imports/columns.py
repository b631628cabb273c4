"""The columns of a file: which field each one holds, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.domain.characters import one_line
from shared.domain.imports.csv_file import Encoding
from shared.domain.imports.headings import Meaning, digits_in, fold, labelled_by, meaning_of, without_note

Reason = Literal["mapping", "header", "label", "results", "export", "unknown"]
"""Why a column has its field, or none: the mapping of the import names it; its heading does; it holds the labels of
another column; results or exports have it, and imports do not read it; nothing is known about it."""

RESULT_COLUMNS = ("row_number", "line", "outcome", "contact_id", "reason_code", "message")
"""The columns of a results file after those of the imported file."""
# What exports have of a contact besides the fields that imports read.
_EXPORTED = frozenset(
    map(
        fold,
        (
            "Total Bookings", "Last Booking Date", "Primary Contact", "Active", "Email Verified", "Preferred Channel",
            "Opted Out", "Customer", "Organizers", "Phone As Typed", "WhatsApp As Typed", "Last Contacted At",
            "Interactions", "Next Follow-Up At", "Source", "Merged From", "Version", "Created At", "Created By",
            "Updated At", "Updated By", "Other Custom Fields",
        ),
    )
)  # fmt: skip
_ID = "id"
"""The heading, folded, and the field of the ids of contacts. Files of other programs have ids under it, too."""
_OF_WHOLE_EXPORTS = frozenset(map(fold, ("Id", "Version", "Created By", "Updated By")))
"""Headings that together show that a file is an export, also when a person has added columns to it."""
_CUSTOM = re.compile(r"custom(?:[ _-]?fields?)?\s*[.:]\s*(.+)", re.IGNORECASE)
_CUSTOM_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_LABELLED = "other_phones."


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file.

    `position`: from 0. `field`: the field of a contact that its cells hold, as mappings name it, also `name_prefix` and
    `name_suffix`; None when they are not read. `label`: of the numbers in it, such as `mobile`. `label_from`: the
    position of the column that holds their labels.
    """

    position: int
    header: str
    field: str | None
    label: str = ""
    reason: Reason = "unknown"
    label_from: int | None = None

    @property
    def is_unused(self) -> bool:
        """Whether nothing reads the column, and nothing says why."""
        return self.field is None and self.reason == "unknown"


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a file. It is kept with the import, so that all chunks are read the same way.

    `header`: the columns as the file names them. `columns`: what they hold, in the same order. `header_line`: the
    number of the line that names them, counted from 1.
    """

    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    columns: tuple[Column, ...]
    header_line: int = 1

    @property
    def own_width(self) -> int:
        """The number of columns without those of results, which are the last ones of a results file."""
        return sum(column.reason != "results" for column in self.columns)

    def has(self, field: str) -> bool:
        """Return whether a column holds a field."""
        return any(column.field == field for column in self.columns)


def recognize(header: Sequence[str], mapping: Mapping[str, str | None]) -> tuple[Column, ...]:
    """Return the columns of a file, one for each cell of its header.

    `mapping`: fields by heading, from the options of the import; None for a column that is not read. It takes
    precedence over headings. Its headings are compared as they are, and without case, accents, spaces and marks.
    """
    folded = [fold(name) for name in header]
    mapped = {plain: field for name, field in mapping.items() if (plain := fold(name))} | dict(mapping)
    beside = frozenset(folded)
    width = len(header) - len(RESULT_COLUMNS) if _has_results(header) else len(header)
    is_export = beside >= _OF_WHOLE_EXPORTS or all(
        _is_exported(header[at], folded[at], beside) for at in range(width)
    )
    columns = [
        _column(position, name, folded[position], mapped, beside, is_export=is_export)
        for position, name in enumerate(header[:width])
    ]
    columns += [
        Column(position, header[position], None, reason="results") for position in range(width, len(header))
    ]
    _read_titles(columns)
    _pair_labels(columns, folded)
    return tuple(columns)


def _column(
    position: int,
    name: str,
    folded: str,
    mapped: Mapping[str, str | None],
    beside: frozenset[str],
    *,
    is_export: bool,
) -> Column:
    for key in (name, folded):
        if key in mapped:
            return _mapped_column(position, name, mapped[key], meaning_of(folded, beside))
    custom_key = _custom_key(name)
    if custom_key is not None:
        return Column(position, name, f"custom.{custom_key}", reason="header")
    found = meaning_of(folded, beside) or meaning_of(fold(without_note(name)), beside)
    if found is not None:
        return Column(position, name, found.field, found.label, "header")
    if is_export and folded == _ID:
        return Column(position, name, _ID, reason="header")
    return Column(position, name, None, reason="export" if is_export and folded in _EXPORTED else "unknown")


def _mapped_column(position: int, name: str, field: str | None, found: Meaning | None) -> Column:
    if field is not None and field.startswith(_LABELLED):
        return Column(position, name, "other_phones", one_line(field.removeprefix(_LABELLED)), "mapping")
    label = found.label if found is not None and field in ("phone", "other_phones") else ""
    return Column(position, name, field, label, "mapping")


def _custom_key(name: str) -> str | None:
    """Return the key of the custom field that a heading such as `custom.size` or `Custom field: Size` names."""
    found = _CUSTOM.fullmatch(name.strip())
    key = _BETWEEN_WORDS.sub("_", found[1].strip()).lower() if found else ""
    return key if _CUSTOM_KEY.fullmatch(key) else None


def _is_exported(name: str, folded: str, beside: frozenset[str]) -> bool:
    return (
        folded == _ID
        or folded in _EXPORTED
        or _custom_key(name) is not None
        or meaning_of(folded, beside) is not None
    )


def _has_results(header: Sequence[str]) -> bool:
    """Return whether a file has the columns of results after those of the file that was imported."""
    return tuple(header[-len(RESULT_COLUMNS) :]) == RESULT_COLUMNS


def _read_titles(columns: list[Column]) -> None:
    """Decide what a column named Title holds: a job title; beside a column of job titles, what precedes a name. Of two
    columns with this name, as Outlook has them in French, the second has job titles.
    """
    titles = [column for column in columns if column.field == "title"]
    has_jobs = any(column.field == "job_title" for column in columns)
    for number, column in enumerate(titles):
        is_job = not has_jobs and (number > 0 or len(titles) == 1)
        columns[column.position] = replace(column, field="job_title" if is_job else "name_prefix")


def _pair_labels(columns: list[Column], folded: list[str]) -> None:
    """Find the columns with the labels of numbers, such as Google's `Phone 1 - Label`."""
    holders: dict[tuple[str, str], int] = {}
    for column in columns:
        if column.reason == "unknown" and (found := labelled_by(folded[column.position])) is not None:
            holders.setdefault(found, column.position)
    for column in columns:
        if column.field in ("email", "phone") and column.reason == "header":
            holder = holders.get((column.field, digits_in(folded[column.position])))
            if holder is not None:
                columns[column.position] = replace(column, label_from=holder)
                columns[holder] = replace(columns[holder], reason="label")
