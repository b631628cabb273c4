"""Usernames: names that users choose to sign in with, unique in the whole deployment.

Following the profile UsernameCaseMapped (RFC 8265, section 3.3), all spellings that people take for the same name have
one stored form. A username cannot contain an `@`, so usernames and e-mail addresses never collide at sign-in.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import Field

from shared.domain.characters import comparable
from shared.domain.errors import Invalid
from shared.domain.validators import validated_by

MIN_LENGTH, MAX_LENGTH = 3, 64
_LONGEST = 256
"""The longest text, in characters, that is examined as a username; a longer one is refused."""
_PUNCTUATION = "._-"


def fold(text: str) -> str:
    """Return a text in the form in which usernames are stored, shown and compared: NFKC, case-folded, stripped."""
    name = text[: _LONGEST + 1]
    for _ in range(2):  # the result of folding a letter may fold once more
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return name.strip()


def parse_username(text: str) -> str | None:
    """Return the stored form of a username, or None if `text` is not a valid username."""
    name = fold(text)
    if not MIN_LENGTH <= len(name) <= MAX_LENGTH or comparable(name) != name:
        return None
    if not (name[0].isalpha() or name[0].isdecimal()) or not all(map(_is_allowed, name)):
        return None
    return name


def _is_allowed(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] in "LM" or kind == "Nd" or character in _PUNCTUATION


def check_username(text: str) -> None:
    """Raises Invalid if `text` is not a valid username."""
    if "@" in fold(text):
        raise Invalid.field(
            "username",
            "username",
            "A username has no @. People sign in with their e-mail address anyway, so leave this out or choose a name.",
        )
    if parse_username(text) is None:
        raise Invalid.field(
            "username",
            "username",
            f"A username has {MIN_LENGTH} to {MAX_LENGTH} letters, digits and . _ - and begins with a letter or digit.",
        )


Username = Annotated[str, Field(max_length=_LONGEST), validated_by(check_username)]
"""A username as a caller typed it; `parse_username` returns its stored form."""
