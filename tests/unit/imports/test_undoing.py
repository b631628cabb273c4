"""The record of an import that is undone: when it can be, how it ends, and how it continues."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain import timestamps
from shared.domain.errors import Conflict
from shared.domain.imports.record import ImportRun, State
from shared.domain.imports.undo import Undo, UndoTally
from shared.domain.imports.undoing import all_undone, begin_undo, complete_undo, give_up_undo, undo_until
from shared.table.imports.items import run_from_item, run_to_item

AT = "2031-03-01T09:00:00.000Z"
LATER = "2031-03-02T09:00:00.000Z"
UNTIL = "2031-03-31T09:00:00.000Z"


def ended(state: State = "completed", **given: object) -> ImportRun:
    run = ImportRun(
        id="01965d27-9f80-7b42-a1c7-8d3e5f902a64",
        tenant_id="T1",
        object_key="tenants/T1/inbox/people.csv",
        etag="e",
        size=10,
        file_name="people.csv",
        started_at=AT,
        updated_at=AT,
        state=state,
        rows_total=4,
        chunks_total=2,
        chunks_done=2,
        results_key="k",
        ended_at=AT,
        attempt="r2",
    )
    return replace(run, **given)  # type: ignore[arg-type]


def begun(run: ImportRun, at: str = LATER) -> ImportRun:
    return begin_undo(run, write_id="w", at=at, due_at=at)


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_an_import_that_has_ended_can_be_undone_until_a_time(state: State) -> None:
    run = ended(state)
    assert undo_until(run) == UNTIL
    undoing = begun(run, UNTIL)
    assert (undoing.state, undoing.undo) == ("undoing", Undo(attempt="u2", started_at=UNTIL))
    assert undo_until(undoing) is None
    assert not undoing.has_moved


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (ended("awaiting_upload"), "nothing_to_undo"),
        (ended("uploaded"), "nothing_to_undo"),
        (ended("running"), "import_running"),
        (ended("undoing"), "undo_started"),
        (ended("undone"), "import_undone"),
        (ended("failed", chunks_total=None), "nothing_to_undo"),
        (ended(chunks_total=0), "nothing_to_undo"),
        (ended(is_dry_run=True), "nothing_to_undo"),
        (ended("cancelled", results_key=None), "not_ready"),
        (ended(ended_at=timestamps.plus(LATER, -30 * 86_400 - 1)), "undo_expired"),
    ],
)
def test_what_cannot_be_undone_is_refused_with_a_code(run: ImportRun, code: str) -> None:
    with pytest.raises(Conflict) as refusal:
        begun(run)
    assert refusal.value.code == code


def test_the_end_of_an_undo_is_an_event_with_its_counts() -> None:
    tally = UndoTally(removed=5, restored=2, kept=1)
    undoing = begun(ended())
    assert not all_undone(undoing)
    assert undoing.undo is not None
    undoing = replace(undoing, undo=replace(undoing.undo, chunks_done=2, tally=tally))
    assert all_undone(undoing) and undoing.has_moved
    undone, event = complete_undo(undoing, kept_key="kept", event_id="e1", at=LATER)
    assert (undone.state, undone.due_at, undone.version) == ("undone", None, undoing.version + 1)
    assert undone.undo == replace(undoing.undo or tally, ended_at=LATER, kept_key="kept")
    assert (event.type, event.changes) == ("import.undone", {"state": ("undoing", "undone")})
    assert event.data == {"counts": {"removed": 5, "restored": 2, "kept": 1, "failed": 0, "total": 8}}


def test_an_undo_that_was_given_up_continues_where_it_was() -> None:
    undo = Undo(attempt="u2", started_at=AT, rows_done=2, chunks_done=1, tally=UndoTally(removed=2))
    failed = give_up_undo(ended("undoing", undo=undo), at=LATER)
    assert (failed.state, failed.error_code) == ("failed", "undo_stalled")
    again = begun(failed)
    assert (again.state, again.undo, again.error_code) == ("undoing", undo, None)


def test_an_undo_is_not_cancelled() -> None:
    with pytest.raises(Conflict) as refusal:
        ended("undoing").cancel(write_id="w", at=LATER)
    assert refusal.value.code == "undo_started"


@pytest.mark.parametrize(
    "undo",
    [
        None,
        Undo(attempt="u2", started_at=AT),
        Undo(
            attempt="u2",
            started_at=AT,
            rows_done=3,
            chunks_done=2,
            tally=UndoTally(1, 2, 3, 4),
            ended_at=LATER,
            kept_key="k",
        ),
    ],
)
def test_the_record_keeps_its_undo(undo: Undo | None) -> None:
    run = ended("undoing", undo=undo)
    assert run_from_item("T1", run_to_item(run)) == run
