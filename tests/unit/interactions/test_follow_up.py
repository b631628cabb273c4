"""The rules of follow-ups: their states, changes, titles and conditions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import Conflict, Invalid
from shared.domain.interactions.follow_up import MAX_TITLE, FollowUp, earliest, title_of
from shared.domain.interactions.follow_up_filter import FollowUpConditions, FollowUpFilter
from shared.domain.interactions.follow_up_inputs import FollowUpPatch
from shared.domain.stamp import Stamp

AT, DUE, LATER = (f"2026-05-0{day}T09:30:00.000Z" for day in (4, 5, 6))
ADA = Caller("t1", "user", "u1", "admin")
STAMP, NEXT = Stamp("e1", AT, ADA), Stamp("e2", LATER, ADA)


def made(**given: str | None) -> FollowUp:
    fields = {"title": "call", "due_at": DUE, "assignee_id": "u1", **given}
    return FollowUp.schedule(follow_up_id="f1", contact_id="c1", stamp=STAMP, **fields)  # type: ignore[arg-type]


CHANGES: dict[str, Callable[[FollowUp], object]] = {
    "change": lambda one: one.change({"title": "x"}, stamp=NEXT),
    "reschedule": lambda one: one.reschedule(LATER, stamp=NEXT),
    "complete": lambda one: one.complete("", stamp=NEXT),
    "cancel": lambda one: one.cancel(stamp=NEXT),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("closed", ["complete", "cancel"])
def test_only_an_open_follow_up_changes(closed: str, change: str) -> None:
    one = CHANGES[closed](made())
    assert isinstance(one, FollowUp) and not one.is_open and one.is_announced and one.sorts_at == LATER
    with pytest.raises(Conflict) as refused:
        CHANGES[change](one)
    assert refused.value.code == "follow_up_closed"
    assert one.state in refused.value.detail


def test_a_new_due_time_is_announced_again_and_the_same_one_is_not() -> None:
    announced = made().announce(stamp=NEXT)
    assert announced.is_announced and announced.notified_at == LATER and announced.version == 2
    same = announced.change({"due_at": DUE, "title": "x"}, stamp=NEXT)
    moved = announced.change({"due_at": LATER}, stamp=NEXT)
    assert same is not None and same[0].is_announced
    assert moved is not None and not moved[0].is_announced
    assert not announced.reschedule(LATER, stamp=NEXT).is_announced
    assert announced.reschedule(DUE, stamp=NEXT).is_announced


def test_a_change_names_the_fields_that_change_and_nothing_else() -> None:
    announced = made().announce(stamp=NEXT)
    changed = announced.change({"due_at": LATER, "title": "call", "assignee_id": None}, stamp=NEXT)
    assert changed is not None
    assert changed[1] == {"due_at": (DUE, LATER), "assignee_id": ("u1", None)}
    assert announced.change({"title": "call", "due_at": DUE}, stamp=NEXT) is None


@pytest.mark.parametrize(
    ("next_action", "description", "title"),
    [
        ("send", "Talked.", "send"),
        ("", "Talked\nlong.", "Talked long."),
        ("", "x" * 200, "x" * 200),
        ("", "x" * 201, "x" * 199 + "…"),
        ("", "word " * 50, "word " * 38 + "word…"),
    ],
)
def test_a_title_is_the_next_action_or_the_beginning_of_the_description(
    next_action: str, description: str, title: str
) -> None:
    assert title_of(next_action, description) == title
    assert len(title) <= MAX_TITLE


def test_the_earliest_of_no_times_is_none() -> None:
    assert earliest(None, None) is None
    assert earliest(None, LATER, DUE) == DUE


def test_null_clears_the_assignee_and_nothing_that_is_required() -> None:
    assert FollowUpPatch(assignee_id=None).given_fields() == {"assignee_id": None}
    with pytest.raises(Invalid) as refused:
        FollowUpPatch(title=None, due_at=None).given_fields()
    assert [error.field for error in refused.value.errors] == ["title", "due_at"]


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ({}, "open"),
        ({"done": False}, "open"),
        ({"done": True}, "done"),
        ({"state": "cancelled"}, "cancelled"),
        ({"state": "done", "done": True}, "done"),
    ],
)
def test_done_is_short_for_a_state(given: dict[str, object], state: str) -> None:
    assert FollowUpConditions(**given).wanted_state == state  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["open", "cancelled"])
def test_conditions_that_contradict_each_other_are_refused(state: str) -> None:
    with pytest.raises(Invalid):
        FollowUpConditions(state=state, done=True).wanted_state  # type: ignore[arg-type] # noqa: B018


def test_dates_are_days_in_the_time_zone() -> None:
    given = FollowUpConditions(due_from="2026-05-05", due_before="2026-05-06")
    wanted = FollowUpFilter.of(given, timezone="Europe/Berlin")
    assert (wanted.due_from, wanted.due_before) == ("2026-05-04T22:00:00.000Z", "2026-05-05T22:00:00.000Z")
    assert wanted.bounds == ("2026-05-04T22:00:00.000Z", "2026-05-05T21:59:59.999Z")
    assert wanted.matches(made(due_at="2026-05-04T22:00:00.000Z"))
    assert not wanted.matches(made(due_at="2026-05-05T22:00:00.000Z"))
