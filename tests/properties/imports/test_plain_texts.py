"""Texts that are accepted without asking the models of the API are those that the models would store as they are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.inputs import ContactInput
from shared.domain.imports.plain_texts import is_accepted
from shared.domain.tenant import TenantSettings
from tests.support.budgets import repetitions

TEXTS = st.text(st.sampled_from("aB ,é\u0301\n\t\0\u200b\ufe0f\u3164ß"), max_size=8) | st.sampled_from(
    [
        "x" * 50,
        "x" * 51,
        "x" * 100,
        "x" * 101,
        "x" * 200,
        "x" * 201,
        "x" * 10_000,
        "x" * 10_001,
        "prospect",
        "interest",
    ]
)
FIELDS = (
    "first_name", "last_name", "company", "department", "job_title", "about", "relationship_status", "lifecycle_stage",
)  # fmt: skip
LABELS = ("tags", "types", "groups")


def stored(field: str, value: Any) -> Any:
    """Return what the API stores of a value; None when it is refused."""
    try:
        checked = ContactInput.model_validate({"first_name": "Ada", field: value})
    except ValidationError:
        return None
    return clean({field: getattr(checked, field)}, TenantSettings(max_tags_per_contact=100)).get(field)


@given(field=st.sampled_from(FIELDS), text=TEXTS)
@settings(max_examples=repetitions(500))
def test_an_accepted_text_is_stored_as_it_is(field: str, text: str) -> None:
    assert not is_accepted(field, text) or stored(field, text) == text


@given(field=st.sampled_from(LABELS), names=st.lists(TEXTS, max_size=3))
@settings(max_examples=repetitions(500))
def test_accepted_names_are_stored_as_they_are(field: str, names: list[str]) -> None:
    assert not is_accepted(field, names) or stored(field, names) == names


def test_plain_texts_are_accepted() -> None:
    assert all(is_accepted(field, "José") for field in FIELDS[:6])
    assert all(is_accepted(field, ["vip", "big spender"]) for field in LABELS)
    assert is_accepted("relationship_status", "prospect")
    assert not any(
        is_accepted(field, "Ada") for field in ("email", "phone", "owner_id", "custom_fields", "other")
    )
