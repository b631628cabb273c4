"""Imports that are cancelled: no chunk begins afterwards, and the results name all rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.domain import timestamps
from shared.services.imports import grouping
from shared.services.imports.chunks import ImportChunks
from shared.table.imports.repository import ImportTable
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.test_import_uploads import ask, read, start, upload
from tests.integration.imports.test_imports import counts, people
from tests.integration.world import World
from tests.support.faults import Killed, call, injecting, kill_before
from tests.tenants import program


@pytest.fixture
def inbox(world: World, monkeypatch: pytest.MonkeyPatch) -> DropFolder:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    return DropFolder(world)


def cancel(world: World, import_id: str, **how: Any) -> Any:
    return world.send("POST", f"/imports/{import_id}/cancel", **how)


def test_a_running_import_stops_between_chunks_and_its_results_name_all_rows(inbox: DropFolder) -> None:
    inbox.deliver(inbox.put(people(10)))
    inbox.work(limit=2)
    import_id = inbox.latest()["id"]

    answer = cancel(inbox.world, import_id)
    assert (answer.status, answer.json["state"]) == (200, "cancelled")
    for method, path in (("GET", "results"), ("POST", "retry"), ("POST", "undo")):
        early = inbox.world.send(method, f"/imports/{import_id}/{path}")
        assert (early.status, early.json["code"]) == (409, "not_ready")
    inbox.work()
    inbox.finish(import_id)

    shown = inbox.latest()
    assert (shown["state"], shown["counts"]) == ("cancelled", counts(rows=10, created=6))
    assert shown["progress"]["seconds_left"] == 0
    rows = inbox.results(shown)
    assert [int(row["row_number"]) for row in rows] == list(range(1, 11))
    assert Counter(row["outcome"] for row in rows) == {"created": 6, "not_run": 4}
    assert len(inbox.world.content.live) == 6
    assert inbox.keys("parts/") == []
    inbox.world.content.assert_whole()


def test_an_import_that_waits_for_its_file_or_its_start_is_cancelled(world: World, inbox: DropFolder) -> None:
    for has_file in (False, True):
        asked = ask(world)
        if has_file:
            inbox.deliver(upload(inbox, asked))
        assert cancel(world, asked["id"]).json["state"] == "cancelled"
        upload(inbox, asked)
        answer = start(world, asked)
        assert (answer.status, answer.json["code"]) == (409, "import_started")
        assert read(world, asked)["state"] == "cancelled"
    assert inbox.waiting() == []


def test_a_file_that_arrives_after_the_cancelling_is_ignored(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    cancel(world, asked["id"])
    inbox.deliver(upload(inbox, asked))
    assert read(world, asked)["state"] == "cancelled"


def test_an_import_is_cancelled_once(inbox: DropFolder) -> None:
    inbox.deliver(inbox.put(people(10)))
    import_id = inbox.latest()["id"]
    assert cancel(inbox.world, import_id).status == 200
    again = cancel(inbox.world, import_id)
    assert (again.status, again.json["code"]) == (409, "import_ended")


def test_a_completed_import_is_not_cancelled(inbox: DropFolder) -> None:
    shown = inbox.run(people(2))
    answer = cancel(inbox.world, shown["id"])
    assert (answer.status, answer.json["code"]) == (409, "import_ended")
    assert inbox.latest()["state"] == "completed"


def test_cancelling_takes_the_rights_to_run_imports(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    for token in (world.t1.user, program("T1", "imports:run:all,contacts:read:all,contacts:write:own")):
        assert cancel(world, asked["id"], token=token).status == 403
    assert read(world, asked)["state"] == "awaiting_upload"


def test_a_cancelled_import_gives_its_slot_back(world: World, inbox: DropFolder) -> None:
    """check 103"""
    inbox.deliver(inbox.put(people(10)))
    import_id = inbox.latest()["id"]
    assert [one["holder"]["S"] for one in world.content.of("T#T1#PLACES#IMPORTS")] == [import_id]
    cancel(world, import_id)
    assert [one["holder"]["S"] for one in world.content.of("T#T1#PLACES#IMPORTS")] == ["-"]


@pytest.mark.parametrize("at", [1, 2])
def test_a_cancelling_killed_between_its_message_and_its_write_can_be_repeated(
    inbox: DropFolder, at: int
) -> None:
    """check 13: the message is sent first, so a cancelled import never lacks its results."""
    inbox.deliver(inbox.put(people(10)))
    inbox.work(limit=1)
    import_id = inbox.latest()["id"]
    sent = call("sqs", "SendMessageBatch") if at == 1 else call("dynamodb", "TransactWriteItems")
    with injecting(kill_before(sent, at=1)), pytest.raises(Killed):
        cancel(inbox.world, import_id)
    assert inbox.latest()["state"] == "running"
    assert cancel(inbox.world, import_id).status == 200
    inbox.work()
    inbox.finish(import_id)
    assert Counter(row["outcome"] for row in inbox.results(inbox.latest())) == {"created": 3, "not_run": 7}


def later(seconds: int) -> str:
    return timestamps.plus(timestamps.now(), seconds)


def test_check_13_a_cancelled_import_whose_end_was_lost_is_ended_by_the_watch(inbox: DropFolder) -> None:
    """Its message came to the dead letters, or was removed. Without results it could not be undone."""
    inbox.deliver(inbox.put(people(10)))
    inbox.work(limit=1)
    import_id = inbox.latest()["id"]
    assert cancel(inbox.world, import_id).status == 200
    inbox.waiting()
    undo = inbox.world.send("POST", f"/imports/{import_id}/undo")
    assert (undo.status, undo.json["code"]) == (409, "not_ready")
    # For long: an import that runs would have been given up.
    for day in range(1, 12):
        assert inbox.watch(later(day * 86_400)).failed == 0
        assert day < 3 or [one["step"] for one in inbox.waiting()] == ["finish"]
        inbox.waiting()
    inbox.watch(later(13 * 86_400))
    inbox.work()
    assert Counter(row["outcome"] for row in inbox.results(inbox.latest())) == {"created": 3, "not_run": 7}
    assert inbox.world.send("POST", f"/imports/{import_id}/undo").status == 202
    inbox.work()
    assert inbox.latest()["state"] == "undone"
    assert [one for one in inbox.world.content.of("T#T1#IMPORTS") if "due_at" in one] == []


def test_an_import_that_is_cancelled_before_its_file_is_split_leaves_nothing(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 8: the split goes on for a while, and removes its copies of the rows when it has ended."""
    set_totals = ImportTable.set_totals

    def late(self: ImportTable, import_id: str, attempt: str, **totals: int) -> bool:
        assert cancel(inbox.world, import_id).status == 200
        assert inbox.keys("parts/") != []
        return set_totals(self, import_id, attempt, **totals)

    monkeypatch.setattr(ImportTable, "set_totals", late)
    inbox.deliver(inbox.put(people(10)))
    assert inbox.keys("parts/") == []
    import_id = inbox.latest()["id"]
    inbox.finish(import_id)
    assert [one for one in inbox.world.content.of("T#T1#IMPORTS") if "due_at" in one] == []
    assert inbox.watch(later(86_400)).driven_on == 0


def test_check_13_rows_that_were_written_when_the_import_ended_say_so(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker was killed before it wrote what became of its rows: only the events of contacts name them."""

    def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(ImportChunks, "_keep", killed)
    inbox.deliver(inbox.put("Email,First Name\na@example.com,A\na@example.com,B\nbad,C\n"))
    with pytest.raises(Killed):
        inbox.work()
    import_id = inbox.latest()["id"]
    assert cancel(inbox.world, import_id).status == 200
    inbox.waiting()
    inbox.finish(import_id)
    shown = inbox.latest()
    assert shown["counts"] == counts(rows=3, created=1, skipped=1, warnings=1)
    first, second, third = inbox.results(shown)
    for row, outcome in ((first, "created"), (second, "skipped")):
        assert (row["outcome"], row["reason_code"]) == (outcome, "interrupted")
        assert "The import ended while this row was written." in row["message"]
        assert row["contact_id"] == first["contact_id"] != ""
    assert (third["outcome"], third["message"]) == ("not_run", "The import ended before this row.")
