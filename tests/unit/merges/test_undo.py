"""The rules of the undo of a merge: what goes back, what stays, and why."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.contacts.consent import ConsentInput
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.merges.plan import MergePlan
from tests.unit.merges.contacts import LATER, contact, id_of, kept, merge, opted_out, stamp, undo

A, B, C = (id_of(name) for name in "abc")


def changed(plan: MergePlan, **given: Any) -> Contact:
    """Return the survivor of a merge after a later change."""
    done = plan.survivor.after.change(given, stamp=stamp(5))  # type: ignore[arg-type]
    assert done is not None
    return done[0]


def test_the_contacts_are_back_and_the_versions_go_on() -> None:
    survivor, other = contact("a"), contact("b", company="Acme")
    plan = undo(merge(survivor, other))
    (returned,) = plan.returned
    assert (returned.after.deleted_at, returned.after.merged_into) == (None, None)
    assert (plan.survivor.after.version, returned.after.version) == (3, 3)
    assert (plan.survivor.after.company, plan.survivor.after.merged_from) == ("", [])
    assert (returned.event.type, returned.event.version) == ("contact.unmerged", 3)
    assert returned.event.data == {"survivor_id": A, "merge_id": plan.merge.id}
    assert plan.survivor.event.type == "contact.updated"
    assert plan.survivor.event.data == {"merge_id": plan.merge.id, "unmerged_ids": [B]}
    done = plan.merge.undo
    assert plan.merge.state == "undone" and done is not None
    assert (done.at, done.by, done.returned, done.kept) == (LATER, "user:u1", ["company", "other_emails"], [])


def test_a_value_that_was_changed_since_stays_and_is_listed_without_the_value() -> None:
    merged = merge(
        contact("a"), contact("b", company="Acme", job_title="CTO", custom_fields={"p": 1, "q": 1})
    )
    now = changed(merged, company="Secret & Co", custom_fields={"p": 2})
    plan = undo(merged, now)
    after = plan.survivor.after
    assert (after.company, after.job_title, after.custom_fields) == ("Secret & Co", "", {"p": 2})
    assert kept(plan) == {("company", A, "changed_since"), ("custom_fields.p", A, "changed_since")}
    assert "Secret" not in plan.merge.model_dump_json()


def test_a_name_is_one_value_of_two_fields() -> None:
    merged = merge(contact("a", first_name="Ann"), contact("b", first_name="Ann", last_name="Lee"), name="b")
    plan = undo(merged, changed(merged, first_name="Anna"))
    assert plan.survivor.after.full_name == "Anna Lee"
    assert kept(plan) == {("name", A, "changed_since")}


def test_a_value_that_was_set_back_by_hand_is_not_listed() -> None:
    merged = merge(contact("a"), contact("b", company="Acme", custom_fields={"p": 1}))
    assert kept(undo(merged, changed(merged, company="", custom_fields={"p": None}))) == set()


def test_an_address_returns_even_if_it_is_the_primary_one_since() -> None:
    merged = merge(contact("a", other_emails=["a2@example.com"]), contact("b", email_verified=True))
    now = changed(merged, email="b@example.com", other_emails=["a2@example.com", "a@example.com"])
    plan = undo(merged, now)
    after = plan.survivor.after
    assert (after.email, after.other_emails) == ("a@example.com", ["a2@example.com"])
    assert plan.returned[0].after.addresses == {"b@example.com": "email"}
    assert kept(plan) == {("email", A, "address_returned")}


def test_an_address_that_was_added_since_stays_and_one_that_was_removed_is_back() -> None:
    merged = merge(contact("a"), contact("b"))
    now = changed(merged, other_emails=["new@example.com"])
    plan = undo(merged, now)
    assert list(plan.survivor.after.addresses) == ["new@example.com", "a@example.com"]
    assert list(plan.returned[0].after.addresses) == ["b@example.com"]


def test_a_primary_address_that_the_merge_replaced_is_back_and_is_verified_again() -> None:
    merged = merge(contact("a", email_verified=True), contact("b"), email="b")
    assert not merged.survivor.after.email_verified
    after = undo(merged).survivor.after
    assert (after.email, after.email_verified, after.other_emails) == ("a@example.com", True, [])


def test_an_address_that_another_contact_has_by_now_is_missing_and_listed() -> None:
    other = contact("b", other_emails=["b2@example.com"], email_verified=True)
    merged = merge(contact("a"), other)
    now = changed(merged, other_emails=[])
    plan = undo(merged, now, taken={Lock("EMAIL", "b@example.com", None)})
    (returned,) = plan.returned
    assert (returned.after.email, returned.after.other_emails) == ("b2@example.com", [])
    assert not returned.after.email_verified
    assert kept(plan) == {("email", B, "address_taken")}
    plan = undo(merged, now, taken={Lock("EMAIL", "b2@example.com", None)})
    assert (plan.returned[0].after.email, plan.returned[0].after.email_verified) == ("b@example.com", True)
    assert kept(plan) == {("other_emails", B, "address_taken")}


def test_the_survivor_cannot_have_an_earlier_address_that_another_contact_has_by_now() -> None:
    merged = merge(contact("a"), contact("b"), email="b")
    now = changed(merged, other_emails=["a3@example.com"])
    plan = undo(merged, now, taken={Lock("EMAIL", "a@example.com", None)})
    assert list(plan.survivor.after.addresses) == ["a3@example.com"]
    assert kept(plan) == {("email", A, "address_taken")}


def test_a_number_returns_to_the_contact_of_its_customer_where_numbers_are_unique() -> None:
    common = {"customer_id": "k1", "unique_scope": "customer"}
    merged = merge(contact("a", phone="+12025550100", **common), contact("b", phone="+12025550101", **common))
    now = changed(merged, phone="+12025550101")
    plan = undo(merged, now)
    assert plan.returned[0].after.phone == "+12025550101"
    assert plan.survivor.after.phone is None
    assert ("phone", A, "address_returned") in kept(plan)
    assert not plan.survivor.after.locks.keys() & plan.returned[0].after.locks.keys()


def test_a_number_of_another_contact_by_now_is_missing() -> None:
    common = {"customer_id": "k1", "unique_scope": "customer"}
    merged = merge(contact("a", **common), contact("b", whatsapp="+12025550101", **common))
    now = changed(merged, whatsapp=None)
    plan = undo(merged, now, taken={Lock("WHATSAPP", "+12025550101", "k1")})
    assert plan.returned[0].after.whatsapp is None
    assert kept(plan) == {("whatsapp", B, "address_taken")}


def test_a_number_with_another_label_since_stays() -> None:
    numbers = [{"label": "", "number": f"+1202555010{one}", "raw": None} for one in range(2)]
    merged = merge(contact("a"), contact("b", other_phones=numbers))
    relabelled = {**numbers[0], "label": "home"}
    plan = undo(merged, changed(merged, other_phones=[relabelled, numbers[1]]))
    assert plan.survivor.after.other_phones == [relabelled]
    assert kept(plan) == {("other_phones", A, "changed_since")}


def test_a_former_number_stays_among_the_others_if_the_chosen_one_was_changed() -> None:
    merged = merge(contact("a", phone="+12025550100"), contact("b", phone="+12025550101"), phone="b")
    assert undo(merged).survivor.after.phone == "+12025550100"
    assert undo(merged).survivor.after.other_phones == []
    after = undo(merged, changed(merged, phone="+12025550109")).survivor.after
    assert after.phone == "+12025550109"
    assert [one["number"] for one in after.other_phones] == ["+12025550100"]


def test_labels_that_were_added_since_stay() -> None:
    merged = merge(
        contact("a", tag_ids=["t1"], tags=["one"]), contact("b", tag_ids=["t2", "t3"], tags=["two", "three"])
    )
    now = changed(merged, tag_ids=["t4", "t3", "t1"], tags=["four", "three", "one"])
    after = undo(merged, now).survivor.after
    assert (after.tag_ids, after.tags) == (["t4", "t1"], ["four", "one"])


@pytest.mark.parametrize("had_opted_in", [False, True])
def test_an_opt_out_since_the_merge_holds_at_both(had_opted_in: bool) -> None:
    own: Any = {"preferred": "none", "opt_outs": {}}
    if had_opted_in:
        own = {"preferred": "none", "opt_outs": {"email": {**opted_out("a form"), "opted_out": False}}}
    merged = merge(contact("a"), contact("b", communication=own))
    given = ConsentInput(channel="email", opted_out=True, source="a call")
    now, _ = merged.survivor.after.record_consent(given, stamp=stamp(5))
    plan = undo(merged, now)
    states = [one.after.communication["opt_outs"]["email"] for one in (plan.survivor, *plan.returned)]
    assert [(one["opted_out"], one["source"]) for one in states] == [(True, "a call")] * 2
    assert ("communication.opt_outs.email", B, "opted_out_since") in kept(plan)
    assert plan.returned[0].event.changes["communication.opt_outs.email"][1] == states[0]


def test_an_opt_out_that_the_merge_gave_goes_back_to_the_contact_whose_it_was() -> None:
    state = opted_out("a letter")
    own: Any = {"preferred": "none", "opt_outs": {"email": state}}
    merged = merge(contact("a"), contact("b", communication=own), contact("c"))
    plan = undo(merged)
    assert plan.survivor.after.communication["opt_outs"] == {}
    assert [one.after.communication["opt_outs"] for one in plan.returned] == [{"email": state}, {}]
    assert kept(plan) == set()


def test_who_opted_in_again_since_is_opted_in_and_the_other_is_as_before() -> None:
    own: Any = {"preferred": "none", "opt_outs": {"email": opted_out("a letter")}}
    merged = merge(contact("a"), contact("b", communication=own))
    given = ConsentInput(channel="email", opted_out=False, source="a call")
    now, _ = merged.survivor.after.record_consent(given, stamp=stamp(5))
    plan = undo(merged, now)
    assert plan.survivor.after.communication["opt_outs"]["email"]["opted_out"] is False
    assert plan.returned[0].after.communication == own
    assert kept(plan) == {("communication.opt_outs.email", A, "changed_since")}


def test_a_status_goes_back_with_an_entry_of_the_history() -> None:
    other = contact("b", relationship_status="active_client", lifecycle_stage="customer")
    merged = merge(contact("a"), other, relationship_status="b")
    plan = undo(merged)
    entry = plan.survivor.after.status_entry(plan.survivor.event)
    assert entry is not None and (entry.old_status, entry.new_status) == ("active_client", "prospect")


def test_the_primary_contact_of_a_customer_is_primary_again_unless_another_one_was_made_so() -> None:
    merged = merge(contact("a", customer_id="k1"), contact("b", customer_id="k1", is_primary=True))
    plan = undo(merged, customers={"k1": A})
    assert (plan.survivor.after.is_primary, plan.returned[0].after.is_primary) == (False, True)
    now = merged.survivor.after.with_fields({"is_primary": False})
    plan = undo(merged, now, customers={"k1": C})
    assert (plan.survivor.after.is_primary, plan.returned[0].after.is_primary) == (False, False)


def test_a_customer_that_is_gone_is_left_out_and_listed() -> None:
    merged = merge(contact("a", customer_id="k2"), contact("b", customer_id="k1"), customer_id="b")
    plan = undo(merged, customers={})
    assert (plan.survivor.after.customer_id, plan.returned[0].after.customer_id) == ("k1", None)
    assert kept(plan) == {("customer_id", A, "unknown_customer"), ("customer_id", B, "unknown_customer")}


def test_an_owner_who_was_removed_is_replaced_by_the_successor() -> None:
    merged = merge(contact("a", owner_id="u8"), contact("b", owner_id="u9"), owner_id="b")
    plan = undo(merged, owners={"u8": "u7", "u9": None})
    assert (plan.survivor.after.owner_id, plan.returned[0].after.owner_id) == ("u7", None)
    assert kept(plan) == {("owner_id", A, "owner_removed"), ("owner_id", B, "owner_removed")}


def test_an_organizer_of_the_survivor_s_own_bookings_stays() -> None:
    merged = merge(
        contact("a", organizer_ids=["u3"]),
        contact("b", organizer_ids=["u4", "u5"], unnamed_organizers={"u4": 1, "u5": 1}),
    )
    now = merged.survivor.after.with_fields({"unnamed_organizers": {"u4": 3, "u5": 1}})
    after = undo(merged, now).survivor.after
    assert (after.organizer_ids, after.unnamed_organizers) == (["u3", "u4"], {"u4": 2})


def test_a_source_of_a_booking_goes_back_with_its_field() -> None:
    survivor = contact("a", first_name="a", booked={"name": "event 1"})
    merged = merge(survivor, contact("b", booked={"name": "event 2"}))
    assert merged.survivor.after.booked == {"name": "event 2"}
    assert undo(merged).survivor.after.booked == {"name": "event 1"}


def test_the_source_of_a_value_that_two_contacts_have_goes_back_unless_the_value_was_changed() -> None:
    survivor = contact("a", first_name="Ann", booked={"name": "event 1"})
    merged = merge(survivor, contact("b", first_name="Ann"), name="b")
    assert merged.survivor.after.booked == {}
    assert undo(merged).survivor.after.booked == {"name": "event 1"}
    assert undo(merged, changed(merged, first_name="Eve")).survivor.after.booked == {}
    kept_source = merge(survivor, contact("b", company="Acme"))
    assert undo(kept_source).survivor.after.booked == {"name": "event 1"}


def test_a_survivor_that_was_deleted_stays_deleted() -> None:
    merged = merge(contact("a"), contact("b", company="Acme"))
    now, _ = merged.survivor.after.delete(stamp=stamp(5))
    plan = undo(merged, now)
    assert plan.survivor.after.deleted_at == LATER
    assert plan.survivor.after.company == ""
    assert plan.returned[0].after.deleted_at is None
