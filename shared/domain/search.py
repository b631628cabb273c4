"""Words as they are searched: without regard to case, accents or the order they stand in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

MAX_TERMS = 24
"""How many words of one contact are searchable; further ones of a long company name are not."""
MAX_TERM_LENGTH = 64
MAX_SEARCHED = 1_000
"""How many characters of a text are looked at, more than any field has that is searched. To bring accents into
Unicode's order takes as long as the square of their number."""

# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
)
# How German writes its umlauts where it has none.
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
_WORD = re.compile(r"\w+")


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """A text in the form in which it is compared: `Müller` gives `muller`, `Straße` gives `strasse`."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_SEARCHED].casefold())
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.casefold().translate(_LETTERS)


def fold_line(text: str, length: int) -> str:
    """A text as it is put in order: folded, with single spaces, cut to `length` characters."""
    return " ".join(fold(text).split())[:length].rstrip()


def _folds(text: str) -> set[str]:
    """All forms under which a text is found: `Müller` under `muller` and `mueller`."""
    composed = unicodedata.normalize("NFC", text[:MAX_SEARCHED].casefold())
    return {fold(composed), fold(composed.translate(_UMLAUTS))}


def words_of(texts: Iterable[str]) -> set[str]:
    """The words of texts in all their forms. Underscores and all that is no letter or digit separate words."""
    return {
        word[:MAX_TERM_LENGTH]
        for text in texts
        for form in _folds(text)
        for word in _WORD.findall(form.replace("_", " "))
    }


def terms_of(names: Iterable[str], emails: Iterable[str]) -> list[str]:
    """The terms under which a contact is found: the words of its names, and of each address the whole and its
    domain. Sorted, at most MAX_TERMS; addresses come before words when there are more.
    """
    addresses: list[str] = []
    for email in emails:
        addresses += [email[:MAX_TERM_LENGTH], email.rpartition("@")[2][:MAX_TERM_LENGTH]]
    addresses = list(dict.fromkeys(addresses))
    words = sorted(words_of(names) - set(addresses))
    return sorted((addresses + words)[:MAX_TERMS])


def prefixes_of(query: str) -> list[str]:
    """The prefixes a search asks for, all of which must be found.

    What has an `@` or a dot inside is sought whole, as an address or a domain.
    """
    wanted: list[str] = []
    for word in query[:MAX_SEARCHED].split():
        folded = fold(word)
        whole = folded.strip(".,;:<>()\"'")
        if "@" in whole or "." in whole:
            wanted.append(whole[:MAX_TERM_LENGTH])
        else:
            wanted += [part[:MAX_TERM_LENGTH] for part in _WORD.findall(folded.replace("_", " "))]
    return list(dict.fromkeys(wanted))


def found_in(prefixes: Iterable[str], terms: Iterable[str]) -> bool:
    """Whether each prefix begins one of the terms."""
    known = list(terms)
    return all(any(term.startswith(prefix) for term in known) for prefix in prefixes)


def digits_of(number: str) -> str:
    """The digits of a telephone number, last first, as they are searched from the end."""
    return "".join(letter for letter in number if letter.isdigit() and letter.isascii())[::-1]
