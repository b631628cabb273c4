"""What cells hold: addresses, numbers, names of labels, and texts."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import example, given, settings
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
        ("a@ex.example / b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example and b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example or b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example & b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example；b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example，b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example、b@ex.example", "a@ex.example b@ex.example"),
        ("a@ex.example -> b@ex.example", "a@ex.example b@ex.example"),
        ("Ann <a@ex.example", "a@ex.example"),
        ("a@ex.example>", "a@ex.example"),
        ("“a@ex.example”", "a@ex.example"),
        ("SMTP:a@ex.example;smtp:b@ex.example", "a@ex.example b@ex.example"),
        ("smtp:a@ex.example", "a@ex.example"),
        ("a@ex.example!", "a@ex.example"),
        ("a@ex.example (old: b@ex.example)", "a@ex.example b@ex.example"),
        ("a@ex.example; none", "a@ex.example"),
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
        ("ann@ex.example <ann@ex.example>", ""),
        ("'ann@ex.example' <ann@ex.example>", ""),
        ("Ann <a@ex.example", "Ann"),
    ],
)
def test_the_name_before_an_address_is_known(cell: str, name: str) -> None:
    assert emails_in(cell).name == name


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("Ann One a@ex.example", "Ann One"),
        ("a@ex.example (Ann One)", "Ann One"),
        ("a@ex.example - work", "work"),
        ("SMTP:a@ex.example", ""),
        ("Ann One <a@ex.example>", ""),
        ("Ann a@ex.example, Bob b@ex.example", ""),
    ],
)
def test_the_words_beside_the_only_address_are_known(cell: str, words: str) -> None:
    assert emails_in(cell).beside == words


def test_a_cell_of_many_pieces_has_one_fault_for_those_that_are_not_tried() -> None:
    """check 82"""
    assert [fault.code for fault in emails_in("a@|" * 660).faults] == ["email"] * 100 + ["too_long"]
    assert len(emails_in("a@ex.example;" * 150).found) == 100
    codes = numbers("1;" * 900)[1]
    assert codes == ["phone_too_long"]
    codes = numbers("1," * 900, are_labelled=True)[1]
    assert len(codes) < 110 and "too_long" in codes


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
        ("030/2312500, 0171 2345678", "DE", "+49302312500 +491712345678"),
        ("030/2312500, 0171/2345678", "DE", "+49302312500 +491712345678"),
        ("0171/2345678 u. 030/2312500", "DE", "+491712345678 +49302312500"),
        ("030/2312500 bzw. 0171/2345678", "DE", "+49302312500 +491712345678"),
        ("01/5872345, 0664/1234567", "AT", "+4315872345 +436641234567"),
        ("08-123 456 78, 070-123 45 67", "SE", "+46812345678 +46701234567"),
        ("2. 030 2312500", "DE", "+49302312500"),
        ("1) 030/2312500", "DE", "+49302312500"),
        ("1. 415-555-2671", "US", "+14155552671"),
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


@pytest.mark.parametrize(
    ("cell", "country"),
    [
        ("030 2312500 - 0171 2345678", "DE"),
        ("030 2312500 Büro 0171 2345678", "DE"),
        ("030 2312500 9-17 Uhr", "DE"),
        ("030 2312500 8-12 u. 13-17 Uhr", "DE"),
        ("030 2312500 9:00", "DE"),
        ("030 2312500 - 2024", "DE"),
        ("030 2312500 2024", "DE"),
        ("2 030 2312500", "DE"),
        ("0664 1234567 - 01/5872345", "AT"),
        ("0664 1234567 01/5872345", "AT"),
        ("+43 664 1234567 -- 01 / 5872345", "AT"),
        ("335 1234567 - 06/69821234", "IT"),
        ("30. 2312500", "DE"),
    ],
)
def test_no_number_is_made_of_two_nor_of_the_end_of_one(cell: str, country: str) -> None:
    """check 105: where it is not certain which digits belong together, the cell has a fault and no wrong number."""
    found, codes = numbers(cell, country)
    right = {
        "+49302312500",
        "+491712345678",
        "+436641234567",
        "+4315872345",
        "+393351234567",
        "+390669821234",
    }
    assert codes and right.issuperset(found)


_OF_COUNTRIES = {
    "DE": {
        "+49302312500": ("030 2312500", "030/2312500", "030 / 2312500", "(030) 2312500"),
        "+491712345678": ("0171 2345678", "0171/2345678", "+49 171 2345678", "+49 (0) 171 / 2345678"),
    },
    "AT": {
        "+4315872345": ("01 5872345", "01/5872345", "01 / 5872345"),
        "+436641234567": ("0664 1234567", "0664/1234567", "+43 664 1234567"),
    },
    "IT": {"+390669821234": ("06 6982 1234", "06/69821234"), "+393351234567": ("335 1234567", "335/1234567")},
    "SE": {"+46812345678": ("08-123 456 78", "08/123 456 78"), "+46701234567": ("070-123 45 67",)},
    "US": {
        "+14155552671": ("415-555-2671", "415/555-2671"),
        "+14155552672": ("(415) 555-2672", "+1 415 555 2672"),
    },
}
_BETWEEN = st.sampled_from(
    [
        " / ", "/", " u. ", " und ", "; ", ", ", " ", "  ", " & ", " - ", " -- ", "\n", " (Büro) ", " Büro ",
        " mobil: ", " privat / ", "; mobil ", " bzw. ", " x12 / ", " (Frau Meier) ", ", priv. ", " od. ", " Fax ",
    ]
)  # fmt: skip


@given(st.data(), st.sampled_from([*_OF_COUNTRIES]), _BETWEEN)
@settings(max_examples=repetitions(400))
def test_of_two_numbers_in_a_cell_none_is_wrong(data: st.DataObject, country: str, between: str) -> None:
    """check 105: in countries with numbers of any length, and whatever is around and between the numbers."""
    pair = data.draw(st.permutations([*_OF_COUNTRIES[country]]))
    typed = [data.draw(st.sampled_from(_OF_COUNTRIES[country][number])) for number in pair]
    before, after = (
        data.draw(st.sampled_from(["", "Tel. ", "Büro "])),
        data.draw(st.sampled_from(["", " privat"])),
    )
    read = numbers_in(
        f"{before}{between.join(typed)}{after}", partial(normalize_phone, default_country=country)
    )
    assert {one.e164 for one in read.found} <= {*pair}


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("Fax: 415-555-2671", ["fax: +14155552671"]),
        ("415-555-2671 (Fax)", ["fax: +14155552671"]),
        ("Telefax 415-555-2671", ["fax: +14155552671"]),
        ("Tel/Fax: 415-555-2671", ["+14155552671"]),
        ("415-555-2671; Fax 415-555-2672", ["+14155552671", "fax: +14155552672"]),
    ],
)
def test_a_number_of_a_fax_is_known_by_its_text(cell: str, labels: list[str]) -> None:
    assert numbers(cell) == (labels, [])


def test_numbers_may_have_labels_before_them() -> None:
    assert numbers("Home: 415-555-2671 Work: 415-555-2672") == (
        ["Home: +14155552671", "Work: +14155552672"],
        [],
    )
    cell = 'mobile: +14155552671, "the, office": +14155552672, +14155552673'
    assert numbers(cell, are_labelled=True)[0][::2] == ["mobile: +14155552671", "+14155552673"]
    assert numbers('"home: second: +14155552672"', are_labelled=True) == (["home: second: +14155552672"], [])


_KEYPAD = str.maketrans("adenorx", "2336679")
"""The digits of the letters that the next test draws (ITU-T E.161)."""


@given(
    st.text(st.sampled_from("0123456789 ()+-./;,x*X:oderand\n"), max_size=30),
    st.sampled_from(["US", "DE", "FR"]),
)
@example("33800000X00", "FR")
@example("201X00X0:X", "DE")
@settings(max_examples=repetitions(300))
def test_no_number_has_a_digit_that_the_cell_does_not_have(cell: str, country: str) -> None:
    """check 105: each number is the country's code and, in their order, digits of the cell. Words of three letters or
    more that a toll-free number has are its digits.
    """
    read = numbers_in(cell, partial(normalize_phone, default_country=country))
    for one in read.found:
        has_words = sum(map(str.isalpha, one.text)) >= 3
        text = one.text.casefold().translate(_KEYPAD) if has_words else one.text
        typed = "".join(filter(str.isdigit, text))
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
        ('"[vip]"', ["[vip]"]),
        ('"* y", * z', ["* y", "z"]),
        ("n/a", []),
        ("vip, none", ["vip"]),
        ('"none"', ["none"]),
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
