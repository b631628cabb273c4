"""Usernames: names of their own choosing under which people sign in, unique in the whole deployment.

In the spirit of the profile UsernameCaseMapped (RFC 8265, section 3.3) there is one form for all spellings that people
take for the same name. No e-mail address is a username and no username can look like an address, which always has an
`@`: so neither can stand in the other's way when somebody signs in.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import Field

from shared.domain.characters import compared
from shared.domain.errors import Invalid
from shared.domain.validators import following

MIN_LENGTH, MAX_LENGTH = 3, 64
_LONGEST = 256
"""Characters of what is looked at as a username; all that is longer is none."""
_PUNCTUATION = "._-"


def fold(text: str) -> str:
    """The form in which usernames are kept, shown and compared: NFKC without case, and without space at the ends."""
    name = text[: _LONGEST + 1]
    for _ in range(2):  # a letter may fold to what folds again
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return name.strip()


def username_of(text: str) -> str | None:
    """The stored form of a username; None for what can be nobody's."""
    name = fold(text)
    if not MIN_LENGTH <= len(name) <= MAX_LENGTH or compared(name) != name:
        return None
    if not (name[0].isalpha() or name[0].isdecimal()) or not all(map(_may_stand, name)):
        return None
    return name


def _may_stand(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind[0] in "LM" or kind == "Nd" or character in _PUNCTUATION


def check_username(text: str) -> None:
    """Raises Invalid for what is no username."""
    if "@" in fold(text):
        raise Invalid.field(
            "username",
            "username",
            "A username has no @. People sign in with their e-mail address anyway, so leave this out or choose a name.",
        )
    if username_of(text) is None:
        raise Invalid.field(
            "username",
            "username",
            f"A username has {MIN_LENGTH} to {MAX_LENGTH} letters, digits and . _ - and begins with a letter or digit.",
        )


Username = Annotated[str, Field(max_length=_LONGEST), following(check_username)]
"""A username as it is given; `username_of` gives its stored form."""
