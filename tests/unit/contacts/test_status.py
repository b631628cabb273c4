"""The moves between relationship statuses and lifecycle stages: every pair, with and without stage and reason."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, cast, get_args

import pytest

from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import (
    STAGES,
    TRANSITIONS,
    LifecycleStage,
    Move,
    RelationshipStatus,
    StatusInput,
)
from shared.domain.errors import Invalid, RuleBroken
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp

CALLER = Caller("t1", "user", "u1", "admin")
AT = "2026-05-04T09:30:00.000Z"
BEFORE, LATER = "2026-05-04T09:29:59.000Z", "2026-05-04T09:31:00.000Z"

# Written by hand from the rules, row by row; no part of it comes from the code.
#   -  the present status   yes  allowed   why  allowed with a reason   no  refused
COLUMNS = (
    "prospect",
    "qualified_lead",
    "opportunity",
    "active_client",
    "past_client",
    "lost_lead",
    "inactive",
)
TABLE = {
    "prospect":       ("-",   "yes", "no",  "no",  "no",  "yes", "yes"),
    "qualified_lead": ("no",  "-",   "yes", "no",  "no",  "yes", "yes"),
    "opportunity":    ("no",  "no",  "-",   "yes", "no",  "yes", "yes"),
    "active_client":  ("no",  "no",  "no",  "-",   "yes", "yes", "yes"),
    "past_client":    ("why", "no",  "no",  "no",  "-",   "yes", "yes"),
    "lost_lead":      ("why", "no",  "no",  "no",  "no",  "-",   "yes"),
    "inactive":       ("why", "no",  "no",  "no",  "no",  "yes", "-"),
}  # fmt: skip
FOLLOWING = {
    "prospect": "awareness",
    "qualified_lead": "interest",
    "opportunity": "consideration",
    "active_client": "customer",
    "past_client": "retention",
    "lost_lead": None,
    "inactive": None,
}
"""The stage that a status sets if none is given; None for the present stage."""
STAGES_BY_HAND = ("awareness", "interest", "consideration", "decision", "retention", "customer")
METHODS = {
    "prospect": "reopen",
    "qualified_lead": "progress_to_qualified_lead",
    "opportunity": "progress_to_opportunity",
    "active_client": "convert_to_client",
    "past_client": "mark_as_past_client",
    "lost_lead": "mark_as_lost_lead",
    "inactive": "mark_as_inactive",
}
PAIRS = [(old, new) for old in COLUMNS for new in COLUMNS]


def stamp(at: str = AT, caller: Caller = CALLER) -> Stamp:
    return Stamp(new_id(), at, caller)


def create(**given: Any) -> tuple[Contact, Event]:
    return Contact.create(
        {"first_name": "Ada", **given},  # type: ignore[typeddict-item]
        contact_id=new_id(),
        stamp=stamp(BEFORE),
        source="api",
        changed_by="Grace Hopper",
    )


def contact(status: str, stage: str = "decision") -> Contact:
    return create(relationship_status=status, lifecycle_stage=stage)[0]


def move(stage: str | None = None, reason: str = "", notes: str = "") -> Move:
    return Move(
        stage=cast("LifecycleStage | None", stage), reason=reason, notes=notes, changed_by="Grace Hopper"
    )


def by_status(one: Contact, status: str | None, how: Move, at: str = AT) -> tuple[Contact, Event] | None:
    return one.change_status(cast("RelationshipStatus | None", status), how, stamp=stamp(at))


def by_name(one: Contact, status: str, how: Move) -> tuple[Contact, Event] | None:
    method: Callable[..., tuple[Contact, Event] | None] = getattr(one, METHODS[status])
    return method(how, stamp=stamp())


def test_the_table_of_this_test_has_every_status_and_stage() -> None:
    assert get_args(RelationshipStatus) == COLUMNS and get_args(LifecycleStage) == STAGES_BY_HAND
    assert set(TABLE) == set(FOLLOWING) == set(METHODS) == set(COLUMNS)
    assert len(PAIRS) == 49 and all(len(row) == 7 for row in TABLE.values())


@pytest.mark.parametrize("way", [by_status, by_name], ids=["by status", "by the named method"])
@pytest.mark.parametrize("reason", ["", "came back"], ids=["without a reason", "with a reason"])
@pytest.mark.parametrize("stage", [None, "interest"], ids=["without a stage", "with a stage"])
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_pair_of_statuses_is_allowed_or_refused_as_the_table_says(
    old: str, new: str, stage: str | None, reason: str, way: Callable[..., tuple[Contact, Event] | None]
) -> None:
    """49 pairs × stage or not × reason or not."""
    before = contact(old)
    rule = TABLE[old][COLUMNS.index(new)]
    how = move(stage, reason, "n")
    if rule == "no":
        with pytest.raises(RuleBroken) as refusal:
            way(before, new, how)
        assert refusal.value.detail == f"Invalid status transition: cannot move from {old} to {new}"
        assert refusal.value.code == "invalid_status_transition"
        return
    if rule == "why" and not reason:
        with pytest.raises(RuleBroken) as refusal:
            way(before, new, how)
        assert refusal.value.detail == f"A reason is needed to move from {old} to {new}."
        assert refusal.value.code == "reason_required"
        assert [(one.field, one.code) for one in refusal.value.errors] == [("reason", "required")]
        return
    moved = way(before, new, how)
    if rule == "-" and stage is None:
        assert moved is None
        return
    assert moved is not None
    after, event = moved
    wanted = stage or FOLLOWING[new] or "decision"
    assert (after.relationship_status, after.lifecycle_stage) == (new, wanted)
    assert (after.version, after.updated_at, after.is_active) == (2, AT, True)
    assert event.type == "contact.status_changed" and event.version == 2
    changes = {"relationship_status": (old, new), "lifecycle_stage": ("decision", wanted)}
    assert event.changes == {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
    assert event.data == {
        "old_status": old,
        "new_status": new,
        "old_lifecycle_stage": "decision",
        "new_lifecycle_stage": wanted,
        "changed_by": "Grace Hopper",
        "reason": reason or None,
        "notes": "n",
    }


@pytest.mark.parametrize(
    ("status", "old", "new"), list(itertools.product(COLUMNS, STAGES_BY_HAND, STAGES_BY_HAND))
)
def test_any_stage_is_set_by_itself_and_with_the_present_status(status: str, old: str, new: str) -> None:
    for given in (None, status):
        moved = by_status(contact(status, old), given, move(new))
        if old == new:
            assert moved is None
        else:
            assert moved is not None
            assert (moved[0].relationship_status, moved[0].lifecycle_stage) == (status, new)
            assert moved[1].changes == {"lifecycle_stage": (old, new)}


def test_neither_status_nor_stage_is_no_move() -> None:
    assert by_status(contact("prospect"), None, move(reason="r")) is None
    with pytest.raises(Invalid):
        StatusInput(reason="r").check()
    for given in ({"relationship_status": "inactive"}, {"lifecycle_stage": "decision"}):
        StatusInput.model_validate(given).check()


def test_a_reason_of_invisible_characters_is_none() -> None:
    given = StatusInput.model_validate({"relationship_status": "prospect", "reason": " \u200b "})
    assert given.reason == ""


@pytest.mark.parametrize("active", [True, False])
def test_whether_a_contact_is_active_is_independent_of_its_status(active: bool) -> None:
    one, _ = create(is_active=active)
    for status in ("inactive", "prospect", "qualified_lead"):
        moved = by_status(one, status, move(reason="r"))
        assert moved is not None
        one = moved[0]
        assert one.is_active is active
    assert one.toggle_active(stamp=stamp())[0].relationship_status == "qualified_lead"


# Creation

GIVEN = list(itertools.product((None, *COLUMNS), (None, *STAGES_BY_HAND)))


@pytest.mark.parametrize(("status", "stage"), GIVEN)
def test_a_given_status_or_stage_is_the_first_entry_of_the_history(
    status: str | None, stage: str | None
) -> None:
    made, event = create(relationship_status=status, lifecycle_stage=stage)
    following = FOLLOWING[status or "prospect"] or "awareness"
    assert made.relationship_status == (status or "prospect")
    assert made.lifecycle_stage == (stage or following)
    entry = made.status_entry(event)
    assert event.type == "contact.created"
    if status is None and stage is None:
        assert (entry, made.status_changed_at, event.data) == (None, None, {})
        return
    assert entry is not None and entry.model_dump() == {
        "id": event.id,
        "old_status": None,
        "new_status": made.relationship_status,
        "old_lifecycle_stage": None,
        "new_lifecycle_stage": made.lifecycle_stage,
        "changed_by": "Grace Hopper",
        "changed_by_id": "u1",
        "timestamp": BEFORE,
        "reason": None,
        "notes": None,
        "source": "api",
        "import_id": None,
        "job_id": None,
    }


# History


def test_an_entry_has_both_values_and_who_moved_it_when_and_why() -> None:
    moved = by_status(contact("lost_lead"), "prospect", move(reason="came back", notes="by phone"))
    assert moved is not None
    entry = moved[0].status_entry(moved[1])
    assert entry is not None and entry.model_dump() == {
        "id": moved[1].id,
        "old_status": "lost_lead",
        "new_status": "prospect",
        "old_lifecycle_stage": "decision",
        "new_lifecycle_stage": "awareness",
        "changed_by": "Grace Hopper",
        "changed_by_id": "u1",
        "timestamp": AT,
        "reason": "came back",
        "notes": "by phone",
        "source": "api",
        "import_id": None,
        "job_id": None,
    }


def test_the_system_has_no_id_and_other_events_have_no_entry() -> None:
    one = contact("prospect")
    by_system = stamp(caller=system_caller("t1", "import:1", "import"))
    moved = one.mark_as_inactive(move(), stamp=by_system)
    assert moved is not None
    entry = moved[0].status_entry(moved[1])
    assert entry is not None and (entry.changed_by_id, entry.source) == (None, "import")
    assert (entry.import_id, entry.job_id) == ("1", None)
    toggled, event = one.toggle_active(stamp=stamp())
    assert toggled.status_entry(event) is None


def test_a_slower_clock_puts_no_entry_before_an_earlier_one() -> None:
    first = by_status(contact("prospect"), "lost_lead", move(), at=LATER)
    assert first is not None
    second = by_status(first[0], "inactive", move(), at=AT)
    assert second is not None
    entry = second[0].status_entry(second[1])
    assert entry is not None and entry.timestamp == LATER
    assert (second[0].updated_at, second[1].at) == (AT, AT)


def test_a_move_keeps_what_bookings_gave_and_a_deletion_keeps_the_status() -> None:
    one = replace_booked(contact("prospect"))
    moved = by_status(one, "qualified_lead", move())
    assert moved is not None and moved[0].booked == one.booked
    deleted, event = moved[0].delete(stamp=stamp(LATER))
    assert deleted.status_entry(event) is None
    restored = deleted.restore(owner_id=None, stamp=stamp(LATER))
    assert restored is not None
    assert (restored[0].relationship_status, restored[0].status_changed_at) == ("qualified_lead", AT)


def replace_booked(one: Contact) -> Contact:
    return one.with_fields({"booked": {"name": new_id()}})


def test_the_code_has_no_transition_that_the_table_has_not() -> None:
    """The reverse of the test of pairs: nothing is in the code's table beside the seven statuses."""
    assert set(TRANSITIONS) == set(COLUMNS)
    allowed = {(old, new) for old, targets in TRANSITIONS.items() for new in targets}
    by_hand = {(old, new) for old, new in PAIRS if TABLE[old][COLUMNS.index(new)] in ("yes", "why")}
    assert allowed == by_hand and len(allowed) == 19
    assert dict(STAGES) == {status: stage for status, stage in FOLLOWING.items() if stage}
