"""How alike the names of two contacts are.

Names of one person differ in the order of their words, in accents, in short forms, initials and middle names, and in
one letter that was mistyped. Names that differ otherwise are taken for those of different people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from shared.domain.contacts.booked import has_real_name
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import addresses_of
from shared.domain.duplicates.names import may_be_one_first_name, plain_word, words_of_name
from shared.domain.duplicates.nicknames import is_first_name

Likeness = Literal[
    "same",
    "nickname",
    "middle_name",
    "typing_error",
    "initial",
    "part",
    "first_name",
    "last_name",
    "different",
    "unknown",
]
"""How two names are alike. `same`: the same words, in any order. `nickname`: one has a short form of the other's
first name. `middle_name`: one has further words. `typing_error`: one letter differs. `initial`: one has an initial for
a word of the other. `part`: one is a part of the other that many people may share. `first_name`, `last_name`: only
these agree. `unknown`: one of them is no name of a person."""

_LEAST_TYPED = 4
"""Letters of a word in which a typing error is recognised. Most shorter words are one letter from another name."""
_FINAL_VOWELS = frozenset("aeio")
"""Letters at the end of a first name by which the name of a woman differs from that of a man, as in `paul` and `paula`,
`mario` and `maria`."""


class _Pair(NamedTuple):
    """A word of one name and the word of the other one that it is taken for, by their positions."""

    one: int
    other: int
    how: Likeness


def compare_names(one: Contact, other: Contact) -> Likeness:
    """Return how alike the names of two contacts are. The order of the contacts does not matter."""
    words, others = words_of_name(one.full_name), words_of_name(other.full_name)
    if len(words) > len(others):
        one, other, words, others = other, one, others, words
    likeness = _compare_words(words, others) or _compare_parts(one, other)
    if likeness in ("same", "nickname", "middle_name", "typing_error", "initial"):
        return likeness
    # The part of an address before the `@` may happen to be a name; where it agrees with nothing, it is none.
    if not (_has_name(one) and _has_name(other)):
        return "unknown"
    return likeness


def is_one_typing_error(one: str, other: str) -> bool:
    """Return whether two folded words of names differ by one typing error: a letter that is missing, added or wrong, or
    two neighbours in the wrong order.

    The first letter is hardly ever wrong, and `miller` and `hiller` are two names; so are two first names of the list
    of nicknames, and those of which one has another vowel at its end. A doubled letter counts in words of any length.
    """
    if not (one and other) or one[0] != other[0] or one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    end = 0
    while end < len(short) - start and short[-1 - end] == long[-1 - end]:
        end += 1
    rest, more = short[start : len(short) - end], long[start : len(long) - end]
    if any(letter.isdigit() for letter in rest + more):
        return False
    is_doubled = not rest and len(more) == 1 and more == long[start - 1]
    if is_doubled and len(short) > 1:
        return True
    if len(long) < _LEAST_TYPED or (is_first_name(one) and is_first_name(other)):
        return False
    if end == 0 and max(len(rest), len(more)) == 1 and set(rest + more) <= _FINAL_VOWELS:
        return False
    return (
        len(rest) + len(more) == 1 or len(rest) == len(more) == 1 or (len(rest) == 2 and rest == more[::-1])
    )


def _compare_words(words: Sequence[str], others: Sequence[str]) -> Likeness | None:
    """Return how two names are alike if all words of the shorter one, `words`, are found in the other one."""
    if not words:
        return "unknown"
    if _joined(words) == _joined(others) or sorted(map(plain_word, words)) == sorted(map(plain_word, others)):
        return "same"
    pairs = list(_pair(words, others))
    if len(pairs) < len(words):
        return None
    found = [pair.how for pair in pairs]
    whole = [pair for pair in pairs if pair.how != "initial" and len(words[pair.one]) > 1]
    doubtful = found.count("typing_error") + found.count("initial")
    has_further_first = 0 not in {pair.other for pair in pairs}
    if len(words) == 1 or not whole or doubtful > 1 or has_further_first:
        return "part"
    for likeness in ("initial", "typing_error", "nickname"):
        if likeness in found:
            return likeness
    return "middle_name"


def _compare_parts(one: Contact, other: Contact) -> Likeness:
    """Return which of two names' parts agree, if not all of their words do."""
    first, others_first = words_of_name(one.first_name), words_of_name(other.first_name)
    last, others_last = words_of_name(one.last_name), words_of_name(other.last_name)
    if not (first and others_first and last and others_last):
        return "different"
    if _joined(last) == _joined(others_last):
        return "last_name"
    if len(first[0]) > 1 and may_be_one_first_name(first[0], others_first[0]):
        return "first_name"
    return "different"


def _pair(words: Sequence[str], others: Sequence[str]) -> Iterator[_Pair]:
    """Yield the words that are taken for each other, each word once, the surest pairs first."""
    left, right = list(range(len(words))), list(range(len(others)))
    for how, is_like in _LIKE:
        for position in tuple(left):
            match = next((at for at in right if is_like(words[position], others[at])), None)
            if match is not None:
                left.remove(position)
                right.remove(match)
                yield _Pair(position, match, how)


def _is_same(one: str, other: str) -> bool:
    return plain_word(one) == plain_word(other)


def _is_initial(one: str, other: str) -> bool:
    return (len(one) == 1) != (len(other) == 1) and one[0] == other[0]


_LIKE: tuple[tuple[Likeness, Callable[[str, str], bool]], ...] = (
    ("same", _is_same),
    ("nickname", may_be_one_first_name),
    ("initial", _is_initial),
    ("typing_error", is_one_typing_error),
)
"""The ways in which two words may be one, the surest first."""


def _joined(words: Sequence[str]) -> str:
    return "".join(map(plain_word, words))


def _has_name(contact: Contact) -> bool:
    return has_real_name(contact.first_name, contact.last_name, addresses_of(contact))
