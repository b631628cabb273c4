"""Telephone numbers: which part of a text is the number, and that only typed digits are stored."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.domain.errors import Invalid
from shared.domain.phone import REFUSALS, as_typed, normalize_phone
from shared.domain.typed_phone import plain_number
from tests.support.budgets import repetitions

US, DE, UK = "+14155552671", "+49302312500", "+442079460958"

NUMBERS = {
    ("(415) 555-2671", "US"): US,
    ("415.555.2671", "US"): US,
    ("1/415/555/2671", "US"): US,
    ("+1 415 555 2671", "DE"): US,
    ("(+1) 415 555 2671", "US"): US,
    ("tel:+1-415-555-2671", "US"): US,
    ("tel:+1%20415%20555%202671", "US"): US,
    ("+44 20 7946 0958", "US"): UK,
    ("+44 (0)20 7946 0958", "GB"): UK,
    ("030/2312500", "DE"): DE,
    ("(030) 23 12 500", "DE"): DE,
    ("+49 (0) 30 2312500", "US"): DE,
    ("030\u20112312500", "DE"): DE,
    ("\u202a+49\xa030\u20122312500\u202c", "US"): DE,
    ("089/123456-0", "DE"): "+49891234560",
    ("+39 (0)6 698 83145", "IT"): "+390669883145",
    ("06 698 83145", "IT"): "+390669883145",
    ("+47 (0) 22 22 22 22", "NO"): "+4722222222",
    # International prefixes
    ("0049 30 2312500", "FR"): DE,
    ("0049 30 2312500", "US"): DE,
    ("011 49 30 2312500", "US"): DE,
    ("011 1 415 555 2671", "DE"): US,
    # Digits of other scripts
    ("＋１ ４１５ ５５５ ２６７１", "US"): US,
    ("０３－１２３４－５６７８", "JP"): "+81312345678",
    ("٤١٥٥٥٥٢٦٧١", "US"): US,
    ("४१५ ५५५ २६७१", "US"): US,
    # Vanity numbers
    ("1-800-FLOWERS", "US"): "+18003569377",
    ("1 (800) my-apple", "US"): "+18006927753",
    ("+1800GOTJUNK", "GB"): "+18004685865",
    # Text around a number
    ("Tel.: 030 2312500", "DE"): DE,
    ("mobile 415-555-2671", "US"): US,
    ("☎ 415-555-2671", "US"): US,
    ("'+14155552671", "US"): US,
    ('="4155552671"', "US"): US,
    ("030 2312500 (privat)", "DE"): DE,
    ("030 2312500 privat", "DE"): DE,
    ("030 2312500 - ab 18 Uhr", "DE"): DE,
    ("415-555-2671 HOME", "US"): US,
    ("302312500.0", "DE"): DE,
    ("+49 30 2312500.0", "DE"): DE,
    ("4155552671.00", "US"): US,
    ("030 2312500/01", "DE"): DE,
    ("030 2312500 (12)", "DE"): DE,
    ("030 2312500 DW 12", "DE"): DE,
    ("(415) 555-2671 ext. 9", "US"): US,
    ("415-555-2671x12", "US"): US,
    ("415-555-2671 #12", "US"): US,
    ("+14155552671;ext=12", "US"): US,
    ("tel:+1-415-555-2671;ext=12", "US"): US,
    ("+1 415 555 2671,,123#", "US"): US,
}

REFUSED = {
    "phone_no_digits": ["", "N/A", "-", "+", "abc", "none", "tel:;ext=1", "tel:;ext=1 2"],
    "phone_too_short": ["0", "12", "555-2671"],
    "phone_too_long": ["1" * 20, "1" * 65],
    "phone_country_code": ["+999123456789"],
    "phone_masked": [
        "415-555-XXXX", "415 555 xx71", "415-555-267x", "415-555-26**", "415-555-____", "415-555-????", "415-555-26…",
        "415-555-26..", "1-888-NNN-NNNN", "1-800-XXX-XXXX", "(XXX) 555-2671", "415-555-26••",
    ],
    "phone_letters": ["415-555-HOME", "415-GET-FOOD", "415-555-267O", "O415 555 2671", "415-555-2671home", "Room 12",
        "1-800-5X5-9377", "1-800-35O-9377", "1-800-CALL-X"],
    "phone_two_numbers": [
        "415-555-2671 / 415-555-2672", "415-555-2671, 415-555-2672", "415-555-2671 415-555-2672",
        "415-555-2671\n415-555-2672", "4155552671;4155552672", "415-555-2671 or 415-555-2672",
        "+14155552671+14155552672", "415-555-2671 (or 415-555-2672)",
    ],
    "phone_unreadable": [
        "4.15556E+09", "4,15556E+09", "4155552671.5", "#31#415 555 2671", "++1 415 555 2671",
        "tel:7042;phone-context=example.com",
    ],
    "phone": ["+1 555 555 5555", "000 000 0000"],
}  # fmt: skip


@pytest.mark.parametrize(("raw", "country"), NUMBERS)
def test_a_number_is_stored_as_e164(raw: str, country: str) -> None:
    assert normalize_phone(raw, country) == NUMBERS[raw, country]


@pytest.mark.parametrize(("code", "raw"), [(code, raw) for code, many in REFUSED.items() for raw in many])
def test_a_refusal_says_what_is_wrong_and_repeats_nothing(code: str, raw: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalize_phone(raw, "US", "whatsapp")
    (error,) = caught.value.errors
    assert (error.field, error.code) == ("whatsapp", code)
    assert not any(len(word) > 3 and word in error.message for word in raw.split())


@pytest.mark.parametrize(
    "raw", ["030 2312XXX", "030 23125xx", "030 2312x00", "030 23125-KINO", "030 2312500DW"]
)
def test_a_number_that_may_be_longer_is_not_cut_where_letters_stand_for_digits(raw: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalize_phone(raw, "DE")
    assert caught.value.errors[0].code in ("phone_masked", "phone_letters")


@pytest.mark.parametrize(
    "raw", ["415-555-2671", "+1 415 555 2671", "+14155552671 x12", "＋14155552671", "4155552671"]
)
def test_without_cleaning_all_but_e164_is_refused(raw: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalize_phone(raw, "US", clean=False)
    assert caught.value.errors[0].code == "phone_not_e164"
    assert normalize_phone("+14155552671", "US", clean=False) == US


def test_removed_parts_stay_in_the_typed_form() -> None:
    assert as_typed("030 2312500\u200b  DW 12", DE) == "030 2312500 DW 12"
    assert as_typed(f"\u200e{US} ", US) is None


def test_every_refusal_has_a_sentence() -> None:
    assert REFUSED.keys() == REFUSALS.keys()


# check 105

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]
STYLES = [
    phonenumbers.PhoneNumberFormat.NATIONAL,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.RFC3966,
    phonenumbers.PhoneNumberFormat.E164,
]
BEHIND = [
    " (privat)", " home", " - work", "/01", ".0", " DW 12", " x12", "x12", "#", "~", " ext. 7", ";ext=5", ",,12#",
    " #3",
    " (2)",
    ", office", " ab 18 Uhr",
    " or {}", " / {}", ", {}", "; {}", "\n{}", " & {}", " {}", "\t{}", "|{}", "²", "*", "DW12",
]  # fmt: skip
_EXAMPLES = [
    (region, number)
    for region in REGIONS
    for kind in KINDS
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]
SCRIPTS = {
    "ASCII": "0123456789",
    "full width": "０１２３４５６７８９",
    "Arabic": "٠١٢٣٤٥٦٧٨٩",
    "Persian": "۰۱۲۳۴۵۶۷۸۹",
    "Devanagari": "०१२३४५६७८९",
}


def stored(raw: str, country: str) -> str | None:
    try:
        return normalize_phone(raw, country)
    except Invalid:
        return None


@settings(max_examples=repetitions(200))
@given(
    st.sampled_from(_EXAMPLES),
    st.sampled_from(STYLES),
    st.sampled_from(sorted(SCRIPTS)),
    st.sampled_from(["", "\u200e"]),
)
def test_a_number_in_any_of_its_country_s_styles_is_that_number(
    chosen: tuple[str, phonenumbers.PhoneNumber], style: int, script: str, mark: str
) -> None:
    region, number = chosen
    typed = phonenumbers.format_number(number, style).translate(
        str.maketrans(SCRIPTS["ASCII"], SCRIPTS[script])
    )
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert stored(f"{mark}{typed}{mark}", region) == e164


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("06 03 12 34.0", "GA", "+24106031234"),
        ("302312500.0", "DE", "+49302312500"),
        ("030 2312500.00", "DE", "+49302312500"),
        ("030.2312500.0", "DE", "+49302312500"),
        ("415 555.0000", "US", "+14155550000"),
        ("415.555.2000", "US", "+14155552000"),
        ("415.555.2671.0", "US", "+14155552671"),
    ],
)
def test_the_point_of_a_quantity_ends_a_number(typed: str, region: str, number: str | None) -> None:
    """check 105"""
    assert stored(typed, region) == number


@settings(max_examples=repetitions(300))
@given(
    st.sampled_from(_EXAMPLES), st.sampled_from(STYLES), st.sampled_from(BEHIND), st.sampled_from(_EXAMPLES)
)
def test_nothing_after_a_number_becomes_part_of_it(
    chosen: tuple[str, phonenumbers.PhoneNumber],
    style: int,
    behind: str,
    another: tuple[str, phonenumbers.PhoneNumber],
) -> None:
    """check 105: with any text after a number, the result is that number or none."""
    region, number = chosen
    second = phonenumbers.format_number(another[1], phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    typed = phonenumbers.format_number(number, style) + behind.format(second)
    assert stored(typed, region) in (e164, None)


@settings(max_examples=repetitions(200))
@given(
    st.sampled_from(_EXAMPLES), st.sampled_from(STYLES), st.sampled_from(["X", "x", "*", "?", "_", "n", "N", "•", "#"]),
    st.integers(1, 6),
)  # fmt: skip
def test_a_masked_number_is_refused(
    chosen: tuple[str, phonenumbers.PhoneNumber], style: int, mask: str, count: int
) -> None:
    """check 105: no digit replaces a mask, and the rest is not taken for a number."""
    region, number = chosen
    typed = list(phonenumbers.format_number(number, style))
    places = [at for at, c in enumerate(typed) if c.isdigit()][-count:]
    assume(len(places) == count)
    for at in places:
        typed[at] = mask
    assert stored("".join(typed), region) is None


# Their dialling rules replace the prefix with other digits: an area code, or a mark of mobile numbers.
PLAIN = [
    region
    for region in REGIONS
    if not (
        metadata := phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    ).national_prefix_transform_rule
    and metadata.country_code
]
KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
VANITY = (
    phonenumbers.PhoneNumberType.TOLL_FREE,
    phonenumbers.PhoneNumberType.PREMIUM_RATE,
    phonenumbers.PhoneNumberType.SHARED_COST,
    phonenumbers.PhoneNumberType.UAN,
)


def digits_of(text: str) -> str:
    return "".join(str(int(c)) for c in text if c.isdecimal())


TYPED = st.text(
    st.one_of(
        st.sampled_from("0123456789"),
        st.sampled_from("0123456789 +-./()"),
        st.sampled_from("xXDWext,;#ab*²１٣\u200b\n"),
    ),
    min_size=5,
    max_size=40,
)


@settings(max_examples=repetitions(400))
@given(TYPED, st.sampled_from(PLAIN), st.sampled_from(["", "+49 30 2312500", "415-555-2671", "1-800-FLO"]))
@example("030 2312500/01", "DE", "")
@example(" (privat)", "DE", "030 2312500")
@example(".0", "DE", "302312500")
@example("XXXX", "US", "415-555-")
def test_every_digit_of_a_stored_number_was_typed_in_that_order(
    typed: str, country: str, before: str
) -> None:
    """check 105: the typed text contains all digits after the country code, without a gap except for a trunk zero."""
    raw = before + typed
    number = stored(raw, country)
    if number is None:
        return
    code = phonenumbers.country_code_for_region(
        phonenumbers.region_code_for_number(phonenumbers.parse(number))
    )
    digits = digits_of(raw)
    without_trunk = digits_of("".join(raw.split()).replace("(0)", ""))
    national = number.removeprefix(f"+{code}")
    dialled = digits_of(raw.casefold().translate(KEYPAD))
    is_vanity = phonenumbers.number_type(phonenumbers.parse(number)) in VANITY and national in dialled
    assert national in digits or national in without_trunk or is_vanity


def test_an_area_code_in_brackets_is_too_short_to_be_a_number() -> None:
    """check 105: it is therefore read together with the digits after it, without looking for an extension."""
    shortest = (
        min(metadata.general_desc.possible_length)
        for region in phonenumbers.SUPPORTED_REGIONS
        if (metadata := phonenumbers.PhoneMetadata.metadata_for_region(region, None))
    )
    assert min(shortest) > 3
    assert normalize_phone("(415) 555-2671", "US") == US
    assert normalize_phone("(030) 231 2500", "DE") == DE


@pytest.mark.parametrize(
    "text", ["(415) 555-2671", "415-555-2671", "+44 20 7946 3958", "030 2312500", "0171-2312500"]
)
def test_what_people_usually_type_is_a_plain_number(text: str) -> None:
    """The keys of an import and its rows read numbers: each further attempt costs as much as the first one."""
    assert plain_number(text) == "".join(one for one in text if one in "+0123456789")


@pytest.mark.parametrize(
    "text", ["030 2312500 9-17", "030 2312500 9-17 ", "030 2312500 8-5", "030 2312500 030 2312501"]
)
def test_a_number_that_may_have_something_after_it_is_no_plain_one(text: str) -> None:
    assert plain_number(text) is None
