"""Full names, split into first and last name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.contacts.names import split_name

NAMES = {
    "Ada": ("Ada", ""),
    "Ada King Lovelace": ("Ada", "King Lovelace"),
    "  Ada \t Lovelace\x00 ": ("Ada", "Lovelace"),
    "Ada\u200b\xa0Lovelace\ufeff": ("Ada", "Lovelace"),
    '"Ada Lovelace"': ("Ada", "Lovelace"),
    "李 小龍": ("李", "小龍"),
    ", ": ("", ""),
    "": ("", ""),
    # Last name first
    "Lovelace, Ada": ("Ada", "Lovelace"),
    "Lovelace,Ada": ("Ada", "Lovelace"),
    "van Gogh, Vincent": ("Vincent", "van Gogh"),
    "Ma, Yo-Yo": ("Yo-Yo", "Ma"),
    "King, Martin Luther, Jr.": ("Martin Luther", "King, Jr."),
    "King, Jr., Martin Luther": ("Martin Luther", "King, Jr."),
    "李，小龍": ("小龍", "李"),
    # Suffixes and companies
    "King, Jr.": ("King, Jr.", ""),
    "Martin Luther King, Jr.": ("Martin", "Luther King, Jr."),
    "Sammy Davis jr": ("Sammy", "Davis jr"),
    "Ada Lovelace, Ph. D.": ("Ada", "Lovelace, Ph. D."),
    "Henry Ford, III": ("Henry", "Ford, III"),
    "Acme, Inc.": ("Acme, Inc.", ""),
    "Acme, L.L.C.": ("Acme, L.L.C.", ""),
    "Müller, Maier und Söhne GmbH": ("Müller, Maier und Söhne GmbH", ""),
    "Smith, Jones & Co.": ("Smith, Jones & Co.", ""),
    "Nestlé, S.A.": ("Nestlé, S.A.", ""),
    "Kim, Sa": ("Sa", "Kim"),
    # Titles
    "Dr. Ada Lovelace": ("Dr. Ada", "Lovelace"),
    "Prof. Dr. Ada Lovelace": ("Prof. Dr. Ada", "Lovelace"),
    "Mr Smith": ("Mr", "Smith"),
    "Frau Müller": ("Frau", "Müller"),
    "Dr.": ("Dr.", ""),
    "Lovelace, Dr. Ada": ("Dr. Ada", "Lovelace"),
    # Particles
    "Ludwig van Beethoven": ("Ludwig", "van Beethoven"),
    "Johann Wolfgang von Goethe": ("Johann Wolfgang", "von Goethe"),
    "María José de la Cruz": ("María José", "de la Cruz"),
    "von Neumann": ("von Neumann", ""),
    "Dr. von Neumann": ("Dr.", "von Neumann"),
    "Van Morrison": ("Van", "Morrison"),
    # Scripts with joiners, and emoji
    "علی‌رضا محمدی": ("علی‌رضا", "محمدی"),
    "ശ്രീ‌ദേവി മോഹന്‍": ("ശ്രീ‌ദേവി", "മോഹന്‍"),
    "👩‍⚕️ Ada 👨‍👩‍👧": ("👩‍⚕️", "Ada 👨‍👩‍👧"),
}


@pytest.mark.parametrize("whole", NAMES, ids=repr)
def test_a_name_is_split_as_a_person_would(whole: str) -> None:
    assert split_name(whole) == NAMES[whole]


@given(st.text(max_size=500))
def test_any_name_splits_into_parts_that_fit(whole: str) -> None:
    for part in split_name(whole):
        assert len(part) <= 100
        assert part == part.strip()
        assert not set(part) & set("\0\n\r\t\u200b\u202e\ufeff")


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=5), min_size=1, max_size=6))
def test_no_word_of_a_name_is_lost_or_moved_where_no_comma_says_so(words: list[str]) -> None:
    first, last = split_name(" ".join(words))
    assert f"{first} {last}".split() == words


@pytest.mark.parametrize(
    ("whole", "first", "last"),
    [
        ('"Ann" One', '"Ann"', "One"),
        ('"Ann One"', "Ann", "One"),
        ("“Ann One”", "Ann", "One"),
        ("'\"Ann One\"'", "Ann", "One"),
        ("Ann 'Jo' One", "Ann", "'Jo' One"),
        ("O'Neil Pat'", "O'Neil", "Pat'"),
        ('""', "", ""),
        ('"Ann" "One"', '"Ann"', '"One"'),
    ],
)
def test_only_quotation_marks_around_the_whole_name_are_removed(whole: str, first: str, last: str) -> None:
    assert split_name(whole) == (first, last)
