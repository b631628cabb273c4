"""The rules of a merge: from which contact each field comes, and what is united."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.contacts.booked import MAX_ORGANIZERS
from shared.domain.contacts.part_figures import Figures, FigureTimes
from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.errors import Conflict, Invalid, Merged
from shared.domain.merges.plan import MAX_BYTES, MergePlan, plan_merge
from shared.domain.merges.record import MAX_MERGED, MergeDetail
from tests.unit.merges.contacts import ADMIN, AT, LATER, contact, merge, opted_out, stamp


def test_a_field_comes_from_the_survivor_or_else_from_the_first_that_has_it() -> None:
    survivor = contact("a", company="Acme", job_title="", phone=None)
    first = contact("b", company="Other", job_title="", phone="+12025550101")
    second = contact("c", department="R&D", job_title="CTO", phone="+12025550102", phone_raw="202 555 0102")
    after = merge(survivor, first, second).survivor.after
    assert (after.company, after.department, after.job_title) == ("Acme", "R&D", "CTO")
    assert (after.phone, after.phone_raw) == ("+12025550101", None)
    assert after.other_phones == [{"label": "phone", "number": "+12025550102", "raw": "202 555 0102"}]


def test_a_chosen_contact_gives_the_field() -> None:
    survivor = contact("a", first_name="Ada", last_name="Byron", company="Acme", phone="+12025550100")
    other = contact(
        "b",
        first_name="Augusta",
        last_name="King",
        company="Other",
        phone="+12025550101",
        custom_fields={"p": 2},
    )
    survivor = survivor.with_fields({"custom_fields": {"p": 1}})
    plan = merge(survivor, other, name="b", company="b", phone="b", email="b", **{"custom_fields.p": "b"})
    after = plan.survivor.after
    assert (after.full_name, after.company, after.phone) == ("Augusta King", "Other", "+12025550101")
    assert (after.email, after.other_emails) == ("b@example.com", ["a@example.com"])
    assert after.other_phones == [{"label": "phone", "number": "+12025550100", "raw": None}]
    assert after.custom_fields == {"p": 2}
    assert plan.merge.choices["company"] == other.id


@pytest.mark.parametrize(
    ("field", "chosen", "code"),
    [
        ("company", "c", "not_merged"),
        ("company", "b", "empty_choice"),
        ("custom_fields.p", "b", "empty_choice"),
        ("preferred", "b", "empty_choice"),
        ("tags", "b", "unknown_field"),
        ("version", "b", "unknown_field"),
    ],
)
def test_a_choice_without_sense_is_refused(field: str, chosen: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        merge(contact("a"), contact("b"), **{field: chosen})
    (error,) = refusal.value.errors
    assert (error.field, error.code) == (f"choices.{field}", code)


def test_a_name_that_is_only_part_of_an_address_gives_way_to_a_real_one() -> None:
    after = merge(contact("a", first_name="a"), contact("b", first_name="Ada")).survivor.after
    assert (after.first_name, after.full_name) == ("Ada", "Ada")
    assert merge(contact("a", first_name="a"), contact("b", first_name="b")).survivor.after.first_name == "a"


def test_addresses_and_numbers_of_all_are_kept_once() -> None:
    survivor = contact("a", email=None, other_emails=["a2@example.com"], whatsapp="+12025550100")
    other = contact(
        "b",
        email_verified=True,
        other_emails=["b2@example.com"],
        whatsapp="+12025550101",
        phone="+12025550100",
        other_phones=[{"label": "home", "number": "+12025550102", "raw": None}],
    )
    after = merge(survivor, other).survivor.after
    assert (after.email, after.email_verified) == ("b@example.com", True)
    assert after.other_emails == ["a2@example.com", "b2@example.com"]
    assert (after.phone, after.whatsapp) == ("+12025550100", "+12025550100")
    assert after.other_phones == [
        {"label": "whatsapp", "number": "+12025550101", "raw": None},
        {"label": "home", "number": "+12025550102", "raw": None},
    ]


def test_a_number_that_stays_keeps_how_it_was_typed() -> None:
    survivor = contact("a", phone="+12025550100", phone_raw="(202) 555-0100")
    after = merge(survivor, contact("b", phone="+12025550100"), phone="b").survivor.after
    assert after.phone_raw == "(202) 555-0100"


def test_texts_about_a_contact_are_joined_unless_they_are_equal() -> None:
    plan = merge(contact("a", about="One."), contact("b", about="Two."), contact("c", about="One."))
    assert plan.survivor.after.about == "One.\n\nTwo."
    chosen = merge(contact("a", about="One."), contact("b", about="Two."), about="b")
    assert chosen.survivor.after.about == "Two."


def test_an_opt_out_of_any_contact_holds() -> None:
    out, again = opted_out("a letter"), {**opted_out("a call"), "opted_out": False}
    survivor = contact("a", communication={"preferred": "none", "opt_outs": {"email": again}})
    other = contact("b", communication={"preferred": "sms", "opt_outs": {"email": out, "sms": again}})
    after = merge(survivor, other).survivor.after
    assert after.communication == {"preferred": "sms", "opt_outs": {"email": out, "sms": again}}


def test_unions_may_be_over_the_limits_of_lists() -> None:
    def labels(name: str, count: int) -> dict[str, Any]:
        return {
            "tag_ids": [f"{name}{number}" for number in range(count)],
            "tags": [f"tag {name}{number}" for number in range(count)],
            "organizer_ids": [f"{name}{number:03}" for number in range(MAX_ORGANIZERS)],
        }

    after = merge(contact("a", **labels("a", 10)), contact("b", **labels("b", 10))).survivor.after
    assert len(after.tag_ids) == 20
    assert after.tags == [f"tag {name}{number}" for name in "ab" for number in range(10)]
    assert len(after.organizer_ids) == 2 * MAX_ORGANIZERS


def test_a_label_whose_name_is_not_known_yet_comes_after_those_with_names() -> None:
    survivor = contact("a", tag_ids=["t1", "new"], tags=["one"])
    after = merge(survivor, contact("b", tag_ids=["t2", "t1"], tags=["two", "one"])).survivor.after
    assert (after.tag_ids, after.tags) == (["t1", "t2", "new"], ["one", "two"])


def test_the_organizer_whom_an_event_named_at_one_contact_is_counted_at_none() -> None:
    survivor = contact("a", organizer_ids=["u1", "u2"], unnamed_organizers={"u1": 2, "u2": 1})
    other = contact("b", organizer_ids=["u1", "u2"], unnamed_organizers={"u2": 3})
    after = merge(survivor, other).survivor.after
    assert (after.organizer_ids, after.unnamed_organizers) == (["u1", "u2"], {"u2": 4})


def test_a_field_that_a_booking_gave_keeps_its_source() -> None:
    survivor = contact("a", booked={"name": "event 1", "owner_id": "event 2"}, owner_id="u9")
    other = contact("b", phone="+12025550101", booked={"name": "event 3", "phone": "event 4"})
    after = merge(survivor, other).survivor.after
    assert after.booked == {"name": "event 1", "owner_id": "event 2", "phone": "event 4"}


def test_totals_are_those_of_all_parts_and_a_merged_contact_keeps_its_own() -> None:
    bookings = {"booking_counts": {"cancelled": 1, "created": 2}, "total_bookings": 2}
    survivor = contact("a", **bookings, last_booking_at=AT, note_count=1, next_follow_up_at=LATER)
    other = contact(
        "b",
        **bookings,
        last_booking_at=LATER,
        interaction_count=3,
        interaction_counts={"call": 3},
        next_follow_up_at=AT,
    )
    plan = merge(survivor, other)
    after = plan.survivor.after
    assert (after.total_bookings, after.booking_counts) == (4, {"cancelled": 2, "created": 4})
    assert (after.last_booking_at, after.next_follow_up_at) == (LATER, AT)
    assert (after.note_count, after.interaction_count, after.interaction_counts) == (1, 3, {"call": 3})
    assert plan.merged[0].after.figures == other.figures
    own = Figures(note_count=1, times=FigureTimes(next_follow_up_at=LATER))
    chained = plan_merge(
        contact("c"), [after], {}, merge_id="m2", stamp=stamp(9), own_figures={after.id: own}
    )
    assert chained.survivor.after.total_bookings == 4
    assert chained.survivor.after.merged_from == [survivor.id, other.id]
    assert chained.merged[0].after.figures == own
    assert after.figures.without([other.figures], survivor.figures.times) == survivor.figures


def test_the_earliest_time_of_creation_stays_and_the_event_says_so() -> None:
    survivor, other = contact("a", created_at=LATER), contact("b", created_at=AT)
    plan = merge(survivor, other)
    assert plan.survivor.after.created_at == AT
    assert plan.survivor.event.changes["created_at"] == (LATER, AT)
    assert "created_at" not in merge(other, survivor).survivor.event.changes


def test_a_chosen_status_brings_its_stage_and_is_an_entry_of_the_history() -> None:
    survivor = contact("a")
    other = contact("b", relationship_status="active_client", lifecycle_stage="customer")
    assert merge(survivor, other).survivor.after.relationship_status == "prospect"
    plan = merge(survivor, other, relationship_status="b")
    after = plan.survivor.after
    assert (after.relationship_status, after.lifecycle_stage) == ("active_client", "customer")
    entry = after.status_entry(plan.survivor.event)
    assert entry is not None
    assert (entry.old_status, entry.new_status, entry.changed_by) == ("prospect", "active_client", "Ada")
    assert entry.timestamp == after.status_changed_at == plan.survivor.event.at
    both = merge(survivor, other, relationship_status="b", lifecycle_stage="a").survivor.after
    assert (both.relationship_status, both.lifecycle_stage) == ("active_client", "awareness")


def test_the_survivor_is_primary_if_the_primary_contact_of_its_customer_was_merged() -> None:
    survivor = contact("a", customer_id="k1")
    same = contact("b", customer_id="k1", is_primary=True)
    foreign = contact("c", customer_id="k2", is_primary=True)
    assert merge(survivor, same).survivor.after.is_primary
    plan = merge(survivor, foreign)
    assert not plan.survivor.after.is_primary and not plan.merged[0].after.is_primary
    assert plan.detail.primary_ids == (foreign.id,)
    after = merge(contact("a"), foreign).survivor.after
    assert (after.customer_id, after.is_primary) == ("k2", True)


def test_the_events_name_the_merge_and_the_contacts() -> None:
    survivor, other = contact("a"), contact("b", tag_ids=["t1"], group_ids=["g1"], groups=["One"])
    plan = merge(survivor, other)
    event = plan.survivor.event
    assert (event.type, event.data) == (
        "contact.updated",
        {"merge_id": plan.merge.id, "merged_ids": [other.id]},
    )
    assert event.changes["merged_from"] == (None, [other.id])
    assert (event.groups_joined, event.label_ids_before) == (["g1"], {"tag_ids": [], "group_ids": []})
    change = plan.merged[0]
    assert (change.event.type, change.event.version, change.event.changes) == ("contact.merged", 2, {})
    assert change.event.data == {"survivor_id": survivor.id, "merge_id": plan.merge.id}
    assert change.event.id != event.id and change.event.id == merge(survivor, other).merged[0].event.id
    assert (plan.merge.by, plan.merge.state, plan.merge.job_id) == (ADMIN.actor, "done", None)
    assert plan.merge.undo_until == "2026-06-04T09:30:00.000Z"


def test_a_merged_contact_keeps_its_locks_and_is_neither_restored_nor_purged() -> None:
    gone = merge(contact("a"), contact("b", other_emails=["b2@example.com"])).merged[0].after
    assert gone.is_merged and gone.deleted_at == LATER
    assert set(gone.locks) == {Lock("EMAIL", f"{one}@example.com", None) for one in ("b", "b2")}
    assert (gone.addresses, gone.member_of, gone.purge_at) == ({}, None, None)
    with pytest.raises(Merged) as refusal:
        gone.restore(owner_id=None, stamp=stamp(9))
    assert refusal.value.survivor_id == gone.merged_into
    deleted, _ = contact("b").delete(stamp=stamp(9))
    assert deleted.locks == {} and deleted.purge_at is not None


def test_a_contact_under_a_customer_keeps_its_locks_of_numbers_too() -> None:
    other = contact("b", customer_id="k1", phone="+12025550101", unique_scope="customer")
    gone = merge(contact("a"), other).merged[0].after
    assert gone.locks == other.locks and Lock("PHONE", "+12025550101", "k1") in gone.locks


def test_a_survivor_that_is_too_large_is_refused_by_its_largest_field() -> None:
    half = MAX_BYTES // 2
    survivor = contact("a", about="a" * half, custom_fields={"p": "x" * 1_000})
    with pytest.raises(Conflict) as refusal:
        merge(survivor, contact("b", about="b" * half))
    (error,) = refusal.value.errors
    assert (refusal.value.code, error.field) == ("merge_too_large", "about")
    assert len(merge(survivor, contact("b", about="b" * (half - 2_000))).survivor.after.about) > half


def test_a_survivor_has_at_most_a_hundred_merged_contacts() -> None:
    def survivor(count: int) -> Contact:
        return contact("a", merged_from=[f"id{number}" for number in range(count)])

    assert len(merge(survivor(MAX_MERGED - 1), contact("b")).survivor.after.merged_from) == MAX_MERGED
    with pytest.raises(Conflict) as refusal:
        merge(survivor(MAX_MERGED - 1), contact("b"), contact("c"))
    assert (refusal.value.code, refusal.value.errors[0].field) == ("merge_too_large", "merged_ids")
    with pytest.raises(Conflict):
        merge(contact("a"), survivor(MAX_MERGED).with_fields({"id": "other"}))


def test_what_the_undo_needs_is_read_as_it_was_stored() -> None:
    plan: MergePlan = merge(contact("a"), contact("b", company="Acme", custom_fields={"p": 1.5}))
    detail = plan.detail
    assert MergeDetail.from_json(detail.to_json()) == detail
    assert detail.changes["company"] == ("", "Acme")
