"""The record of an import: its id, its states, and the ids of the contacts it creates."""

from __future__ import annotations

import pytest

from shared.domain.errors import Conflict
from shared.domain.ids import is_id, milliseconds_of, new_id
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.upload import DroppedFile, InboxFile
from shared.domain.jobs.progress import Progress
from shared.domain.tenant import TenantSettings

AT = "2031-03-01T09:00:00.000Z"
LATER = "2031-03-01T09:00:10.000Z"


def dropped(**given: str) -> DroppedFile:
    fields = {"bucket": "b", "key": "tenants/T1/inbox/people.csv", "etag": "e", "modified_at": AT, **given}
    return DroppedFile(size=10, location=InboxFile("T1", "people.csv"), **fields)


def running(**given: object) -> ImportRun:
    run = ImportRun.begin(dropped(), TenantSettings(), at=AT, due_at=LATER)
    return ImportRun(**{**{name: getattr(run, name) for name in run.__slots__}, **given})  # type: ignore[arg-type]


def test_an_imports_id_is_that_of_its_file_at_its_time() -> None:
    same = dropped().import_id
    assert is_id(same)
    assert same == dropped().import_id
    others = {
        dropped(bucket="c").import_id,
        dropped(key="tenants/T1/inbox/other.csv").import_id,
        dropped(etag="f").import_id,
        dropped(modified_at="2031-03-01T09:00:01.000Z").import_id,
    }
    assert len(others | {same}) == 5
    assert milliseconds_of(same) == 1_930_208_400_000 or AT.startswith("2031")


def test_ids_of_contacts_are_in_the_order_of_their_rows_and_contain_the_row() -> None:
    run = running()
    rows = [1, 2, 200, 4096, 65_536, 1_999_999]
    ids = [run.contact_id(row) for row in rows]
    assert ids == sorted(ids)
    assert [run.row_of_contact(contact_id) for contact_id in ids] == rows
    assert run.row_of_contact(new_id()) is None
    assert running(tenant_id="T2").row_of_contact(ids[0]) is None


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_an_import_that_has_ended_ends_no_more(state: str) -> None:
    ended = running(state=state)
    with pytest.raises(Conflict):
        ended.complete(results_key="k", event_id=new_id(), at=LATER)
    with pytest.raises(Conflict):
        ended.fail("code", "Sentence.", at=LATER)


def test_the_completion_event_has_the_counts_and_no_names() -> None:
    run = running(rows_total=6, tally=Tally(created=3, skipped=2, failed=1))
    completed, event = run.complete(results_key="k", event_id=new_id(), at=LATER)
    assert (completed.state, completed.ended_at, completed.due_at, completed.version) == (
        "completed",
        LATER,
        None,
        2,
    )
    assert (event.type, event.entity, event.entity_id, event.version) == (
        "import.completed",
        "import",
        run.id,
        2,
    )
    assert event.data["counts"]["created"] == 3
    assert "people" not in str(event)


def test_failing_keeps_what_was_counted() -> None:
    failed = running(tally=Tally(created=3)).fail("replaced", "It was replaced.", at=LATER)
    assert (failed.state, failed.error_code, failed.tally.created) == ("failed", "replaced", 3)


def test_progress_has_speed_and_time_left() -> None:
    run = running(rows_total=100, tally=Tally(created=40), updated_at=LATER)
    assert run.progress == Progress(rows_done=40, rows_per_second=4.0, seconds_left=15.0)
    assert running(tally=Tally(created=40), updated_at=LATER).progress.seconds_left is None
    assert running().progress.rows_per_second == 0
    assert running(tally=Tally(created=40)).counts.rows == 40


def test_all_chunks_are_done_only_once_their_number_is_known() -> None:
    assert not running(chunks_done=3).all_chunks_done
    assert not running(chunks_done=3, chunks_total=4).all_chunks_done
    assert running(chunks_done=4, chunks_total=4).all_chunks_done
    assert running(chunks_total=0).all_chunks_done
