"""The processing of notes: by the topic and the queue, in any order of messages, and whatever fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.domain.notes.inputs import NotePatch
from shared.domain.notes.tidying import tidy
from shared.projections.leftover_rows import LeftoverRows
from shared.services.contacts.purge import Purge
from shared.services.notes import processing
from shared.services.notes.processing import MAX_ATTEMPTS
from shared.table.notes.repository import NoteTable
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from shared.wiring.notes import note_processing, note_service
from tests.integration.notes.notebook import TEXT, TIDIED, Notebook, picture
from tests.integration.world import World
from tests.support.faults import (
    Killed,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    injecting,
    kill_before,
    lost_answer,
    transaction_conflict,
    unreachable,
)
from tests.support.queues import Message, receive
from tests.support.roles import under_role
from tests.support.tenant_guard import acting_for
from tests.tenants import suspend

Worlds = Callable[[], AbstractContextManager[World]]
ADMIN = Caller("T1", "user", "admin-of-T1", "admin")
FOUND = [
    {"kind": "phone", "start": 5, "end": 19, "value": "+12025550143"},
    {"kind": "email", "start": 26, "end": 46, "value": "ada@home.example.com"},
    {"kind": "tag", "start": 48, "end": 54, "value": "offer"},
]
WRITE = call("dynamodb", "TransactWriteItems")


@pytest.fixture
def notebook(world: World) -> Notebook:
    return Notebook(world)


def messages(notebook: Notebook) -> list[Message]:
    """Publish all events, and receive what has come to the queue of notes."""
    notebook.world.catch_up()
    return receive(notebook.world.stack.queue_url("NoteEventsQueue"))


def deliver(notebook: Notebook, message: Message, receives: int = 1) -> bool:
    """Pass a message to the function as received for this time; return whether it succeeded."""
    attributes = {**message["Attributes"], "ApproximateReceiveCount": str(receives)}
    return notebook.world.notes.deliver([{**message, "Attributes": attributes}]) == 1


def dead_letters(notebook: Notebook) -> int:
    return notebook.world.stack.messages_in("NoteEventsDeadLetters")


def test_a_written_note_is_tidied_and_searched_though_its_tenant_has_no_webhook(notebook: Notebook) -> None:
    made = notebook.write()
    assert notebook.process() == 1
    note = notebook.read(made["id"])
    assert (note["body"], note["original"], note["found"]) == (TIDIED, TEXT, FOUND)
    assert (note["processing_state"], note["failure_reason"]) == ("processed", None)
    assert note["created_at"] <= note["processed_at"] <= timestamps.now()
    assert (note["version"], note["updated_at"], note["updated_by"]) == (
        1,
        made["updated_at"],
        made["updated_by"],
    )
    (event,) = notebook.events("note.processed")
    assert json.loads(event["data"]["S"]) == {
        "note_id": made["id"],
        "found": {"email": 1, "phone": 1, "tag": 1},
    }
    assert (event["actor"]["S"], event["version"]["N"]) == ("system:notes", "3")
    told = [one for one in notebook.world.published() if one["type"] == "note.created"]
    assert [(one["note_id"], one["attributes"]["has_webhooks"]) for one in told] == [(made["id"], "false")]
    assert notebook.count == 1


def test_the_topic_s_messages_and_the_logs_have_no_text(
    notebook: Notebook, caplog: pytest.LogCaptureFixture
) -> None:
    made = notebook.write("A secret of ada@secret.example.com")
    assert notebook.ask("PUT", f"/{made['id']}", {"body": "Another secret"}).status == 200
    assert notebook.process() == 2
    assert "secret" not in json.dumps(notebook.world.published())
    log = str([vars(record) for record in caplog.records])
    assert "note handled" in log
    assert "secret" not in log


def test_numbers_are_those_of_the_tenant_s_country(notebook: Notebook) -> None:
    notebook.world.send("PATCH", "/settings", {"default_country": "GB"})
    made = notebook.write("020 7946 0958")
    notebook.process()
    assert [one["value"] for one in notebook.read(made["id"])["found"]] == ["+442079460958"]


def test_an_edited_note_is_processed_again(notebook: Notebook) -> None:
    made = notebook.write()
    notebook.process()
    edited = notebook.ask("PATCH", f"/{made['id']}", {"text": "#b"}, headers={"If-Match": '"1"'})
    assert (edited.status, edited.json["processing_state"], edited.json["found"]) == (200, "pending", [])
    assert notebook.process() == 1
    note = notebook.read(made["id"])
    assert [one["value"] for one in note["found"]] == ["b"]
    assert (note["version"], note["original"]) == (2, None)


def test_pinning_asks_for_no_processing(notebook: Notebook) -> None:
    made = notebook.write()
    notebook.process()
    pinned = notebook.ask("PATCH", f"/{made['id']}", {"is_pinned": True}).json
    assert (pinned["found"], pinned["processing_state"]) == (FOUND, "processed")
    assert notebook.process() == 1
    assert len(notebook.events("note.processed")) == 1
    assert notebook.read(made["id"]) == pinned


def test_a_message_that_comes_twice_changes_nothing_more(notebook: Notebook) -> None:
    notebook.write()
    (message,) = messages(notebook)
    assert deliver(notebook, message)
    before = picture(notebook.world)
    assert deliver(notebook, message)
    assert picture(notebook.world) == before


EDITS: dict[str, Callable[[str, str], object]] = {
    "edited": lambda contact, note: note_service(ADMIN).patch(contact, note, NotePatch(body="#b"), None),
    "pinned": lambda contact, note: note_service(ADMIN).patch(contact, note, NotePatch(is_pinned=True), None),
    "deleted": lambda contact, note: note_service(ADMIN).delete(contact, note, None),
    "retried": lambda contact, note: note_service(ADMIN).retry(contact, note),
    "processed": lambda contact, note: note_processing().process(
        "T1", contact, note, requested_by="", attempt=1
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_result_is_never_that_of_an_older_text(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    """The note changes after the function has read it and before it writes; the message of the change comes later."""
    made = notebook.write()
    (message,) = messages(notebook)
    replace, overtaken = NoteTable.replace, list[str]()

    def replace_late(self: NoteTable, *given: Any) -> None:
        if not overtaken:
            overtaken.append(edit)
            with under_role(None):
                EDITS[edit](notebook.id, made["id"])
        replace(self, *given)

    monkeypatch.setattr(NoteTable, "replace", replace_late)
    assert deliver(notebook, message)
    assert overtaken
    notebook.process()
    assert len(notebook.events("note.processed")) == (0 if edit == "deleted" else 1)
    if edit == "deleted":
        assert notebook.count == 0
        return
    note = notebook.read(made["id"])
    assert [one["value"] for one in note["found"]][-1] == ("b" if edit == "edited" else "offer")
    assert (note["processing_state"], note["is_pinned"]) == ("processed", edit == "pinned")
    assert notebook.count == 1


def test_an_older_message_that_comes_after_the_newer_one_changes_nothing(notebook: Notebook) -> None:
    made = notebook.write()
    (older,) = messages(notebook)
    assert notebook.ask("PUT", f"/{made['id']}", {"body": "#b"}).status == 200
    (newer,) = messages(notebook)
    assert deliver(notebook, newer)
    before = picture(notebook.world)
    for receives in (1, MAX_ATTEMPTS + 1):
        assert deliver(notebook, older, receives)
    assert picture(notebook.world) == before


def test_an_older_message_that_gives_up_leaves_the_newer_text_to_its_own_message(notebook: Notebook) -> None:
    made = notebook.write()
    (older,) = messages(notebook)
    assert notebook.ask("PUT", f"/{made['id']}", {"body": "#b"}).status == 200
    assert deliver(notebook, older, MAX_ATTEMPTS + 1)
    assert notebook.read(made["id"])["processing_state"] == "pending"
    notebook.process()
    assert notebook.read(made["id"])["processing_state"] == "processed"


def test_a_note_of_a_deleted_contact_is_processed_and_one_of_a_purged_contact_dropped(
    notebook: Notebook,
) -> None:
    made = notebook.write()
    first = messages(notebook)
    assert notebook.world.send("DELETE", f"/contacts/{notebook.id}").status == 204
    assert deliver(notebook, first[0])
    assert notebook.world.send("POST", f"/contacts/{notebook.id}/restore").status == 200
    assert notebook.read(made["id"])["processing_state"] == "processed"
    notebook.write()
    (later,) = messages(notebook)
    assert notebook.world.send("DELETE", f"/contacts/{notebook.id}").status == 204
    with acting_for("T1", prefixes=("DUE#",)):
        long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()
    before = notebook.world.content.picture()
    for receives in (1, MAX_ATTEMPTS + 1):
        assert deliver(notebook, later, receives)
    assert notebook.world.content.picture() == before


def test_a_deleted_note_is_dropped(notebook: Notebook) -> None:
    made = notebook.write()
    (message,) = messages(notebook)
    assert notebook.ask("DELETE", f"/{made['id']}").status == 204
    before = notebook.world.content.picture()
    assert deliver(notebook, message)
    assert deliver(notebook, message, MAX_ATTEMPTS + 1)
    assert notebook.world.content.picture() == before
    assert dead_letters(notebook) == 0


# Failures


def test_what_keeps_failing_ends_as_failed_and_in_the_dead_letters_and_a_retry_processes_it(
    notebook: Notebook,
) -> None:
    """The worker is killed at its write each time; the sixth receive marks the note and fails the message."""
    made = notebook.write()
    notebook.world.catch_up()
    with injecting(*(kill_before(WRITE, at=1) for _ in range(MAX_ATTEMPTS))):
        assert notebook.world.notes.pump() == 0
    assert [type(error) for error in notebook.world.notes.errors] == [Killed] * MAX_ATTEMPTS
    note = notebook.read(made["id"])
    assert (note["processing_state"], note["failure_reason"]) == ("failed", "exhausted")
    assert (note["body"], note["version"], note["processed_at"]) == (TEXT, 1, None)
    (event,) = notebook.events("note.processing_failed")
    assert json.loads(event["data"]["S"]) == {"note_id": made["id"], "reason": "exhausted"}
    assert dead_letters(notebook) == 1
    answer = notebook.ask("POST", f"/{made['id']}/retry")
    assert (answer.status, answer.json["processing_state"]) == (200, "pending")
    assert (answer.json["failure_reason"], answer.headers["ETag"]) == (None, '"2"')
    assert notebook.process() == 1
    assert notebook.read(made["id"])["found"] == FOUND
    refused = notebook.ask("POST", f"/{made['id']}/retry")
    assert (refused.status, refused.json["code"]) == (409, "already_processed")
    assert notebook.count == 1


def test_a_text_that_kills_the_worker_fails_no_other_note(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly, *others = (notebook.write(body) for body in ("deadly", "#a", "#b", "#c"))

    def tidy_or_die(text: str) -> str:
        if text == "deadly":
            raise Killed
        return tidy(text)

    monkeypatch.setattr(processing, "tidy", tidy_or_die)
    assert notebook.process() == len(others)
    assert notebook.read(deadly["id"])["failure_reason"] == "exhausted"
    assert [notebook.read(one["id"])["processing_state"] for one in others] == ["processed"] * len(others)
    assert dead_letters(notebook) == 1


def test_a_note_that_was_given_up_is_soon_in_the_dead_letters(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []
    monkeypatch.setattr(
        "shared.files.queues.received.ReceivedMessages.show_again",
        lambda _self, _receipt, *, after: not shown.append(after),
    )
    notebook.write()
    (message,) = messages(notebook)
    for receives in (MAX_ATTEMPTS + 1, MAX_ATTEMPTS + 2):
        assert not deliver(notebook, message, receives)
    assert not deliver(notebook, {**message, "Body": "{}"})
    assert len(shown) == 3
    assert max(shown) <= 10


def test_a_table_that_cannot_be_written_either_leaves_the_note_pending_and_the_message_for_a_redrive(
    notebook: Notebook,
) -> None:
    made = notebook.write()
    notebook.world.catch_up()
    with injecting(unreachable(WRITE)):
        assert notebook.world.notes.pump() == 0
    assert dead_letters(notebook) == 1
    assert notebook.read(made["id"])["processing_state"] == "pending"
    (dead,) = receive(notebook.world.stack.queue_url("NoteEventsDeadLetters"))
    queue = notebook.world.stack.queue_url("NoteEventsQueue")
    notebook.world.stack.client("sqs").send_message(QueueUrl=queue, MessageBody=dead["Body"])
    assert notebook.world.notes.pump() == 1
    assert notebook.read(made["id"])["processing_state"] == "processed"


def test_a_redriven_message_processes_a_failed_note(notebook: Notebook) -> None:
    made = notebook.write()
    (message,) = messages(notebook)
    assert not deliver(notebook, message, MAX_ATTEMPTS + 1)
    assert notebook.read(made["id"])["processing_state"] == "failed"
    before = picture(notebook.world)
    assert not deliver(notebook, message, MAX_ATTEMPTS + 2)  # so that it reaches the dead letters
    assert picture(notebook.world) == before
    assert deliver(notebook, message, 1)
    assert notebook.read(made["id"])["processing_state"] == "processed"


def test_a_suspended_tenant_s_notes_wait(notebook: Notebook) -> None:
    """check 59, for notes: no receive processes or marks them, and a redrive afterwards processes them."""
    made = notebook.write()
    (message,) = messages(notebook)
    suspend("T1")
    before = picture(notebook.world)
    for receives in range(1, MAX_ATTEMPTS + 4):
        assert not deliver(notebook, message, receives)
    assert picture(notebook.world) == before
    suspend("T1", is_suspended=False)
    assert notebook.read(made["id"])["processing_state"] == "pending"
    assert deliver(notebook, message)
    assert notebook.read(made["id"])["found"] == FOUND


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"id": "x"}'])
def test_a_message_that_is_none_ends_in_the_dead_letters(notebook: Notebook, body: str) -> None:
    url = notebook.world.stack.queue_url("NoteEventsQueue")
    notebook.world.stack.client("sqs").send_message(QueueUrl=url, MessageBody=body or "x")
    assert notebook.world.notes.pump() == 0
    assert dead_letters(notebook) == 1


def test_an_event_without_a_note_s_id_is_no_note_s(notebook: Notebook) -> None:
    notebook.write()
    (message,) = messages(notebook)
    body = {name: value for name, value in json.loads(message["Body"]).items() if name != "note_id"}
    assert not deliver(notebook, {**message, "Body": json.dumps(body)})


def test_other_events_do_not_come_to_the_queue(notebook: Notebook) -> None:
    made = notebook.write()
    assert len(messages(notebook)) == 1
    call = {"type": "note", "description": "x"}
    assert notebook.world.send("POST", f"/contacts/{notebook.id}/interactions", call).status == 201
    assert notebook.ask("DELETE", f"/{made['id']}").status == 204
    assert messages(notebook) == []


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with a contact and a pending note, whose message is in the queue."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            Notebook(world).write()
            world.catch_up()
            yield world

    return make


def pump(world: World) -> None:
    """Let the function work on its queue; a kill goes through, as it does for a worker that is not driven."""
    known = len(world.notes.errors)
    world.notes.pump()
    if killed := [one for one in world.notes.errors[known:] if isinstance(one, Killed)]:
        raise killed[0]


def test_killed_at_any_call_and_received_again_a_note_is_processed_once(worlds: Worlds) -> None:
    """check 13, for the processing of notes"""
    matching = call("dynamodb")
    assert assert_same_after_kills(prepared(worlds), pump, picture, matching=matching) >= 3


def test_throttled_at_any_call_a_note_is_processed_once(worlds: Worlds) -> None:
    """check 10, for the processing of notes"""
    matching = call("dynamodb")
    assert assert_same_under_throttling(prepared(worlds), pump, picture, matching=matching) >= 2


@pytest.mark.parametrize("fault", [lambda: lost_answer(WRITE), transaction_conflict])
def test_a_lost_answer_or_a_conflict_leaves_one_result(notebook: Notebook, fault: Callable[[], Any]) -> None:
    notebook.write()
    notebook.world.catch_up()
    with injecting(fault()):
        assert notebook.world.notes.pump() == 1
    assert len(notebook.events("note.processed")) == 1
    assert notebook.count == 1
