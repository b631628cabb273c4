"""Names of people and companies in the form in which duplicates are sought."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from shared.domain.contacts.names import is_legal_form, is_suffix, is_title
from shared.domain.duplicates.nicknames import full_name_of, full_names_of
from shared.domain.search import fold

_LONGEST = 200
"""Characters of a name that count, as many as a company has at most."""
_LONGEST_COMPANY = 80
_JOINS = frozenset({"and", "und", "et", "y", "e", "en", "i"})
"""Words between the legal forms of a company, as in `GmbH & Co. KG`."""
_WITHIN_WORDS = str.maketrans(dict.fromkeys("'’./"))
"""Characters within the words of a company's name, as in `S.A.`, `A/S` and `McDonald's`."""
_DIGRAPHS = ("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a")
"""Letters that are written for an accented one, and the form that folding gives that one."""


@lru_cache(maxsize=4096)
def words_of_name(name: str) -> tuple[str, ...]:
    """Return the words of a person's name in their order, folded, without titles before it and suffixes after it.

    `Dr. Jean-Luc O'Neill, Jr.` has the words `jean`, `luc` and `oneill`. A name of only titles keeps them. Initials
    are words of one letter.
    """
    words = _words_in(name.replace("'", "").replace("’", ""))
    start, end = 0, len(words)
    while start < end - 1 and is_title(words[start]):
        start += 1
    while end > start + 1 and is_suffix(words[end - 1]):
        end -= 1
    return tuple(words[start:end])


@lru_cache(maxsize=4096)
def key_of_company(name: str) -> str:
    """Return the key that the usual spellings of a company's name share: without legal forms, spaces and punctuation.

    `Müller & Söhne GmbH & Co. KG` and `Mueller und Soehne` have one key. Empty for a name without letters and digits.
    """
    words = _words_in(name.translate(_WITHIN_WORDS))
    end = len(words)
    while end > 1 and (is_legal_form(words[end - 1]) or (end < len(words) and words[end - 1] in _JOINS)):
        end -= 1
    start = 1 if end > 1 and words[0] == "the" else 0
    kept = [word for word in words[start:end] if word not in _JOINS] or words[start:end]
    return plain_word("".join(kept))[:_LONGEST_COMPANY]


def key_of_word(word: str) -> str:
    """Return the key that a folded word of a name shares with its short forms and spellings: one for `bill` and
    `william`, one for `muller` and `mueller`. Of the names that a form may be short for, one is taken.
    """
    return plain_word(full_name_of(word))


def plain_word(word: str) -> str:
    """Return a folded word without the second letters of digraphs for accented ones: `mueller` is `muller`."""
    for digraph, letter in _DIGRAPHS:
        word = word.replace(digraph, letter)
    return word


def may_be_one_first_name(one: str, other: str) -> bool:
    """Return whether two folded first names may be forms of one name: `bob` and `robert`, but not `christian` and
    `christine`, though `chris` may be either.
    """
    return one == other or not full_names_of(one).isdisjoint(full_names_of(other))


def _words_in(text: str) -> list[str]:
    """Return the words of a text, folded: its letters and digits, with their marks, between other characters."""
    folded = fold(text[:_LONGEST])
    return "".join(one if _is_of_a_word(one) else " " for one in folded).split()


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
