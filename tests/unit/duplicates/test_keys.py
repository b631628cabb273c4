"""Match keys: what contacts of one person usually share."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.contacts.record import Contact
from shared.domain.duplicates.keys import MatchKey, match_keys
from shared.domain.duplicates.mailbox import mailbox_of
from shared.domain.duplicates.names import (
    key_of_company,
    key_of_word,
    may_be_one_first_name,
    words_of_name,
)
from shared.domain.records import blank_fields
from shared.domain.text import join_name
from shared.table.keys import duplicates as duplicate_keys

CONTACT_ID = "01900000-0000-7000-8000-000000000001"


def contact(first_name: str = "Ada", last_name: str = "Lovelace", **fields: Any) -> Contact:
    name = {"first_name": first_name, "last_name": last_name, "full_name": join_name(first_name, last_name)}
    return Contact.from_stored({**blank_fields(Contact), "id": CONTACT_ID, **name, **fields})


def keys_of(kind: str, one: Contact) -> set[str]:
    return {key.value for key in match_keys(one) if key.kind == kind}


@pytest.mark.parametrize(
    ("email", "mailbox"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ada+news@example.com", "ada@example.com"),
        ("a.d.a+x+y@googlemail.com", "ada@gmail.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("a-d_a@pm.me", "ada@proton.me"),
        ("ada@me.com", "ada@icloud.com"),
        ("+news@example.com", "+news@example.com"),
        ("...@gmail.com", "...@gmail.com"),
    ],
)
def test_addresses_of_one_mailbox_have_one_key(email: str, mailbox: str) -> None:
    assert mailbox_of(email) == mailbox


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller & Söhne GmbH & Co. KG", "Mueller und Soehne"),
        ("ACME, Inc.", "Acme"),
        ("The Data-Works B.V.", "DataWorks"),
        ("Søndergård A/S", "Sondergaard"),
        ("Limited", "limited"),
    ],
)
def test_spellings_of_a_company_have_one_key(one: str, other: str) -> None:
    assert key_of_company(one) == key_of_company(other) != ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Dr. Jean-Luc O'Neill, Jr.", ("jean", "luc", "oneill")),
        ("Prof.", ("prof",)),
        ("J. R. Müller", ("j", "r", "muller")),
        ("李小龍", ("李小龍",)),
        ("•", ()),
    ],
)
def test_words_of_a_name_have_no_titles_suffixes_and_punctuation(name: str, words: tuple[str, ...]) -> None:
    assert words_of_name(name) == words


def test_forms_of_a_first_name_may_be_one_name() -> None:
    assert may_be_one_first_name("bob", "robert") and may_be_one_first_name("liz", "betty")
    assert may_be_one_first_name("chris", "christian") and may_be_one_first_name("chris", "christine")
    assert not may_be_one_first_name("christian", "christine")
    assert key_of_word("bill") == key_of_word("william") and key_of_word("mueller") == key_of_word("muller")


@pytest.mark.parametrize(
    ("first_name", "last_name"),
    [
        ("Lovelace", "Augusta"),  # the order of words
        ("A.", "Lovelace"),  # an initial
        ("Gussie", "Lovelace"),  # another first name
        ("Augusta", "Lovelaec"),  # a typing error in one word
        ("Äugusta Ada", "LOVELACE"),  # accents, case and a further name
        ("Mrs. Augusta", "Lovelace, PhD"),
    ],
)
def test_spellings_of_a_name_share_a_key_within_a_company(first_name: str, last_name: str) -> None:
    one = contact("Augusta", "Lovelace", company="Engines Ltd")
    other = contact(first_name, last_name, company="ENGINES")
    assert keys_of("name", one) & keys_of("name", other)
    assert keys_of("name", contact("Augusta", "Lovelace", company="Others")).isdisjoint(keys_of("name", one))


def test_a_name_without_a_company_is_no_key() -> None:
    assert match_keys(contact()) == frozenset()


def test_a_contact_has_at_most_six_keys_besides_its_numbers() -> None:
    others = [f"ada{n}@example.com" for n in range(9)]
    one = contact(
        company="Engines",
        email="ada@example.com",
        other_emails=others,
        phone="+14155550100",
        whatsapp="+14155550100",
        custom_fields={"national_id": "12-34 56X", "size": "large"},
    )
    assert match_keys(one) == {
        MatchKey("key", "national_id=123456x"),
        MatchKey("mailbox", "ada@example.com"),
        MatchKey("mailbox", "ada0@example.com"),
        MatchKey("mailbox", "ada1@example.com"),
        MatchKey("phone", "00105555141"),
        MatchKey("name", "engines/ada"),
        MatchKey("name", "engines/lovelace"),
    }


@pytest.mark.parametrize("value", ["", "  ", "-", "007", True, 1.5, None])
def test_a_custom_field_that_says_too_little_is_no_key(value: Any) -> None:
    assert keys_of("key", contact(custom_fields={"national_id": value})) == set()


def test_the_key_of_a_marker_is_read_back_and_markers_are_in_the_order_of_rows() -> None:
    values = ["acme/ada", "acme/ada lee", "acme!", "a#b%", "müller"]
    keys = [MatchKey("name", value) for value in values] + [MatchKey("phone", "00105555141")]
    places = {key: duplicate_keys.shared("T1", key)["SK"]["S"] for key in keys}
    assert all(duplicate_keys.key_of_marker(place) == key for key, place in places.items())
    rows = {key: duplicate_keys.match("T1", key, CONTACT_ID)["SK"]["S"] for key in keys[:-1]}
    assert sorted(rows, key=rows.__getitem__) == sorted(rows, key=places.__getitem__)
    strongest_first = [MatchKey("key", "x"), MatchKey("mailbox", "x"), MatchKey("phone", "1"), keys[0]]
    assert (
        sorted(strongest_first, key=lambda key: duplicate_keys.shared("T1", key)["SK"]["S"])
        == strongest_first
    )
