"""Imports that are cancelled: no chunk begins afterwards, and the results name all rows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shared.services.imports import grouping
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
