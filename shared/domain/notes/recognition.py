"""Finds e-mail addresses, telephone numbers, URLs and tags in a text.

Every search is linear: the extent of a finding is read character by character from its sign (`@`, `://`, `#`), with a
limit, and findings do not overlap. What many signs have in common is read once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import urlsplit

from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.notes.finding import Finding, FindingKind
from shared.domain.phone import normalize_vanity
from shared.domain.text import MAX_LONG_TEXT

MAX_FOUND = 100
"""The maximum number of findings of a text; further ones are not listed."""
_MAX_CANDIDATES = 1_000
"""The maximum number of candidates of one kind that are examined."""
_MAX_URL, _MAX_LOCAL, _MAX_DOMAIN, _MAX_TAG = 2_000, 64, 253, 50
"""Characters of a URL, of both parts of an e-mail address (RFC 5321, section 4.5.3.1), and of a tag's name."""

_URL = re.compile(r"https?://|(?<![A-Za-z0-9._@/-])www\.", re.IGNORECASE)
_AFTER_AUTHORITY = re.compile("[/?#]")
_SCHEME = re.compile(r"https?:\Z", re.IGNORECASE)
_IPV6 = re.compile(r"(?<=[/@])\[[0-9A-Fa-f:.]{2,45}\]")
_HASH = re.compile("[#\uff03]")
_VANITY = re.compile(
    r"(?<![\w@#&=.+/-])\+?(?:\(?[0-9]{1,4}\)?[ .-]?){1,3}(?<=[ .-])[A-Z](?:[A-Z0-9]|-(?=[A-Z0-9])){2,14}(?![\w@-])"
)
"""Digits and, after a separator, capital letters: `1-800-FLOWERS`. Words in small letters after a number are text."""
_NOT_IN_URL = frozenset('<>"`{}|\\^“”„«»‹›、。，；：！？（）「」『』【】《》〈〉')
_AFTER_URL = ".,;:!?'*_~…·"
"""Punctuation that ends a sentence or an emphasis, and no URL."""
_BRACKETS = {")": "(", "]": "["}
_LOCAL_SIGNS = "!#$%&'*+-/=?^_`{|}~."
"""The characters of the part before the `@` besides letters and digits (RFC 5322, section 3.2.3)."""
_BEFORE_EMAIL = ".'*~`|{/=?!#&^$%"
"""Signs that are possible there, but at the start are more likely quotation marks, emphasis or a separator."""
_JOINERS = "\u200c\u200d"

Candidate = tuple[int, int, str]
"""Start, end and normalized value."""


def find_in(text: str, country: str) -> list[Finding]:
    """Return what is found in a text, in the order of positions, at most MAX_FOUND. Only the first 10,000 characters
    are searched.

    `country` (ISO 3166-1 alpha-2) is assumed for telephone numbers without a leading `+`. Where kinds overlap, the
    first of URL, e-mail address, telephone number and tag counts.
    """
    text = text[:MAX_LONG_TEXT]
    taken = bytearray(len(text))
    found: list[Finding] = []
    searches: tuple[tuple[FindingKind, Iterator[Candidate]], ...] = (
        ("url", _urls(text)),
        ("email", _emails(text)),
        ("phone", _phones(text, country)),
        ("tag", _tags(text)),
    )
    for kind, candidates in searches:
        free = (one for one in candidates if not any(taken[one[0] : one[1]]))
        for start, end, value in islice(free, MAX_FOUND):
            taken[start:end] = b"\1" * (end - start)
            found.append({"kind": kind, "start": start, "end": end, "value": value})
    return sorted(found, key=lambda one: one["start"])[:MAX_FOUND]


def _urls(text: str) -> Iterator[Candidate]:
    end = run_end = slash = 0
    for scheme in islice(_URL.finditer(text), _MAX_CANDIDATES):
        start, after = scheme.span()
        if start < end:
            continue
        if after > run_end:  # a run of such characters is walked once, however many schemes are in it
            run_end = _extent(text, after, len(text), _is_in_url)
        if after > slash:
            found = _AFTER_AUTHORITY.search(text, after)
            slash = found.start() if found else len(text)
        end = min(run_end, after + _MAX_URL)
        authority = min(end, slash)
        if text.startswith("//", authority):
            next_url = _SCHEME.search(text, max(after, authority - len("https:")), authority)
            if next_url:  # it follows without a space
                end = authority = next_url.start()
        host = text.rfind("@", after, authority) + 1 or after
        host_end = _host_end(text, host, authority)
        if host_end < authority and text[host_end] != ":":  # letters of another script follow without a space
            end = host_end
        end = _without_punctuation(text, start, end)
        if value := _normalize_url(text[start:end]):
            yield start, end, value


def _host_end(text: str, start: int, most: int) -> int:
    """Return the end of a host: a name, an IPv4 address, or an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    if address := _IPV6.match(text, start, most):
        return address.end()
    return _extent(text, start, most - start, _beside(text[start : start + 1], ".-_"))


def _is_in_url(character: str) -> bool:
    return not character.isspace() and character not in _NOT_IN_URL


def _without_punctuation(text: str, start: int, end: int) -> int:
    """Return the end of a URL without the punctuation after it. A closing bracket belongs to it if it opens there."""
    unopened = {
        closing: text.count(closing, start, end) - text.count(opening, start, end)
        for closing, opening in _BRACKETS.items()
    }
    while end > start:
        last = text[end - 1]
        if unopened.get(last, 0) > 0:
            unopened[last] -= 1
        elif last not in _AFTER_URL:
            break
        end -= 1
    return end


def _normalize_url(text: str) -> str | None:
    """Return a URL with scheme and host in lower case and without a default port; None if it has no host."""
    try:
        parts = urlsplit(text if "://" in text[:8] else f"http://{text}")
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), (parts.hostname or "").strip(".")
    if not any(one.isalnum() for one in host) or (host == "www" and "://" not in text[:8]):
        return None
    users, at, _ = parts.netloc.rpartition("@")
    host = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, {"http": 80, "https": 443}[scheme]) else f":{port}"
    return parts._replace(
        scheme=scheme, netloc=f"{users}{at}{host}{shown_port}", path=parts.path or "/"
    ).geturl()


def _emails(text: str) -> Iterator[Candidate]:
    for sign in islice(re.finditer("@", text), _MAX_CANDIDATES):
        at = sign.start()
        before = text[max(0, at - _MAX_LOCAL - 1) : at][::-1]
        start = at - _extent(before, 0, len(before), _beside(before[:1], _LOCAL_SIGNS))
        if at - start > _MAX_LOCAL or (start and text[start - 1] == "@"):
            continue
        while start < at and text[start] in _BEFORE_EMAIL:
            start += 1
        end = _extent(text, at + 1, _MAX_DOMAIN, _beside(text[at + 1 : at + 2], ".-"))
        while end > at + 1 and text[end - 1] in ".-":
            end -= 1
        if start == at or "." not in text[at + 1 : end] or text[end : end + 1] == "@":
            continue
        try:
            yield start, end, normalize_email(text[start:end])
        except Invalid:
            continue


def _phones(text: str, country: str) -> Iterator[Candidate]:
    # Imported here, so that only the function that processes notes loads the matcher.
    from phonenumbers import (
        Leniency,
        PhoneNumberFormat,
        PhoneNumberMatcher,
        convert_alpha_characters_in_number,
        format_number,
    )

    def matches(text: str, tries: int) -> PhoneNumberMatcher:
        return PhoneNumberMatcher(text, country, Leniency.VALID, tries)

    for match in matches(text, _MAX_CANDIDATES):
        yield match.start, match.end, format_number(match.number, PhoneNumberFormat.E164)
    for vanity in islice(_VANITY.finditer(text), MAX_FOUND):
        value = normalize_vanity(vanity.group(), country)
        if value and matches(convert_alpha_characters_in_number(vanity.group()), 1).has_next():
            yield vanity.start(), vanity.end(), value


def _tags(text: str) -> Iterator[Candidate]:
    for sign in islice(_HASH.finditer(text), 10 * _MAX_CANDIDATES):
        start = sign.start()
        if start and (text[start - 1] in "&/#\uff03" or _script_of(text[start - 1]) == "spaced"):
            continue
        end = _extent(text, start + 1, _MAX_TAG + 1, _is_in_tag)
        while end > start + 1 and text[end - 1] in "-" + _JOINERS:
            end -= 1
        name = text[start + 1 : end]
        if len(name) <= _MAX_TAG and any(one.isalpha() for one in name):
            yield start, end, unicodedata.normalize("NFC", name.lower())


def _is_in_tag(character: str) -> bool:
    return character in "_-" or character in _JOINERS or _script_of(character) != ""


def _extent(text: str, start: int, most: int, belongs: Callable[[str], bool]) -> int:
    """Return where the characters from `start` on that belong together end, after `most` of them at the latest."""
    end, last = start, min(len(text), start + most)
    while end < last and belongs(text[end]):
        end += 1
    return end


def _beside(neighbour: str, signs: str) -> Callable[[str], bool]:
    """Return a function that says whether a character belongs to the part of an address next to its `@` or `://`.

    Some signs do, and letters and digits of scripts with spaces between words. Those of other scripts do only if the
    neighbour of the `@` or `://` is one of them: in such a script, a sentence continues directly after an address.
    """
    scripts = ("spaced", "dense") if _script_of(neighbour) == "dense" else ("spaced",)
    return lambda character: character in signs or _script_of(character) in scripts


def _script_of(character: str) -> str:
    """Return "spaced" for a letter, digit or mark of a script with spaces between words, "dense" for one without, such
    as Chinese, and "" for any other character.
    """
    if character.isascii():
        return "spaced" if character.isalnum() or character == "_" else ""
    if not character.isalnum() and unicodedata.category(character)[0] != "M":
        return ""
    is_dense = (
        "\u0e00" <= character <= "\u0eff"  # Thai, Lao
        or "\u1000" <= character <= "\u109f"  # Burmese
        or "\u1100" <= character <= "\u11ff"  # Hangul, whose particles follow without a space
        or "\u1780" <= character <= "\u17ff"  # Khmer
        or character >= "\u2e80"  # Chinese, Japanese, Hangul
    )
    return "dense" if is_dense else "spaced"
