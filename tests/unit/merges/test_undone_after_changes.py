"""Undos after what they depend on has changed: customers, the scope of unique values, and locks that became free."""

from __future__ import annotations

import pytest

from shared.domain.errors import Duplicate
from shared.domain.stamp import Stamp
from shared.table.customers.repository import CustomerTable
from tests.support.interleaving import Schedule, Turns, explored
from tests.unit.merges.room import ADMIN, TENANT, Room, id_of


def of_two_customers(scope: str) -> Room:
    """Two contacts, each of a customer of its own, of which the second one was merged into the first one."""
    room = Room("customer" if scope == "customer" else "tenant")
    for number, name in enumerate(("acme", "umbrella"), 1):
        room.create_customer(name, number)
    room.create("ada", "ada@example.com", "acme")
    room.create("bob", "bob@example.com", "umbrella", phone="+14155550132")
    room.merge("ada", "bob")
    return room


def test_a_contact_that_is_back_without_its_customer_leaves_no_lock_there() -> None:
    """check 24"""
    room = of_two_customers("customer")
    customers = CustomerTable(room.store, TENANT)
    customer = customers.get(id_of("umbrella"))
    assert customer is not None
    customers.save(customer, *customer.delete(stamp=Stamp.now(ADMIN)))
    undo = room.undo().undo
    assert undo is not None and [one.reason for one in undo.kept] == ["unknown_customer"]
    room.content.assert_whole()
    room.create("eve", "bob@example.com", "acme")
    room.content.assert_whole()


@pytest.mark.parametrize(("before", "after"), [("tenant", "customer"), ("customer", "tenant")])
def test_contacts_that_are_back_have_their_values_under_the_present_scope(before: str, after: str) -> None:
    """check 24: the tenant has no live contacts when it changes its scope, but it has merges."""
    room = of_two_customers(before)
    room.delete("ada")
    room.scope = "customer" if after == "customer" else "tenant"
    room.create("eve", "bob@example.com", "umbrella")
    undo = room.undo().undo
    assert undo is not None and ("email", "address_taken") in [(one.field, one.reason) for one in undo.kept]
    assert (room.contact("bob").email, room.contact("bob").unique_scope) == (None, after)
    room.content.assert_whole()
    room.restore("ada")
    room.content.assert_whole()


def with_free_addresses() -> Room:
    """A survivor of five contacts that lost their 105 addresses to others, who have gone since."""
    room = Room()
    room.create("ada", "ada@example.com")
    names = [f"bob{number}" for number in range(5)]
    for each in (names, [f"eve{number}" for number in range(5)]):
        for name, owner in zip(each, names, strict=True):
            others = [f"{owner}-{number}@example.com" for number in range(20)]
            room.create(name, f"{owner}@example.com", other_emails=others)
        if each is names:
            room.merge("ada", *names)
            room.change("ada", other_emails=[])
    for number in range(5):
        room.delete(f"eve{number}")
    return room


def test_addresses_that_became_free_are_back_however_many_they_are() -> None:
    """check 13, check 107: also if the undo is killed among them."""
    room = with_free_addresses()
    done = room.copy()
    calls = len(done.run(lambda one: one.undo()).steps)
    for number in (calls // 3, calls):
        killed = room.copy()
        assert killed.run(lambda one: one.undo(), kills={0: number}).killed == {0}
        killed.create("joe", "bob0@example.com")
        killed.content.assert_whole()
        result = killed.undo().undo
        assert result is not None
        assert [(one.field, one.reason) for one in result.kept] == [("email", "address_taken")]
        killed.content.assert_whole()
    assert len(done.contact("bob4").addresses) == 21


def test_a_deleted_survivor_is_primary_again_only_by_being_restored() -> None:
    room = Room()
    for number, name in enumerate(("acme", "umbrella"), 1):
        room.create_customer(name, number)
    room.create("ada", "ada@example.com", "acme")
    room.create("bob", "bob@example.com", "umbrella")
    room.merge("ada", "bob", choices={"customer_id": id_of("bob")})
    room.delete("ada")
    room.undo()
    room.create("eve", "eve@example.com", "acme")
    room.restore("ada")
    assert (room.contact("ada").is_primary, room.contact("eve").is_primary) == (False, True)
    room.content.assert_whole()


def test_a_primary_contact_that_was_chosen_since_stays_and_is_listed() -> None:
    room = Room()
    room.create_customer("acme", 1)
    for name in ("ada", "bob", "eve"):
        room.create(name, f"{name}@example.com", "acme")
    room.merge("bob", "ada")
    room.change("eve", is_primary=True)
    undo = room.undo().undo
    assert undo is not None
    assert [(one.field, one.contact_id, one.reason) for one in undo.kept] == [
        ("is_primary", id_of("ada"), "changed_since")
    ]
    assert (room.contact("ada").is_primary, room.contact("eve").is_primary) == (False, True)
    room.content.assert_whole()


def test_an_undo_is_not_refused_for_an_address_that_is_taken_meanwhile() -> None:
    made = Room()
    made.create("ada", "ada@example.com")
    made.create("bob", "bob@example.com")
    made.merge("ada", "bob")
    made.change("ada", other_emails=[])

    def undo(room: Room) -> None:
        try:
            room.undo()
        except Duplicate as refusal:
            raise AssertionError("a refused undo") from refusal

    def run(schedule: Schedule) -> Turns:
        return made.copy().run(undo, lambda room: room.create("eve", "bob@example.com"), schedule=schedule)

    assert len(list(explored(run, switches=2))) > 8
