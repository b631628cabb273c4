"""A row applied to a contact: what it changes, what it leaves, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.contacts.fields import MAX_OTHER_EMAILS
from shared.domain.contacts.other_phones import MAX_PHONES
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.imports.virtual_contact import VirtualContact, new_tag
from shared.domain.stamp import Stamp

ADMIN = Caller("T1", "user", "admin", "admin")


def existing(**given: Any) -> VirtualContact:
    """A contact that exists, before any row."""
    fields = {"first_name": "Ada", "email": "ada@example.com", "owner_id": None, **given}
    contact, _ = Contact.create(fields, contact_id=new_id(), stamp=Stamp.now(ADMIN), source="api")  # type: ignore[arg-type]
    return VirtualContact.of(contact)


def phone(number: str, label: str = "") -> dict[str, str | None]:
    return {"label": label, "number": number, "raw": None}


def test_an_update_replaces_values_and_a_merge_fills_empty_ones() -> None:
    row = {"first_name": "Augusta", "company": "Engines", "job_title": ""}
    updated, merged = existing(company="Old", job_title="Countess"), existing(company="Old")
    assert updated.apply(row, "update") == []
    assert updated.changes() == {"first_name": "Augusta", "company": "Engines"}
    assert merged.apply(row | {"job_title": "Countess"}, "merge") == []
    assert merged.changes() == {"job_title": "Countess"}


def test_the_same_number_typed_another_way_is_no_change() -> None:
    contact = existing(phone="+14155552671", phone_raw="(415) 555-2671")
    contact.apply({"phone": "+14155552671", "phone_raw": "415.555.2671"}, "update")
    assert not contact.is_changed
    contact.apply({"phone": "+14155552672", "phone_raw": "415.555.2672"}, "update")
    assert (contact.values["phone"], contact.values["phone_raw"]) == ("+14155552672", "415.555.2672")


@pytest.mark.parametrize("mode", ["update", "merge"])
def test_no_address_is_lost(mode: Any) -> None:
    contact = existing(other_emails=["second@example.com"])
    contact.apply({"email": "new@example.com", "other_emails": ["third@example.com"]}, mode)
    assert contact.addresses[0] == ("new@example.com" if mode == "update" else "ada@example.com")
    assert sorted(contact.addresses) == [
        "ada@example.com", "new@example.com", "second@example.com", "third@example.com",
    ]  # fmt: skip


def test_a_primary_address_is_not_replaced_when_there_is_no_room_for_it_among_the_others() -> None:
    full = [f"other{number}@example.com" for number in range(MAX_OTHER_EMAILS)]
    contact = existing(other_emails=full)
    (warning,) = contact.apply({"email": "new@example.com"}, "update")
    assert (warning.field, warning.code) == ("other_emails", "too_many_emails")
    assert not contact.is_changed
    assert contact.apply({"email": full[3]}, "update") == []  # it trades places with the present one
    assert contact.addresses == [full[3], *full[:3], *full[4:], "ada@example.com"]


def test_numbers_that_the_contact_has_are_not_added_again() -> None:
    contact = existing(phone="+14155552671", other_phones=[phone("+14155552672", "home")])
    given = [phone("+14155552671"), phone("+14155552672", "work"), phone("+14155552673", "mobile")]
    contact.apply({"other_phones": given}, "merge")
    assert contact.values["other_phones"] == [phone("+14155552672", "home"), phone("+14155552673", "mobile")]


@pytest.mark.parametrize("mode", ["update", "merge"])
def test_no_number_is_lost(mode: Any) -> None:
    contact = existing(phone="+14155552671", phone_raw="(415) 555-2671", whatsapp="+14155552673")
    row = {"phone": "+14155552672", "phone_raw": "415.555.2672", "whatsapp": "+14155552674"}
    assert contact.apply(row, mode) == []
    old = [phone("+14155552671", "former") | {"raw": "(415) 555-2671"}, phone("+14155552673", "whatsapp")]
    new = [phone("+14155552672") | {"raw": "415.555.2672"}, phone("+14155552674", "whatsapp")]
    own = (contact.values["phone"], contact.values["phone_raw"], contact.values["whatsapp"])
    if mode == "update":
        assert own == ("+14155552672", "415.555.2672", "+14155552674")
        assert contact.values["other_phones"] == old
    else:
        assert own == ("+14155552671", "(415) 555-2671", "+14155552673")
        assert contact.values["other_phones"] == new
    before = dict(contact.values)
    assert contact.apply(row, mode) == []
    assert contact.values == before


def test_a_number_trades_places_with_the_former_one() -> None:
    contact = existing(phone="+14155552671", other_phones=[phone("+14155552673", "home")])
    for number, former in (("+14155552672", "+14155552671"), ("+14155552671", "+14155552672")):
        contact.apply({"phone": number}, "update")
        assert contact.values["phone"] == number
        assert contact.values["other_phones"] == [phone("+14155552673", "home"), phone(former, "former")]


def test_a_further_number_keeps_its_label_when_it_becomes_the_first_one() -> None:
    home = phone("+14155552672", "home")
    contact = existing(phone="+14155552671", other_phones=[home])
    contact.apply({"phone": "+14155552672"}, "merge")
    assert not contact.is_changed
    mobile = phone("+14155552671", "mobile")
    contact.apply({"phone": "+14155552672", "other_phones": [mobile]}, "update")
    assert (contact.values["phone"], contact.values["other_phones"]) == ("+14155552672", [home, mobile])


def test_a_number_that_the_contact_has_in_another_field_is_no_further_one() -> None:
    contact = existing(phone="+14155552671", whatsapp="+14155552671")
    contact.apply({"phone": "+14155552672", "whatsapp": ""}, "update")
    assert (contact.values["phone"], contact.values["other_phones"]) == ("+14155552672", [])
    contact.apply({"phone": "+14155552671", "whatsapp": "+14155552672"}, "merge")
    assert contact.changes() == {"phone": "+14155552672", "phone_raw": None}
    contact.apply({"phone": "+14155552671", "whatsapp": "+14155552672"}, "update")
    assert contact.numbers == ["+14155552671", "+14155552672"]
    assert contact.values["other_phones"] == []


FULL = [phone(f"+1415555{number}") for number in range(2600, 2600 + MAX_PHONES)]


@pytest.mark.parametrize("mode", ["update", "merge"])
def test_a_number_is_not_replaced_when_there_is_no_room_for_it_among_the_others(mode: Any) -> None:
    contact = existing(phone="+14155552671", other_phones=FULL)
    (warning,) = contact.apply({"phone": "+14155552672"}, mode)
    assert (warning.field, warning.code) == ("other_phones", "too_many_phones")
    assert warning.message.endswith("Left out: +14155552672.")
    assert not contact.is_changed


def test_of_two_numbers_only_the_first_is_replaced_where_one_further_number_has_room() -> None:
    contact = existing(phone="+14155552671", whatsapp="+14155552673", other_phones=FULL[1:])
    row = {"phone": "+14155552672", "whatsapp": "+14155552674"}
    (warning,) = contact.apply(row, "update")
    assert warning.message.endswith("Left out: +14155552674.")
    assert contact.numbers[:2] == ["+14155552672", "+14155552673"]
    assert contact.values["other_phones"] == [*FULL[1:], phone("+14155552671", "former")]
    assert contact.apply(row, "update") == [warning]


def test_numbers_trade_places_where_there_is_no_room_for_both() -> None:
    full = [phone("+14155552672", "home"), *FULL[1:]]
    contact = existing(phone="+14155552671", other_phones=full)
    assert contact.apply({"phone": "+14155552672"}, "update") == []
    assert contact.values["phone"] == "+14155552672"
    assert contact.values["other_phones"] == [phone("+14155552671", "former"), *FULL[1:]]


def test_a_cell_that_says_what_a_custom_field_holds_leaves_its_kind() -> None:
    contact = existing(custom_fields={"visits": 3, "vip": True, "colour": "red"})
    contact.apply({"custom_fields": {"visits": "3", "vip": "true", "colour": "blue", "size": "4"}}, "update")
    assert contact.changes() == {
        "custom_fields": {"visits": 3, "vip": True, "colour": "blue", "size": "4"}
    }  # fmt: skip
    contact = existing(custom_fields={"colour": "red"})
    contact.apply({"custom_fields": {"colour": "blue", "size": "4"}}, "merge")
    assert contact.values["custom_fields"] == {"colour": "red", "size": "4"}


def test_custom_fields_that_are_too_many_are_left_out_with_a_warning() -> None:
    contact = existing(custom_fields={f"field{number}": 1 for number in range(50)})
    (warning,) = contact.apply({"custom_fields": {"further": "1"}}, "merge")
    assert (warning.field, warning.code) == ("custom_fields", "too_long")
    assert not contact.is_changed


def test_the_status_of_a_contact_stays() -> None:
    contact = existing(relationship_status="opportunity")
    assert contact.apply({"relationship_status": "opportunity"}, "update") == []
    warnings = contact.apply(
        {"relationship_status": "prospect", "lifecycle_stage": "consideration"}, "update"
    )
    assert [(one.field, one.code) for one in warnings] == [("relationship_status", "status_kept")]
    assert not contact.is_changed


def test_the_first_labels_that_fit_are_kept_and_no_row_takes_one_away() -> None:
    contact = existing(tags=["vip", "old"], tag_ids=["1", "2"])
    given = {"2": "old", new_tag("new"): "new", new_tag("more"): "more"}
    (warning,) = contact.add_labels("tags", given, 3, {new_tag("more"): "More"})
    assert warning.message.endswith("Left out: More.")
    assert contact.shown()["tags"] == ["vip", "old", "new"]
    assert contact.changed_labels() == ["tags"]
    full = existing(tags=["vip", "old"], tag_ids=["1", "2"])
    assert len(full.add_labels("tags", {"3": "new"}, 1, {"3": "new"})) == 1
    assert full.changed_labels() == []


def test_spellings_of_a_new_tag_have_one_key() -> None:
    assert new_tag("VIP") == new_tag("vip")
