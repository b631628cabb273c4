"""Imports from the drop folder to the results file: the functions' handlers and the API, AWS in moto."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.imports.on_schedule import handler as on_schedule
from shared.domain import timestamps
from shared.domain.errors import Unavailable
from shared.domain.ids import new_id
from shared.domain.imports.tasks import ImportTask
from shared.services.imports import grouping
from shared.services.imports.runs import UnknownTenant
from shared.table.contacts.repository import ContactTable
from shared.wiring.imports import drop_bucket, import_chunks, import_runs
from tests.integration.imports.drop_folder import WATCH_PREFIXES, DropFolder
from tests.integration.table_content import Content
from tests.integration.world import World
from tests.support.aws import forget_wiring
from tests.support.budgets import FACTOR, repetitions
from tests.support.faults import (
    any_call,
    assert_same_after_kills,
    call,
    calls_of,
    injecting,
    lost_answer,
    throttle,
    unprocessed,
)
from tests.support.lambda_context import lambda_context
from tests.support.tenant_guard import acting_for, acting_for_system, as_operator
from tests.tenants import suspend

Worlds = Callable[[], AbstractContextManager[World]]


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)


def counts(**given: int) -> dict[str, int]:
    """Return the counts of an import, with zero for those not given."""
    names = ("rows", "created", "updated", "merged", "skipped", "unchanged", "failed", "warnings")
    return {name: given.get(name, 0) for name in names}


def people(count: int, header: str = "Email,First Name") -> str:
    return "\r\n".join(
        [header, *(f"person{number}@example.com,Person {number}" for number in range(count)), ""]
    )


def fates(rows: Iterable[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["outcome"], row["reason_code"]) for row in rows]


# What an import does


def test_of_a_hundred_rows_three_that_are_duplicates_and_two_that_are_bad_make_no_contacts(
    inbox: DropFolder,
) -> None:
    """Two chunks of rows; with the long budget, a thousand rows in five."""
    hundreds = repetitions(1) if FACTOR > 1 else 3
    for number in range(hundreds):
        inbox.world.create(f"known{number}@example.com")
    rows = [
        f"person{number}@example.com,Person {number},+1 415 555 {2000 + number},x"
        for number in range(95 * hundreds)
    ]
    rows += [f"known{number}@example.com,Known,," for number in range(hundreds)]
    rows += [f"PERSON{number}@Example.com,Again,," for number in range(2 * hundreds)]
    rows += [f"not an address {number},Bad,," for number in range(2 * hundreds)]
    random.Random(2).shuffle(rows)

    shown = inbox.run("Email,First Name,Phone,Other\r\n" + "\r\n".join(rows) + "\r\n")

    assert shown["state"] == "completed"
    fates = {"created": 95 * hundreds, "skipped": 3 * hundreds, "failed": 2 * hundreds}
    assert shown["counts"] == counts(rows=100 * hundreds, **fates)
    results = inbox.results(shown)
    assert Counter(row["outcome"] for row in results) == fates
    assert [int(row["row_number"]) for row in results] == list(range(1, 100 * hundreds + 1))
    content = inbox.world.content
    assert len(content.live) == 96 * hundreds
    content.assert_whole()


def test_the_results_have_the_files_columns_and_every_rows_fate(inbox: DropFolder) -> None:
    known = inbox.world.create("known@example.com")
    file = (
        "Email,first_NAME,Last Name,custom.x\n"
        "ada@example.com,Ada,Lovelace,kept as it is\n"
        "known@example.com,Somebody,,\n"
        "Ada@Example.com,Ada again,,\n"
        ",Nobody,,\n"
    )
    shown = inbox.run(file, "my people.csv")
    rows = inbox.results(shown)
    ada, known_row, again, nobody = rows

    assert list(ada) == [
        "Email", "first_NAME", "Last Name", "custom.x",
        "row_number", "line", "outcome", "contact_id", "reason_code", "message",
    ]  # fmt: skip
    assert ada["custom.x"] == "kept as it is"
    assert fates(rows) == [
        ("created", ""), ("skipped", "duplicate"), ("skipped", "duplicate_in_file"), ("failed", "required"),
    ]  # fmt: skip
    assert inbox.world.send("GET", f"/contacts/{ada['contact_id']}").json["last_name"] == "Lovelace"
    assert known_row["contact_id"] == known["id"]
    assert again["contact_id"] == ada["contact_id"]
    assert again["message"].startswith("Row 1 ")
    assert nobody["message"].startswith("Line 5: email")
    folder, worker, name = inbox.results_key(shown["id"]).rsplit("/", 2)
    assert (folder.endswith(f"/results/{shown['id']}/r1"), name) == (True, "my people.csv.results.csv")
    assert worker and worker not in shown["id"]
    assert inbox.keys("parts/") == []


def test_all_fields_of_a_row_arrive_in_their_stored_form(inbox: DropFolder) -> None:
    shown = inbox.run(
        "E-Mail Address;Given Name;Surname;Mobile;WhatsApp;Organisation;Dept;Job_Title;NOTES;Tags\n"
        "<Ada@Example.COM>;Ada;Lovelace;(415) 555-2671;+44 20 7946 0958;Engines;Sums;Countess;"
        '"two\nlines";"new, VIP ,vip"\n'
    )
    (row,) = inbox.results(shown)
    contact = inbox.world.send("GET", f"/contacts/{row['contact_id']}").json
    expected = {
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "phone": "+14155552671",
        "whatsapp": "+442079460958",
        "company": "Engines",
        "department": "Sums",
        "job_title": "Countess",
        "about": "two\nlines",
        "tags": ["new", "VIP"],
        "source": "import",
        "owner_id": None,
        "created_by": f"system:import:{shown['id']}",
    }
    assert {name: contact[name] for name in expected} == expected


def test_a_missing_first_name_is_taken_from_the_address(inbox: DropFolder) -> None:
    shown = inbox.run("email\nAda.Lovelace@example.com\n")
    (row,) = inbox.results(shown)
    assert inbox.world.send("GET", f"/contacts/{row['contact_id']}").json["first_name"] == "ada.lovelace"


def test_a_completed_import_publishes_one_event(inbox: DropFolder) -> None:
    shown = inbox.run(people(2))
    inbox.world.catch_up()
    told = [message for message in inbox.world.published() if message["type"] == "import.completed"]
    assert [(message["entity"], message["entity_id"]) for message in told] == [("import", shown["id"])]


def test_a_file_of_only_a_header_completes_with_nothing(inbox: DropFolder) -> None:
    shown = inbox.run("email,first name\r\n")
    assert (shown["state"], shown["counts"]) == ("completed", counts())
    assert inbox.results(shown) == []


def test_a_file_put_again_is_another_import_that_skips_existing_contacts(inbox: DropFolder) -> None:
    first = inbox.run(people(2))
    time.sleep(1.1)  # S3 has times in whole seconds
    second = inbox.run(people(2))
    assert second["id"] > first["id"]
    assert second["counts"] == counts(rows=2, skipped=2)
    assert {row["reason_code"] for row in inbox.results(second)} == {"duplicate"}


# One run, whatever happens


def test_check_79_the_same_event_five_times_and_out_of_order_is_one_run(
    inbox: DropFolder, small_chunks: None
) -> None:
    event = inbox.put(people(7))
    other = inbox.put(people(2, "Mail,Given Name"), "other.csv")
    inbox.deliver(event)
    inbox.deliver(other)
    inbox.deliver(event)
    inbox.work(limit=2)
    inbox.deliver(event)
    inbox.work()
    inbox.deliver(event)
    inbox.deliver(event)
    inbox.work()

    assert not inbox.put_back
    shown = {one["file_name"]: one["counts"] for one in inbox.imports()}
    assert shown == {"people.csv": counts(rows=7, created=7), "other.csv": counts(rows=2, skipped=2)}
    assert len(inbox.world.content.contacts) == 7
    inbox.world.content.assert_whole()


def small_import(world: World) -> None:
    """Import one file with every kind of row, in two chunks. A repeated call continues with the file of the first."""
    inbox = DropFolder(world)
    if not inbox.keys():
        inbox.put(
            "email,first name\na@example.com,A\nbad,Bad\nb@example.com,B\nA@example.com,Again\nc@example.com,C\n"
        )
    inbox.deliver(inbox.event_of("tenants/T1/inbox/people.csv"))
    inbox.work()


def outcome(world: World) -> Any:
    """Return what must be the same however the import went."""
    inbox = DropFolder(world)
    content = world.content
    content.assert_whole()
    (shown,) = inbox.imports()
    rows = inbox.results(shown)
    emails = {contact["id"]["S"]: contact["email"]["S"] for contact in content.contacts}
    return (
        shown["state"],
        shown["counts"],
        shown["progress"]["rows_done"],
        [
            (row["row_number"], row["outcome"], emails.get(row["contact_id"]), row["reason_code"])
            for row in rows
        ],
        sorted(emails.values()),
        len(content.of(r"T#T1#IMPORT#", "EVENT#")),
        inbox.keys("parts/"),
    )


def test_check_80_killed_at_any_call_that_writes_an_import_ends_with_exact_totals(
    worlds: Worlds, small_chunks: None
) -> None:
    """Also check 13."""
    assert assert_same_after_kills(worlds, small_import, outcome, matching=writing) >= 15


def writing(attempt: Any) -> bool:
    """Return whether a call changes something. A kill anywhere between two such calls leaves the same state."""
    reading = ("Get", "Head", "List", "Query", "BatchGet", "Receive")
    return any_call(attempt) and not attempt.operation.startswith(
        (*reading, "ChangeMessage", "DeleteMessage")
    )


def test_check_10_throttled_at_each_kind_of_call_an_import_ends_the_same(
    worlds: Worlds, waits: list[float]
) -> None:
    with worlds() as unharmed:
        names = sorted(set(calls_of(lambda: small_import(unharmed))) - {"s3.PutObject"})
        expected = outcome(unharmed)
    with worlds() as throttled:
        matchers = [
            call(*name.split(".")) for name in names if "Receive" not in name and "Delete" not in name
        ]
        with injecting(*(throttle(matcher) for matcher in matchers)):
            small_import(throttled)
        assert outcome(throttled) == expected


def test_check_12_a_chunk_whose_answers_are_lost_is_counted_once(worlds: Worlds, waits: list[float]) -> None:
    with worlds() as unharmed:
        small_import(unharmed)
        expected = outcome(unharmed)
    with worlds() as harmed:
        # Four attempts of botocore: the call fails, although it was carried out.
        lost = lost_answer(call("dynamodb", "TransactWriteItems"), at=2, times=4)
        also_lost = lost_answer(
            call("s3", "PutObject"), at=3, times=4
        )  # after the file and its list of chunks
        with injecting(lost, also_lost):
            small_import(harmed)
        assert outcome(harmed) == expected


def test_check_16_keys_that_dynamodb_leaves_unprocessed_are_asked_for_again(
    inbox: DropFolder, waits: list[float]
) -> None:
    inbox.world.create("person0@example.com")
    inbox.world.create("person7@example.com")
    with injecting(unprocessed(times=3)):
        shown = inbox.run(people(8))
    assert shown["counts"] == counts(rows=8, created=6, skipped=2)


def test_an_address_taken_between_look_up_and_write_costs_no_other_row(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    theirs = inbox.world.create("person3@example.com")
    monkeypatch.setattr(ContactTable, "owners_of_emails", _blind_at_first(ContactTable.owners_of_emails))
    shown = inbox.run(people(8))
    assert shown["counts"] == counts(rows=8, created=7, skipped=1)
    assert inbox.results(shown)[3]["contact_id"] == theirs["id"]
    inbox.world.content.assert_whole()


def _blind_at_first(look_up: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    seen: list[bool] = []

    def owners_of_emails(self: ContactTable, emails: Iterable[str]) -> dict[str, str]:
        if not seen:
            seen.append(True)
            return {}
        return look_up(self, emails)

    return owners_of_emails


def test_a_contact_changed_or_deleted_before_its_chunk_is_counted_still_counts_as_created(
    inbox: DropFolder,
) -> None:
    inbox.deliver(inbox.put(people(4)))
    (message,) = inbox.waiting()
    chunk = import_chunks()
    put_output = drop_bucket().put_output

    def away(*_: Any) -> str:
        raise Unavailable()

    drop_bucket().put_output = away  # type: ignore[method-assign]
    with acting_for("T1"), pytest.raises(Unavailable):
        chunk.run(ImportTask(**message))
    drop_bucket().put_output = put_output  # type: ignore[method-assign]
    made = {item["email"]["S"]: item["id"]["S"] for item in inbox.world.content.live}
    inbox.world.send("PATCH", f"/contacts/{made['person1@example.com']}", {"email": "new@example.com"})
    inbox.world.send("PATCH", f"/contacts/{made['person2@example.com']}", {"last_name": "Changed"})
    inbox.world.send("DELETE", f"/contacts/{made['person3@example.com']}")

    with acting_for("T1"):
        done = chunk.run(ImportTask(**message))

    assert done is not None
    tally = done.result.tally
    assert (tally.created, tally.skipped, tally.failed) == (4, 0, 0)
    live = inbox.world.content.live
    assert sorted(item["email"]["S"] for item in live) == [
        "new@example.com", "person0@example.com", "person2@example.com",
    ]  # fmt: skip
    inbox.world.content.assert_whole()


# Files as people have them


def test_check_81_names_of_every_kind_are_decoded(inbox: DropFolder) -> None:
    names = ["two words.csv", "a+b.csv", "grüße.csv", "100% & more=.csv", "in/a/folder.csv", "%2B.csv"]
    for name in names:
        inbox.run(people(1), name)
    assert sorted(one["file_name"] for one in inbox.imports()) == sorted(names)
    assert {one["state"] for one in inbox.imports()} == {"completed"}


def test_check_82_every_encoding_is_recognised(inbox: DropFolder) -> None:
    files = {
        "utf-8": ",",
        "utf-8-sig": ";",
        "utf-16": "\t",
        "utf-16-be": "|",
        "windows-1252": ";",
        "latin-1": "\t",
    }
    for encoding, delimiter in files.items():
        text = delimiter.join(["Email", "First Name", "Notes"]) + "\r\n"
        text += (
            delimiter.join([f"{encoding}@example.com", "José", f'"Größe {delimiter} ""x""\r\nline"']) + "\r\n"
        )
        mark = "\ufeff" if encoding == "utf-16-be" else ""
        inbox.run((mark + text).encode(encoding), f"{encoding}.csv")
    contacts = {contact["email"]["S"]: contact for contact in inbox.world.content.live}
    for encoding, delimiter in files.items():
        contact = contacts[f"{encoding}@example.com"]
        assert contact["first_name"]["S"] == "José", encoding
        assert contact["about"]["S"] == f'Größe {delimiter} "x"\r\nline', encoding


def test_check_82_bad_rows_are_recorded_with_their_line_and_stop_no_other(inbox: DropFolder) -> None:
    lines = [
        b"email,first name,notes",
        b"good1@example.com,Good,",
        b"ragged@example.com,Too,many,cells,here",
        b"short@example.com",
        b"nul@example.com,N\0L,",
        b"huge@example.com,Huge," + b"x" * 1_048_576,
        b'"open@example.com,Open,',
        b"good2@example.com,Good,",
        b"",
        b'good3@example.com,Good,"quoted',
        b'line break"',
        b"latin@example.com,Jos\xe9,",
        b"unreadable@example.com,\xef\xbf\xbd,",
        b"long@example.com," + b"y" * 101 + b",",
        b'=1+1,"@SUM(A1)",+x',
        b"good4@example.com,Good,",
    ]
    shown = inbox.run(b"\n".join(lines) + b"\n")
    rows = inbox.results(shown)

    assert shown["counts"] == counts(rows=13, created=9, failed=4, warnings=3)
    left_out = {
        row["email"]: row["reason_code"] for row in rows if row["outcome"] == "created" and row["reason_code"]
    }
    assert left_out == {
        "nul@example.com": "string_pattern_mismatch",
        "unreadable@example.com": "unreadable",
        "long@example.com": "string_too_long",
    }
    failed = {row["message"].split(":")[0]: row["reason_code"] for row in rows if row["outcome"] == "failed"}
    assert failed == {
        "Line 3": "too_many_cells",
        "Line 6": "row_too_long",
        "Line 7": "quotes",
        "Line 15": "email",
    }
    assert [(row["email"], row["first name"], row["notes"]) for row in rows][-2] == (
        "'=1+1",
        "'@SUM(A1)",
        "'+x",
    )
    assert rows[1]["notes"] == "many,cells,here"
    assert len(rows[4]["email"]) < 2000


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return packed.getvalue()


def test_check_83_what_is_no_csv_file_fails_at_once_and_is_kept(inbox: DropFolder) -> None:
    files = {
        "zip": zipped(),
        "gzip": gzip.compress(people(3).encode()),
        "empty": b"",
        "no_email_column": b"first name,last name\nAda,Lovelace\n",
        "not_csv": random.Random(1).randbytes(5000),
    }
    for code, body in files.items():
        event = inbox.put(body, f"{code}.csv")
        assert calls_of(lambda: inbox.deliver(event)).count("s3.GetObject") <= 1  # noqa: B023 - called at once
    assert inbox.waiting() == []
    for shown in inbox.imports():
        code = shown["file_name"].removesuffix(".csv")
        assert (shown["state"], shown["error"]["code"], shown["results_url"]) == ("failed", code, None)
        assert inbox.object(f"tenants/T1/inbox/{code}.csv") == files[code]
        assert inbox.world.send("GET", f"/imports/{shown['id']}/results").status == 404
    assert len(inbox.imports()) == len(files)


def test_check_83_a_file_that_is_too_large_fails_unread(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORT_LIMITS", "file_bytes=50")
    shown = inbox.run(people(10))
    assert (shown["state"], shown["error"]["code"]) == ("failed", "too_large")


def test_a_file_of_too_many_rows_fails_with_the_fates_of_those_that_are_in(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch, small_chunks: None
) -> None:
    monkeypatch.setenv("IMPORT_LIMITS", "rows=40")
    event = inbox.put(people(50))
    inbox.deliver(event)
    shown = inbox.latest()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "too_many_rows")
    inbox.work()
    assert inbox.world.content.contacts == []


# Whose file


def test_check_86_a_file_in_the_inbox_of_no_tenant_is_refused_and_kept(inbox: DropFolder) -> None:
    tenants = ["nobody", "T2", "T1#x", "..", "T%31", "T1#IMPORTS"]
    for tenant in tenants:
        event = inbox.put(people(1), key=f"tenants/{tenant}/inbox/people.csv")
        with pytest.raises(UnknownTenant):
            inbox.deliver(event)
    assert len(inbox.keys()) == len(tenants)
    assert inbox.world.content.of("T#.*#IMPORT") == []


def test_an_object_outside_the_inboxes_is_ignored(inbox: DropFolder) -> None:
    for key in (
        "tenants/T1/results/0190/people.csv.results.csv",
        "tenants/T1/people.csv",
        "tenants/T1/inbox/",
        "tenants/T1/inbox/folder/",
        "tenants//inbox/people.csv",
        "other/tenants/T1/inbox/people.csv",
        "people.csv",
    ):
        inbox.deliver(inbox.put(people(1), key=key))
    assert inbox.imports() == []
    assert inbox.waiting() == []


def test_an_event_of_another_bucket_is_refused(inbox: DropFolder) -> None:
    event = inbox.put(people(1))
    event["Records"][0]["s3"]["bucket"]["name"] = "somebody-elses"
    with pytest.raises(ValueError, match="another bucket"):
        inbox.deliver(event)


# Files that change


def test_check_87_an_object_replaced_in_mid_run_fails_cleanly(inbox: DropFolder, small_chunks: None) -> None:
    inbox.deliver(inbox.put(people(9)))
    inbox.work(limit=1)
    inbox.put("email\nother@example.com\n")
    inbox.work()

    (shown,) = inbox.imports()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "replaced")
    assert shown["counts"] == counts(rows=9, created=3)
    inbox.finish(shown["id"])
    assert [(row["email"], row["outcome"]) for row in _with_lower_names(inbox.results(shown))] == [
        (f"person{number}@example.com", "created" if number < 3 else "not_run") for number in range(9)
    ]
    assert inbox.keys("parts/") == []
    assert len(inbox.world.content.contacts) == 3
    assert not inbox.put_back


def _with_lower_names(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name.lower(): value for name, value in row.items()} for row in rows]


def test_an_event_of_a_replaced_object_is_left_to_its_successors_event(inbox: DropFolder) -> None:
    outdated = inbox.put(people(3))
    current = inbox.put("email\nother@example.com\n")
    inbox.deliver(outdated)
    inbox.deliver(current)
    inbox.deliver(outdated)
    inbox.work()
    (shown,) = inbox.imports()
    assert shown["counts"] == counts(rows=1, created=1)


def test_an_event_of_a_removed_object_is_ignored(inbox: DropFolder) -> None:
    event = inbox.put(people(3))
    inbox.s3.delete_object(Bucket=inbox.bucket, Key="tenants/T1/inbox/people.csv")
    inbox.deliver(event)
    assert inbox.imports() == []


# The watch


def minutes_from_now(minutes: float) -> str:
    return timestamps.plus(timestamps.now(), 60 * minutes)


def test_the_watch_imports_a_file_whose_event_was_lost(inbox: DropFolder, small_chunks: None) -> None:
    event = inbox.put(people(7), "lost event.csv")
    inbox.put(people(1), key="tenants/nobody/inbox/people.csv")
    assert inbox.watch(minutes_from_now(4)).found == 0, "an event may still come"

    assert inbox.watch(minutes_from_now(6)).found == 1
    inbox.work()
    (shown,) = inbox.imports()
    assert (shown["file_name"], shown["counts"]) == ("lost event.csv", counts(rows=7, created=7))

    inbox.deliver(event)  # late
    assert inbox.watch(minutes_from_now(12)).found == 0
    inbox.work()
    assert len(inbox.imports()) == 1
    assert len(inbox.world.content.contacts) == 7


def test_the_scheduled_function_returns_figures(inbox: DropFolder) -> None:
    inbox.put(people(1))
    with acting_for_system(*WATCH_PREFIXES):
        report = on_schedule({}, lambda_context("ImportsWatchFunction", timeout_ms=60_000))
    names = "moving waiting driven_on given_up files found waiting_files failed"
    assert report == dict.fromkeys(names.split(), 0)


def test_an_import_whose_messages_were_lost_completes_with_exact_totals(
    inbox: DropFolder, small_chunks: None
) -> None:
    inbox.deliver(inbox.put(people(10)))
    inbox.work(limit=2)
    assert len(inbox.waiting()) == 2

    first = inbox.watch(minutes_from_now(6))
    assert (first.moving, first.driven_on) == (1, 0), "it had moved since it began"
    second = inbox.watch(minutes_from_now(12))
    assert (second.moving, second.driven_on) == (0, 1)
    (split,) = inbox.waiting()
    assert split["step"] == "split"
    with acting_for("T1"):
        import_runs().split(ImportTask(**split))
    inbox.work()
    shown = inbox.latest()
    assert (shown["state"], shown["counts"]) == ("completed", counts(rows=10, created=10))


def test_an_import_whose_splitting_was_killed_is_queued_again(inbox: DropFolder) -> None:
    inbox.put(people(3))
    (dropped,), _ = drop_bucket().dropped_files("")
    with acting_for("T1"):
        import_runs().begin(dropped)
    assert inbox.watch(minutes_from_now(4)).driven_on == 0
    assert inbox.watch(minutes_from_now(6)).driven_on == 1
    inbox.work()
    assert inbox.latest()["counts"] == counts(rows=3, created=3)


def test_an_import_that_lost_its_last_message_is_finished(inbox: DropFolder) -> None:
    inbox.deliver(inbox.put(people(3)))
    inbox.work(limit=1)
    (message,) = inbox.waiting()
    assert message["step"] == "finish"
    inbox.watch(minutes_from_now(6))
    inbox.watch(minutes_from_now(12))
    inbox.work()
    assert inbox.latest()["state"] == "completed"


def test_the_watch_looks_at_an_import_without_progress_less_often_and_finally_gives_it_up(
    inbox: DropFolder,
) -> None:
    inbox.deliver(inbox.put(people(3)))
    looks = []
    for minute in range(0, 2000, 20):
        report = inbox.watch(minutes_from_now(minute))
        if report.driven_on or report.given_up:
            looks.append(minute)
        if report.given_up:
            break  # from then on the watch only sees to it that the results are gathered
    pauses = [later - earlier for earlier, later in itertools.pairwise(looks[1:])]
    assert pauses == sorted(pauses)
    assert len(looks) < 12
    shown = inbox.latest()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "stalled")
    assert "Put the file in the inbox again." in shown["error"]["message"]
    inbox.work()
    assert inbox.world.content.contacts == [], "what comes late finds a failed import"


def test_an_import_outlasts_a_suspension_of_any_length(inbox: DropFolder) -> None:
    """check 59: looks during the suspension do not count, and the count starts from zero afterwards."""
    inbox.deliver(inbox.put(people(3)))
    minute, looks = 0, 0
    while looks < 8:  # one more look without progress would be the last
        minute += 20
        looks += inbox.watch(minutes_from_now(minute)).driven_on
    suspend("T1")
    inbox.work()
    minute += 400
    for _ in range(30):
        report = inbox.watch(minutes_from_now(minute))
        assert (report.waiting, report.driven_on, report.given_up) == (1, 0, 0)
        minute += 61
    suspend("T1", is_suspended=False)
    assert (inbox.waiting(), inbox.latest()["state"]) == ([], "running")
    assert inbox.watch(minutes_from_now(minute)).driven_on == 1
    inbox.work()
    assert inbox.latest()["counts"] == counts(rows=3, created=3)


def test_a_completed_import_is_no_longer_due(inbox: DropFolder) -> None:
    inbox.run(people(1))
    with as_operator():
        assert not [
            item
            for item in Content.of_stack(inbox.world.stack).items
            if item.get("WPK", {}).get("S") == "DUE#IMPORTS"
        ]


# The API


def test_check_48_other_tenants_imports_look_like_missing_ones(inbox: DropFolder, world: World) -> None:
    shown = inbox.run(people(1))
    t10 = world.tenant("T10")
    for path in ("/imports/{}", "/imports/{}/results"):
        foreign = world.send("GET", path.format(shown["id"]), token=t10.admin)
        missing = world.send("GET", path.format(new_id()), token=t10.admin)
        odd = world.send("GET", path.format("no-id"), token=t10.admin)
        assert foreign.status == missing.status == odd.status == 404
        assert (
            _without_request_id(foreign.json)
            == _without_request_id(missing.json)
            == _without_request_id(odd.json)
        )
    assert world.send("GET", "/imports", token=t10.admin).json["items"] == []


def _without_request_id(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "request_id"}


def test_check_52_imports_need_the_permission_imports_run(inbox: DropFolder, world: World) -> None:
    shown = inbox.run(people(1))
    for path in ("/imports", f"/imports/{shown['id']}", f"/imports/{shown['id']}/results"):
        for token in (world.t1.user, world.t1.powerless):
            answer = world.send("GET", path, token=token)
            assert (answer.status, answer.json["code"]) == (403, "permission_denied")
        assert world.send("GET", path, token=world.t1.program).status == 200


def test_a_running_import_shows_its_progress_and_has_no_results_yet(
    inbox: DropFolder, small_chunks: None
) -> None:
    inbox.deliver(inbox.put(people(9)))
    time.sleep(0.05)
    inbox.work(limit=1)
    shown = inbox.latest()
    assert shown["state"] == "running"
    assert shown["counts"] == counts(rows=9, created=3)
    progress = shown["progress"]
    assert progress["rows_done"] == 3
    assert progress["rows_per_second"] > 0
    assert progress["seconds_left"] > 0
    assert shown["results_url"] is None
    answer = inbox.world.send("GET", f"/imports/{shown['id']}/results")
    assert (answer.status, answer.json["code"]) == (409, "not_ready")


def test_results_are_fetched_from_an_address_that_is_valid_for_five_minutes(inbox: DropFolder) -> None:
    shown = inbox.run(people(1))
    earliest = minutes_from_now(4)
    answer = inbox.world.send("GET", f"/imports/{shown['id']}/results")
    assert answer.status == 200, answer.text
    for url in (shown["results_url"], answer.json["url"]):
        asked = parse_qs(urlsplit(url).query)
        assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert asked["X-Amz-Expires"] == ["300"]
        assert "/tenants/T1/results/" in urlsplit(url).path
    assert earliest < answer.json["expires_at"] < minutes_from_now(6)


def test_imports_are_listed_newest_first_page_by_page(inbox: DropFolder) -> None:
    for number in range(3):
        inbox.deliver(inbox.put(people(1), f"{number}.csv"))
    first = inbox.world.send("GET", "/imports", query={"limit": "2"}).json
    second = inbox.world.send("GET", "/imports", query={"limit": "2", "cursor": first["next_cursor"]}).json
    ids = [one["id"] for one in (*first["items"], *second["items"])]
    assert len(set(ids)) == 3
    assert ids == sorted(ids, reverse=True)
    assert second["next_cursor"] is None


# What is kept where


def test_check_95_logs_and_messages_hold_nothing_of_the_file(inbox: DropFolder, logs: io.StringIO) -> None:
    event = inbox.put("email,notes\ncanary@example.com,canary\nCanary,canary\n", "canary.csv")
    inbox.deliver(event)
    messages = inbox.waiting()
    inbox.deliver(event)
    inbox.work()
    inbox.deliver(inbox.put(zipped(), "canary zip.csv"))
    inbox.watch(minutes_from_now(10))
    assert "import chunk done" in logs.getvalue()
    assert "canary" not in logs.getvalue().lower()
    assert "canary" not in str(messages).lower()


def test_a_results_file_of_many_megabytes_is_uploaded_in_parts(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.files.drop_bucket._UPLOAD_PART", 5 * 1024 * 1024)
    note = "n" * 60_000
    body = "email,ignored\n" + "".join(f"no address {number},{note}\n" for number in range(200))
    inbox.deliver(inbox.put(body))
    calls = calls_of(inbox.work)
    shown = inbox.latest()
    assert shown["counts"] == counts(rows=200, failed=200)
    assert calls.count("s3.UploadPart") >= 2
    assert calls.count("s3.CompleteMultipartUpload") == 1
    csv.field_size_limit(131_072)
    assert [row["ignored"] for row in inbox.results(shown)] == [note] * 200


def test_warm_functions_of_two_tenants_do_not_mix(world: World) -> None:
    world.tenant("T10")
    one, ten = DropFolder(world), DropFolder(world, "T10")
    events = [one.put(people(3)), ten.put(people(4))]
    for event in events:
        one.deliver(event)
    one.work()
    contacts = Counter(item["PK"]["S"].split("#")[1] for item in world.content.contacts)
    assert contacts == {"T1": 3, "T10": 4}
    forget_wiring()
