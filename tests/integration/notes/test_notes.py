"""Notes: written, listed, searched, pinned, changed and deleted over HTTP."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.search import found_in_text
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts.purge import Purge
from shared.table.item import Item
from shared.table.keys.spelling import SK, Identity, Key
from shared.table.notes.repository import NoteTable
from shared.table.store import Store
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from shared.wiring.notes import note_service
from tests.integration.notes.notebook import TEXT, Notebook, picture
from tests.integration.world import World
from tests.support.faults import assert_same_after_kills, assert_same_under_throttling
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for

Worlds = Callable[[], AbstractContextManager[World]]


@pytest.fixture
def notebook(world: World) -> Notebook:
    return Notebook(world)


def test_a_note_is_written_as_it_came_and_changes_its_contact(notebook: Notebook) -> None:
    text = "  Wants\r\nan #offer\u200b "
    answer = notebook.ask("POST", json={"noteText": text, "is_pinned": True})
    made = answer.json
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.headers["Location"] == f"/v1/contacts/{notebook.id}/notes/{made['id']}"
    assert (made["body"], made["is_pinned"], made["processing_state"]) == (text, True, "pending")
    assert (made["original"], made["found"], made["created_by"]) == (None, [], "user:admin-of-T1")
    assert notebook.ask("GET", f"/{made['id']}").json == made
    assert notebook.count == 1
    (event,) = notebook.events("note.created")
    assert json.loads(event["data"]["S"]) == {"note_id": made["id"]}
    assert json.loads(event["changes"]["S"]) == {}
    contact = notebook.world.send("GET", f"/contacts/{notebook.id}").json
    assert (contact["version"], contact["interaction_count"]) == (2, 0)
    assert "note_count" not in contact


def test_two_names_with_different_texts_are_refused_with_all_other_faults(notebook: Notebook) -> None:
    given = {"body": "x", "noteText": "y", "is_pinned": "perhaps", "colour": "red"}
    answer = notebook.ask("POST", json=given)
    assert answer.status == 422
    assert {one["field"] for one in answer.json["errors"]} == set(given)
    answer = notebook.ask("POST", json={"body": "x", "note": "y"})
    assert (answer.status, answer.json["detail"]) == (
        422,
        "body: `body` and `note` are names of the same text, but the texts differ. Give one of them.",
    )
    assert "colour" not in answer.text
    assert notebook.ask("POST", json={"body": "x", "note": "x"}).status == 201


def test_a_note_is_replaced_and_changed(notebook: Notebook) -> None:
    made = notebook.write(is_pinned=True)
    path = f"/{made['id']}"
    answer = notebook.ask("PUT", path, {"content": "Accepted."}, headers={"If-Match": '"1"'})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert (answer.json["body"], answer.json["is_pinned"]) == ("Accepted.", False)
    answer = notebook.ask("PATCH", path, {"is_pinned": True})
    assert (answer.json["body"], answer.json["is_pinned"], answer.json["version"]) == ("Accepted.", True, 3)
    answer = notebook.ask("PATCH", path, {"note_body": "Signed."})
    assert (answer.json["body"], answer.json["is_pinned"], answer.json["version"]) == ("Signed.", True, 4)
    assert notebook.ask("GET", path).json == answer.json
    before = notebook.world.content.picture()
    for given in ({}, {"body": "Signed."}, {"is_pinned": True}):
        assert notebook.ask("PATCH", path, given).json == answer.json
    assert notebook.world.content.picture() == before
    changes = [json.loads(event["data"]["S"]) for event in notebook.events("note.updated")]
    assert [one["note_id"] for one in changes] == [made["id"]] * 3
    assert changes[0]["note_changes"] == {
        "body": {"old": TEXT, "new": "Accepted."},
        "is_pinned": {"old": True, "new": None},
    }
    assert notebook.count == 1


def test_a_stale_version_is_refused_and_nothing_changes(notebook: Notebook) -> None:
    made = notebook.write()
    path, stale = f"/{made['id']}", {"If-Match": '"1"'}
    assert notebook.ask("PATCH", path, {"is_pinned": True}, headers=stale).status == 200
    before = notebook.world.content.picture()
    for method, body in (("PATCH", {"body": "y"}), ("PUT", {"body": "y"}), ("DELETE", None)):
        answer = notebook.ask(method, path, body, headers=stale)
        assert (answer.status, answer.json["code"]) == (412, "version_mismatch")
    assert notebook.world.content.picture() == before
    assert notebook.ask("DELETE", path, headers={"If-Match": '"2"'}).status == 204


def test_a_deleted_note_is_gone_and_its_event_has_the_text(notebook: Notebook) -> None:
    made, other = notebook.write(), notebook.write(is_pinned=True)
    assert notebook.ask("DELETE", f"/{made['id']}").status == 204
    for method, body in (("GET", None), ("PUT", {"body": "x"}), ("PATCH", {"body": "x"}), ("DELETE", None)):
        answer = notebook.ask(method, f"/{made['id']}", body)
        assert (answer.status, answer.json["detail"]) == (404, "Note not found.")
    (event,) = notebook.events("note.deleted")
    assert json.loads(event["data"]["S"])["note_changes"]["body"] == {"old": TEXT, "new": None}
    assert (notebook.list(), notebook.count) == ([other["id"]], 1)


def test_a_note_is_found_on_its_own_contact_only(notebook: Notebook) -> None:
    made, other = notebook.write(), Notebook(notebook.world, "grace@example.com")
    calls = (("GET", None), ("PUT", {"body": "x"}), ("PATCH", {"body": "x"}), ("DELETE", None))
    for method, body in calls:
        answer = other.ask(method, f"/{made['id']}", body)
        assert (answer.status, answer.json["detail"]) == (404, "Note not found.")
    assert other.ask("POST", f"/{made['id']}/retry").status == 404
    assert notebook.world.send("DELETE", f"/contacts/{notebook.id}").status == 204
    for method, path, body in (
        ("GET", "", None),
        ("POST", "", {"body": "x"}),
        ("POST", f"/{made['id']}/retry", None),
        *((method, f"/{made['id']}", body) for method, body in calls),
    ):
        answer = notebook.ask(method, path, body)
        assert (answer.status, answer.json["detail"]) == (404, "Contact not found."), method
    assert notebook.world.send("POST", f"/contacts/{notebook.id}/restore").status == 200
    assert notebook.count == 1


def test_the_longest_texts_fit_into_their_events(notebook: Notebook) -> None:
    longest = ["\U0001f600" * 10_000, "\x01" * 9_999 + "x", "\\" * 10_000]
    made = notebook.write(longest[0])
    for text in (*longest[1:], longest[0]):
        answer = notebook.ask("PUT", f"/{made['id']}", {"body": text})
        assert (answer.status, answer.json["body"]) == (200, text)
        assert notebook.process() >= 1
    assert notebook.ask("DELETE", f"/{made['id']}").status == 204


# Lists


def test_pinned_notes_come_first_and_each_newest_first_however_the_list_is_walked(notebook: Notebook) -> None:
    chosen = random.Random(13)
    made = [notebook.write(f"note {number}", is_pinned=chosen.random() < 0.4) for number in range(17)]
    for one in chosen.sample(made, 5):
        one["is_pinned"] = not one["is_pinned"]
        assert notebook.ask("PATCH", f"/{one['id']}", {"is_pinned": one["is_pinned"]}).status == 200
    wanted = [one["id"] for one in sorted(made, key=lambda one: (one["is_pinned"], one["id"]), reverse=True)]
    for limit in (1, 4, 100):
        assert notebook.list(limit=limit) == wanted
    for skip in (0, 3, 16, 17, 500):
        answer = notebook.ask("GET", query={"skip": skip, "limit": 5}).json
        assert ([one["id"] for one in answer["items"]], answer["total"]) == (wanted[skip : skip + 5], 17)
    pages = [notebook.ask("GET", query={"page": page, "page_size": 6}).json for page in (1, 2, 3, 4)]
    assert [one["id"] for page in pages for one in page["items"]] == wanted
    assert [page["next_cursor"] is None for page in pages] == [False, False, True, True]
    assert notebook.count == 17


def test_the_notes_of_a_contact_are_searched_by_the_beginnings_of_words(notebook: Notebook) -> None:
    texts = {
        "price": "Fragte nach dem PREIS für Müller & Söhne",
        "c": "Writes C++ and .NET; see https://Example.com/Prices",
        "persian": "می\u200cخواهم",
        "long": "x " * 3_000 + "needle in the haystack",
        "pinned": "price list",
    }
    ids = {}
    for name, text in texts.items():
        ids[name] = notebook.write(text, is_pinned=name == "pinned")["id"]
    notebook.write("nothing of interest")
    for search, found in {
        "pri": ["pinned", "c"],
        "prei mueller": ["price"],
        "müll sohn": ["price"],
        "SOEHNE": ["price"],
        "c++": ["c"],
        ".net": ["c"],
        "example.com": ["c"],
        "ample": [],
        "می": ["persian"],
        "needle hay": ["long"],
        "eedle": [],
        "price absent": [],
        "\u200b": [],
        "&": ["price"],
    }.items():
        for limit in (1, 100):
            assert notebook.list(search=search, limit=limit) == [ids[name] for name in found], search
        answer = notebook.ask("GET", query={"search": search, "include_total": True}).json
        assert answer["total"] == len(found), search
    assert notebook.ask("GET", query={"search": "pri"}).json["total"] is None
    page = notebook.ask("GET", query={"search": "pri", "skip": 1, "limit": 5}).json
    assert [one["id"] for one in page["items"]] == [ids["c"]]


def test_a_search_that_is_not_through_within_its_budget_goes_on_by_its_cursor(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.reading_budget.MAX_ROWS", 4)
    made = [notebook.write("needle" if number in (0, 7) else "hay")["id"] for number in range(12)]
    answer = notebook.ask("GET", query={"search": "needle", "limit": 1, "include_total": True}).json
    assert (answer["total"], answer["total_at_least"] <= 1) == (None, True)
    assert notebook.list(search="needle", limit=1) == [made[7], made[0]]


def test_a_search_looks_at_its_time_before_each_note(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searching one long text can take a fiftieth of the time of a request."""
    made = [notebook.write("needle" if number in (0, 3) else "hay")["id"] for number in range(5)]
    monkeypatch.setattr("shared.services.reading_budget.MAX_SECONDS", 0.0)
    searched: list[str] = []

    def search(prefixes: Any, text: str) -> bool:
        searched.append(text)
        return found_in_text(prefixes, text)

    monkeypatch.setattr("shared.services.notes.lists.found_in_text", search)
    answer = notebook.ask("GET", query={"search": "needle", "limit": 100, "include_total": True}).json
    assert (answer["items"], searched) == ([], ["hay"])
    assert answer["next_cursor"] is not None
    searched.clear()
    assert notebook.list(search="needle", limit=100) == [made[3], made[0]]
    assert len(searched) == 5


def test_cursors_and_pages_that_do_not_belong_to_the_list_are_refused(notebook: Notebook) -> None:
    for _ in range(3):
        notebook.write()
    cursor = notebook.ask("GET", query={"limit": 1}).json["next_cursor"]
    other = Notebook(notebook.world, "grace@example.com")
    assert other.ask("GET", query={"cursor": cursor}).status == 400
    for query in (
        {"cursor": "x"},
        {"cursor": cursor, "search": "x"},
        {"skip": 10_000},
        {"search": ""},
        {"search": "x" * 301},
        {"sort": "x"},
        {"page": 1, "skip": 1},
    ):
        assert notebook.ask("GET", query=query).status in (400, 422), query


# Faults and races


def test_parallel_writers_of_one_notebook_lose_nothing(notebook: Notebook) -> None:
    """check 25, for notes: created, pinned, changed and deleted at once; all have read before the first one writes."""
    changed, pinned, deleted = (notebook.write() for _ in range(3))
    path = f"/contacts/{notebook.id}/notes"
    racing, token = notebook.world.racing, notebook.world.t1.admin

    def send(method: str, path: str, json: Any = None) -> Callable[[], Response]:
        return lambda: racing.request(method, path, json=json, token=token)

    answers = racing.together(
        [
            send("POST", path, {"body": "x"}),
            send("PATCH", f"{path}/{changed['id']}", {"body": "y"}),
            send("PATCH", f"{path}/{pinned['id']}", {"is_pinned": True}),
            send("PATCH", f"{path}/{pinned['id']}", {"body": "z"}),
            send("DELETE", f"{path}/{deleted['id']}"),
        ]
    )
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 204]
    assert racing.failures == []
    assert notebook.count == 3
    both = notebook.ask("GET", f"/{pinned['id']}").json
    assert (both["body"], both["is_pinned"], both["version"]) == ("z", True, 3)


def test_of_two_deletions_at_once_one_counts(notebook: Notebook) -> None:
    path = f"/contacts/{notebook.id}/notes/{notebook.write()['id']}"
    racing, token = notebook.world.racing, notebook.world.t1.admin
    answers = racing.together([lambda: racing.request("DELETE", path, token=token)] * 2)
    assert sorted(answer.status for answer in answers) == [204, 404]
    assert notebook.count == 0


@pytest.mark.parametrize("how", ["DELETE", "PATCH"])
def test_a_note_that_was_read_before_another_call_deleted_it_is_not_written_again(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """DynamoDB may read a note before another call's transaction and its contact after it."""
    made = notebook.write()
    notebook.write()
    find = NoteTable.find
    reads: list[str] = []

    def find_torn(self: NoteTable, contact_id: str, note_id: str, **how: bool) -> Any:
        contact, note = find(self, contact_id, note_id, **how)
        reads.append(contact_id)
        if len(reads) == 1:
            note_service(Caller("T1", "user", "admin-of-T1", "admin")).delete(contact_id, note_id, None)
            contact, _ = find(self, contact_id, note_id, **how)
        return contact, note

    monkeypatch.setattr(NoteTable, "find", find_torn)
    assert notebook.ask(how, f"/{made['id']}", {"body": "x"} if how == "PATCH" else None).status == 404
    assert len(reads) == 3
    assert notebook.count == 1


@pytest.mark.parametrize("was_pinned", [False, True])
def test_a_note_that_is_pinned_between_the_reads_of_its_two_places_is_found(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, was_pinned: bool
) -> None:
    """DynamoDB does not read the items of a BatchGetItem at one instant, so it may find the note in neither place."""
    made = notebook.write(is_pinned=was_pinned)
    read = Store.get_many
    reads: list[int] = []

    def read_torn(self: Store, keys: Sequence[Key], **how: Any) -> dict[Identity, Item]:
        found = read(self, keys, **how)
        if any(key[SK]["S"].startswith("NOTE#") for key in keys):
            reads.append(len(found))
            if len(reads) == 1:
                return {place: item for place, item in found.items() if not place[1].startswith("NOTE#")}
        return found

    monkeypatch.setattr(Store, "get_many", read_torn)
    assert notebook.read(made["id"])["id"] == made["id"]
    assert len(reads) == 2


def test_of_two_places_that_are_read_the_newer_note_counts(notebook: Notebook) -> None:
    made = notebook.write()
    assert notebook.ask("PATCH", f"/{made['id']}", {"is_pinned": True}).status == 200
    (item,) = notebook.world.content.of("T#T1#C#", "NOTE#")
    old = {**item, SK: {"S": f"NOTE#0#{made['id']}"}, "version": {"N": "1"}, "is_pinned": {"BOOL": False}}
    with acting_for("T1"):
        client = notebook.world.stack.client("dynamodb")
        client.put_item(TableName=notebook.world.stack.table_name, Item=old)
    answer = notebook.read(made["id"])
    assert (answer["version"], answer["is_pinned"]) == (2, True)


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with a contact with two notes and a warm process."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            notebook = Notebook(world)
            notebook.write()
            notebook.write(is_pinned=True)
            yield world

    return make


def newest(world: World) -> str:
    """The path of the note that was written last, though it may be deleted by now."""
    events = Notebook.of(world).events("note.created")
    return f"/{json.loads(events[1]['data']['S'])['note_id']}"


WRITES: dict[str, Callable[[World], Response]] = {
    "write": lambda world: Notebook.of(world).ask(
        "POST", json={"body": TEXT}, headers={"Idempotency-Key": "k"}
    ),
    "change": lambda world: Notebook.of(world).ask("PATCH", newest(world), {"body": "y"}),
    "unpin": lambda world: Notebook.of(world).ask("PATCH", newest(world), {"is_pinned": False}),
    "delete": lambda world: Notebook.of(world).ask("DELETE", newest(world)),
    "retry": lambda world: Notebook.of(world).ask(
        "POST", f"{newest(world)}/retry", headers={"Idempotency-Key": "k"}
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_call_and_sent_again_a_write_ends_as_without(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """check 13, for notes"""
    monkeypatch.setattr("shared.table.idempotency.LEASE_SECONDS", -1)
    assert assert_same_after_kills(prepared(worlds), WRITES[write], picture) >= 3


@pytest.mark.parametrize("write", WRITES)
def test_throttled_at_any_call_a_write_ends_as_without(worlds: Worlds, write: str) -> None:
    """check 10, for notes"""
    assert assert_same_under_throttling(prepared(worlds), WRITES[write], picture) >= 2


def test_a_purged_contact_leaves_no_note(notebook: Notebook) -> None:
    notebook.write()
    notebook.write(is_pinned=True)
    notebook.process()
    assert notebook.world.send("DELETE", f"/contacts/{notebook.id}").status == 204
    with acting_for("T1", prefixes=("DUE#",)):
        long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()
    left = {item["SK"]["S"].partition("#")[0] for item in notebook.world.content.of("T#T1#C#")}
    assert left <= {"EVENT", "GONE"}
    assert TEXT not in str(notebook.world.content.items)
