"""The preview of an import: a dry run of the whole file, as a caller sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.domain.imports.preview import SAMPLE_ROWS
from shared.services.imports import grouping
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.faults import (
    any_call,
    assert_same_after_kills,
    call,
    calls_of,
    injecting,
    throttle,
    unprocessed,
)
from tests.tenants import Tenancy, suspend

PEOPLE = "Email,First Name,Shoe size\nada@example.com,Ada,38\ngrace@example.com,Grace,39\nnonsense,Bad,40\n"


@pytest.fixture
def uploader(world: World) -> Uploader:
    return Uploader(DropFolder(world))


def contacts(world: World) -> list[str]:
    world.catch_up()
    return sorted(one["email"] for one in world.send("GET", "/contacts").json["items"])


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in answer.json["errors"]]


# What it shows


def test_a_preview_shows_how_the_file_is_read_and_what_each_row_would_become(
    world: World, uploader: Uploader
) -> None:
    existing = world.create("grace@example.com")
    import_id = uploader.upload(PEOPLE)
    asked = uploader.ask_for_preview(import_id)
    assert asked.status == 202
    assert (asked.json["state"], asked.json["rows"], asked.json["dialect"]) == ("running", [], None)
    assert asked.json == uploader.read_preview(import_id)
    uploader.folder.work()
    shown = uploader.read_preview(import_id)
    assert (shown["id"], shown["import_id"], shown["state"], shown["is_current"]) == (
        asked.json["id"],
        import_id,
        "ready",
        True,
    )
    assert shown["dialect"] == {"encoding": "utf-8", "delimiter": ",", "header_line": 1}
    assert [(one["header"], one["field"], one["reason"]) for one in shown["columns"]] == [
        ("Email", "email", "header"),
        ("First Name", "first_name", "header"),
        ("Shoe size", None, "unknown"),
    ]
    assert shown["unused_columns"] == ["Shoe size"]
    ada, grace, bad = shown["rows"]
    assert (ada["row_number"], ada["line"], ada["outcome"], ada["contact_id"]) == (1, 2, "created", None)
    assert ada["before"] is None and ada["after"]["email"] == "ada@example.com"
    assert (grace["outcome"], grace["contact_id"], grace["reason_code"]) == (
        "skipped",
        existing["id"],
        "duplicate",
    )
    assert (bad["outcome"], bad["line"]) == ("failed", 4) and bad["reason_code"] and bad["message"]
    assert shown["counts"] == {
        "rows": 3, "created": 1, "updated": 0, "merged": 0, "skipped": 1, "unchanged": 0, "failed": 1, "warnings": 0,
    }  # fmt: skip
    assert shown["progress"]["rows_done"] == 3 and shown["progress"]["seconds_left"] == 0
    assert contacts(world) == ["grace@example.com"], "nothing was written"
    assert uploader.read(import_id)["state"] == "uploaded"
    assert uploader.read(import_id)["counts"]["rows"] == 0, "the import has not begun"


def test_rows_of_any_size_are_shown_until_the_answer_would_be_too_large(
    world: World, uploader: Uploader
) -> None:
    """Each row has a long note and a thousand columns of telephone numbers that cannot be read."""
    numbers = ["Phone"] * 900
    lines = [
        ",".join([f"p{number}@example.com", '"' + "\U0001f600" * 9_000 + '"', *["4155550X"] * len(numbers)])
        for number in range(1, 25)
    ]
    import_id = uploader.upload("\n".join([",".join(["Email", "Notes", *numbers]), *lines]))
    shown = uploader.preview(import_id)
    assert (shown["state"], shown["counts"]["created"], shown["counts"]["warnings"]) == ("ready", 24, 24)
    assert 1 <= len(shown["rows"]) <= SAMPLE_ROWS
    assert shown["rows"][0]["after"]["about"] == "\U0001f600" * 9_000
    assert len(uploader.send("GET", f"/imports/{import_id}/preview").body) < 6_000_000


def test_a_preview_counts_the_whole_file_and_shows_its_first_rows(world: World, uploader: Uploader) -> None:
    """check 8: the file has several chunks, and rows that share an address at its two ends."""
    lines = [f"p{number}@example.com" for number in range(1, 900)]
    import_id = uploader.upload("\n".join(["email", *lines, "p2@example.com"]))
    shown = uploader.preview(import_id)
    assert shown["counts"]["created"] == 899 and shown["counts"]["skipped"] == 1
    assert [one["row_number"] for one in shown["rows"]] == list(range(1, SAMPLE_ROWS + 1))
    assert [one["after"]["email"] for one in shown["rows"]] == lines[:SAMPLE_ROWS]
    assert contacts(world) == []


def test_the_run_does_what_its_preview_said(world: World, uploader: Uploader) -> None:
    world.create("grace@example.com")
    import_id = uploader.upload(PEOPLE)
    planned = uploader.preview(import_id)
    done = uploader.run(import_id)
    assert (done["state"], done["counts"]) == ("completed", planned["counts"])
    fates = [(one["outcome"], one["reason_code"], one["message"]) for one in uploader.folder.results(done)]
    assert fates == [
        (one["outcome"], one["reason_code"] or "", one["message"] or "") for one in planned["rows"]
    ]
    assert contacts(world) == ["ada@example.com", "grace@example.com"]


# Options


def test_the_options_of_a_preview_are_those_of_the_start_unless_it_has_others(
    world: World, uploader: Uploader
) -> None:
    import_id = uploader.upload("Kunde,Mail\nAda,ada@example.com\n", tags=["created"])
    shown = uploader.preview(import_id, mapping={"Kunde": "first_name"}, tags=["preview"])
    assert shown["options"]["mapping"] == {"Kunde": "first_name"} and shown["options"]["tags"] == ["preview"]
    assert [(one["field"], one["reason"]) for one in shown["columns"]] == [
        ("first_name", "mapping"),
        ("email", "header"),
    ]
    assert uploader.read(import_id)["options"]["tags"] == ["preview"]
    done = uploader.run(import_id, tags=["start"])
    assert done["options"]["mapping"] == {"Kunde": "first_name"} and done["options"]["tags"] == ["start"]


def test_options_that_are_not_given_are_the_tenants_defaults(world: World, uploader: Uploader) -> None:
    patched = world.send("PATCH", "/settings", {"import_defaults": {"tags": ["default"], "delimiter": ";"}})
    assert patched.status == 200, patched.text
    import_id = uploader.upload("email;first name\nada@example.com;Ada\n", tags=["mine"])
    options = uploader.read(import_id)["options"]
    assert (options["tags"], options["delimiter"]) == (["mine"], ";")
    assert uploader.preview(import_id, tags=None)["options"]["tags"] == ["default"]


def test_dropped_files_have_the_tenants_defaults(world: World, uploader: Uploader) -> None:
    world.create("ada@example.com", company="Old")
    assert world.send("POST", "/groups", {"name": "Customers"}).status == 201
    defaults = {
        "on_duplicate": "update",
        "mapping": {"Betrieb": "company"},
        "delimiter": ";",
        "tags": ["dropped"],
        "groups": ["Customers"],
        "default_country": "DE",
    }
    assert world.send("PATCH", "/settings", {"import_defaults": defaults}).status == 200
    done = uploader.folder.run("Email;Betrieb;Phone\nada@example.com;New;030 23125001\n")
    assert (done["state"], done["counts"]["updated"]) == ("completed", 1), done
    assert {name: done["options"][name] for name in defaults} == defaults
    world.catch_up()
    (ada,) = world.send("GET", "/contacts").json["items"]
    assert (ada["company"], ada["phone"], ada["tags"]) == ("New", "+493023125001", ["dropped"])
    (name,) = [one["name"] if isinstance(one, dict) else one for one in ada["groups"]]
    assert name == "Customers"


@pytest.mark.parametrize("path", ["", "/preview", "/start"])
def test_options_that_name_what_there_is_not_are_refused_everywhere(
    world: World, uploader: Uploader, path: str
) -> None:
    """Every fault is named in one answer, and nothing begins."""
    import_id = uploader.upload(PEOPLE)
    bad = {"owner_id": "user-of-T10", "groups": ["Nobody"], "tags": list("abcdefghijk")}
    body: dict[str, Any] = {"options": bad}
    answer = (
        uploader.send("POST", f"/imports/{import_id}{path}", body)
        if path
        else uploader.send("POST", "/imports", {"file_name": "x.csv", **body})
    )
    assert answer.status == 422, answer.text
    assert codes(answer) == [
        ("options.owner_id", "unknown_owner"),
        ("options.tags", "too_many_tags"),
        ("options.groups.0", "unknown_group"),
    ]
    assert uploader.read(import_id)["state"] == "uploaded"
    assert uploader.send("GET", f"/imports/{import_id}/preview").status == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"encoding": "klingon"}, "options.encoding"),
        ({"delimiter": "ab"}, "options.delimiter"),
        ({"mapping": {"Mail": "emial"}}, "options.mapping.Mail"),
        ({"default_country": "XX"}, "options.default_country"),
        ({"on_duplicate": "replace"}, "options.on_duplicate"),
        ({"dry_run": "perhaps"}, "options.dry_run"),
        ({"unknown": 1}, "options.unknown"),
    ],
)
def test_options_that_cannot_be_are_refused(world: World, uploader: Uploader, given: Any, field: str) -> None:
    import_id = uploader.upload(PEOPLE)
    answers = [uploader.ask_for_preview(import_id, **given), uploader.start(import_id, **given)]
    answers.append(uploader.send("POST", "/imports", {"file_name": "x.csv", "options": given}))
    assert [(one.status, codes(one)[0][0]) for one in answers] == [(422, field)] * 3


def test_a_mapping_of_a_column_that_the_file_does_not_have_is_named(world: World, uploader: Uploader) -> None:
    """Headings are compared without case and marks."""
    import_id = uploader.upload("Mail;Kunde\nada@example.com;Ada\n")
    mapping = {"mail *": "email", "Kunden": "first_name", "Firma": None}
    assert uploader.preview(import_id, mapping=mapping)["missing_columns"] == ["Kunden", "Firma"]


# Its life


def test_a_new_preview_replaces_the_old_one_whose_chunks_stop(world: World, uploader: Uploader) -> None:
    folder = uploader.folder
    import_id = uploader.upload("\n".join(["email", *(f"p{number}@example.com" for number in range(1_000))]))
    old = uploader.ask_for_preview(import_id, tags=["old"]).json["id"]
    folder.work(limit=2)  # the file is split, and one chunk is done
    assert uploader.read_preview(import_id)["progress"]["rows_done"] == 200
    uploader.replace_file(import_id, PEOPLE)
    shown = uploader.ask_for_preview(import_id, tags=["new"]).json
    new = shown["id"]
    assert (new != old, shown["counts"]["rows"], shown["rows"]) == (True, 0, [])
    folder.work()
    shown = uploader.read_preview(import_id)
    assert (shown["id"], shown["state"], shown["options"]["tags"]) == (new, "ready", ["new"])
    assert shown["counts"]["rows"] == 3 and len(shown["rows"]) == 3
    assert folder.keys("parts/") == [] or all(f"/{old}/" in key for key in folder.keys("parts/"))


def test_a_preview_is_not_current_once_the_file_was_replaced(world: World, uploader: Uploader) -> None:
    import_id = uploader.upload(PEOPLE)
    assert uploader.preview(import_id)["is_current"] is True
    uploader.replace_file(import_id, "email\nnew@example.com\n")
    assert uploader.read_preview(import_id)["is_current"] is False
    assert uploader.preview(import_id)["counts"]["rows"] == 1


def test_a_file_that_is_replaced_meanwhile_fails_the_preview(world: World, uploader: Uploader) -> None:
    """check 87"""
    import_id = uploader.upload(PEOPLE)
    uploader.ask_for_preview(import_id)
    uploader.replace_file(import_id, "email\nnew@example.com\n")
    uploader.folder.work()
    shown = uploader.read_preview(import_id)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "replaced")
    assert uploader.preview(import_id)["state"] == "ready"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"\x1f\x8b\x08\x00xxxx", "gzip"), ("name\nAda\n", "no_email_column"), ("\n", "empty")],
)
def test_a_file_that_cannot_be_imported_fails_the_preview_and_not_the_import(
    world: World, uploader: Uploader, body: bytes | str, code: str
) -> None:
    """check 83"""
    import_id = uploader.upload(body)
    shown = uploader.preview(import_id)
    assert (shown["state"], shown["error"]["code"]) == ("failed", code)
    assert uploader.read(import_id)["state"] == "uploaded"


def test_a_start_ends_the_preview_that_runs(world: World, uploader: Uploader) -> None:
    import_id = uploader.upload("\n".join(["email", *(f"p{number}@example.com" for number in range(300))]))
    uploader.ask_for_preview(import_id)
    uploader.folder.work(limit=1)
    done = uploader.run(import_id)
    assert (done["state"], done["counts"]["created"]) == ("completed", 300)
    shown = uploader.read_preview(import_id)
    assert (shown["state"], shown["error"]["code"], shown["is_current"]) == (
        "failed",
        "import_started",
        False,
    )
    assert uploader.ask_for_preview(import_id).json["code"] == "import_started"


def test_a_preview_needs_a_file_and_an_import_that_was_not_started(world: World, uploader: Uploader) -> None:
    asked = uploader.send("POST", "/imports", {"file_name": "never.csv"}).json["id"]
    assert uploader.ask_for_preview(asked).json["code"] == "not_uploaded"
    assert uploader.send("GET", f"/imports/{asked}/preview").status == 404
    assert uploader.ask_for_preview(new_id()).status == 404
    uploader.folder.run("email\nada@example.com\n")
    (dropped,) = (one for one in uploader.folder.imports() if one["source"] == "drop_folder")
    assert uploader.ask_for_preview(dropped["id"]).json["code"] == "import_started"


def test_a_tenant_has_a_limit_of_running_previews(world: World, uploader: Uploader, t10: Tenancy) -> None:
    """check 103"""
    ids = [uploader.upload(PEOPLE) for _ in range(6)]
    answers = [uploader.ask_for_preview(import_id) for import_id in ids]
    assert [one.status for one in answers] == [202] * 5 + [409]
    assert answers[-1].json["code"] == "too_many_previews"
    other = Uploader(DropFolder(world, "T10"), t10.admin)
    assert other.ask_for_preview(other.upload(PEOPLE)).status == 202
    assert uploader.ask_for_preview(ids[0]).status == 202, (
        "a preview in the place of one that runs takes no more"
    )
    uploader.folder.work()
    assert uploader.ask_for_preview(ids[-1]).status == 202


def test_a_preview_whose_messages_were_lost_goes_on_and_at_last_is_given_up(
    world: World, uploader: Uploader
) -> None:
    folder, now = uploader.folder, timestamps.now()
    import_id = uploader.upload(PEOPLE)
    uploader.ask_for_preview(import_id)
    folder.waiting()
    assert folder.watch(timestamps.plus(now, 600)).driven_on == 1
    folder.waiting()
    at, reports = now, []
    for _ in range(10):
        at = timestamps.plus(at, 86_400)
        reports.append(folder.watch(at))
        folder.waiting()
    assert sum(one.given_up for one in reports) == 1
    shown = uploader.read_preview(import_id)
    assert (shown["state"], shown["error"]["code"]) == ("failed", "stalled")
    assert uploader.preview(import_id)["state"] == "ready"


# Dry runs


def test_a_dry_run_ends_with_planned_fates_and_can_be_started_for_real(
    world: World, uploader: Uploader
) -> None:
    import_id = uploader.upload(PEOPLE)
    dry = uploader.run(import_id, dry_run=True)
    assert (dry["state"], dry["options"]["dry_run"], dry["counts"]["created"]) == ("completed", True, 2)
    planned = uploader.folder.results(dry)
    assert [one["outcome"] for one in planned] == ["created", "created", "failed"]
    assert [one["contact_id"] for one in planned] == ["", "", ""], "there is no contact yet"
    assert contacts(world) == []
    done = uploader.run(import_id, dry_run=False)
    assert (done["state"], done["options"]["dry_run"], done["counts"]) == ("completed", False, dry["counts"])
    assert [one["outcome"] for one in uploader.folder.results(done)] == ["created", "created", "failed"]
    assert contacts(world) == ["ada@example.com", "grace@example.com"]
    assert uploader.start(import_id).json["code"] == "import_started"
    ends = world.content.of(f"T#T1#IMPORT#{import_id}", "EVENT#")
    told = [json.loads(one["data"]["S"]) for one in sorted(ends, key=lambda one: one["version"]["N"])]
    assert [one.get("dry_run", False) for one in told] == [True, False]
    assert told[0]["counts"] == told[1]["counts"]


# Faults and tenants


def small_preview(world: World) -> None:
    """Make a preview of three chunks. Called again, it does what redelivered messages would make the workers do."""
    uploader = Uploader(DropFolder(world))
    (shown,) = uploader.folder.imports()
    if uploader.send("GET", f"/imports/{shown['id']}/preview").status == 404:
        assert uploader.ask_for_preview(shown["id"]).status == 202
    uploader.folder.work()
    if uploader.read_preview(shown["id"])["state"] == "running":  # a message was lost in the kill
        uploader.folder.watch(timestamps.plus(timestamps.now(), 600))
        uploader.folder.work()


def outcome(world: World) -> Any:
    """Return what must be the same however the preview went."""
    uploader = Uploader(DropFolder(world))
    (shown,) = uploader.folder.imports()
    preview = uploader.read_preview(shown["id"])
    for row in preview["rows"]:
        row["contact_id"] = bool(row["contact_id"])
    kept = ("state", "is_current", "counts", "rows", "columns", "dialect", "error")
    return {name: preview[name] for name in kept}, contacts(world), uploader.folder.keys("parts/")


def test_killed_at_any_call_a_preview_ends_the_same(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 13, check 80"""
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)

    def upload(world: World) -> None:
        world.create("p3@example.com")
        people = [f"p{number}@example.com" for number in range(6)]
        Uploader(DropFolder(world)).upload("\n".join(["email", *people, "x", "p3@example.com"]))

    make, _ = worlds.prepared(upload)
    with make() as world:
        small_preview(world)
        preview, there, parts = outcome(world)
    assert (preview["state"], preview["counts"]["created"], there, parts) == (
        "ready",
        5,
        ["p3@example.com"],
        [],
    )
    assert assert_same_after_kills(make, small_preview, outcome, matching=changing) >= 10


def changing(attempt: Any) -> bool:
    """Return whether a call changes something. A kill anywhere between two such calls leaves the same state."""
    reading = ("Get", "Head", "List", "Query", "BatchGet", "Receive")
    return any_call(attempt) and not attempt.operation.startswith(
        (*reading, "ChangeMessage", "DeleteMessage")
    )


def test_keys_that_are_left_unprocessed_are_asked_for_again(
    world: World, uploader: Uploader, waits: list[float]
) -> None:
    """check 16"""
    world.create("p3@example.com")
    import_id = uploader.upload("\n".join(["email", *(f"p{number}@example.com" for number in range(250))]))
    with injecting(unprocessed(times=3)):
        shown = uploader.preview(import_id)
    assert (shown["state"], shown["counts"]["created"], shown["counts"]["skipped"]) == ("ready", 249, 1)


def test_throttled_at_each_kind_of_call_a_preview_ends_the_same(
    world: World, uploader: Uploader, waits: list[float]
) -> None:
    """check 10"""
    import_id = uploader.upload(PEOPLE)
    expected = uploader.preview(import_id)
    names = calls_of(lambda: (uploader.preview(import_id), None)[1])
    matchers = [call(*name.split(".")) for name in sorted(set(names)) if name.startswith("dynamodb.")]
    assert len(matchers) >= 5
    with injecting(*(throttle(matcher) for matcher in matchers)):
        shown = uploader.preview(import_id)
    same = ("state", "counts", "rows", "columns", "dialect", "error")
    assert {name: shown[name] for name in same} == {name: expected[name] for name in same}


def test_a_suspended_tenants_preview_waits(world: World, uploader: Uploader) -> None:
    """check 59"""
    import_id = uploader.upload(PEOPLE)
    uploader.ask_for_preview(import_id)
    suspend("T1")
    uploader.folder.work(limit=5)
    assert uploader.folder.put_back == 5
    suspend("T1", is_suspended=False)
    uploader.folder.put_back = 0
    uploader.folder.work()
    assert uploader.read_preview(import_id)["state"] == "ready"


def test_another_tenants_preview_does_not_exist(world: World, uploader: Uploader, t10: Tenancy) -> None:
    """check 48"""
    import_id = uploader.upload(PEOPLE)
    uploader.preview(import_id)
    other = Uploader(DropFolder(world, "T10"), t10.admin)
    for method in ("GET", "POST"):
        answer = other.send(method, f"/imports/{import_id}/preview")
        missing = other.send(method, f"/imports/{new_id()}/preview")
        assert (answer.status, answer.json["detail"]) == (404, missing.json["detail"])


def test_a_preview_that_its_import_ends_leaves_no_parts_of_the_file(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 8: they are copies of personal data."""
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    import_id = uploader.upload("".join(["email\n", *(f"p{number}@example.com\n" for number in range(10))]))
    assert uploader.ask_for_preview(import_id).status == 202
    uploader.folder.work(limit=2)
    assert any("/p" in key for key in uploader.folder.keys("parts/"))
    assert uploader.start(import_id).status == 202
    uploader.folder.work()
    assert uploader.read(import_id)["state"] == "completed"
    assert uploader.folder.keys("parts/") == []
