"""The attempts of an import: what a run wrote decides what may follow, and its late workers change nothing later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.imports.tasks import ImportTask
from shared.services.imports import chains, grouping
from shared.table.imports.previews import PreviewTable
from shared.table.imports.repository import ImportTable
from shared.table.imports.undo import ImportUndoTable
from shared.table.keys import imports as import_keys
from shared.wiring.base import store
from shared.wiring.imports import import_runs, import_undo
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.world import World
from tests.support.tenant_guard import acting_for, as_operator

PEOPLE = "Email,First Name\n" + "".join(f"person{n}@example.com,Person {n}\n" for n in range(9))


@pytest.fixture
def uploader(world: World, monkeypatch: pytest.MonkeyPatch) -> Uploader:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    monkeypatch.setattr(chains, "MOST_QUEUED", 2)
    return Uploader(DropFolder(world))


def delay(
    monkeypatch: pytest.MonkeyPatch, table: type, write: str, meanwhile: Callable[[], Any]
) -> list[Any]:
    """Let something happen before the first call of a method. Returns the list that has its answer afterwards."""
    original, answers = getattr(table, write), list[Any]()

    def late(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(table, write, original)
        meanwhile()
        answers.append(original(*args, **named))
        return answers[-1]

    monkeypatch.setattr(table, write, late)
    return answers


def finish(import_id: str, attempt: str) -> None:
    """Do what another worker does that gathers the results of an attempt."""
    steps = import_undo if attempt.startswith("u") else import_runs
    with acting_for("T1"):
        steps().finish(ImportTask("T1", import_id, attempt, "finish"))


def expire_preview(folder: DropFolder, import_id: str) -> None:
    """Remove the record of a preview, as DynamoDB does after its expiry, and keep what belongs to it."""
    with as_operator():
        key = import_keys.preview(folder.tenant_id, import_id)
        folder.world.stack.client("dynamodb").delete_item(
            TableName=folder.world.stack.environment["TABLE_NAME"], Key=key
        )


def cancelled_midway(uploader: Uploader, **options: Any) -> str:
    """Return an import that was cancelled after its first chunk, and whose results are not gathered yet."""
    import_id = uploader.upload(PEOPLE)
    assert uploader.start(import_id, **options).status == 202
    uploader.folder.work(limit=2)
    assert uploader.send("POST", f"/imports/{import_id}/cancel").status == 200
    uploader.folder.waiting()
    return import_id


# Late workers


def test_a_late_end_of_a_dry_run_does_not_end_the_run_after_it(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = uploader.upload(PEOPLE)

    def start_again() -> None:
        finish(import_id, "r1")
        assert uploader.read(import_id)["state"] == "completed"
        assert uploader.start(import_id, dry_run=False).status == 202

    answers = delay(monkeypatch, ImportTable, "complete", start_again)
    done = uploader.run(import_id, dry_run=True)
    assert answers == [False]
    assert (done["state"], done["is_dry_run"], done["counts"]["created"]) == ("completed", False, 9)
    assert len(uploader.folder.world.content.live) == 9
    assert all(row["contact_id"] for row in uploader.folder.results(done))


def test_late_results_of_a_cancelled_run_are_not_those_of_the_run_after_it(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = cancelled_midway(uploader, dry_run=True)
    answers = delay(monkeypatch, ImportTable, "set_results", lambda: uploader.start(import_id, dry_run=False))
    finish(import_id, "r1")
    assert answers == [False]
    shown = uploader.read(import_id)
    assert (shown["state"], shown["results_url"]) == ("running", None)
    uploader.folder.work()
    assert uploader.read(import_id)["counts"]["created"] == 9


def test_a_late_end_of_an_undo_does_not_end_the_next_one(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = uploader.upload(PEOPLE)
    uploader.run(import_id)
    assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202

    def undo_again() -> None:
        finish(import_id, "u1")
        assert uploader.run(import_id)["counts"]["created"] == 9
        assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202

    answers = delay(monkeypatch, ImportUndoTable, "complete", undo_again)
    uploader.folder.work()
    assert answers == [False]
    assert uploader.read(import_id)["state"] == "undone"
    assert uploader.send("GET", f"/imports/{import_id}/undo").json["counts"]["removed"] == 9
    assert uploader.folder.world.content.live == []


def test_a_late_chunk_of_an_undo_is_not_counted_in_the_next_one(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = uploader.upload("Email\nada@example.com\n")
    uploader.run(import_id)
    assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202

    def undo_again() -> None:
        with as_operator():
            store().update(
                import_keys.import_run("T1", import_id),
                "SET undo_attempt = :later",
                {":later": {"S": "u2"}},
            )

    answers = delay(monkeypatch, ImportUndoTable, "close_chunk", undo_again)
    uploader.folder.work(limit=1)
    assert answers == [False]
    assert uploader.send("GET", f"/imports/{import_id}/undo").json["counts"]["total"] == 0


def test_a_preview_of_a_cancelled_dry_run_leaves_the_results_that_are_gathered_meanwhile(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = cancelled_midway(uploader, dry_run=True)
    delay(monkeypatch, PreviewTable, "begin", lambda: finish(import_id, "r1"))
    assert uploader.preview(import_id, dry_run=False)["state"] == "ready"
    shown = uploader.read(import_id)
    assert (shown["state"], shown["counts"]["created"], bool(shown["results_url"])) == ("cancelled", 3, True)


# What may follow a run


def test_a_preview_with_other_options_leaves_a_dry_run_what_it_was(world: World, uploader: Uploader) -> None:
    import_id = uploader.upload(PEOPLE)
    dry = uploader.run(import_id, dry_run=True)
    assert uploader.preview(import_id, dry_run=False)["is_current"] is True
    shown = uploader.read(import_id)
    assert shown["progress"] == dry["progress"]
    assert (shown["is_dry_run"], shown["options"]["dry_run"], shown["undo_until"]) == (True, False, None)
    refused = uploader.send("POST", f"/imports/{import_id}/undo")
    assert (refused.status, refused.json["code"]) == (409, "nothing_to_undo")
    done = uploader.run(import_id)
    assert (done["state"], done["is_dry_run"], done["counts"]["created"]) == ("completed", False, 9)
    assert len(world.content.live) == 9 and done["undo_until"]


def test_a_preview_that_asks_for_a_dry_run_makes_no_dry_run_of_what_was_written(uploader: Uploader) -> None:
    import_id = uploader.upload(PEOPLE)
    uploader.run(import_id)
    assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202
    uploader.folder.work()
    uploader.preview(import_id, dry_run=True)
    assert uploader.read(import_id)["is_dry_run"] is False
    assert uploader.run(import_id)["is_dry_run"] is True


def test_a_dry_run_that_was_cancelled_can_be_started_again(world: World, uploader: Uploader) -> None:
    import_id = cancelled_midway(uploader, dry_run=True)
    finish(import_id, "r1")
    done = uploader.run(import_id, dry_run=False)
    assert (done["state"], done["counts"]["created"]) == ("completed", 9)
    assert len(world.content.live) == 9


def test_a_run_that_was_cancelled_before_its_file_was_split_can_be_started_again(
    world: World, uploader: Uploader
) -> None:
    import_id = uploader.upload(PEOPLE)
    assert uploader.start(import_id).status == 202
    assert uploader.send("POST", f"/imports/{import_id}/cancel").status == 200
    uploader.folder.work()
    finish(import_id, "r1")
    shown = uploader.read(import_id)
    assert (shown["state"], shown["counts"]["rows"], shown["results_url"]) == ("cancelled", 0, None)
    assert uploader.send("GET", f"/imports/{import_id}/results").status == 404
    assert uploader.send("POST", f"/imports/{import_id}/retry").json["code"] == "no_results"
    assert uploader.run(import_id)["counts"]["created"] == 9


def test_a_run_whose_file_was_refused_can_be_started_with_other_options(uploader: Uploader) -> None:
    import_id = uploader.upload("Kontakt,Vorname\nada@example.com,Ada\n")
    failed = uploader.run(import_id)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "no_email_column")
    done = uploader.run(import_id, mapping={"Kontakt": "email"})
    assert (done["state"], done["counts"]["created"], done["error"]) == ("completed", 1, None)


def test_a_run_that_was_cancelled_after_it_has_written_is_not_started_again(uploader: Uploader) -> None:
    import_id = cancelled_midway(uploader)
    finish(import_id, "r1")
    for answer in (uploader.start(import_id), uploader.ask_for_preview(import_id)):
        assert (answer.status, answer.json["code"]) == (409, "import_started")
    assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202


# What remains of previews


def test_a_preview_after_an_expired_one_has_nothing_to_do_with_its_chunks(uploader: Uploader) -> None:
    import_id = uploader.upload(PEOPLE)
    first = uploader.preview(import_id)
    expire_preview(uploader.folder, import_id)
    second = uploader.preview(import_id)
    assert first["id"] != second["id"]
    assert (second["state"], second["counts"]) == ("ready", first["counts"])


def test_all_that_belongs_to_a_preview_expires_at_one_time(world: World, uploader: Uploader) -> None:
    """check 103: the slot of a preview whose record has expired while it ran is free."""
    import_id = uploader.upload(PEOPLE)
    uploader.ask_for_preview(import_id)
    (slot,) = world.content.of("T#T1#PLACES#PREVIEWS")
    uploader.folder.work()
    (record,) = world.content.of("T#T1#PREVIEWS")
    parts = world.content.of(f"T#T1#IMPORT#{import_id}", "(CHUNK|LAYOUT|SAMPLE)#p")
    assert len(parts) == 3 + 1 + 9
    assert {one["expires_at"]["N"] for one in parts} == {record["expires_at"]["N"]}
    assert (slot["holder"]["S"], slot["held_until"]) == (import_id, record["expires_at"])
    run = uploader.run(import_id)
    lasting = world.content.of(f"T#T1#IMPORT#{import_id}", "(CHUNK|LAYOUT)#r")
    assert run["state"] == "completed" and len(lasting) == 4
    assert not any("expires_at" in one for one in lasting)


def test_cancelling_an_import_that_waits_for_its_start_ends_its_preview(
    world: World, uploader: Uploader
) -> None:
    """check 103: the preview's slot is free afterwards."""
    import_id = uploader.upload(PEOPLE)
    uploader.ask_for_preview(import_id)
    assert uploader.send("POST", f"/imports/{import_id}/cancel").status == 200
    shown = uploader.read_preview(import_id)
    assert (shown["state"], shown["error"]["code"], shown["is_current"]) == (
        "failed",
        "import_started",
        False,
    )
    assert [one["holder"]["S"] for one in world.content.of("T#T1#PLACES#PREVIEWS")] == ["-"]
    uploader.folder.work()
    assert uploader.read_preview(import_id)["progress"]["rows_done"] == 0


def test_a_late_end_of_an_idle_undo_does_not_end_it_once_it_continues(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = uploader.upload(PEOPLE)
    uploader.run(import_id)
    assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202
    uploader.folder.waiting()

    def give_up() -> None:
        with acting_for("T1"):
            run = ImportTable(store(), "T1").get(import_id)
            assert run is not None
            import_undo().give_up(run)

    def continue_undo() -> None:
        give_up()
        assert uploader.read(import_id)["error"]["code"] == "undo_stalled"
        assert uploader.send("POST", f"/imports/{import_id}/undo").status == 202

    answers = delay(monkeypatch, ImportUndoTable, "give_up", continue_undo)
    give_up()
    assert answers == [False]
    assert uploader.read(import_id)["state"] == "undoing"
    uploader.folder.work()
    assert uploader.send("GET", f"/imports/{import_id}/undo").json["counts"]["removed"] == 9
