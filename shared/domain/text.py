"""The kinds of text in fields."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from shared.domain.characters import comparable, one_line, several_lines

# NUL is never typed, and ends a text for programs written in C.
_NO_NUL = r"^[^\x00]*$"
# Names of labels are listed with commas between them, in queries and in cells of files.
_NO_COMMA = r"^[^\x00,]*$"


def _clean_before(clean: Callable[[str], str]) -> BeforeValidator:
    # Before the length is checked, so that a name of only invisible characters is empty.
    return BeforeValidator(lambda given: clean(given) if isinstance(given, str) else given)


_ONE_LINE, _SEVERAL_LINES = _clean_before(one_line), _clean_before(several_lines)

MAX_LONG_TEXT = 10_000
"""Characters of a long text, such as a note's."""


def _require_visible(text: str) -> str:
    if not several_lines(text):
        raise PydanticCustomError("nothing_visible", "This must have something visible in it.")
    return text


Name = Annotated[str, StringConstraints(max_length=100, pattern=_NO_NUL), _ONE_LINE]
GivenName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_NUL), _ONE_LINE]
Line = Annotated[str, StringConstraints(max_length=200, pattern=_NO_NUL), _ONE_LINE]
GivenLine = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL), _ONE_LINE]
LongText = Annotated[str, StringConstraints(max_length=MAX_LONG_TEXT, pattern=_NO_NUL), _SEVERAL_LINES]
LongerText = Annotated[str, StringConstraints(max_length=150_000, pattern=_NO_NUL), _SEVERAL_LINES]
GivenLongText = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_LONG_TEXT, pattern=_NO_NUL), _SEVERAL_LINES
]
WrittenText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_LONG_TEXT, pattern=_NO_NUL),
    AfterValidator(_require_visible),
]
"""A long text that is kept as it was sent."""
ShortText = Annotated[str, StringConstraints(max_length=500, pattern=_NO_NUL), _SEVERAL_LINES]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=_NO_COMMA), _ONE_LINE]
GroupName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_COMMA), _ONE_LINE]

VISIBLE_ASCII = r"^[!-~]+$"
"""An identifier of another system: no spaces, only ASCII."""

HEADER_NAME = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"
"""The name of an HTTP header: a token (RFC 9110, section 5.6.2)."""
HEADER_VALUE = r"^[!-~](?:[ -~]*[!-~])?$"
"""The value of an HTTP header without letters beyond ASCII (RFC 9110, section 5.5)."""

PATTERNS = {
    VISIBLE_ASCII: "This must be in ASCII characters without spaces.",
    HEADER_NAME: "This is no name of an HTTP header.",
    HEADER_VALUE: "This must be in ASCII characters, without spaces at the ends and without control characters.",
    _NO_NUL: "The character NUL is not allowed here.",
    _NO_COMMA: "Commas and the character NUL are not allowed here.",
}
"""The sentence for a text that does not match a pattern."""

_FOLDED = 200


def join_name(first_name: str, last_name: str) -> str:
    """Return the full name of a first and a last name."""
    return f"{first_name} {last_name}".strip()


def unique_names(names: list[str]) -> list[str]:
    """Return names in their order without repetitions. Of names that are equal (see `fold_name`) the first is kept."""
    seen: dict[str, str] = {}
    for name in names:
        seen.setdefault(fold_name(name), name)
    return list(seen.values())


@lru_cache(maxsize=1024)
def fold_name(name: str) -> str:
    """Return a name in the form in which names are unique: without case, invisible characters and kinds of space."""
    # No name is so long; a longer text is cut, so that it takes no more time.
    return unicodedata.normalize("NFC", comparable(name)[:_FOLDED].casefold())
