"""How likely two contacts are one person, and why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.duplicate_people import PEOPLE, make_people, pairs_of
from benchmarks.duplicates import contact_of, find_pairs, judge, judge_suggestions, judge_texts
from shared.domain.contacts.record import Contact
from shared.domain.duplicates.score import DEFAULT_SCORE, Compared, Comparison, compare
from tests.support.budgets import repetitions

NUMBER, OTHER_NUMBER = "+14155550101", "+14155550102"
ADA: dict[str, Any] = {"first_name": "Ada", "last_name": "Lovelace"}


def contact(**fields: Any) -> Contact:
    given = {**ADA, **fields}
    name = f"{given['first_name']} {given['last_name']}".strip()
    base = contact_of(make_people()[0], 1)
    blank = {"phone": None, "whatsapp": None, "company": "", "custom_fields": {}, "email": None}
    return base.with_fields({**blank, "full_name": name, **given})


def compared(one: dict[str, Any], other: dict[str, Any]) -> Comparison:
    """The comparison of two contacts, which does not depend on their order."""
    pair = Compared(contact(**one)), Compared(contact(**other))
    there, back = compare(*pair), compare(*reversed(pair))
    assert (there.score, there.digest) == (back.score, back.digest)
    assert [one.code for one in there.reasons] == [one.code for one in back.reasons]
    return there


def codes(comparison: Comparison) -> list[str]:
    return [one.code for one in comparison.reasons]


PHONE, COMPANY = {"phone": NUMBER}, {"company": "Analytical Engines"}


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ({"email": "ada+x@gmail.com"}, {"email": "a.da@googlemail.com"}, ["same_mailbox", "same_name"]),
        (PHONE, {"whatsapp": NUMBER}, ["same_phone", "same_name"]),
        (PHONE, {**PHONE, "first_name": "A."}, ["same_phone", "like_name"]),
        (COMPANY, {"company": "ANALYTICAL ENGINES, Ltd."}, ["same_name", "same_company"]),
        (COMPANY, {**COMPANY, "last_name": "Lovelcae"}, ["like_name", "same_company"]),
        ({"custom_fields": {"national_id": "X-1234"}}, {"custom_fields": {"national_id": "x1234"}},
         ["same_key", "same_name"]),
        ({**PHONE, **COMPANY}, {**PHONE, **COMPANY}, ["same_phone", "same_name", "same_company"]),
    ],
)  # fmt: skip
def test_what_people_have_in_common_is_said_and_counts(
    one: dict[str, Any], other: dict[str, Any], reasons: list[str]
) -> None:
    found = compared(one, other)
    assert codes(found) == reasons
    assert found.score >= DEFAULT_SCORE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PHONE, {**PHONE, "first_name": "George"}),  # a family with one number
        (PHONE, {**PHONE, "first_name": "Grace", "last_name": "Hopper"}),  # an office
        ({**PHONE, **COMPANY}, {**PHONE, **COMPANY, "last_name": "Byron"}),
        ({"email": "home+ada@example.com"}, {"email": "home+george@example.com", "first_name": "George"}),
        (PHONE, {"phone": OTHER_NUMBER}),  # the same name only
        (COMPANY, {**COMPANY, "first_name": "George"}),
        ({**COMPANY, **PHONE}, {**COMPANY, "phone": OTHER_NUMBER, "first_name": "A."}),
        ({**COMPANY, "custom_fields": {"national_id": "X-1234"}},
         {**COMPANY, "custom_fields": {"national_id": "X-1235"}}),
    ],
)  # fmt: skip
def test_different_people_who_share_something_are_no_suggestion(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert compared(one, other).score < DEFAULT_SCORE


def test_contacts_with_nothing_in_common_have_no_score_and_no_reasons() -> None:
    found = compared({}, {"email": "x@example.com"})
    assert (found.score, found.reasons, found.digest) == (0, (), "")


def test_details_tell_what_is_shared_and_not_what_identifies_a_person() -> None:
    shared = {
        "email": "a.d.a+news@gmail.com",
        "phone": NUMBER,
        "custom_fields": {"national_id": "X-1234"},
        **COMPANY,
    }
    found = compared(shared, {**shared, "email": "ada@gmail.com", "first_name": "Adda"})
    assert [(one.code, one.detail) for one in found.reasons] == [
        ("same_key", "national_id"),
        ("same_mailbox", "ada@gmail.com"),
        ("same_phone", NUMBER),
        ("like_name", "typing_error"),
        ("same_company", "Analytical Engines"),
    ]


@given(st.sampled_from(["phone", "email", "company", "last_name", "national_id"]))
def test_the_digest_changes_with_what_is_shared_and_with_nothing_else(changed: str) -> None:
    shared = {
        "phone": NUMBER,
        "email": "ada@gmail.com",
        "custom_fields": {"national_id": "X-1234"},
        **COMPANY,
    }
    one, other = shared, {**shared, "email": "a.d.a@gmail.com"}
    before = compared(one, other)
    aside = {
        "about": "x",
        "job_title": "y",
        "whatsapp": OTHER_NUMBER,
        "custom_fields": {"national_id": "x1234"},
    }
    assert compared(one, {**other, **aside}).digest == before.digest
    values = {"national_id": {"custom_fields": {}}, "last_name": {"last_name": "Lovelacf"}}
    change = values.get(changed, {changed: None if changed != "company" else ""})
    assert compared(one, {**other, **change}).digest != before.digest


@pytest.mark.parametrize("seed", range(16, 16 + repetitions(2)))
def test_duplicates_among_two_thousand_people_are_found_and_others_are_not(seed: int) -> None:
    """The set was written before the matching, and judges it."""
    people = make_people(seed)
    assert len(people) == PEOPLE and len(pairs_of(people)) > 400
    quality = judge_suggestions(people)
    assert quality.precision >= 0.97
    assert quality.recall >= 0.90


def test_a_matching_of_texts_is_worse_at_any_threshold() -> None:
    people = make_people()
    texts, _ = judge_texts(people)
    ours = judge(
        (pair for pair, score in find_pairs(people).items() if score >= DEFAULT_SCORE), pairs_of(people)
    )
    assert ours.harmonic_mean > texts.harmonic_mean
