"""Whether names are those of one person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.duplicate_people import Person
from benchmarks.duplicates import contact_of
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.likeness import compare_names, is_one_typing_error

LETTERS = st.text("abcdelmnor", min_size=4, max_size=9)


def named(first: str, last: str = "", email: str = "x@example.com") -> Contact:
    return contact_of(Person(1, "", first, last, email), 1)


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        (("Ada", "Lovelace"), ("ADA", "lovelace"), "same"),
        (("Ada", "Lovelace"), ("Lovelace", "Ada"), "same"),
        (("Ada Lovelace", ""), ("Ada", "Lovelace"), "same"),
        (("Jürgen", "Weiß"), ("Juergen", "Weiss"), "same"),
        (("Søren", "Åström"), ("Soren", "Astrom"), "same"),
        (("Anne Marie", "O'Neill"), ("Annemarie", "ONeill"), "same"),
        (("Dr. Ada", "Lovelace, PhD"), ("Ada", "Lovelace"), "same"),
        (("William", "Herschel"), ("Bill", "Herschel"), "nickname"),
        (("Herschel", "Bill"), ("William", "Herschel"), "nickname"),
        (("Ada", "Lovelace"), ("Ada Augusta", "Lovelace"), "middle_name"),
        (("Ada", "Lovelace"), ("Ada", "Lovelace-King"), "middle_name"),
        (("Ada", "Lovelace"), ("Ada", "Lovelcae"), "typing_error"),
        (("Katharine", "Johnson"), ("Kathxrine", "Johnson"), "typing_error"),
        (("A.", "Lovelace"), ("Ada", "Lovelace"), "initial"),
        (("Lovelace", "A"), ("Ada", "Lovelace"), "initial"),
        # Who has two doubts is not like: an initial of a name that is mistyped.
        (("A.", "Lovelcae"), ("Ada", "Lovelace"), "part"),
        (("Ada", ""), ("Ada", "Lovelace"), "part"),
        (("Luis", "Vega"), ("Jorge Luis", "Vega"), "part"),
        (("Ada Maria", "King"), ("Ada Luise", "King"), "last_name"),
        (("Ada", "Lovelace"), ("Ada", "Byron"), "first_name"),
        (("Bob", "Brown"), ("Robert", "White"), "first_name"),
        (("Ada", "Lovelace"), ("George", "Lovelace"), "last_name"),
        (("A.", "Lovelace"), ("George", "Lovelace"), "last_name"),
        (("Ada", "Lovelace"), ("Grace", "Hopper"), "different"),
        # Names of two people, one letter apart.
        (("Christian", "Weber"), ("Christina", "Weber"), "last_name"),
        (("Paul", "Weber"), ("Paula", "Weber"), "last_name"),
        (("Mario", "Rossi"), ("Maria", "Rossi"), "last_name"),
        (("Jana", "Miller"), ("Jana", "Hiller"), "first_name"),
        (("Room", "101"), ("Room", "102"), "first_name"),
    ],
)
def test_names_are_alike_in_the_ways_in_which_names_of_one_person_differ(
    one: tuple[str, str], other: tuple[str, str], likeness: str
) -> None:
    assert compare_names(named(*one), named(*other)) == likeness
    assert compare_names(named(*other), named(*one)) == likeness


def test_the_part_of_an_address_before_the_at_is_no_name_unless_it_agrees_with_one() -> None:
    booked = named("ada.lovelace", email="ada.lovelace@example.com")
    assert compare_names(booked, named("Ada", "Lovelace")) == "same"
    assert compare_names(booked, named("Grace", "Hopper")) == "unknown"
    assert compare_names(named("info", email="info@example.com"), named("Grace", "Hopper")) == "unknown"


@given(LETTERS, st.data())
def test_each_single_error_behind_the_first_letter_is_recognised(word: str, data: st.DataObject) -> None:
    """A letter left out, added, replaced, or two changed places; neither at the end, nor between known first names."""
    word = f"x{word}x"  # no first name of the list
    at = data.draw(st.integers(1, len(word) - 3))
    letter = data.draw(st.sampled_from("abcdelmnor"))
    wrong = data.draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )
    )
    assert is_one_typing_error(word, wrong) == is_one_typing_error(wrong, word) == (word != wrong)


@given(LETTERS, LETTERS)
def test_words_with_a_typing_error_are_one_edit_apart(one: str, other: str) -> None:
    """By the definition: among all words that one edit makes of the other."""
    assert not is_one_typing_error(one, other) or other in edits(one)


def edits(word: str) -> set[str]:
    """All words that one edit makes of a word."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    letters = "abcdelmnor"
    return {
        *(left + right[1:] for left, right in cuts if right),
        *(left + letter + right for left, right in cuts for letter in letters),
        *(left + letter + right[1:] for left, right in cuts if right for letter in letters),
        *(left + right[1] + right[0] + right[2:] for left, right in cuts if len(right) > 1),
    }
