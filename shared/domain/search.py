"""The search for words, which ignores case, accents and word order.

A text is folded and split at white space. Each part is found by its beginning, and by the beginning of each word
inside it: `Booking.com` is indexed as `booking.com` and `com`. A query is folded and split by the same functions, and
each of its parts must begin one of a contact's terms, including punctuation. So a shown text is found when it is typed,
and `C++` does not find Carl (docs/decisions/0020-search-terms.md).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from shared.domain.characters import comparable

MAX_TERMS = 200
"""How many terms of one contact are searchable: first those of names, then of addresses, then of companies."""
MAX_TERM_LENGTH = 64
"""How many characters of a term are indexed. Matches are checked with the whole term."""
MAX_SEARCHED = 1_000
"""How many characters of a text are searched, more than any searched field has. The time to bring accents into
canonical order grows with the square of their number."""
MAX_SUMMARY = 480
"""Bytes of the summary of a contact's terms in each of its index rows, so that a row stays below 1 KB, which is one
write unit."""

# Letters that Unicode does not decompose into a base letter and an accent, Arabic letters with a Persian form, and
# punctuation with several spellings.
_LETTERS = str.maketrans(
    {
        **dict(zip("øłđðıħŧيىك", "olddihtییک", strict=True)),
        **dict(zip("þæœـ", ("th", "ae", "oe", ""), strict=True)),
        **dict.fromkeys("‘’‛ʻʼ′׳`", "'"),
        **dict.fromkeys("“”„‟″״«»", '"'),
        **dict.fromkeys("‐‑‒–—―−־", "-"),
    }
)
# The spelling of German umlauts without umlauts.
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})

# Accents of Latin, Greek and Cyrillic letters, and the points of Hebrew, Arabic and Syriac, which are mostly omitted in
# writing. Marks of other scripts are part of the word: Indic and Thai vowels, Japanese voicing. So are the breve and
# the dots that make a different letter: й, ў, ї.
_ACCENTS = (
    "(?<![иу])\u0306|(?<!і)\u0308"
    "|[\u0300-\u0305\u0307\u0309-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2de0-\u2dff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a"
    "\u08ca-\u08e1\u08e3-\u08ff]"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Punctuation around a word that is not part of the search.
_OPENING = '"([{<,;:!?'
_CLOSING = "\"')]}>,;:!?."


@cache
def _accents() -> re.Pattern[str]:
    # Compiled at first use: most texts have no accents, and compiling would slow down the cold start.
    return re.compile(_ACCENTS)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return a text in the form in which it is compared: `Müller` becomes `muller`, `Straße` becomes `strasse`.

    Full-width and other compatibility forms are replaced (Unicode NFKC), digits of any script become 0 to 9, and
    invisible characters are removed.
    """
    return _fold(text)


def _fold(text: str) -> str:
    text = comparable(text[:MAX_SEARCHED])
    if text.isascii():
        return text.lower().replace("`", "'")
    # A separate acute accent would decompose into a space.
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("´", "'"))
    bare = _accents().sub("", decomposed).casefold().translate(_LETTERS)
    if not bare.isascii():
        bare = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in bare)
    return unicodedata.normalize("NFC", bare)


def fold_line(text: str, length: int) -> str:
    """Return the sort key of a text: folded, with single spaces, cut to `length` characters."""
    return " ".join(fold(text).split())[:length].rstrip()


def forms_of(text: str) -> tuple[str, ...]:
    """Return all forms under which a text is found: `Müller` under `muller` and `mueller`."""
    if text.isascii():
        return (fold(text),)
    return tuple(dict.fromkeys((fold(text), fold(_with_plain_umlauts(text)))))


def _with_plain_umlauts(text: str) -> str:
    return unicodedata.normalize("NFC", text[:MAX_SEARCHED].casefold()).translate(_UMLAUTS)


def begins(text: str, start: str) -> bool:
    """Return whether a text begins with another when both are folded: `Café au lait` begins with `CAFE`."""
    wanted = " ".join(fold(start).split())
    return any(" ".join(form.split()).startswith(wanted) for form in forms_of(text))


class Term(NamedTuple):
    """A term by which a contact is found: a part of one of its texts, from a word to the next white space."""

    text: str
    before: str
    """The punctuation directly before it, which a query may include: `.` in `.NET`, `@` before a domain."""


class Prefix(NamedTuple):
    """A part of a query: the text with which a term must begin, and the punctuation before it."""

    text: str
    before: str

    @property
    def indexed(self) -> str:
        """The part that is in the index."""
        return self.text[:MAX_TERM_LENGTH]


def _words_in(part: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each word in a part of a folded text. Emoji and other pictures are words too."""
    if part.isascii():
        for word in _ASCII_WORD.finditer(part):
            yield word.span()
        return
    start, kind = 0, ""
    for position, character in enumerate(part):
        here = _kind_of(character)
        if here != kind:
            if kind:
                yield start, position
            start, kind = position, here
    if kind:
        yield start, len(part)


def _kind_of(character: str) -> str:
    if character.isalnum():
        return "word"
    category = unicodedata.category(character)
    if category[0] == "M":
        return "word"
    is_picture = category == "So" or "\U0001f3fb" <= character <= "\U0001f3ff"
    return "picture" if is_picture else ""


@lru_cache(maxsize=4096)
def _terms_in(text: str) -> tuple[Term, ...]:
    """Return all terms of a text in all its forms. A part without a word is a term itself."""
    return tuple(
        dict.fromkeys(
            term for form in forms_of(text) for part in form.split() for term in _terms_of_part(part)
        )
    )


def _terms_of_part(part: str) -> Iterator[Term]:
    end = 0
    for start, stop in _words_in(part):
        yield Term(part[start:], part[end:start])
        end = stop
    if end == 0:
        yield Term(part, "")


def _address_terms(email: str) -> tuple[list[Term], list[Term]]:
    """Return the terms of an address: first the whole and its domain, then those from each word in the local part."""
    whole: list[Term] = []
    inside: list[Term] = []
    for spelling in _spellings(email):
        for form in forms_of(spelling):
            for part in form.split():
                local, _, domain = part.rpartition("@")
                whole.append(Term(part, ""))
                if local:
                    whole.append(Term(domain, "@"))
                    inside += [term for term in _terms_of_part(part) if len(term.text) > len(domain)]
    return whole, inside


def _spellings(email: str) -> Iterator[str]:
    """Yield an address as it is stored, and with its domain in Unicode (RFC 3492) where that differs."""
    yield email
    local, at, domain = email.rpartition("@")
    if "xn--" in domain:
        try:
            in_unicode = local + at + ".".join(map(_decode_label, domain.split(".")))
            in_unicode.encode()  # a decoded label may not be valid text
        except UnicodeError:
            return
        yield in_unicode


def _decode_label(label: str) -> str:
    return label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else label


def terms_of(names: Iterable[str], emails: Iterable[str] = (), companies: Iterable[str] = ()) -> list[Term]:
    """Return the terms under which a contact is found, at most MAX_TERMS: those of its names, each address and its
    domain, the terms of its companies, and those inside addresses, in this order.
    """
    addresses = [_address_terms(email[:MAX_SEARCHED]) for email in emails]
    found = [term for name in names for term in _terms_in(name)]
    found += [term for whole, _ in addresses for term in whole]
    found += [term for company in companies for term in _terms_in(company)]
    found += [term for _, inside in addresses for term in inside]
    return list(dict.fromkeys(found))[:MAX_TERMS]


def indexed(terms: Iterable[Term]) -> list[str]:
    """Return the terms to index, sorted, without terms with which another term begins: a prefix that finds the shorter
    term finds the longer one too.
    """
    texts = sorted({term.text[:MAX_TERM_LENGTH] for term in terms})
    return [
        text
        for text, following in zip(texts, [*texts[1:], ""], strict=True)
        if not following.startswith(text)
    ]


def summary_of(indexed_terms: Sequence[str]) -> str:
    """Return a contact's indexed terms in at most MAX_SUMMARY bytes for `may_have`, cut to their beginnings if they are
    too long.
    """
    for length in (MAX_TERM_LENGTH, 32, 16, 8, 4, 2):
        summary = " ".join(dict.fromkeys(term[:length] for term in indexed_terms))
        if len(summary.encode()) <= MAX_SUMMARY:
            return summary
    return ""


def may_have(prefixes: Iterable[Prefix], summary: str) -> bool:
    """Return whether a contact may have all prefixes, according to its summary. False is certain, True is not."""
    words = summary.split()
    longest = max(map(len, words), default=0)  # the length they were cut to, if they were

    def begins_or_was_cut(word: str, prefix: str) -> bool:
        return word.startswith(prefix) or (len(word) == longest and prefix.startswith(word))

    return not words or all(
        any(begins_or_was_cut(word, prefix.indexed) for word in words) for prefix in prefixes
    )


def prefixes_of(query: str) -> list[Prefix]:
    """Return the parts of a search, all of which must be found. Parts without a word count only if all are such."""
    wanted: list[Prefix] = []
    signs: list[Prefix] = []
    for part in fold(query).split():
        bare = part.lstrip(_OPENING).rstrip(_CLOSING)
        word = next(_words_in(bare), None)
        if word is None:
            signs.append(Prefix(part, ""))
        else:
            wanted.append(Prefix(bare[word[0] :], bare[: word[0]]))
    return list(dict.fromkeys(wanted or signs))


def found_in_text(prefixes: Iterable[Prefix], text: str) -> bool:
    """Return whether each prefix begins a term of a text, of any length.

    The text is folded in pieces of MAX_SEARCHED characters at most, cut at white space if there is any.
    """
    missing = list(prefixes)
    for piece in _pieces(text):
        # Not cached: texts are long, and each is searched once.
        folded = _fold(piece)
        forms = (folded,) if piece.isascii() else (folded, _fold(_with_plain_umlauts(piece)))
        missing = [prefix for prefix in missing if not any(_begins_a_term(prefix, form) for form in forms)]
        if not missing:
            return True
    return not missing


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > MAX_SEARCHED:
        end = start + MAX_SEARCHED
        while end > start and not text[end - 1].isspace():
            end -= 1
        end = end if end > start else start + MAX_SEARCHED
        yield text[start:end]
        start = end
    yield text[start:]


def _begins_a_term(prefix: Prefix, form: str) -> bool:
    return prefix.text in form and any(
        _begins_term(prefix, term)
        for part in form.split()
        if prefix.text in part
        for term in _terms_of_part(part)
    )


def _begins_term(prefix: Prefix, term: Term) -> bool:
    return term.text.startswith(prefix.text) and term.before.endswith(prefix.before)


def found_in(prefixes: Iterable[Prefix], terms: Sequence[Term]) -> bool:
    """Return whether each prefix begins one of the terms."""
    return all(any(_begins_term(prefix, term) for term in terms) for prefix in prefixes)
