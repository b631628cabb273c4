"""Kinds of text that fields hold."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import StringConstraints

# A line has no control characters (line breaks, tabs and NUL among them); a text may have line breaks and tabs.
_LINE = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
# Names of labels stand in lists that commas part: in queries, in cells of files.
_NO_COMMA = r"^[^\x00-\x1f\x7f,]*$"

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=_LINE)]
GivenName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_LINE)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_LINE)]
BusinessName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_LINE)
]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000, pattern=_TEXT)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=_TEXT)]
LabelName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_NO_COMMA)
]
GroupName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_NO_COMMA)
]

PATTERNS = {
    _LINE: "Line breaks, tabs and other control characters are not allowed here.",
    _TEXT: "Control characters other than line breaks and tabs are not allowed here.",
    _NO_COMMA: "Commas, line breaks and other control characters are not allowed here.",
}
"""What each pattern of a text asks for, in words."""

_FOLDED = 200


def split_name(full_name: str) -> tuple[str, str]:
    """First and last name of a name written as one: the first word, and all that follows.

    `Ada` gives ("Ada", ""); `Smith, Ada` gives ("Ada", "Smith"). Each is cut to a hundred characters.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in full_name).split())
    last, comma, first = text.partition(",")
    if comma and first.strip() and last.strip():
        return first.strip()[:100], last.strip()[:100]
    first, _, last = text.replace(",", " ").strip().partition(" ")
    return first[:100], last.strip()[:100]


def joined_name(first_name: str, last_name: str) -> str:
    """First and last name as one."""
    return f"{first_name} {last_name}".strip()


def unique_names(names: list[str]) -> list[str]:
    """Names in their order, without repeats; two that differ in case alone are one, the first spelling stays."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(folded(name), name)
    return list(seen.values())


def folded(name: str) -> str:
    """A name in the form in which names are unique: without regard to case."""
    # No name is so long: what is longer is none, and takes no longer to tell.
    return unicodedata.normalize("NFC", name[:_FOLDED].casefold())
