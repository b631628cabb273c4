"""Reads the cells of a file as people and programs write them: texts, addresses, numbers and names of labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from shared.domain.cell_texts import remove_mark, split_values
from shared.domain.characters import comparable, one_line
from shared.domain.contacts.other_phones import split_label
from shared.domain.email import normalize_email
from shared.domain.errors import FieldError, Invalid

_TEXT_MARK = "'"
"""The character that Excel puts before a cell to keep it a text."""
_GOOGLE_MARK = "* "
"""The characters that Google Contacts puts before names of its own groups, and before preferred addresses."""
# What people write when they have no value. `0` and `000-0000` are placeholders of numbers too.
_NO_VALUE = (
    "-|--|---|—|–|.|?|??|/|*|n/a|n.a.|na|n/k|#n/a|none|null|nil|nan|unknown|tbd|tba|no phone|no email|no number|"
    "not available|not provided|not given|unbekannt|keine|keine angabe|k.a.|k. a.|k.a|inconnu|aucun|néant|desconocido|"
    "ninguno|sconosciuto|nessuno|geen|brak"
)
_PLACEHOLDERS = frozenset(_NO_VALUE.split("|"))
_NO_NUMBER = re.compile(r"[0\s()+./\\_-]*")
_BETWEEN_ADDRESSES = re.compile(r"\s:::\s|[;,|\r\n\t]")
# What is between numbers; first, what no number contains. A number may begin with `+`, a label, or a bracket.
_BETWEEN_NUMBERS = (
    re.compile(
        r"\s:::\s|[;|\r\n\t]|\s/\s|\s(?:or|and|oder|und|ou|et|o|y)\s"
        r"|(?<=[0-9)])\s*(?=\+)|(?<=[0-9)])\s+(?=[^\W\d_]{2,20}\s*:)"
        r"|(?<=[^\W\d_]\))\s*(?=[0-9(])|(?<=\.\))\s*(?=[0-9(])|\((?=[^\W\d_]{2,20}[.:]?\s*[0-9+])",
        re.IGNORECASE,
    ),
    re.compile("[,/&]"),
)
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])\s+(?=[0-9(])")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_LONGEST = 2_000
"""Characters of a cell in which several addresses or numbers are looked for."""


@dataclass(slots=True)
class Emails:
    """The e-mail addresses in a cell, in their stored form and order.

    `faults`: what was refused. `name`: the name before an address in angle brackets.
    """

    found: list[str] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number in a cell: its E.164 form, the text that it was read from, and the label before it."""

    e164: str
    text: str
    label: str = ""


@dataclass(slots=True)
class Numbers:
    """The telephone numbers in a cell, in their order. `faults`: what was refused."""

    found: list[Number] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)

    def add(self, others: Numbers) -> None:
        """Add what another part of the cell has."""
        self.found += others.found
        self.faults += others.faults


def text_in(cell: str) -> str:
    """Return the text of a cell without the mark against formulas; empty for a cell without visible characters."""
    text = cell.strip()
    if text[:1] == _TEXT_MARK:
        text = remove_mark(text).strip()
    if text.isascii() and text.isprintable():
        return text
    return text if comparable(text) else ""


def emails_in(cell: str, field: str = "email") -> Emails:
    """Return the e-mail addresses in a cell: one or several, with or without names and angle brackets.

    A placeholder such as `N/A` is no address. Faults name `field`.
    """
    text = text_in(cell).removeprefix(_TEXT_MARK).removeprefix(_GOOGLE_MARK).strip()
    if not text or is_placeholder(text):
        return Emails()
    if text.count("@") < 2 or len(text) > _LONGEST:
        try:
            return Emails([normalize_email(text, field)], name=_name_before(text))
        except Invalid as refusal:
            if "@" not in text or len(text) > _LONGEST:
                return Emails(faults=[*refusal.errors])
    emails = Emails(name=_name_before(text))
    for piece in _address_pieces(text):
        try:
            emails.found.append(normalize_email(piece, field))
        except Invalid as refusal:
            emails.faults += refusal.errors
    return emails


def numbers_in(cell: str, normalize: Callable[[str], str], *, are_labelled: bool = False) -> Numbers:
    """Return the telephone numbers in a cell.

    `normalize`: returns the E.164 form of a text, or raises Invalid. `are_labelled`: a number may have a label and a
    colon before it. The whole cell is read as one number where that is possible, so that an extension stays with its
    number; otherwise it is taken apart. A placeholder such as `N/A` or `0` is no number.
    """
    text = text_in(cell)
    if not are_labelled:
        return _read_numbers(text, normalize, _BETWEEN_NUMBERS if len(text) <= _LONGEST else ())
    numbers = Numbers()
    for value in split_values(text):
        label, number = split_label(value)
        is_number = any(map(str.isdigit, number))
        numbers.add(_read_numbers(number if is_number else value, normalize, (), label if is_number else ""))
    return numbers


def _read_numbers(
    text: str, normalize: Callable[[str], str], separators: Sequence[re.Pattern[str]], label: str = ""
) -> Numbers:
    """Return the numbers in a text: the whole of it, or its parts between the first separators that it has."""
    if not text or is_no_number(text):
        return Numbers()
    try:
        return Numbers([Number(normalize(text), text, one_line(label))])
    except Invalid as refusal:
        whole = refusal
    for level, between in enumerate(separators, 1):
        parts = [part.strip() for part in between.split(text)]
        if len(parts) > 1:
            numbers = Numbers()
            for part in parts:
                before, after = split_label(part)
                own = before.isalpha() and any(map(str.isdigit, after))
                numbers.add(
                    _read_numbers(
                        after if own else part, normalize, separators[level:], before if own else label
                    )
                )
            return numbers if numbers.found or not numbers.faults else Numbers(faults=[*whole.errors])
    two = _read_two(text, normalize) if whole.errors[0].code == "phone_two_numbers" else []
    return Numbers(two) if two else Numbers(faults=[*whole.errors])


def _read_two(text: str, normalize: Callable[[str], str]) -> list[Number]:
    """Return the two numbers of a text that has only space between them; none if there are several ways to read it."""
    found: list[list[Number]] = []
    for between in _BETWEEN_DIGITS.finditer(text):
        with suppress(Invalid):
            parts = text[: between.start()], text[between.end() :]
            found.append([Number(normalize(part), part) for part in parts])
    return found[0] if len(found) == 1 else []


def labels_in(cell: str) -> list[str]:
    """Return the names of labels in a cell, without Google's `* `."""
    text = text_in(cell)
    if text[:1] == "[" and text[-1:] == "]":  # as programs write lists
        text = text[1:-1]
    if "\n" in text and '"' not in text:
        text = text.replace("\n", ",")
    names = (one_line(value.removeprefix(_GOOGLE_MARK)) for value in split_values(text))
    return [name for name in names if comparable(name)]


def label_in(cell: str) -> str:
    """Return the label of a number in a cell of its own, without Google's `* ` and the mark against formulas."""
    return one_line(f"{text_in(cell)} ".removeprefix(_GOOGLE_MARK))


def word_in(text: str) -> str:
    """Return a status or stage as the API spells it: `Qualified Lead` is `qualified_lead`."""
    return _BETWEEN_WORDS.sub("_", text).lower()


def is_placeholder(text: str) -> bool:
    """Return whether a text says that there is no value."""
    return len(text) <= 20 and text.casefold() in _PLACEHOLDERS


def is_no_number(text: str) -> bool:
    """Return whether a text says that there is no telephone number: a placeholder, or only zeros and punctuation."""
    return is_placeholder(text) or (len(text) <= 20 and _NO_NUMBER.fullmatch(text) is not None)


def _name_before(text: str) -> str:
    name, bracket, _ = text.partition("<")
    return one_line(name).strip("\"' ") if bracket else ""


def _address_pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that are addresses or should be: those in angle brackets, and the others."""
    at = 0
    while (begin := text.find("<", at)) >= 0 and (end := text.find(">", begin)) > 0:
        # What precedes a bracket is the name of its address, except what looks like an address itself.
        yield from (piece for piece in _split(text[at:begin]) if "@" in piece)
        yield text[begin + 1 : end]
        at = end + 1
    yield from _split(text[at:])


def _split(text: str) -> Iterator[str]:
    for part in _BETWEEN_ADDRESSES.split(text):
        words = part.split()
        signed = [word for word in words if "@" in word]
        if signed and (len(signed) == len(words) or len(signed) == 1):  # words beside an address are its name
            for word in signed:
                yield from (one.strip("()[]\"'.:") for one in word.split("/") if "@" in one)
        elif words:
            yield part.strip()
