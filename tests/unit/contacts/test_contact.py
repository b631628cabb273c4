"""The rules of the contact."""

from __future__ import annotations

import pytest

from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.booked import BookingFigures, Invitee
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.errors import Invalid
from shared.domain.events import Event
from shared.domain.ids import derived_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.domain.timestamps import to_milliseconds

ADMIN = Caller("t1", "user", "u1", "admin")
AT, LATER = "2026-05-04T09:30:00.000Z", "2026-05-05T09:30:00.000Z"
ID = derived_id(to_milliseconds("2026-05-04T09:30:00.000Z"), "contact")


def made(**given: object) -> tuple[Contact, Event]:
    given = {"first_name": "Ada", "email": "ada@example.com", **given}
    fields = clean(ContactInput(**given).given_fields(), TenantSettings())  # type: ignore[arg-type]
    return Contact.create(fields, contact_id=ID, stamp=Stamp("e1", AT, ADMIN), source="api")


def test_a_new_contact_belongs_to_the_user_who_created_it() -> None:
    assert made()[0].owner_id == "u1"


def test_a_contact_created_by_the_system_has_no_owner() -> None:
    caller = system_caller("t1", "booking", "booking")
    contact, _ = Contact.create(
        {"first_name": "Ada"}, contact_id=ID, stamp=Stamp("e", AT, caller), source="booking"
    )
    assert contact.owner_id is None


def test_the_creation_event_lists_every_field_with_a_value() -> None:
    _, event = made(last_name="Lovelace", tags=["vip"])
    assert event.type == "contact.created"
    assert event.changes["email"] == (None, "ada@example.com")
    assert event.changes["full_name"] == (None, "Ada Lovelace")
    assert event.changes["tags"] == (None, ["vip"])
    assert "company" not in event.changes


def test_the_event_of_a_change_lists_the_old_and_new_values_of_changed_fields_only() -> None:
    contact, _ = made()
    changed = contact.change({"first_name": "Augusta"}, stamp=Stamp("e2", LATER, ADMIN))
    assert changed is not None
    after, event = changed
    assert event.changes == {"first_name": ("Ada", "Augusta"), "full_name": ("Ada", "Augusta")}
    assert (after.version, after.updated_at, after.created_at) == (2, LATER, AT)


def test_a_change_to_the_same_values_is_no_change() -> None:
    contact, _ = made(tags=["a"])
    assert contact.change({"first_name": "Ada", "tags": ["a"]}, stamp=Stamp("e2", LATER, ADMIN)) is None


def test_a_deleted_contact_keeps_its_fields_for_a_restoration() -> None:
    after, event = made()[0].delete(stamp=Stamp("e2", LATER, ADMIN))
    assert (after.deleted_at, after.email, event.type) == (LATER, "ada@example.com", "contact.deleted")


def test_a_booking_moves_the_last_booking_and_not_the_last_contact() -> None:
    contact, _ = made()
    contact, event = contact.record_booking_event(
        type="booking_created",
        booking_id="b",
        invitee=Invitee(interaction_id=ID),
        figures=BookingFigures({"created": 1}, LATER),
        stamp=Stamp("e", LATER, system_caller("t1", "booking", "booking")),
    )
    assert (contact.last_contacted_at, contact.last_booking_at) == (None, LATER)
    assert (contact.interaction_count, contact.total_bookings) == (1, 1)
    assert contact.interaction_counts == {"booking_created": 1}
    assert event.data == {"interaction_id": ID, "interaction_type": "booking_created", "booking_id": "b"}


def test_the_last_contact_moves_forward_and_never_back_or_into_the_future() -> None:
    contact, _ = made()
    last = []
    for at in (AT, LATER, AT, "2026-05-05T09:30:00.001Z"):
        contact, event = contact.record_interaction(
            interaction_id="i",
            type="call",
            occurred_at=at,
            by_system=False,
            stamp=Stamp("e", LATER, ADMIN),
        )
        last.append(contact.last_contacted_at)
    assert last == [AT, LATER, LATER, LATER]
    assert (contact.interaction_count, contact.interaction_counts) == (4, {"call": 4})
    assert (event.type, event.version) == ("interaction.created", 5)
    assert event.data == {"interaction_id": "i", "interaction_type": "call"}
    assert event.changes == {"interaction_count": (3, 4)}


def test_every_refused_field_is_named() -> None:
    with pytest.raises(Invalid) as refusal:
        clean({"first_name": "", "email": "nobody", "phone": "12", "whatsapp": "x"}, TenantSettings())
    assert [one.field for one in refusal.value.errors] == ["first_name", "email", "phone", "whatsapp"]


def test_refusals_never_repeat_what_was_given() -> None:
    with pytest.raises(Invalid) as refusal:
        clean({"email": "secret@nowhere", "phone": "0123 secret"}, TenantSettings())
    assert "secret" not in str([one.message for one in refusal.value.errors]) + refusal.value.detail


def test_an_email_may_be_missing_only_where_the_tenant_says_so() -> None:
    assert clean({"email": None}, TenantSettings(require_email=False))["email"] is None
    with pytest.raises(Invalid, match="required"):
        clean({"email": " "}, TenantSettings())


def test_tags_that_differ_only_in_case_are_equal() -> None:
    assert clean({"tags": ["VIP", "vip", "New"]}, TenantSettings())["tags"] == ["VIP", "New"]


def test_an_eleventh_tag_is_refused() -> None:
    assert len(clean({"tags": [str(n) for n in range(10)]}, TenantSettings())["tags"]) == 10
    with pytest.raises(Invalid, match="at most 10 tags"):
        clean({"tags": [str(n) for n in range(11)]}, TenantSettings())


def test_null_empties_a_field() -> None:
    assert clean({"company": None, "phone": None, "tags": None, "other_emails": None}, TenantSettings()) == {
        "company": "",
        "phone": None,
        "phone_raw": None,
        "tags": [],
        "other_emails": [],
    }


def test_without_cleaning_a_number_must_be_e164_already() -> None:
    strict = TenantSettings(auto_clean_phone_numbers=False)
    assert clean({"phone": "+14155552671"}, strict)["phone"] == "+14155552671"
    with pytest.raises(Invalid, match=r"E\.164"):
        clean({"phone": "(415) 555-2671"}, strict)


def test_new_contacts_have_every_field_and_share_no_collection() -> None:
    one, other = made()[0], made()[0]
    assert one.__dict__.keys() == Contact.model_fields.keys()
    for name, value in one.__dict__.items():
        assert value == getattr(other, name)
        if isinstance(value, list | dict):
            assert value is not getattr(other, name), name
