"""The table of a contact's fields, and the inputs that are made from it."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from shared.domain.contacts.bulk import BulkFields
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.fields import SETTABLE, ContactFields, LabelledFields, empty_value
from shared.domain.contacts.inputs import ContactInput, ContactPatch, ContactReplacement
from shared.domain.contacts.record import Contact
from shared.domain.tenant import TenantSettings

SETTINGS = TenantSettings(require_email=False)
OF_CREATIONS = ("relationship_status", "lifecycle_stage")
"""The fields that only a new contact is given; later they are moved by a route of their own."""


def test_every_settable_field_is_a_field_of_the_contact() -> None:
    assert set(SETTABLE) <= set(Contact.model_fields)
    assert set(LabelledFields.__annotations__) - {"preferred"} <= set(Contact.model_fields)


def test_inputs_have_the_fields_of_the_table_in_its_order() -> None:
    whole = [name for name, how in SETTABLE.items() if how.in_creation]
    assert list(ContactReplacement.model_fields) == whole
    assert list(ContactInput.model_fields) == [*whole, *OF_CREATIONS]
    assert list(ContactPatch.model_fields) == list(SETTABLE)
    assert list(BulkFields.model_fields) == [name for name, how in SETTABLE.items() if how.in_bulk]


def test_a_field_left_out_and_a_null_have_the_same_empty_value() -> None:
    left_out = clean(ContactReplacement(first_name="Ada").given_fields(), SETTINGS)
    nulls = {name: None for name in SETTABLE if name != "first_name"}
    nulled = clean(ContactPatch(first_name="Ada", **nulls).given_fields(), SETTINGS)
    assert {name: nulled[name] for name in left_out} == left_out  # type: ignore[literal-required]
    assert empty_value("tags") == [] and empty_value("company") == "" and empty_value("email") is None


def test_the_fields_of_cleaning_are_those_of_the_table_and_the_numbers_as_typed() -> None:
    fields = {how.name or name: None for name, how in SETTABLE.items()}
    assert set(ContactFields.__annotations__) - {"phone_raw", "whatsapp_raw", "preferred", *OF_CREATIONS} == (
        set(fields) - {"communication"}
    )


@pytest.mark.parametrize("model", [ContactInput, ContactReplacement, ContactPatch, BulkFields])
def test_an_unknown_field_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError) as refusal:
        model.model_validate({"first_name": "Ada", "nick_name": "A"})
    assert [fault["type"] for fault in refusal.value.errors()] == ["extra_forbidden"]
