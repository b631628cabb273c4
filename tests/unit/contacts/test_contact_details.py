"""The other addresses and numbers of a contact, its preferences, consents and custom fields."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.communication import CommunicationInput
from shared.domain.contacts.consent import ConsentInput
from shared.domain.contacts.custom_fields import MAX_BYTES, clean_custom_fields, merge_custom_fields
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.presence import RESTORABLE_SECONDS
from shared.domain.contacts.record import Contact
from shared.domain.errors import Invalid
from shared.domain.events import Event, compare_fields
from shared.domain.groups.record import Group
from shared.domain.ids import derived_id
from shared.domain.labels.record import ContactType, Labels, Tag
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.domain.timestamps import plus, to_milliseconds
from shared.services.labels.labels import AnyLabel
from shared.table.contacts.items import contact_from_item, contact_to_item

ADMIN = Caller("t1", "user", "u1", "admin")
AT, LATER = "2026-05-04T09:30:00.000Z", "2026-05-05T09:30:00.000Z"
ID = derived_id(to_milliseconds("2026-05-04T09:30:00.000Z"), "contact")
USER = "0190a8b0-0000-7000-8000-00000000000a"


def made(**given: Any) -> Contact:
    return made_with_event(**given)[0]


def made_with_event(**given: Any) -> tuple[Contact, Event]:
    given = {"first_name": "Ada", "email": "ada@example.com", **given}
    fields = clean(ContactInput(**given).given_fields(), TenantSettings())
    return Contact.create(fields, contact_id=ID, stamp=Stamp("e1", AT, ADMIN), source="api")


def patched(contact: Contact, **given: Any) -> tuple[Contact, Event] | None:
    fields = clean(ContactPatch(**given).given_fields(), TenantSettings())
    return contact.change(fields, stamp=Stamp("e2", LATER, ADMIN))


def put(contact: Contact, **given: Any) -> Contact:
    given = {"first_name": "Ada", "email": "ada@example.com", **given}
    fields = clean(ContactInput(**given).given_fields(), TenantSettings())
    changed = contact.change(fields, whole=True, stamp=Stamp("e2", LATER, ADMIN))
    return changed[0] if changed else contact


def told(changed: tuple[Contact, Event] | None) -> dict[str, Any]:
    assert changed is not None
    return changed[1].changes


def consenting(contact: Contact, opted_out: bool = True, **given: Any) -> tuple[Contact, Event]:
    given = {"channel": "email", "opted_out": opted_out, "source": "a call", **given}
    return contact.record_consent(ConsentInput(**given), stamp=Stamp("e3", LATER, ADMIN))


# Addresses


def test_an_address_given_twice_counts_once() -> None:
    contact = made(other_emails=["B@example.com", "<b@EXAMPLE.com>", "ada@example.com", "c@example.com"])
    assert contact.other_emails == ["b@example.com", "c@example.com"]
    assert contact.addresses == {
        "ada@example.com": "email",
        "b@example.com": "other_emails.0",
        "c@example.com": "other_emails.1",
    }


def test_the_primary_address_may_be_swapped_with_another() -> None:
    contact = made(other_emails=["b@example.com"])
    changed = patched(contact, email="b@example.com", other_emails=["ada@example.com"])
    assert changed is not None
    assert set(changed[0].addresses) == set(contact.addresses)
    assert told(changed) == {
        "email": ("ada@example.com", "b@example.com"),
        "other_emails": (["b@example.com"], ["ada@example.com"]),
    }


def test_an_address_that_becomes_primary_is_removed_from_the_others() -> None:
    changed = patched(made(other_emails=["b@example.com", "c@example.com"]), email="c@example.com")
    assert changed is not None
    assert (changed[0].email, changed[0].other_emails) == ("c@example.com", ["b@example.com"])


def test_a_deleted_contact_holds_no_address() -> None:
    deleted, _ = made(other_emails=["b@example.com"]).delete(stamp=Stamp("e", AT, ADMIN))
    assert deleted.addresses == {}
    assert deleted.other_emails == ["b@example.com"]


def test_a_refused_address_is_named_by_its_position() -> None:
    with pytest.raises(Invalid) as refusal:
        made(other_emails=["b@example.com", "nobody", " "])
    assert [one.field for one in refusal.value.errors] == ["other_emails.1", "other_emails.2"]
    assert "nobody" not in str(refusal.value.errors)


def test_a_contact_has_at_most_twenty_other_addresses_and_numbers() -> None:
    made(other_emails=[f"x{n}@example.com" for n in range(20)])
    with pytest.raises(ValidationError):
        made(other_emails=[f"x{n}@example.com" for n in range(21)])
    with pytest.raises(ValidationError):
        made(other_phones=[{"number": "+14155552671"}] * 21)


# Numbers


def test_a_number_is_also_stored_as_typed_unless_it_was_e164() -> None:
    contact = made(phone=" (415) 555-2671 ", whatsapp="+442079460958")
    assert (contact.phone, contact.phone_raw) == ("+14155552671", "(415) 555-2671")
    assert (contact.whatsapp, contact.whatsapp_raw) == ("+442079460958", None)


def test_a_number_typed_with_odd_spaces_is_stored_with_plain_ones() -> None:
    assert made(phone="415\u00a0555  2671").phone_raw == "415 555 2671"


def test_the_same_number_typed_another_way_is_no_change() -> None:
    contact = made(phone="(415) 555-2671", other_phones=[{"label": "home", "number": "202 555 0143"}])
    assert patched(contact, phone="+14155552671") is None
    assert patched(contact, phone="415.555.2671") is None
    assert patched(contact, other_phones=[{"label": "home", "number": "+12025550143"}]) is None


def test_the_typed_form_is_removed_with_its_number() -> None:
    contact = made(phone="(415) 555-2671")
    changed = patched(contact, phone="+442079460958")
    assert changed is not None and changed[0].phone_raw is None
    changed = patched(contact, phone=None)
    assert changed is not None and (changed[0].phone, changed[0].phone_raw) == (None, None)


def test_other_numbers_have_a_label_and_each_is_stored_once() -> None:
    contact = made(
        other_phones=[
            {"label": " home ", "number": "(202) 555-0143"},
            {"number": "+14155552671"},
            {"label": "again", "number": "+1 202 555 0143"},
        ]
    )
    assert contact.other_phones == [
        {"label": "home", "number": "+12025550143", "raw": "(202) 555-0143"},
        {"label": "", "number": "+14155552671", "raw": None},
    ]


def test_a_refused_number_is_named_by_its_position() -> None:
    with pytest.raises(Invalid) as refusal:
        made(other_phones=[{"number": "+14155552671"}, {"number": "12"}])
    assert [one.field for one in refusal.value.errors] == ["other_phones.1.number"]


# Owner


def test_a_given_owner_is_the_owner_and_null_is_none() -> None:
    assert made().owner_id == "u1"
    assert made(owner_id=USER).owner_id == USER
    assert made(owner_id=None).owner_id is None


def test_a_replacement_without_an_owner_leaves_the_owner() -> None:
    assert put(made(owner_id=USER), company="Engines").owner_id == USER
    assert put(made(owner_id=USER), owner_id=None).owner_id is None


# Communication


def test_a_preference_is_set_and_cleared() -> None:
    contact = made(communication={"preferred": "sms"})
    assert contact.communication == {"preferred": "sms", "opt_outs": {}}
    assert patched(contact, communication={}) is None
    assert told(patched(contact, communication={"preferred": None})) == {
        "communication.preferred": ("sms", None)
    }
    assert told(patched(contact, communication=None)) == {"communication.preferred": ("sms", None)}
    assert put(contact).communication["preferred"] == "none"
    assert put(contact, communication={"preferred": "none"}).communication["preferred"] == "none"


def test_opt_outs_are_no_field_of_a_body() -> None:
    for model in (ContactInput, ContactPatch):
        with pytest.raises(ValidationError) as refusal:
            model(first_name="Ada", communication={"opt_outs": {}})
        assert refusal.value.errors()[0]["loc"] == ("communication", "opt_outs")


def test_a_consent_records_its_time_its_actor_and_its_source() -> None:
    contact, event = consenting(made(), reason="too many")
    settled = {"opted_out": True, "at": LATER, "by": "user:u1", "source": "a call", "reason": "too many"}
    assert contact.communication == {"preferred": "none", "opt_outs": {"email": settled}}
    assert (event.type, event.data) == ("contact.consent_changed", {"channel": "email", "opted_out": True})
    assert event.changes == {"communication.opt_outs.email": (None, settled)}
    entry = contact.consent_entry("email")
    assert json.loads(entry.model_dump_json()) == {"id": "e3", "channel": "email", **settled}


def test_a_consent_leaves_the_other_channels_and_the_preference() -> None:
    contact = made(communication={"preferred": "email"})
    for channel in ("email", "sms"):
        contact, _ = consenting(contact, channel=channel)
    contact, event = consenting(contact, opted_out=False)
    opt_outs = contact.communication["opt_outs"]
    assert {channel: one["opted_out"] for channel, one in opt_outs.items()} == {"email": False, "sms": True}
    assert contact.communication["preferred"] == "email"
    assert set(event.changes) == {"communication.opt_outs.email"}


@pytest.mark.parametrize(
    "given",
    [
        {"communication": None},
        {"communication": {}},
        {"communication": {"preferred": "email"}},
        {"email": "new@example.com"},
        {"custom_fields": None},
    ],
)
def test_no_other_change_touches_an_opt_out(given: dict[str, Any]) -> None:
    contact, _ = consenting(made())
    changed = patched(contact, **given)
    opt_outs = (changed[0] if changed else contact).communication["opt_outs"]
    assert opt_outs == contact.communication["opt_outs"]
    assert put(contact, **given).communication["opt_outs"] == contact.communication["opt_outs"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"opted_out": "yes"}, "opted_out"),
        ({"opted_out": 1}, "opted_out"),
        ({"source": " "}, "source"),
        ({"source": "x" * 201}, "source"),
        ({"reason": "x" * 201}, "reason"),
        ({"at": AT}, "at"),
    ],
)
def test_a_malformed_consent_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ConsentInput(**{"channel": "email", "opted_out": True, "source": "a call", **given})
    assert refusal.value.errors()[0]["loc"] == (field,)


def test_an_empty_communication_is_the_default() -> None:
    assert CommunicationInput().preferred == "none"


# Custom fields


def test_custom_fields_are_texts_numbers_and_flags() -> None:
    given = {"a": " x ", "b": 1, "c": 1.5, "d": True, "e": 0, "f": False, "g": "", "h": 2.0}
    assert clean_custom_fields(given) == {
        "a": "x",
        "b": 1,
        "c": 1.5,
        "d": True,
        "e": 0,
        "f": False,
        "g": "",
        "h": 2,
    }
    assert type(clean_custom_fields({"h": 2.0})["h"]) is int


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("", 1, "name"),
        ("A", 1, "name"),
        ("1a", 1, "name"),
        ("a-b", 1, "name"),
        ("a.b", 1, "name"),
        ("é", 1, "name"),
        ("a\n", 1, "name"),
        ("a" * 51, 1, "name"),
        ("a", "x" * 1001, "string_too_long"),
        ("a", "x\x00", "control_characters"),
        ("a", float("nan"), "finite_number"),
        ("a", float("-inf"), "finite_number"),
        ("a", 2**53, "number_too_large"),
        ("a", -(10**400), "number_too_large"),
        ("a", [], "type"),
        ("a", {"b": 1}, "type"),
    ],
)
def test_a_custom_field_that_breaks_a_rule_is_named(name: str, value: Any, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_custom_fields({"ok": 1, name: value})
    (error,) = refusal.value.errors
    assert (error.field, error.code) == (f"custom_fields.{name}", code)


def test_the_longest_custom_fields_are_accepted() -> None:
    assert clean_custom_fields({"a" * 50: "x" * 1000, "b": 2**53 - 1, "c": 1e300})
    full = {f"{'n' * 48}{n:02}": "x" * 1000 for n in range(50)}
    assert merge_custom_fields({}, clean_custom_fields(full)) == full


def test_a_patch_of_custom_fields_changes_those_it_names_and_null_removes() -> None:
    contact = made(custom_fields={"a": 1, "b": "x", "c": True, "gone": None})
    assert contact.custom_fields == {"a": 1, "b": "x", "c": True}
    changed = patched(contact, custom_fields={"a": 2, "b": None, "d": "new", "e": None})
    assert changed is not None
    assert changed[0].custom_fields == {"a": 2, "c": True, "d": "new"}
    assert told(changed) == {
        "custom_fields.a": (1, 2),
        "custom_fields.b": ("x", None),
        "custom_fields.d": (None, "new"),
    }
    assert patched(contact, custom_fields={}) is None
    assert patched(contact, custom_fields={"a": 1, "z": None}) is None
    changed = patched(contact, custom_fields=None)
    assert changed is not None and changed[0].custom_fields == {}


def test_a_replacement_replaces_all_custom_fields() -> None:
    contact = made(custom_fields={"a": 1, "b": "x"})
    assert put(contact, custom_fields={"b": "y"}).custom_fields == {"b": "y"}
    assert put(contact).custom_fields == {}


def test_true_is_not_one_and_false_and_zero_are_values() -> None:
    contact = made(custom_fields={"a": 1, "b": 0})
    assert told(patched(contact, custom_fields={"a": True, "b": False})) == {
        "custom_fields.a": (1, True),
        "custom_fields.b": (0, False),
    }
    assert told(patched(contact, custom_fields={"b": None})) == {"custom_fields.b": (0, None)}
    assert compare_fields({"a": 1}, {"a": True}) == {"a": (1, True)}
    for same_in_python, other in (({"x": 1}, {"x": True}), ([0], [False]), ({"x": [1]}, {"x": [True]})):
        assert compare_fields({"a": same_in_python}, {"a": other}) == {"a": (same_in_python, other)}
        assert compare_fields({"a": same_in_python}, {"a": same_in_python.copy()}) == {}


def test_custom_fields_become_neither_too_many_nor_too_long_by_patches() -> None:
    contact = made(custom_fields={f"f{n}": 1 for n in range(50)})
    with pytest.raises(Invalid, match="at most 50"):
        patched(contact, custom_fields={"one_more": 1})
    assert patched(contact, custom_fields={"one_more": 1, "f0": None}) is not None
    with pytest.raises(Invalid, match="at most 50"):
        made(custom_fields={f"f{n}": None for n in range(51)})
    wide = {f"f{n}": "\U0001f600" * 1000 for n in range(MAX_BYTES // 4000 + 1)}
    with pytest.raises(Invalid, match="65,536 bytes"):
        made(custom_fields=wide)


def test_the_creation_event_lists_custom_fields_and_preference_one_by_one_and_no_default() -> None:
    _, event = made_with_event(custom_fields={"a": False}, communication={"preferred": "phone"})
    assert event.changes["custom_fields.a"] == (None, False)
    assert event.changes["communication.preferred"] == (None, "phone")
    assert not {"custom_fields", "communication"} & set(made_with_event()[1].changes)


# States


def test_toggling_twice_is_as_before() -> None:
    contact = made()
    for active in (False, True):
        contact, event = contact.toggle_active(stamp=Stamp("e", LATER, ADMIN))
        assert contact.is_active is active
        assert set(event.changes) == {"is_active"}


def test_a_restored_contact_is_as_it_was() -> None:
    contact = made(other_emails=["b@example.com"], custom_fields={"a": 1})
    deleted, _ = contact.delete(stamp=Stamp("e2", AT, ADMIN))
    assert deleted.purge_at == plus(AT, RESTORABLE_SECONDS) == "2026-06-03T09:30:00.000Z"
    restored = deleted.restore(owner_id=contact.owner_id, stamp=Stamp("e3", LATER, ADMIN))
    assert restored is not None
    assert restored[1].type == "contact.restored" and restored[1].changes == {}
    assert (restored[0].version, restored[0].purge_at) == (3, None)
    assert restored[0].addresses == contact.addresses
    assert restored[0].restore(owner_id=None, stamp=Stamp("e4", LATER, ADMIN)) is None


def test_the_event_of_a_restored_contact_names_another_owner() -> None:
    contact = made()
    deleted, _ = contact.delete(stamp=Stamp("e2", AT, ADMIN))
    restored = deleted.restore(owner_id="u9", stamp=Stamp("e3", LATER, ADMIN))
    assert restored is not None
    assert restored[0].owner_id == "u9"
    assert restored[1].changes == {"owner_id": (contact.owner_id, "u9")}


# Items


def label(kind: type[AnyLabel], label_id: str, name: str) -> AnyLabel:
    return kind.create({"name": name}, label_id=label_id, stamp=Stamp("e", AT, ADMIN))[0]


def test_a_whole_contact_survives_its_item() -> None:
    contact, _ = consenting(
        made(
            other_emails=["b@example.com"],
            phone="(415) 555-2671",
            other_phones=[{"label": "home", "number": "202 555 0143"}],
            communication={"preferred": "sms"},
            custom_fields={"a": 1, "b": 1.5, "c": True, "d": "é\n", "e": 1e300},
        )
    )
    labels = Labels.of([label(Tag, "t1", "x"), label(ContactType, "y1", "y"), label(Group, "g1", "z")])
    contact = contact.model_copy(
        update={
            "relationship_status": "opportunity",
            "lifecycle_stage": "consideration",
            "is_active": False,
            "email_verified": True,
            "next_follow_up_at": AT,
            "merged_from": ["c2", "c3"],
            "tag_ids": ["t1"],
            "type_ids": ["y1"],
            "group_ids": ["g1"],
            "tags": ["x"],
            "types": ["y"],
            "groups": ["z"],
        }
    )
    again = contact_from_item(contact_to_item("t1", contact)).with_label_names(labels)
    assert again == contact
    assert json.loads(again.model_dump_json()) == json.loads(contact.model_dump_json())
    assert [type(value) for value in again.custom_fields.values()] == [int, float, bool, str, float]


def test_defaults_are_not_stored() -> None:
    contact = made()
    assert set(contact_to_item("t1", contact)) == {
        "PK", "SK", "id", "first_name", "full_name", "email", "owner_id", "source", "version",
        "created_at", "created_by", "updated_at", "updated_by", "last_event",
    }  # fmt: skip
    assert contact_from_item(contact_to_item("t1", contact)) == contact


def test_a_deleted_contact_s_item_is_due_to_be_purged_and_a_live_one_s_is_not() -> None:
    deleted, _ = made().delete(stamp=Stamp("e2", AT, ADMIN))
    item = contact_to_item("t1", deleted)
    assert item["WPK"]["S"].startswith("DUE#PURGE#")
    assert item["WSK"]["S"] == f"2026-06-03T09:30:00.000Z#{ID}"
    restored = deleted.restore(owner_id=None, stamp=Stamp("e3", LATER, ADMIN))
    assert restored is not None
    assert not {"WPK", "WSK", "deleted_at"} & set(contact_to_item("t1", restored[0]))
