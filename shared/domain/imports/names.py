"""First and last name from the columns of a row that hold parts of a name, or the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.characters import comparable
from shared.domain.contacts.names import MAX_LENGTH, split_name
from shared.domain.errors import FieldError

TOO_LONG = FieldError(
    "name", "string_too_long", f"A first or last name has at most {MAX_LENGTH} characters. It was left out."
)
DIFFERENT = FieldError(
    "name", "further_value", "This differs from the first and last name, and was left out."
)


@dataclass(frozen=True, slots=True)
class ReadName:
    """A first and last name; either may be empty. `fault`: why the whole name was left out."""

    first: str
    last: str
    fault: FieldError | None = None


def read_name(*, first: str, last: str, middle: str = "", suffix: str = "", whole: str = "") -> ReadName:
    """Return the first and last name from parts of a name, which may be empty.

    `whole` fills what the parts leave open: beside a first name it is what remains without the first name, or, where it
    does not have that, the last name (German files have `Name` beside `Vorname`). A middle name follows the first name,
    a suffix the last name.
    """
    fault = None
    if whole:
        if not first and not last:
            first, last, fault = _split(whole)
        elif not last:
            last = _without(whole, first)
        elif not first:
            first = _without(whole, last)
        elif not _words(whole) <= _words(f"{first} {middle} {last} {suffix}"):
            fault = DIFFERENT
    if middle and not _words(middle) <= _words(first):
        first = f"{first} {middle}".strip()
    if suffix and not _words(suffix) <= _words(last):
        if last or not first:
            last = f"{last} {suffix}".strip()
        else:
            first = f"{first} {suffix}"
    return ReadName(first, last, fault)


def _split(whole: str) -> tuple[str, str, FieldError | None]:
    first, last = split_name(whole)
    if len(whole) > MAX_LENGTH and MAX_LENGTH in (len(first), len(last)):  # it was cut
        return "", "", TOO_LONG
    return first, last, None


def _without(whole: str, part: str) -> str:
    """Return a name without one of its ends, or the whole name if it has no such end."""
    words, ends = comparable(whole).split(), comparable(part).split()
    plain = [word.strip(",").casefold() for word in words]
    least = [word.strip(",").casefold() for word in ends]
    if plain[: len(least)] == least:
        words = words[len(least) :]
    elif plain[-len(least) :] == least:
        words = words[: -len(least)]
    return " ".join(words).strip(", ")


def _words(name: str) -> set[str]:
    return {word.strip(".,").casefold() for word in comparable(name).split()}
