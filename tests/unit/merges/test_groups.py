"""The groups that pairs form, their survivors, and what a job counts of them."""

from __future__ import annotations

import random

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import Conflict
from shared.domain.jobs.merges import Found, Grouped, MergeRun, MergeSuggestedInput, Worked
from shared.domain.merges.groups import (
    MOST_IN_GROUP,
    GroupMerge,
    GroupResult,
    by_history,
    groups_of,
    is_connected,
)
from tests.support.budgets import repetitions
from tests.unit.merges.contacts import contact

NOW = "2026-05-04T12:00:00.000Z"


@pytest.mark.parametrize("seed", range(repetitions(20)))
def test_groups_are_what_pairs_connect_in_any_order_of_the_pairs(seed: int) -> None:
    chosen = random.Random(seed)
    ids = [f"c{number:02}" for number in range(chosen.choice((3, 12, 40)))]
    pairs = [tuple(chosen.sample(ids, 2)) for _ in range(chosen.randrange(1, len(ids)))]
    label = {one: one for one in ids}
    for _ in ids:
        for one, other in pairs:
            label[one] = label[other] = min(label[one], label[other])
    paired = sorted({one for pair in pairs for one in pair})
    expected = [
        [one for one in paired if label[one] == first] for first in sorted({label[one] for one in paired})
    ]
    groups = groups_of((one, other) for one, other in pairs)
    assert [one.size for one in groups] == [len(one) for one in expected]
    assert [list(one.contact_ids) for one in groups] == [one[: MOST_IN_GROUP + 1] for one in expected]
    chosen.shuffle(pairs)
    assert groups_of((other, one) for one, other in pairs) == groups


def test_a_group_is_connected_only_by_pairs_of_all_its_contacts() -> None:
    assert is_connected(("a", "b", "c"), [("a", "b"), ("b", "c")])
    assert not is_connected(("a", "b", "c"), [("a", "b")])
    assert not is_connected(("a", "b", "c", "d"), [("a", "b"), ("c", "d")])
    assert not is_connected(("a", "b"), [])


def test_the_contact_with_the_most_history_survives_and_else_the_oldest() -> None:
    older, younger, busy = (contact(name) for name in ("ada", "bea", "eve"))
    older = older.with_fields({"created_at": "2026-01-01T00:00:00.000Z"})
    younger = younger.with_fields({"created_at": "2026-02-01T00:00:00.000Z", "note_count": 1})
    busy = busy.with_fields(
        {
            "created_at": "2026-03-01T00:00:00.000Z",
            "interaction_counts": {"call": 1},
            "booking_counts": {"booked": 1},
        }
    )
    assert by_history([older, younger, busy]) == [busy, younger, older]
    alike = [one.with_fields({"note_count": 1}) for one in (younger, older)]
    assert by_history(alike) == alike[::-1]


def test_contacts_of_other_versions_than_were_compared_are_refused() -> None:
    one = contact("ada")
    GroupMerge(1, {one.id: one.version}).require_unchanged([one])
    for versions in ({}, {one.id: one.version + 1}):
        with pytest.raises(Conflict, match="changed after they were suggested"):
            GroupMerge(1, versions).require_unchanged([one])


def test_a_job_counts_each_stage_and_a_cancelled_one_stays_cancelled() -> None:
    caller = Caller("t1", "user", "u1", "admin")
    run = MergeRun.begin(MergeSuggestedInput(), job_id="j", caller=caller, at=NOW)
    run = run.close(Found((("a", "b"), ("c", "d")), ["p"]), task_id="1", at=NOW)
    run = run.close(Found((("c", "e"),), None, left_out=1), task_id="2", at=NOW)
    assert (run.stage, run.pairs, run.pairs_left_out, run.has_more) == ("group", 3, 1, False)
    run = run.close(Grouped(2), task_id="3", at=NOW).open_portion(at=NOW)
    cancelled = run.cancel(at=NOW)
    assert cancelled is not None and cancelled.has_work
    refused = GroupResult.refuse(2, ["c", "d", "e"], "dismissed", "x")
    merged = GroupResult(number=1, outcome="merged", contact_ids=["a", "b"], survivor_id="a", merge_id="m")
    ended = run.close(Worked((merged, refused), True), task_id="4", at=NOW)
    assert (ended.state, ended.outcomes, ended.reasons, ended.contacts) == (
        "completed",
        {"merged": 1, "refused": 1},
        {"dismissed": 1},
        1,
    )
    stopped = cancelled.close(Worked((merged,), False), task_id="4", at=NOW)
    assert (stopped.state, stopped.done, stopped.has_work) == ("cancelled", 1, False)
    assert stopped.begin_undo(job_id="k", caller=caller, at=NOW).groups == 1
