"""Kinds of text that fields hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from shared.domain.characters import comparable, one_line, several_lines

# NUL is in no text that a person typed, and ends a text for programs written in C.
_NO_NUL = r"^[^\x00]*$"
# Names of labels stand in lists that commas separate: in queries, in cells of files.
_NO_COMMA = r"^[^\x00,]*$"


def _cleaned(clean: Callable[[str], str]) -> BeforeValidator:
    # Before the lengths are checked, so that a name of invisible characters alone is an empty one.
    return BeforeValidator(lambda given: clean(given) if isinstance(given, str) else given)


_ONE_LINE, _SEVERAL_LINES = _cleaned(one_line), _cleaned(several_lines)

Name = Annotated[str, StringConstraints(max_length=100, pattern=_NO_NUL), _ONE_LINE]
GivenName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_NUL), _ONE_LINE]
Line = Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL), _ONE_LINE]
GivenLine = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL), _ONE_LINE]
LongText = Annotated[str, StringConstraints(max_length=10_000, pattern=_NO_NUL), _SEVERAL_LINES]
ShortText = Annotated[str, StringConstraints(max_length=500, pattern=_NO_NUL), _SEVERAL_LINES]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=_NO_COMMA), _ONE_LINE]
GroupName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_COMMA), _ONE_LINE]

VISIBLE_ASCII = r"^[!-~]+$"
"""An identifier of another system's: no spaces, no letters beyond ASCII."""

PATTERNS = {
    VISIBLE_ASCII: "This must be in ASCII characters without spaces.",
    _NO_NUL: "The character NUL is not allowed here.",
    _NO_COMMA: "Commas and the character NUL are not allowed here.",
}
"""The demand of each pattern of a text, in words."""

_FOLDED = 200


def join_name(first_name: str, last_name: str) -> str:
    """First and last name as one."""
    return f"{first_name} {last_name}".strip()


def unique_names(names: list[str]) -> list[str]:
    """Names in their order, without repeats. Of those that count as one (see `folded`) the first spelling stays."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(fold_name(name), name)
    return list(seen.values())


def fold_name(name: str) -> str:
    """A name in the form in which names are unique: without regard to case, invisible characters and kinds of space."""
    # No name is so long: what is longer is none, and takes no longer to tell.
    return unicodedata.normalize("NFC", comparable(name)[:_FOLDED].casefold())
