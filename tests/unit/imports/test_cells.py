"""What cells hold: addresses, numbers, names of labels, and texts."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.imports import cells
from shared.domain.imports.cells import emails_in, is_placeholder, labels_in, numbers_in, text_in, word_in
from shared.domain.phone import normalize_phone
from tests.support.budgets import repetitions


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("a@ex.example", "a@ex.example"),
        (" A@EX.example ", "a@ex.example"),
        ("Ann <a@ex.example>", "a@ex.example"),
        ('"Lee, Ann" <a@ex.example>', "a@ex.example"),
        ("mailto:a@ex.example", "a@ex.example"),
        ("<a@ex.example>", "a@ex.example"),
        ("a@ex.example\u200b", "a@ex.example"),
        ("\u202aa@ex.example\u202c", "a@ex.example"),
        ("'a@ex.example", "a@ex.example"),
        ("'=a@ex.example", "=a@ex.example"),
        ("* a@ex.example", "a@ex.example"),
        ("ａ@ex.example", "a@ex.example"),
        ("a@ex.example; b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example, b@ex.example,", "a@ex.example b@ex.example"),
        ("a@ex.example ::: b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example\nb@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example | b@ex.example", "a@ex.example b@ex.example"),
        ("Ann <a@ex.example>; Bob <b@ex.example>", "a@ex.example b@ex.example"),
        ('"Lee, Ann" <a@ex.example>, b@ex.example', "a@ex.example b@ex.example"),
        ("b@ex.example, Ann <a@ex.example>", "b@ex.example a@ex.example"),
        ("a@ex.example (home)", "a@ex.example"),
        ("Ann Lee a@ex.example", "a@ex.example"),
        ("Ann [a@ex.example]", "a@ex.example"),
        ("a@ex.example/b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example; b@ex.example.", "a@ex.example b@ex.example"),
        ('"a@ex.example" <a@ex.example>', "a@ex.example a@ex.example"),
        ("", ""),
        ("N/A", ""),
        ("-", ""),
        ("none", ""),
        ("\u200b", ""),
    ],
)
def test_addresses_are_found_in_a_cell(cell: str, found: str) -> None:
    emails = emails_in(cell)
    assert (" ".join(emails.found), emails.faults) == (found, [])


@pytest.mark.parametrize(
    ("cell", "found", "faults"),
    [
        ("nobody", "", 1),
        ("ask Bob", "", 1),
        ("a@", "", 1),
        ("a@ex.example; nobody", "a@ex.example", 1),
        ("a@ex.example; b@; c@ex.example", "a@ex.example c@ex.example", 1),
        ("x" * 3_000, "", 1),
        ("x" * 3_000 + "@", "", 1),
    ],
)
def test_what_is_no_address_is_a_fault_and_costs_no_other_address(cell: str, found: str, faults: int) -> None:
    emails = emails_in(cell)
    assert " ".join(emails.found) == found
    assert [fault.code for fault in emails.faults] == ["email"] * faults


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Ann Lee <a@ex.example>", "Ann Lee"),
        ('"Lee, Ann" <a@ex.example>', "Lee, Ann"),
        ("<a@ex.example>", ""),
        ("a@x.example", ""),
    ],
)
def test_the_name_before_an_address_is_known(cell: str, name: str) -> None:
    assert emails_in(cell).name == name


def numbers(cell: str, country: str = "US", *, are_labelled: bool = False) -> tuple[list[str], list[str]]:
    read = numbers_in(cell, partial(normalize_phone, default_country=country), are_labelled=are_labelled)
    shown = [f"{one.label}: {one.e164}" if one.label else one.e164 for one in read.found]
    return shown, [fault.code for fault in read.faults]


@pytest.mark.parametrize(
    "cell",
    ["", " ", "N/A", "n/a", "-", "--", "0", "00", "0.0", "000-000-0000", "(000) 000-0000", "none", "NULL", "#N/A",
     "k.A.", "unknown", ".", "?", "\u200b", "'-", "Unbekannt", "no phone", "+"],
)  # fmt: skip
def test_a_placeholder_is_no_number_and_no_fault(cell: str) -> None:
    """check 105"""
    assert numbers(cell) == ([], [])


@pytest.mark.parametrize(
    ("cell", "country", "found"),
    [
        ("(415) 555-2671 x12", "US", "+14155552671"),
        ("(415) 555-2671 ext. 12", "US", "+14155552671"),
        ("030 2312500 (privat)", "DE", "+49302312500"),
        ("302312500.0", "DE", "+49302312500"),
        ("030 2312500/01", "DE", "+49302312500"),
        ("030 23125-00 DW 12", "DE", "+49302312500"),
        ("'+14155552671", "US", "+14155552671"),
        ("'030 2312500", "DE", "+49302312500"),
        ("Tel.: 030 2312500", "DE", "+49302312500"),
        ("415-555-2671; 415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671 ::: 415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671, 415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671 / 415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671 or 415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671\n415-555-2672", "US", "+14155552671 +14155552672"),
        ("415-555-2671|415-555-2672|415-555-2673", "US", "+14155552671 +14155552672 +14155552673"),
        ("030 2312500 oder 0171 1234567", "DE", "+49302312500 +491711234567"),
        ("415-555-2671; N/A", "US", "+14155552671"),
        ("089/1234567", "DE", "+49891234567"),
        ("+14155552671 +14155552672", "US", "+14155552671 +14155552672"),
        ("+14155552671+14155552672", "US", "+14155552671 +14155552672"),
        ("(415) 555-2671 (cell), (415) 555-2672 (work)", "US", "+14155552671 +14155552672"),
        ("415-555-2671 415-555-2672", "US", "+14155552671 +14155552672"),
        ("0171/1234567 oder 0172/1234567", "DE", "+491711234567 +491721234567"),
        ("(030) 2312500, (0171) 1234567", "DE", "+49302312500 +491711234567"),
        ("030 2312500 (gesch.) 0171 1234567 (mobil)", "DE", "+49302312500 +491711234567"),
        ("415-555-2671 (cell 415-555-2672)", "US", "+14155552671 +14155552672"),
        ("+49 (0)30 2312500 / +49 (0)171 1234567", "DE", "+49302312500 +491711234567"),
        ("01.42.68.53.00 ou 06.12.34.56.78", "FR", "+33142685300 +33612345678"),
        ("n/a / n/a", "US", ""),
        ("415-555-2671 x12; 415-555-2672 x13", "US", "+14155552671 +14155552672"),
    ],
)
def test_numbers_are_found_in_a_cell(cell: str, country: str, found: str) -> None:
    """check 105"""
    assert numbers(cell, country) == (found.split(), [])


@pytest.mark.parametrize(
    ("cell", "found", "codes"),
    [
        ("415-555-XXXX", "", "phone_masked"),
        ("(415) XXX-XXXX", "", "phone_masked"),
        ("12", "", "phone_too_short"),
        ("ask Bob", "", "phone_no_digits"),
        ("x" * 80, "", "phone_too_long"),
        ("415-555-2671; 415-555-XXXX", "+14155552671", "phone_masked"),
        ("415-555-2671; 12345", "+14155552671", "phone_too_short"),
        ("4.15556E+09", "", "phone_unreadable"),
    ],
)
def test_what_is_no_number_is_a_fault_and_costs_no_other_number(cell: str, found: str, codes: str) -> None:
    """check 105"""
    assert numbers(cell) == (found.split(), codes.split())


def test_numbers_may_have_labels_before_them() -> None:
    assert numbers("Home: 415-555-2671 Work: 415-555-2672") == (
        ["Home: +14155552671", "Work: +14155552672"],
        [],
    )
    cell = 'mobile: +14155552671, "the, office": +14155552672, +14155552673'
    assert numbers(cell, are_labelled=True)[0][::2] == ["mobile: +14155552671", "+14155552673"]
    assert numbers('"home: second: +14155552672"', are_labelled=True) == (["home: second: +14155552672"], [])


@given(
    st.text(st.sampled_from("0123456789 ()+-./;,x*X:oderand\n"), max_size=30),
    st.sampled_from(["US", "DE", "FR"]),
)
@settings(max_examples=repetitions(300))
def test_no_number_has_a_digit_that_the_cell_does_not_have(cell: str, country: str) -> None:
    """check 105: each number is the country's code and, in their order, digits of the cell."""
    read = numbers_in(cell, partial(normalize_phone, default_country=country))
    for one in read.found:
        typed = "".join(filter(str.isdigit, one.text))
        assert one.text in cell
        code = {"US": "1", "DE": "49", "FR": "33"}[country]
        digits = one.e164.removeprefix("+")
        without_code = digits.removeprefix(code)
        assert without_code in typed or digits in typed


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("vip", ["vip"]),
        ("vip, new", ["vip", "new"]),
        ("vip; new", ["vip", "new"]),
        ("Friends ::: * myContacts", ["Friends", "myContacts"]),
        ("* myContacts ::: * starred", ["myContacts", "starred"]),
        ('"vip","big spender"', ["vip", "big spender"]),
        ("'=vip", ["=vip"]),
        ("vip\nnew", ["vip", "new"]),
        ("vip, \u200b, ,new", ["vip", "new"]),
        ('"a;b", c', ["a;b", "c"]),
        ('say "hi"', ['say "hi"']),
        ('["vip","new"]', ["vip", "new"]),
        ("[vip; new]", ["vip", "new"]),
        ("", []),
    ],
)
def test_names_of_labels_are_found_in_a_cell(cell: str, names: list[str]) -> None:
    assert labels_in(cell) == names


def test_texts_lose_marks_and_what_shows_nothing() -> None:
    assert [text_in(cell) for cell in (" a ", "'=a", "'t Hooft", "\u200b", "\ufeff \u2060", "''=a", "é")] == [
        "a", "=a", "'t Hooft", "", "", "'=a", "é",
    ]  # fmt: skip


def test_words_of_statuses_have_underscores() -> None:
    assert (word_in("Qualified Lead"), word_in("qualified-lead")) == ("qualified_lead", "qualified_lead")


def test_long_texts_are_no_placeholders() -> None:
    assert not is_placeholder("-" * 1_000)
    assert not cells.is_no_number("0" * 1_000)
