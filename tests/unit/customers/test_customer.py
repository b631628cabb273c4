"""The customer: numbers, usernames without case, and the events of its changes."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.customers.record import Customer, CustomerInput, clean, fold_username
from shared.domain.errors import Conflict, Invalid
from shared.domain.stamp import Stamp

ADMIN = Caller("t1", "user", "u1", "admin")
ID = "0190a8b0-0000-7000-8000-00000000000c"
STAMP = Stamp("e2", "2026-05-04T09:30:00.000Z", ADMIN)


def made(number: int = 1, **fields: Any) -> Customer:
    given = clean(CustomerInput(first_name="Grace", **fields).given_fields())
    customer, _ = Customer.create(given, customer_id=ID, number=number, stamp=STAMP)
    return customer


@pytest.mark.parametrize(
    ("number", "shown"), [(1, "CUST000001"), (999_999, "CUST999999"), (1_000_000, "CUST1000000")]
)
def test_a_number_has_six_digits_or_more(number: int, shown: str) -> None:
    assert made(number).number == shown


@pytest.mark.parametrize(
    ("one", "other"), [("Ada", "aDA"), ("Straße", "STRASSE"), ("ﬁn", "FIN"), ("Zoë", "ZOE\u0308")]
)
def test_usernames_that_differ_only_in_case_or_form_are_equal(one: str, other: str) -> None:
    assert fold_username(one) == fold_username(other)


def test_a_customer_s_event_tells_how_its_contacts_changed() -> None:
    one, event = made().with_contacts(1, "c1", stamp=STAMP)
    assert event.changes == {"contact_count": (None, 1), "primary_contact": (None, "c1")}
    two, event = one.with_contacts(2, "c1", stamp=STAMP)
    assert (two.primary_contact, two.contact_count, two.version) == ("c1", 2, 3)
    assert event.changes == {"contact_count": (1, 2)}
    left, event = two.with_contacts(1, "c2", stamp=STAMP)
    assert event.changes == {"contact_count": (2, 1), "primary_contact": ("c1", "c2")}
    assert left.with_contacts(0, None, stamp=STAMP)[0].primary_contact is None


def test_a_customer_with_contacts_is_not_deleted() -> None:
    one, _ = made().with_contacts(1, "c1", stamp=STAMP)
    with pytest.raises(Conflict, match=r"has contacts\."):
        one.delete(stamp=STAMP)


def test_a_deleted_customer_holds_no_username() -> None:
    customer = made(username="Grace")
    assert customer.folded_username == "grace"
    assert customer.delete(stamp=STAMP)[0].folded_username is None


def test_null_clears_what_it_can_and_the_first_name_stays_required() -> None:
    assert clean({"last_name": None, "is_active": None, "email": None, "username": None}) == {
        "last_name": "",
        "is_active": True,
        "email": None,
        "username": None,
    }
    with pytest.raises(Invalid) as refused:
        clean({"first_name": None, "email": "x"})
    assert [one.field for one in refused.value.errors] == ["first_name", "email"]


def test_what_changes_nothing_is_no_change() -> None:
    assert made(username="Grace").change({"username": "Grace", "last_name": ""}, stamp=STAMP) is None
