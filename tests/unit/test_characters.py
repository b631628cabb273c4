"""Invisible characters: which are removed, and which are kept because they affect their neighbours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.domain import text
from shared.domain.characters import comparable, one_line, several_lines
from shared.domain.contacts import custom_fields
from shared.domain.customers.record import fold_username
from shared.domain.text import fold_name, unique_names

NOTHING = [
    "\x01", "\x07", "\x1b", "\x7f", "\x80", "\x9f", "\xad", "\u034f", "\u061c", "\u115f", "\u1160", "\u17b4", "\u17b5",
    "\u180b", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2063",
    "\u2066", "\u2069", "\u206f", "\u3164", "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0", "\ufff9", "\uffff",
    "\U0001bca0", "\U0001d173", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100", "\U000e01ef", "\U00016fe4",
]  # fmt: skip
BLANK = [
    " ",
    "\xa0",
    "\u1680",
    "\u2003",
    "\u200a",
    "\u202f",
    "\u205f",
    "\u2800",
    "\u3000",
    "\U0001d159",
    "\t",
    "\n",
]
SHOWN = {
    "Persian, with a joiner between letters": "علی‌رضا",
    "Persian digits with a joiner": "۱۰‌ها",
    "Hindi": "क्‍ष श्री‌मान",
    "Bengali": "র‍্যা",
    "Malayalam, a joiner behind a virama at the end": "മോഹന്‍",
    "Sinhala": "ශ්‍රී",
    "a family": "👨‍👩‍👧‍👦",
    "a heart on fire": "❤️‍🔥",
    "a woman at work, with her colour": "👩🏽‍⚕️",
    "a head that shakes": "🙂‍↔️",
    "a flag of tags": "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "a flag of letters": "🇩🇪",
    "a keycap": "1️⃣ #️⃣",
    "a sign as emoji": "©️ ®️ ™️",
    "a Japanese name with the variant of an ideograph": "葛󠄀城",
    "Mongolian": "ᠠ᠋ᠰᠠ",
    "Old Hangul": "ᅟᅢ",
    "an Arabic number sign": "؀١",
    "accents": "Zoë Åström 張小龍 J̌",
}


@pytest.mark.parametrize("character", NOTHING, ids=lambda one: f"U+{ord(one):04X}")
def test_invisible_characters_are_removed_anywhere_in_a_name(character: str) -> None:
    for written in (
        f"{character}Ann Lee",
        f"An{character}n Lee",
        f"Ann{character} Lee{character}",
        character * 3,
    ):
        cleaned = one_line(written)
        assert cleaned == written.replace(character, "").strip()
        assert several_lines(written) == cleaned
    assert comparable(f"v{character}ip") == "vip"


@pytest.mark.parametrize("name", SHOWN)
def test_characters_that_affect_their_neighbours_are_kept(name: str) -> None:
    assert one_line(SHOWN[name]) == SHOWN[name]
    assert several_lines(f"{SHOWN[name]}\n\t{SHOWN[name]}") == f"{SHOWN[name]}\n\t{SHOWN[name]}"


@pytest.mark.parametrize("kind", ["GivenName", "GivenLine", "LabelName", "GroupName"])
@pytest.mark.parametrize("character", [*NOTHING, *BLANK], ids=lambda one: f"U+{ord(one):04X}")
def test_a_required_word_needs_something_visible(kind: str, character: str) -> None:
    for written in (character, character * 3, f" {character}\u200b{character}"):
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(getattr(text, kind)).validate_python(written)
        assert caught.value.errors()[0]["type"] == "string_too_short"


LINE_BREAKS = ["\n", "\r\n", "\r", "\t", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", " \n\n  "]


@pytest.mark.parametrize("line_break", LINE_BREAKS)
def test_a_line_break_in_a_one_line_field_is_a_space(line_break: str) -> None:
    for kind in (text.Name, text.GivenName, text.Line, text.LabelName, text.GroupName):
        taken = TypeAdapter(kind).validate_python(f"{line_break}Acme{line_break}Inc{line_break}")
        assert taken == "Acme Inc"


def test_a_long_text_keeps_its_lines_and_loses_invisible_characters() -> None:
    taken = TypeAdapter(text.LongText).validate_python(
        "\ufeffFirst\u200b line\r\n\tsecond\x07\x0cthird\u2028fourth "
    )
    assert taken == "First line\r\n\tsecond\nthird\u2028fourth"


def test_nul_is_refused_and_not_removed() -> None:
    for kind in (text.Name, text.LongText, text.LabelName):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python("A\0")


def test_a_length_is_that_of_the_stored_text() -> None:
    assert TypeAdapter(text.LabelName).validate_python("\u200b" * 60 + "v" * 50) == "v" * 50
    with pytest.raises(ValidationError):
        TypeAdapter(text.LabelName).validate_python("v" * 51)


@pytest.mark.parametrize("character", NOTHING, ids=lambda one: f"U+{ord(one):04X}")
def test_labels_and_usernames_that_look_alike_are_equal(character: str) -> None:
    written = f"{character}Big{character} Spen{character}der{character}"
    assert fold_name(written) == fold_name("big spender")
    assert unique_names(["big spender", written]) == ["big spender"]
    assert fold_username(written) == fold_username("BIG SPENDER")


def test_labels_compare_without_joiners_and_kinds_of_space() -> None:
    assert fold_name("علی‌رضا") == fold_name("علیرضا")
    assert fold_name("big\xa0spender") == fold_name("big\u3000 spender") == fold_name("Big Spender")


def test_custom_fields_lose_invisible_characters_too() -> None:
    assert custom_fields.clean_custom_fields({"colour": "\u200egreen\u200b\nblue"}) == {
        "colour": "green\nblue"
    }


@given(st.text())
def test_cleaning_twice_changes_nothing(written: str) -> None:
    for clean in (one_line, several_lines, comparable):
        assert clean(clean(written)) == clean(written)
    assert comparable(one_line(written)) == comparable(written)


@given(st.text())
def test_no_visible_character_is_lost(written: str) -> None:
    hidden = {*NOTHING, *BLANK}

    def shown(text: str) -> str:
        return "".join(
            one for one in text if unicodedata.category(one)[0] not in "CZ" and one not in hidden
        ).translate(dict.fromkeys(HIDDEN_RANGES))

    assert shown(one_line(written)) == shown(written)


HIDDEN_RANGES = [
    *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000), *range(0x13441, 0x13443), 0x115F, 0x1160,
]  # fmt: skip
