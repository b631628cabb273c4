"""Reads the cells of a file as people and programs write them: texts, addresses, numbers and names of labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from shared.domain.cell_texts import remove_mark, split_names, split_values
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
_BETWEEN_ADDRESSES = re.compile(
    r"\s:::\s|[;,|\r\n\t；，、]|\s(?:/|&|\+|->|or|and|oder|und|u\.|ou|et|o|y|e)\s", re.IGNORECASE
)
# What is between numbers; first, what no number contains. A number may begin with `+`, a label, or a bracket.
_BETWEEN_NUMBERS = (
    re.compile(
        r"\s:::\s|[;|\r\n\t]|\s(?:or|and|oder|und|u\.|bzw\.|od\.|ou|et|o|y)\s"
        r"|(?<=[0-9)])\s*(?=\+)|(?<=[0-9)])\s+(?=[^\W\d_]{2,20}\s*:)"
        r"|(?<=[^\W\d_]\))\s*(?=[0-9(])|(?<=\.\))\s*(?=[0-9(])|\((?=[^\W\d_]{2,20}[.:]?\s*[0-9+])",
        re.IGNORECASE,
    ),
    re.compile("[,&]"),
    re.compile(r"\s/\s"),
    re.compile("/"),
)
_PREFIX = re.compile(r"(?<![0-9])0|\+")
"""The start of a number with a trunk prefix or a country code."""
_SLASHES = _BETWEEN_NUMBERS[2:]
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])\s+(?=[0-9(])")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_SCHEME = re.compile(r"[^\W\d_][\w-]{0,14}:(?=[^:]*@)")
"""What programs put before an address, such as `SMTP:`. No address has a colon."""
_AROUND_ADDRESSES = "()[]<>\"'“”„‘’«»‹›.:!?"
_FAX = re.compile(r"(?<![^\W_])(?:tele)?(?:fax|pager)", re.IGNORECASE)
_VOICE = re.compile(r"(?<![^\W_])(?:tele)?(?:tel|phone|phon|fon|mob)(?!efax)", re.IGNORECASE)
_MOST = 100
"""Addresses or numbers of a cell that are tried."""
_TOO_MANY = f"This cell has more than {_MOST} values. The others were left out."
_LONGEST = 2_000
"""Characters of a cell in which several addresses or numbers are looked for."""


@dataclass(slots=True)
class Emails:
    """The e-mail addresses in a cell, in their stored form and order.

    `faults`: what was refused. `name`: the name before an address in angle brackets. `beside`: the words beside the
    only address, if it has no angle brackets.
    """

    found: list[str] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    name: str = ""
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A telephone number in a cell: its E.164 form, the text that it was read from, and its label: the one before it,
    or `fax` where the text says so."""

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
    pieces = _address_pieces(text)
    for piece in islice(pieces, _MOST):
        try:
            emails.found.append(normalize_email(piece, field))
        except Invalid as refusal:
            if not is_placeholder(piece):
                emails.faults += refusal.errors
    if next(pieces, None) is not None:
        emails.faults.append(_too_many(field))
    if len(emails.found) == 1 and not emails.faults and "<" not in text:
        emails.beside = _words_beside(text)
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
    numbers, values = Numbers(), split_values(text)
    for value in values[:_MOST]:
        label, number = split_label(value)
        is_number = any(map(str.isdigit, number)) and value[:5].casefold() != "tel:+"
        separators = _BETWEEN_NUMBERS if len(value) <= _LONGEST else ()
        numbers.add(
            _read_numbers(number if is_number else value, normalize, separators, label if is_number else "")
        )
    if len(values) > _MOST:
        numbers.faults.append(_too_many("other_phones"))
    return numbers


def _read_numbers(
    text: str, normalize: Callable[[str], str], separators: Sequence[re.Pattern[str]], label: str = ""
) -> Numbers:
    """Return the numbers in a text: the whole of it, or its parts between the first separators that it has."""
    if not text or is_no_number(text):
        return Numbers()
    try:
        return Numbers([Number(normalize(text), text, one_line(label) or ("fax" if is_fax(text) else ""))])
    except Invalid as refusal:
        whole = refusal
    for level, between in enumerate(separators, 1):
        parts = [part.strip() for part in between.split(text, _MOST)]
        if len(parts) > 1:
            numbers = Numbers()
            if len(parts) > _MOST:
                numbers.faults.append(replace(whole.errors[0], code="too_long", message=_TOO_MANY))
            for part in parts[:_MOST]:
                before, after = split_label(part)
                own = before.isalpha() and any(map(str.isdigit, after))
                numbers.add(
                    _read_numbers(
                        after if own else part, normalize, separators[level:], before if own else label
                    )
                )
            if between in _SLASHES and any(_lacks_its_prefix(one, text, normalize) for one in numbers.found):
                return Numbers(faults=[*whole.errors])
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
    if len(found) != 1 or any(_lacks_its_prefix(one, text, normalize) for one in found[0]):
        return []
    return found[0]


def _lacks_its_prefix(number: Number, text: str, normalize: Callable[[str], str]) -> bool:
    """Return whether a number in a text with several begins without the trunk prefix `0` that others have: it may be
    the end of a number whose area code is before it."""
    digits = number.text[_first_digit(number.text) :]
    if digits[:1] in ("0", "+") or not _PREFIX.search(text):
        return False
    try:
        return normalize(f"0{digits}") == number.e164
    except Invalid:
        return False


def _first_digit(text: str) -> int:
    return next(
        (at for at, character in enumerate(text) if character.isdigit() or character == "+"), len(text)
    )


def is_fax(text: str) -> bool:
    """Return whether a label or the text of a number says that it is of a fax or pager, and not also of a telephone."""
    return _FAX.search(text) is not None and _VOICE.search(text) is None


def labels_in(cell: str) -> list[str]:
    """Return the names of labels in a cell, without Google's `* ` and without words such as `none`. Those in quotes are
    returned as they are."""
    text = text_in(cell)
    if text[:1] == "[" and text[-1:] == "]":  # as programs write lists
        text = text[1:-1]
    if "\n" in text and '"' not in text:
        text = text.replace("\n", ",")
    names = map(one_line, split_names(text, _GOOGLE_MARK))
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
    return one_line(name).strip("\"' ") if bracket and "@" not in name else ""


def _words_beside(text: str) -> str:
    """Return the words of a text that are no address, without the marks around them."""
    words = (_SCHEME.sub("", word) for word in text.split())
    return one_line(" ".join(word for word in words if "@" not in word)).strip(f"{_AROUND_ADDRESSES},;-–*| ")


def _too_many(field: str) -> FieldError:
    return FieldError(field, "too_long", _TOO_MANY)


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
        if signed:  # words beside an address are its name
            for word in signed:
                for one in word.split("/"):
                    if "@" in one:
                        yield _SCHEME.sub("", one.strip(_AROUND_ADDRESSES))
        elif words:
            yield part.strip()
