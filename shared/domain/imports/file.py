"""The limits of a file to import, and the reasons why it cannot be imported."""

from __future__ import annotations

from shared.domain.errors import RuleBroken

MAX_FILE_BYTES = 200_000_000
"""Bytes of the largest file that can be imported."""
MAX_ROWS = 2_000_000
"""Rows of the largest file that can be imported."""


class BadFile(RuleBroken):
    """The file cannot be imported. `code` and `detail` say why, without repeating any of the file's content."""

    code = "not_csv"


class FileReplaced(BadFile):
    """The object was removed or replaced."""

    code = "replaced"

    def __init__(self) -> None:
        super().__init__(
            "The file was replaced or removed while it was being imported. A file put in its place is imported by"
            " itself; its rows that are contacts already count as duplicates."
        )
