"""The undo of imports, from the request to the list of what was kept: the handlers and the API, AWS in moto."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.imports.tasks import ImportTask
from shared.domain.jobs.quotas import IMPORTS
from shared.domain.stamp import Stamp
from shared.services.contacts.bulk_writing import BulkWriting
from shared.services.imports import chains, grouping
from shared.services.imports.reversals import Reversals
from shared.table.contacts.repository import ContactTable
from shared.table.imports.undo import ImportUndoTable
from shared.table.keys import imports as import_keys
from shared.wiring.base import store
from shared.wiring.imports import import_undo_chunks
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World, booking
from tests.integration.worlds import Worlds
from tests.support.budgets import sample
from tests.support.faults import Killed, any_call, assert_same_after_kills, call, injecting, kill_before
from tests.support.tenant_guard import acting_for, as_operator


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 3)
    monkeypatch.setattr(chains, "MOST_QUEUED", 2)


def people(count: int) -> str:
    return "Email,First Name\n" + "".join(f"person{n}@example.com,Person {n}\n" for n in range(count))


def on_duplicate(world: World, mode: str) -> None:
    answer = world.send("PATCH", "/settings", {"import_defaults": {"on_duplicate": mode}})
    assert answer.status == 200, answer.text


def ask(world: World, import_id: str, **how: Any) -> Any:
    return world.send("POST", f"/imports/{import_id}/undo", **how)


def undone(inbox: DropFolder, import_id: str) -> dict[str, Any]:
    """Undo an import to the end. Returns the undo as the API shows it."""
    answer = ask(inbox.world, import_id)
    assert answer.status == 202, answer.text
    inbox.work()
    assert not inbox.put_back, "a message was put back; see the log"
    return report(inbox.world, import_id)


def report(world: World, import_id: str) -> dict[str, Any]:
    answer = world.send("GET", f"/imports/{import_id}/undo")
    assert answer.status == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def counts(**given: int) -> dict[str, int]:
    numbers = {name: given.get(name, 0) for name in ("removed", "restored", "kept", "failed")}
    return {**numbers, "total": sum(numbers.values())}


def by_email(world: World) -> dict[str, str]:
    return {item["email"]["S"]: item["id"]["S"] for item in world.content.live}


def content(world: World, contact_id: str) -> dict[str, Any]:
    """Return a contact without the fields that every change sets."""
    shown = world.send("GET", f"/contacts/{contact_id}").json
    return {
        name: value for name, value in shown.items() if name not in ("version", "updated_at", "updated_by")
    }


def refused(answer: Any, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (409, code), answer.text


# What goes back


def test_an_undo_removes_every_contact_that_the_import_created(inbox: DropFolder, small_chunks: None) -> None:
    mine = inbox.world.create("mine@example.com")
    made = inbox.run(people(8))
    inbox.world.catch_up()
    inbox.world.published()

    shown = undone(inbox, made["id"])

    assert (shown["state"], shown["counts"], shown["kept"]) == ("undone", counts(removed=8), [])
    assert shown["progress"]["rows_done"] == 8
    assert by_email(inbox.world) == {"mine@example.com": mine["id"]}
    assert inbox.latest()["state"] == "undone"
    assert inbox.keys("parts/") == []
    inbox.world.content.assert_whole()
    inbox.world.catch_up()
    told = [one["type"] for one in inbox.world.published()]
    assert (told.count("contact.deleted"), told.count("import.undone")) == (8, 1)
    assert [one["id"] for one in inbox.world.listed()] == [mine["id"]]


def test_a_contact_that_an_undo_removed_can_be_restored(inbox: DropFolder) -> None:
    made = inbox.run(people(1))
    contact_id = by_email(inbox.world)["person0@example.com"]
    undone(inbox, made["id"])
    answer = inbox.world.send("POST", f"/contacts/{contact_id}/restore")
    assert (answer.status, answer.json["first_name"]) == (200, "Person 0")


FULL = {
    "last_name": "Lovelace",
    "phone": "+442079460958",
    "company": "Engines",
    "about": "First",
    "tags": ["vip"],
    "other_emails": ["ada@home.example.com"],
    "other_phones": [{"label": "home", "number": "+442079460000"}],
}
ROWS = (
    "Email,First Name,Last Name,Phone,Company,Notes,Tags\n"
    "ada@example.com,Augusta,King,+442079461111,Analytical,Second,new\n"
    "grace@example.com,Grace,Hopper,,Navy,,\n"
)


@pytest.mark.parametrize("mode", ["update", "merge"])
def test_an_import_and_its_undo_leave_contacts_as_they_were(inbox: DropFolder, mode: str) -> None:
    on_duplicate(inbox.world, mode)
    full = inbox.world.create("ada@example.com", **FULL)
    sparse = inbox.world.create("grace@example.com")
    before = {one["id"]: content(inbox.world, one["id"]) for one in (full, sparse)}
    made = inbox.run(ROWS)
    assert made["counts"]["created"] == 0
    assert {one["id"]: content(inbox.world, one["id"]) for one in (full, sparse)} != before

    shown = undone(inbox, made["id"])

    assert (shown["counts"], shown["kept"]) == (counts(restored=2), [])
    assert {one["id"]: content(inbox.world, one["id"]) for one in (full, sparse)} == before
    inbox.world.content.assert_whole()


def test_what_was_edited_since_stays_and_is_listed_and_the_rest_goes_back(inbox: DropFolder) -> None:
    on_duplicate(inbox.world, "update")
    ada = inbox.world.create("ada@example.com", **FULL)
    path = f"/contacts/{ada['id']}"
    made = inbox.run(ROWS)
    edit = {"company": "Mine", "tags": ["vip", "new", "later"], "department": "Maths"}
    assert inbox.world.send("PATCH", path, edit).status == 200

    shown = undone(inbox, made["id"])

    assert shown["counts"] == counts(removed=1, kept=1)
    (kept,) = shown["kept"]
    assert kept == {
        "contact_id": ada["id"],
        "change": "changed",
        "row_numbers": [1],
        "outcome": "kept",
        "reason": "fields_kept",
        "fields": [{"field": "company", "reason": "edited"}],
    }
    now = inbox.world.send("GET", path).json
    assert (now["company"], now["department"], now["tags"]) == ("Mine", "Maths", ["vip", "later"])
    assert (now["first_name"], now["phone"], now["about"]) == ("Ada", "+442079460958", "First")
    assert now["updated_by"] == f"system:import:{made['id']}"
    [key] = [one for one in inbox.keys("tenants/T1/results/") if one.endswith(".kept.csv")]
    listed = list(csv.DictReader(io.StringIO(inbox.object(key).decode("utf-8-sig"))))
    assert listed == [
        {
            "contact_id": ada["id"],
            "change": "changed",
            "row_numbers": "1",
            "outcome": "kept",
            "reason": "fields_kept",
            "fields": "company: edited",
        }
    ]
    assert "X-Amz-Signature" in shown["kept_url"]


def test_created_contacts_to_which_something_happened_stay_and_are_listed_with_the_reason(
    inbox: DropFolder,
) -> None:
    world = inbox.world
    made = inbox.run(people(6))
    ids = by_email(world)
    edited, called, noted, booked, deleted, _ = (f"person{n}@example.com" for n in range(6))
    assert world.send("PATCH", f"/contacts/{ids[edited]}", {"company": "x"}).status == 200
    call = {"type": "call", "description": "Hello"}
    assert world.send("POST", f"/contacts/{ids[called]}/interactions", call).status == 201
    assert world.send("POST", f"/contacts/{ids[noted]}/notes", {"body": "x"}).status == 201
    world.post_booking(booking(invitee_email=booked))
    world.bookings.pump()
    assert world.send("DELETE", f"/contacts/{ids[deleted]}").status == 204

    shown = undone(inbox, made["id"])

    assert shown["counts"] == counts(removed=1, kept=5)
    assert {one["contact_id"]: (one["row_numbers"], one["reason"]) for one in shown["kept"]} == {
        ids[edited]: ([1], "edited"),
        ids[called]: ([2], "has_interactions"),
        ids[noted]: ([3], "has_notes"),
        ids[booked]: ([4], "has_bookings"),
        ids[deleted]: ([5], "deleted"),
    }
    assert set(by_email(world)) == {edited, called, noted, booked}
    world.content.assert_whole()


def test_an_address_that_another_contact_has_meanwhile_stays_there_and_is_listed(inbox: DropFolder) -> None:
    world = inbox.world
    on_duplicate(world, "update")
    ada = world.create("ada@example.com", phone="+442079460958")
    made = inbox.run("Email,Phone\nada@example.com,+442079461111\n")
    path = f"/contacts/{ada['id']}"
    before = world.send("GET", path).json
    # As an import would leave a contact whose primary address it replaced and that lost the former one.
    with as_operator():
        run = ImportUndoTable(store(), "T1").get(made["id"])
    assert run is not None
    rewrite(world, run.caller, ada["id"], {"email": "ada@new.example.com", "other_emails": []})
    other = world.create("ada@example.com")

    shown = undone(inbox, made["id"])

    now = world.send("GET", path).json
    assert (now["email"], now["phone"]) == ("ada@new.example.com", before["phone"] and "+442079460958")
    assert world.send("GET", f"/contacts/{other['id']}").json["email"] == "ada@example.com"
    assert shown["counts"] == counts(kept=1)
    assert shown["kept"][0]["fields"] == [{"field": "email", "reason": "address_taken"}]
    world.content.assert_whole()


def rewrite(world: World, caller: Caller, contact_id: str, fields: Any) -> None:
    """Change a contact as a write of an import that has no rule of its own for it."""
    with acting_for("T1"):
        table = ContactTable(store(), "T1")
        before = table.get(contact_id)
        assert before is not None
        changed = before.change(fields, stamp=Stamp.now(caller))
        assert changed is not None
        changed[1].data.update(rows={"1": "updated"})
        table.save(before, *changed)


# When it can be undone


def test_an_import_can_be_undone_for_thirty_days_after_its_end(inbox: DropFolder) -> None:
    made = inbox.run(people(1))
    assert made["undo_until"] == timestamps.plus(made["completed_at"], 30 * 86_400)
    set_end(made["id"], timestamps.plus(timestamps.now(), -30 * 86_400 - 60))
    refused(ask(inbox.world, made["id"]), "undo_expired")
    set_end(made["id"], timestamps.plus(timestamps.now(), -30 * 86_400 + 60))
    assert ask(inbox.world, made["id"]).status == 202


def set_end(import_id: str, at: str) -> None:
    with as_operator():
        store().update(import_keys.import_run("T1", import_id), "SET ended_at = :at", {":at": {"S": at}})


def test_what_cannot_be_undone_is_refused_with_the_reason(inbox: DropFolder, small_chunks: None) -> None:
    world = inbox.world
    awaited = world.send("POST", "/imports", {"file_name": "a.csv"}).json["id"]
    refused(ask(world, awaited), "nothing_to_undo")
    inbox.deliver(inbox.put(people(4)))
    (running,) = (one["id"] for one in inbox.imports() if one["file_name"] == "people.csv")
    refused(ask(world, running), "import_running")
    assert world.send("GET", f"/imports/{running}/undo").status == 404
    inbox.work()
    assert ask(world, running).status == 202
    refused(ask(world, running), "undo_started")
    refused(world.send("POST", f"/imports/{running}/cancel"), "undo_started")
    inbox.work()
    refused(ask(world, running), "import_undone")
    inbox.deliver(inbox.put("no address\nx\n", "bad.csv"))
    (bad,) = (one for one in inbox.imports() if one["file_name"] == "bad.csv")
    assert bad["state"] == "failed"
    refused(ask(world, bad["id"]), "nothing_to_undo")


def test_an_import_that_failed_half_way_is_undone_once_its_results_are_there(
    inbox: DropFolder, small_chunks: None
) -> None:
    inbox.deliver(inbox.put(people(8)))
    inbox.work(limit=1)
    key = inbox.keys("tenants/T1/inbox/")[0]
    inbox.s3.put_object(Bucket=inbox.bucket, Key=key, Body=b"another file")
    inbox.work()
    failed = inbox.latest()
    assert (failed["state"], failed["counts"]["created"]) == ("failed", 3)
    refused(ask(inbox.world, failed["id"]), "not_ready")
    inbox.finish(failed["id"])
    assert undone(inbox, failed["id"])["counts"] == counts(removed=3)
    assert inbox.world.content.live == []


def test_an_undone_import_can_run_again_and_be_undone_again(inbox: DropFolder) -> None:
    made = inbox.run(people(3))
    first = by_email(inbox.world)
    undone(inbox, made["id"])
    answer = inbox.world.send("POST", f"/imports/{made['id']}/start")
    assert answer.status == 202, answer.text
    assert inbox.world.send("GET", f"/imports/{made['id']}/undo").status == 404
    inbox.work()
    again = by_email(inbox.world)
    assert inbox.latest()["counts"]["created"] == 3
    assert not set(first.values()) & set(again.values())
    assert undone(inbox, made["id"])["counts"] == counts(removed=3)
    inbox.world.content.assert_whole()


def test_an_undo_counts_as_a_running_import(inbox: DropFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 103"""
    made = [inbox.run(people(1), f"{n}.csv") for n in range(2)]
    monkeypatch.setattr("shared.table.imports.undo.IMPORTS", replace(IMPORTS, most=1))
    assert ask(inbox.world, made[0]["id"]).status == 202
    refused(ask(inbox.world, made[1]["id"]), "too_many_imports")
    inbox.work()
    assert ask(inbox.world, made[1]["id"]).status == 202


# Kills, twins, and people who edit meanwhile


SOME = "Email,First Name,Company\n" + "".join(
    f"person{n}@example.com,Person {n},Company {n}\n" for n in range(6)
)


@contextmanager
def with_an_import(worlds: Worlds) -> Iterator[World]:
    """A world whose import is to be undone."""
    with worlds() as world:
        import_and_ask(world)
        yield world


def import_and_ask(world: World) -> None:
    """Ask for the undo of an import that created, changed and left contacts alone, some of which were edited since."""
    on_duplicate(world, "update")
    inbox = DropFolder(world)
    for number in (1, 4):
        world.create(f"person{number}@example.com", company="Before", tags=["vip"])
    made = inbox.run(SOME)
    ids = by_email(world)
    for number in (0, 4):
        edit = {"company": "Edited"}
        assert world.send("PATCH", f"/contacts/{ids[f'person{number}@example.com']}", edit).status == 200
    answer = ask(world, made["id"])
    assert answer.status == 202, answer.text


def work(world: World) -> None:
    DropFolder(world).work()


def outcome(world: World) -> Any:
    """Return the end of an undo, without ids and times."""
    inbox = DropFolder(world)
    emails = {item["id"]["S"]: item["email"]["S"] for item in world.content.contacts}
    made = inbox.latest()
    shown = report(world, made["id"])
    contacts = sorted(
        (item["email"]["S"], "deleted_at" in item, item.get("company", {}).get("S"), item["version"]["N"])
        for item in world.content.contacts
    )
    kept = [(emails[one["contact_id"]], one["reason"], one["fields"]) for one in shown["kept"]]
    world.content.assert_whole()
    return (
        shown["state"],
        shown["counts"],
        shown["progress"]["rows_done"],
        contacts,
        kept,
        inbox.keys("parts/"),
    )


def of_the_worker(attempt: Any) -> bool:
    """Return whether a call is of the worker, not of the queue that invokes it."""
    return any_call(attempt) and not attempt.operation.startswith(
        ("Receive", "ChangeMessage", "DeleteMessage")
    )


def test_check_80_killed_at_any_call_an_undo_ends_with_the_same_contacts_and_counts(
    worlds: Worlds, small_chunks: None
) -> None:
    """Also check 13. At every fifth point of both sides of all calls; with the long budget, at all."""
    make, _ = worlds.prepared(import_and_ask)
    tried = assert_same_after_kills(
        make,
        work,
        outcome,
        matching=of_the_worker,
        both_sides=True,
        sample=lambda points: sample(points, one_in=5, start=4),
    )
    assert tried >= 15


def test_two_workers_at_once_take_a_chunk_back_once(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    with with_an_import(worlds) as alone:
        work(alone)
        expected = outcome(alone)
    with with_an_import(worlds) as both:
        inbox = DropFolder(both)
        (message,) = inbox.waiting()
        take_back = Reversals.take_back
        nested: list[bool] = []

        def overtaken(self: Reversals, *given: Any) -> Any:
            """Let a second worker do the whole chunk just before the first one writes."""
            if not nested:
                nested.append(True)
                import_undo_chunks().run(ImportTask(**{**message, "id": "twin"}))
            return take_back(self, *given)

        monkeypatch.setattr(Reversals, "take_back", overtaken)
        with acting_for("T1"):
            import_undo_chunks().run(ImportTask(**message))
        inbox.work()
        assert outcome(both) == expected


def test_what_a_person_edits_between_read_and_write_is_not_lost(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    with with_an_import(worlds) as world:
        write = BulkWriting._write
        ids = by_email(world)
        edits = [
            (ids["person1@example.com"], {"company": "Late"}),
            (ids["person2@example.com"], {"about": "x"}),
        ]

        def edited_before(self: BulkWriting, *given: Any, **how: Any) -> Any:
            while edits:
                contact_id, edit = edits.pop()
                assert world.send("PATCH", f"/contacts/{contact_id}", edit).status == 200
            yield from write(self, *given, **how)

        monkeypatch.setattr(BulkWriting, "_write", edited_before)
        work(world)
        state, numbers, _, contacts, kept, _ = outcome(world)
        assert (state, numbers) == ("undone", counts(removed=2, kept=4))
        companies = {email: company for email, is_deleted, company, _ in contacts if not is_deleted}
        assert companies["person1@example.com"] == "Late"
        assert "person2@example.com" in companies
        assert {email for email, *_ in kept} >= {"person1@example.com", "person2@example.com"}


# The watch


def test_the_watch_resumes_an_undo_whose_messages_were_lost(worlds: Worlds, small_chunks: None) -> None:
    with with_an_import(worlds) as alone:
        work(alone)
        expected = outcome(alone)
    with with_an_import(worlds) as world:
        inbox = DropFolder(world)
        inbox.work(limit=1)
        inbox.waiting()
        now = timestamps.now()
        inbox.watch(timestamps.plus(now, 6 * 60))
        report_ = inbox.watch(timestamps.plus(now, 12 * 60))
        assert report_.driven_on == 1
        inbox.work()
        assert outcome(world) == expected


def test_an_undo_without_progress_is_given_up_and_continues_when_it_is_asked_for_again(
    worlds: Worlds, small_chunks: None
) -> None:
    with with_an_import(worlds) as world:
        inbox = DropFolder(world)
        inbox.work(limit=1)
        for minute in range(0, 4000, 20):
            inbox.watch(timestamps.plus(timestamps.now(), minute * 60))
            inbox.waiting()
        made = inbox.latest()
        assert (made["state"], made["error"]["code"]) == ("failed", "undo_stalled")
        half = report(world, made["id"])
        assert (half["state"], half["progress"]["rows_done"]) == ("failed", 3)
        assert undone(inbox, made["id"])["counts"]["total"] == 6
        world.content.assert_whole()


def test_what_a_chunk_had_written_when_its_import_was_cancelled_is_undone_too(
    inbox: DropFolder, small_chunks: None
) -> None:
    """The worker was killed before it closed the chunk, and no other one works on it any more."""
    inbox.deliver(inbox.put(people(8)))
    with injecting(kill_before(call("s3", "PutObject"), at=1)), pytest.raises(Killed):
        inbox.work()
    while len(inbox.world.content.live) < 3:
        with injecting(kill_before(call("s3", "PutObject"), at=1)), pytest.raises(Killed):
            inbox.work()
    made = inbox.latest()
    assert inbox.world.send("POST", f"/imports/{made['id']}/cancel").status == 200
    inbox.work()
    inbox.finish(made["id"])
    cancelled = inbox.latest()
    assert (cancelled["state"], cancelled["counts"]["created"]) == ("cancelled", 3)
    outcomes = [row["outcome"] for row in inbox.results(cancelled)]
    assert (outcomes.count("created"), outcomes.count("not_run")) == (3, 5)
    assert undone(inbox, made["id"])["counts"] == counts(removed=3)
    assert inbox.world.content.live == []
    inbox.world.content.assert_whole()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_contact_that_two_chunks_changed_is_as_it_was_in_whatever_order_they_are_taken_back(
    inbox: DropFolder, monkeypatch: pytest.MonkeyPatch, order: tuple[int, int]
) -> None:
    monkeypatch.setattr(grouping, "CHUNK_ROWS", 1)
    world = inbox.world
    on_duplicate(world, "update")
    ada = world.create("ada@example.com", other_emails=["ada@home.example.com"], tags=["vip"], company="Old")
    before = content(world, ada["id"])
    made = inbox.run(
        "Email,Company,Phone,Tags\n"
        "ada@example.com,First,+442079460001,one\n"
        "ada@home.example.com,Second,,two\n"
    )
    assert made["counts"]["updated"] == 2
    assert world.send("GET", f"/contacts/{ada['id']}").json["version"] == 3
    assert ask(world, made["id"]).status == 202
    messages = {one["chunk"]: one for one in inbox.waiting()}
    for number in order:
        with acting_for("T1"):
            import_undo_chunks().run(ImportTask(**messages[number]))
    inbox.work()
    shown = report(world, made["id"])
    assert (shown["state"], shown["kept"]) == ("undone", [])
    assert content(world, ada["id"]) == before
    world.content.assert_whole()


def test_contacts_of_customers_leave_them_and_the_customer_keeps_one_primary_contact(
    inbox: DropFolder,
) -> None:
    world = inbox.world
    on_duplicate(world, "merge")
    customers = [world.send("POST", "/customers", {"first_name": "Grace"}).json for _ in range(2)]
    ada = world.create("ada@example.com")
    mine = world.create("mine@example.com", customer_id=customers[1]["id"])
    world.catch_up()
    before = content(world, ada["id"])
    numbers = [one["number"] for one in customers]
    made = inbox.run(
        "Email,First Name,Customer Number\n"
        f"new@example.com,New,{numbers[0]}\n"
        f"ada@example.com,,{numbers[0]}\n"
        f"other@example.com,Other,{numbers[1]}\n"
    )
    assert (made["counts"]["created"], made["counts"]["merged"]) == (2, 1)
    shown = undone(inbox, made["id"])
    assert (shown["counts"], shown["kept"]) == (counts(removed=2, restored=1), [])
    assert content(world, ada["id"]) == before
    primaries = [world.send("GET", f"/customers/{one['id']}").json["primary_contact"] for one in customers]
    assert primaries[0] is None
    assert mine["id"] in str(primaries[1])
    world.content.assert_whole()
