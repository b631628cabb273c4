"""Retries: the rows of an import that failed or were not run become an import of their own."""

from __future__ import annotations

import codecs
import csv
import io
from typing import Any

import pytest

from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.imports.record import ImportRun
from shared.domain.imports.tasks import ImportTask
from shared.services.imports import chains, grouping
from shared.table.imports.repository import ImportTable
from shared.table.imports.retries import ImportRetryTable
from shared.wiring.base import store
from shared.wiring.imports import import_runs
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.world import World
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator
from tests.tenants import Tenancy

HEADER = ["Email", "First Name", "=Shoe size", "First Name"]
FILE = (
    "Email;First Name;=Shoe size;First Name\n"
    "ada@example.com;Ada;=38;\n"
    ";Grace;'39;second\n"
    'nobody;Bad;-40;"a,b\nc";surplus\n'
)


@pytest.fixture
def uploader(world: World) -> Uploader:
    return Uploader(DropFolder(world))


def retry(uploader: Uploader, import_id: str, **options: Any) -> dict[str, Any]:
    answer = uploader.send("POST", f"/imports/{import_id}/retry", {"options": options} if options else None)
    assert answer.status == 201, answer.text
    assert answer.headers["Location"].endswith(f"/imports/{answer.json['id']}")
    assert (answer.json["state"], answer.json["retry_of"]) == ("running", import_id)
    uploader.folder.work()
    return uploader.read(answer.json["id"])


def emails(world: World) -> list[str | None]:
    world.catch_up()
    return sorted(one["email"] or "" for one in world.send("GET", "/contacts").json["items"])


def results(uploader: Uploader, shown: dict[str, Any]) -> list[list[str]]:
    text = uploader.folder.object(uploader.folder.results_key(shown["id"])).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_only_the_failed_rows_are_tried_again(world: World, uploader: Uploader) -> None:
    """The file of the retry is the results: the rows are as they were, and so are their columns in its own results."""
    first = uploader.run(uploader.upload(FILE))
    assert (first["counts"]["created"], first["counts"]["failed"]) == (1, 2)
    assert world.send("PATCH", "/settings", {"require_email": False}).status == 200
    second = retry(uploader, first["id"])
    assert (second["state"], second["counts"]["rows"]) == ("completed", 2), second
    assert (second["counts"]["created"], second["counts"]["failed"]) == (1, 1)
    assert emails(world) == ["", "ada@example.com"]
    header, *rows = results(uploader, second)
    old_header, *old_rows = results(uploader, first)
    assert header == old_header and len(header) == len(HEADER) + 6
    assert [row[:4] for row in rows] == [row[:4] for row in old_rows[1:]]
    assert [row[5] for row in rows] == [row[5] for row in old_rows[1:]] == ["3", "4"], "lines of the file"
    assert [row[6] for row in rows] == ["created", "failed"]
    third = retry(uploader, second["id"])
    assert (third["counts"]["rows"], third["counts"]["failed"]) == (1, 1)
    assert results(uploader, third)[1][:4] == old_rows[2][:4], (
        "marks of formulas are put and taken off once each time"
    )


def test_a_retry_has_the_options_of_the_import_unless_others_are_given(
    world: World, uploader: Uploader
) -> None:
    text = "Kunde,Mail\nada@example.com,Ada\n"
    first = uploader.run(
        uploader.upload(text, tags=["one"], mapping={"Mail": "email", "Kunde": "first_name"})
    )
    assert first["counts"]["failed"] == 1
    again = retry(uploader, first["id"])
    assert again["options"] == first["options"] and again["counts"]["failed"] == 1
    swapped = retry(uploader, first["id"], mapping={"Kunde": "email", "Mail": "first_name"})
    assert (swapped["counts"]["created"], swapped["options"]["tags"]) == (1, ["one"])
    assert emails(world) == ["ada@example.com"]


def test_rows_that_could_not_be_told_apart_fail_again(world: World, uploader: Uploader) -> None:
    """check 82: their cells in the results are not what was meant."""
    first = uploader.run(uploader.upload('email,first name\na@example.com,A,surplus\nb@example.com,"B\n'))
    assert first["counts"]["failed"] == 2, results(uploader, first)
    again = retry(uploader, first["id"])
    assert again["counts"]["failed"] == 2
    codes = [row[-2] for row in results(uploader, first)[1:]]
    assert [row[-2] for row in results(uploader, again)[1:]] == codes == ["too_many_cells", "quotes"]
    assert emails(world) == []


def test_rows_that_could_not_be_told_apart_fail_in_imported_results_until_they_are_corrected(
    world: World, uploader: Uploader
) -> None:
    """check 82: their cells are not what was meant, and nothing but the user says that they were corrected."""
    text = "email,first name,company\na@example.com,Tom, Smith,ACME, Inc\nb@example.com,Bo,=SUM(1)\n"
    first = uploader.run(uploader.upload(text))
    file = uploader.folder.object(uploader.folder.results_key(first["id"]))
    assert file.startswith(codecs.BOM_UTF8) and b"Smith,ACME,Inc" in file
    again = uploader.run(uploader.upload(file, on_duplicate="update"))
    assert (again["counts"]["failed"], again["counts"]["unchanged"]) == (1, 1), results(uploader, again)
    assert results(uploader, again)[0] == results(uploader, first)[0]
    assert [row[:3] for row in results(uploader, again)] == [row[:3] for row in results(uploader, first)]
    (row, _) = uploader.folder.results(again)
    assert row["reason_code"] == "too_many_cells" and "Empty the reason_code" in row["message"]
    corrected = file.replace(b'"Smith,ACME,Inc"', b'"ACME, Inc"').replace(b",too_many_cells,", b",,")
    last = uploader.run(uploader.upload(corrected, on_duplicate="update"))
    assert (last["counts"]["created"], last["counts"]["unchanged"]) == (1, 1), results(uploader, last)
    world.catch_up()
    companies = {one["company"] for one in world.send("GET", "/contacts").json["items"]}
    assert companies == {"ACME, Inc", "=SUM(1)"}


def test_faulty_rows_that_were_not_run_fail_when_they_are_tried_again(
    world: World, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 82: the results of a cancelled import name the faults of rows that no worker has read."""
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    monkeypatch.setattr(chains, "MOST_QUEUED", 2)
    text = "Email,First Name,Company\n" + "".join(f"p{n}@example.com,P{n},Acme\n" for n in range(8))
    text += 'x1@example.com,X,Smith, Inc\nx2@example.com,"Y" z,Foo\nx3@example.com,Z,Acme,,\n'
    import_id = uploader.upload(text)
    uploader.start(import_id)
    uploader.folder.work(limit=2)
    assert uploader.send("POST", f"/imports/{import_id}/cancel").status == 200
    uploader.folder.work()
    uploader.folder.finish(import_id)
    before = uploader.folder.results(uploader.read(import_id))[-3:]
    assert [row["outcome"] for row in before] == ["not_run"] * 3
    assert [row["reason_code"] for row in before] == ["too_many_cells", "quotes", ""]
    again = retry(uploader, import_id)
    after = uploader.folder.results(again)[-3:]
    assert [(row["outcome"], row["reason_code"]) for row in after] == [
        ("failed", "too_many_cells"), ("failed", "quotes"), ("created", ""),
    ]  # fmt: skip
    world.catch_up()
    assert {one["company"] for one in world.send("GET", "/contacts").json["items"]} == {"Acme"}


def test_blank_cells_after_the_last_column_are_no_part_of_it_when_a_row_is_tried_again(
    world: World, uploader: Uploader
) -> None:
    first = uploader.run(uploader.upload("Email,First Name,Company\nnone,Ann,Acme,, \u200b\n"))
    assert uploader.folder.results(first)[0]["Company"] == "Acme"
    world.send("PATCH", "/settings", {"require_email": False})
    again = retry(uploader, first["id"])
    (row,) = uploader.folder.results(again)
    assert world.send("GET", f"/contacts/{row['contact_id']}").json["company"] == "Acme"


@pytest.mark.parametrize(
    "filling", ["x", '"', "\u20ac"], ids=["plain", "quotation marks", "another encoding"]
)
def test_the_longest_row_that_failed_is_tried_again_with_all_others(uploader: Uploader, filling: str) -> None:
    """check 82: its line in the results is longer than a row of a file may be."""
    text = f"Email|First Name|About\nnobody@|Ann|y{filling * 131_000}\nalso@@bad|Bob|short\n"
    first = uploader.run(uploader.upload(text.encode("windows-1252"), encoding="windows-1252"))
    codes = [row["reason_code"] for row in uploader.folder.results(first)]
    assert (first["counts"]["failed"], "row_too_long" in codes) == (2, False)
    again = retry(uploader, first["id"])
    assert (again["state"], again["error"]) == ("completed", None)
    assert [row["reason_code"] for row in uploader.folder.results(again)] == codes
    assert [row["About"] for row in uploader.folder.results(again)] == [f"y{filling * 131_000}", "short"]


def test_rows_that_were_not_run_are_tried_again(world: World, uploader: Uploader) -> None:
    """check 8: the import is cancelled after its first chunk."""
    folder = uploader.folder
    import_id = uploader.upload("\n".join(["email", *(f"p{number}@example.com" for number in range(500))]))
    uploader.start(import_id)
    folder.work(limit=2)
    cancelled = uploader.send("POST", f"/imports/{import_id}/cancel")
    assert cancelled.status in (200, 202), cancelled.text
    folder.work()
    folder.finish(import_id)
    shown = uploader.read(import_id)
    assert (shown["state"], shown["counts"]["created"], shown["counts"]["rows"]) == ("cancelled", 200, 500)
    again = retry(uploader, import_id)
    assert (again["state"], again["counts"]["created"], again["counts"]["rows"]) == ("completed", 300, 300)


def test_what_cannot_be_tried_again_is_said(world: World, uploader: Uploader, t10: Tenancy) -> None:
    def code(import_id: str) -> tuple[int, str]:
        answer = uploader.send("POST", f"/imports/{import_id}/retry")
        return answer.status, answer.json["code"]

    assert code(new_id()) == (404, "not_found")
    waiting = uploader.upload("email\na@example.com\n")
    assert code(waiting) == (409, "not_ready")
    assert code(uploader.run(waiting)["id"]) == (409, "nothing_to_retry")
    refused = uploader.run(uploader.upload("name\nAda\n"))
    assert refused["state"] == "failed"
    assert code(refused["id"]) == (409, "no_results")
    failed = uploader.run(uploader.upload("email\nnobody\n"))
    folder = uploader.folder
    other = Uploader(DropFolder(world, "T10"), t10.admin)
    assert other.send("POST", f"/imports/{failed['id']}/retry").status == 404
    bad = uploader.send("POST", f"/imports/{failed['id']}/retry", {"options": {"groups": ["Nobody"]}})
    assert (bad.status, bad.json["errors"][0]["code"]) == (422, "unknown_group")
    folder.s3.delete_object(Bucket=folder.bucket, Key=folder.results_key(failed["id"]))
    assert code(failed["id"]) == (404, "not_found")
    with as_operator():
        kept = ImportTable(store(), "T1").list_newest(limit=10, after=None)
    assert not any(run.retry_of for run in kept)


# Retries of one import


NAMELESS = "Email,First Name,Company\nnone,Ann,Acme\n"
"""A row that matches no contact by an address, so nothing but its import keeps it from becoming two."""


@pytest.fixture
def failed(world: World, uploader: Uploader) -> str:
    """An import whose only row failed, and would not fail again."""
    import_id = uploader.upload(NAMELESS)
    assert uploader.run(import_id)["counts"]["failed"] == 1
    assert world.send("PATCH", "/settings", {"require_email": False}).status == 200
    return import_id


def ask(uploader: Uploader, import_id: str, **options: Any) -> Response:
    return uploader.send("POST", f"/imports/{import_id}/retry", {"options": options} if options else None)


def assert_retried(answer: Response, by: str) -> None:
    assert (answer.status, answer.json["code"]) == (409, "retried"), answer.text
    assert by in answer.json["detail"]


def test_check_79_rows_are_not_tried_again_twice(world: World, uploader: Uploader, failed: str) -> None:
    first = ask(uploader, failed).json["id"]
    assert_retried(ask(uploader, failed), first)
    uploader.folder.work()
    assert_retried(ask(uploader, failed), first)
    assert uploader.read(first)["counts"]["created"] == len(world.content.live) == 1


def test_check_79_of_two_retries_at_once_one_starts(
    world: World, uploader: Uploader, failed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, faster = ImportRetryTable.add, list[str]()

    def late(self: ImportRetryTable, first: ImportRun, run: ImportRun) -> None:
        monkeypatch.setattr(ImportRetryTable, "add", add)
        faster.append(ask(uploader, failed).json["id"])
        add(self, first, run)

    monkeypatch.setattr(ImportRetryTable, "add", late)
    answer = ask(uploader, failed)
    assert_retried(answer, faster[0])
    uploader.folder.work()
    assert len(world.content.live) == 1


@pytest.mark.parametrize("ending", ["cancelled", "undone", "dry"])
def test_rows_are_tried_again_when_the_last_retry_left_nothing(
    world: World, uploader: Uploader, failed: str, ending: str
) -> None:
    first = ask(uploader, failed, dry_run=ending == "dry").json["id"]
    if ending == "cancelled":
        assert uploader.send("POST", f"/imports/{first}/cancel").status == 200
    uploader.folder.work()
    if ending == "undone":
        assert uploader.send("POST", f"/imports/{first}/undo").status == 202
        uploader.folder.work()
    second = retry(uploader, failed, dry_run=False)
    assert second["counts"]["created"] == len(world.content.live) == 1
    if ending != "cancelled":
        # It could be started again, if the rows were not written by the other one.
        assert_retried(uploader.start(first, dry_run=False), second["id"])
        uploader.send("POST", f"/imports/{second['id']}/undo")
        uploader.folder.work()
        assert uploader.run(first, dry_run=False)["counts"]["created"] == 1
        assert_retried(ask(uploader, failed), first)


def test_a_retry_reads_the_results_that_it_began_with_when_others_are_written(
    world: World, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker ends the import too. It writes an object of its own: with SSE-KMS, an object that is put again has
    another ETag, even with the same content."""
    complete, keys = ImportTable.complete, list[str]()

    def late(self: ImportTable, run: ImportRun, event: Event) -> bool:
        monkeypatch.setattr(ImportTable, "complete", complete)
        import_runs().finish(ImportTask("T1", run.id, run.attempt, "finish"))
        keys.append(run.results_key or "")
        return complete(self, run, event)

    monkeypatch.setattr(ImportTable, "complete", late)
    import_id = uploader.upload(NAMELESS)
    assert uploader.run(import_id)["state"] == "completed"
    kept = uploader.folder.results_key(import_id)
    assert kept not in keys
    assert set(uploader.folder.keys("tenants/T1/results/")) == {kept, *keys}
    first = ask(uploader, import_id).json["id"]
    uploader.folder.work()
    assert uploader.read(first)["error"] is None
