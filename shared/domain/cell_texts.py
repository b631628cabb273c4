"""Texts in the cells of spreadsheets: exports and results of imports write them, and imports read them.

Each pair of functions is exact: what one writes, the other reads back unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""The first characters with which a spreadsheet takes a cell as a formula (OWASP, "CSV Injection")."""
_MARK = "'"
_SEPARATOR = ", "
_BETWEEN = re.compile(r"[,;]| ::: ")
_TOKENS = re.compile(r'[",;]| ::: ')
_LIST_STARTS = ("[", "*", _MARK)
"""The first characters by which imports know lists, and the marks of programs before values."""
_NO_VALUES = (
    "-|--|---|—|–|.|?|??|/|*|n/a|n.a.|n/k|#n/a|none|null|nil|keine angabe|keine|k.a.|k. a.|k.a|aucun|ninguno|nessuno|"
    "geen|brak"
)
_NO_VALUE = frozenset(_NO_VALUES.split("|"))
"""What people write where there is no value."""


def add_mark(text: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: with a mark before a text that could be one.

    A text that looks like a marked one is marked too, so that `remove_mark` always returns the text.
    """
    return _MARK + text if text.lstrip(_MARK).startswith(FORMULA_STARTS) else text


def remove_mark(cell: str) -> str:
    """Return the text of a cell that `add_mark` has written."""
    is_marked = cell.startswith(_MARK) and cell.lstrip(_MARK).startswith(FORMULA_STARTS)
    return cell[1:] if is_marked else cell


def mark_once(cell: str) -> str:
    """Return a cell of an imported file that no spreadsheet runs as a formula. Imports read it as they read `cell`.

    A cell that is marked already is not marked again, so that results of results have the same cells. Spaces at its
    start are left out, since they are no part of a cell where CSV is read.
    """
    start = cell.lstrip(" ")
    if not start.startswith(FORMULA_STARTS):
        return start
    inner = start.lstrip()
    if not inner:
        return ""
    return inner if remove_mark(inner) != inner else _MARK + start


def join_values(values: Iterable[str]) -> str:
    """Return a cell with several values, with commas between them. A value that would be split, or would lose a part
    of it, is quoted."""
    return _SEPARATOR.join(map(_quote, values))


def split_values(cell: str) -> list[str]:
    """Return the values in a cell: between commas, semicolons and ` ::: ` outside of quotes.

    A value in quotes is returned without them. Quotes that do not match are taken as they are.
    """
    return [value for part in _parts_of(cell) if (value := _unquote(part))]


def split_names(cell: str, mark: str) -> list[str]:
    """Return the values in a cell as `split_values` does, without `mark` before them and without words that say that
    there is no value. A value in quotes keeps both.
    """
    values = (
        part if part[0] == '"' else part.removeprefix(mark)
        for part in _parts_of(cell)
        if part and part.casefold() not in _NO_VALUE
    )
    return [value for part in values if (value := _unquote(part))]


def _parts_of(cell: str) -> Iterator[str]:
    parts, is_whole = _split_outside_quotes(cell)
    if not is_whole:
        parts = _BETWEEN.split(cell)
    return map(str.strip, parts)


def _split_outside_quotes(cell: str) -> tuple[list[str], bool]:
    """Return the parts of a cell, and whether its quotes match."""
    parts: list[str] = []
    start, closed_at, is_quoted, may_open = 0, -1, False, True
    for found in _TOKENS.finditer(cell):
        if found[0] != '"':
            if not is_quoted:
                parts.append(cell[start : found.start()])
                start, may_open = found.end(), True
        elif is_quoted:
            is_quoted, closed_at = False, found.end()
        elif found.start() == closed_at:  # a doubled quote within quotes
            is_quoted = True
        elif may_open:
            is_quoted, may_open = not cell[start : found.start()].strip(), False
    parts.append(cell[start:])
    return parts, not is_quoted


def _quote(value: str) -> str:
    needs_quotes = (
        _TOKENS.search(value)
        or ":::" in value
        or value != value.strip()
        or value.startswith(_LIST_STARTS)
        or value.casefold() in _NO_VALUE
    )
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if needs_quotes else value


def _unquote(part: str) -> str:
    if len(part) > 1 and part[0] == part[-1] == '"':
        return part[1:-1].replace('""', '"')
    return part
