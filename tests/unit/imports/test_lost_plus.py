"""Telephone numbers without the `+` that a spreadsheet has dropped."""

from __future__ import annotations

import phonenumbers
import pytest

from shared.domain.imports.addresses import AddressReader, ReadNumbers
from shared.domain.imports.columns import Layout, recognize

COUNTRIES = (
    *("DE", "AT", "CH", "FR", "IT", "ES", "PT", "GB", "IE", "NL", "BE", "LU", "DK", "SE"),
    *("NO", "FI", "PL", "CZ", "SK", "HU", "RO", "GR", "TR", "RU", "US", "CA", "MX", "BR"),
    *("AR", "IN", "ID", "JP", "CN", "KR", "AU", "NZ", "ZA", "EG", "NG", "IL", "XK"),
)
KINDS = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)


def read(cell: str, country: str) -> ReadNumbers:
    header = ("Email", "Phone")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    return AddressReader(layout, country=country, clean=True).read_numbers(["", cell])


def outcome(cell: str, country: str) -> tuple[str | None, list[str]]:
    numbers = read(cell, country)
    return numbers.fields.get("phone"), [one.code for one in numbers.faults]


@pytest.mark.parametrize("country", COUNTRIES)
def test_examples_of_countries_never_become_another_number_silently(country: str) -> None:
    """check 105: a number typed as people dial it stays right; without its `+` it is right, or there is a warning."""
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(country, kind)
        assert example is not None
        e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
        digits = "".join(filter(str.isdigit, national))
        assert outcome(e164, country) == outcome(national, country) == outcome(digits, country) == (e164, [])
        found, codes = outcome(e164.removeprefix("+"), country)
        assert found == e164 or (found is None and codes == ["phone_ambiguous"])
        assert codes in ([], ["phone_assumed_international"], ["phone_ambiguous"])


@pytest.mark.parametrize("cell", ["4915112345678", "4915112345678.0", "49 151 12345678", "49151-12345678"])
def test_a_number_that_lost_its_plus_is_read_with_it_and_says_so(cell: str) -> None:
    assert outcome(cell, "DE") == ("+4915112345678", ["phone_assumed_international"])
    assert read(cell, "DE").fields["phone_raw"] == cell


@pytest.mark.parametrize(
    ("cell", "country", "found", "codes"),
    [
        ("491719876543", "DE", "+491719876543", ["phone_assumed_international"]),
        ("62812345678", "ID", "+62812345678", ["phone_assumed_international"]),
        ("468123456", "SE", None, ["phone_ambiguous"]),  # Stockholm, or Lund without its 0
        ("0468123456", "SE", "+46468123456", []),
        ("049321234567", "DE", "+4949321234567", []),
        ("493212345678", "US", None, ["phone_too_long"]),
        ("483319248", "PL", "+48483319248", []),  # Polish numbers have nine digits and no trunk prefix
        ("5599123456 7", "BR", "+5555991234567", []),
        ("4930901820", "DE", "+4930901820", []),
        ("4915112345678; 0171 2345678", "DE", "+4915112345678", ["phone_assumed_international"]),
    ],
)
def test_what_a_number_without_plus_is(cell: str, country: str, found: str | None, codes: list[str]) -> None:
    assert outcome(cell, country) == (found, codes)
