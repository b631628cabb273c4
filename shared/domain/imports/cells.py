"""What a cell of a file holds, as people and programs write it."""

from __future__ import annotations

import re

from shared.domain.characters import comparable

# OWASP, "CSV Injection".
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""The first characters with which a spreadsheet takes a cell as a formula."""
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def remove_mark(cell: str) -> str:
    """Return a cell without the mark that results and exports put before what a spreadsheet would take as a formula."""
    return cell[1:].strip() if cell[:1] == "'" and cell[1:].startswith(FORMULA_STARTS) else cell


def labels_in(cell: str) -> list[str]:
    """Return the names of labels in a cell."""
    return [name for part in cell.split(",") if comparable(name := part.strip())]


def word_in(cell: str) -> str:
    """Return a status or stage as the API spells it: `Qualified Lead` is `qualified_lead`."""
    return _BETWEEN_WORDS.sub("_", cell).lower()
