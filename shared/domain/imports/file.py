"""The reasons why a file cannot be imported."""

from __future__ import annotations

from shared.domain.errors import RuleBroken


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
