"""Imports that a caller creates: the upload form, the arrival of the file, and the start."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.ids import new_id
from shared.domain.imports.limits import DEFAULT_LIMITS
from shared.services.imports.runs import UnknownTenant
from shared.services.imports.uploads import UPLOAD_SECONDS
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.world import World
from tests.support.faults import Killed, call, injecting, kill_before, lost_answer, unreachable
from tests.tenants import Tenancy, program, suspend

PEOPLE = "email\nada@example.com\ngrace@example.com\n"


@pytest.fixture
def inbox(world: World) -> DropFolder:
    return DropFolder(world)


def ask(world: World, *, token: str | None = None, name: str = "people.csv") -> dict[str, Any]:
    answer = world.send("POST", "/imports", {"file_name": name}, token=token)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def policy_of(asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(asked["upload"]["fields"]["policy"]))
    return found


def upload(inbox: DropFolder, asked: dict[str, Any], body: str = PEOPLE) -> dict[str, Any]:
    """Put the file where the form puts it. Returns the event that S3 would send."""
    return inbox.put(body, key=asked["upload"]["fields"]["key"])


def start(world: World, asked: dict[str, Any], **how: Any) -> Any:
    return world.send("POST", f"/imports/{asked['id']}/start", **how)


def read(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world.send("GET", f"/imports/{asked['id']}").json
    return found


# The form


@pytest.mark.parametrize(
    "name", ["people.csv", "../T10/inbox/x.csv", "tenants/T10/inbox/x.csv", "ü +%2F\x07", "/"]
)
def test_check_60_a_form_accepts_one_object_of_the_callers_tenant_for_a_short_time(
    world: World, name: str
) -> None:
    """One key under the tenant's own prefix, with nothing that the caller chose; a range of sizes; 15 minutes."""
    asked = ask(world, name=name)
    form, policy = asked["upload"], policy_of(asked)
    conditions = policy["conditions"]
    key = f"uploads/T1/{asked['id']}"
    assert form["fields"]["key"] == key
    assert [one for one in conditions if isinstance(one, dict) and "key" in one] == [{"key": key}]
    assert {"bucket": world.stack.environment["DROP_BUCKET"]} in conditions
    assert ["content-length-range", 1, DEFAULT_LIMITS.file_bytes] in conditions
    assert not [one for one in conditions if isinstance(one, list) and one[0] == "starts-with"]
    ends = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")).timestamp()
    left = ends - timestamps.to_milliseconds(asked["created_at"]) / 1000
    assert 0 < left <= UPLOAD_SECONDS + 1 <= 901
    assert asked["state"] == "awaiting_upload" and asked["file_name"] == name


def test_two_imports_have_two_keys(world: World, t10: Tenancy) -> None:
    keys = [ask(world, token=token)["upload"]["fields"]["key"] for token in (world.t1.admin, t10.admin) * 2]
    assert len(set(keys)) == 4
    assert [key.split("/")[1] for key in keys] == ["T1", "T10"] * 2


@pytest.mark.parametrize(
    "body",
    [{}, {"file_name": ""}, {"file_name": "x" * 256}, {"file_name": 1}, {"file_name": "x", "key": "y"}],
)
def test_invalid_requests_for_an_import_are_refused(world: World, body: dict[str, Any]) -> None:
    assert world.send("POST", "/imports", body).status == 422
    assert world.send("GET", "/imports").json["items"] == []


def test_a_caller_without_the_permission_gets_no_form(world: World) -> None:
    for token in (world.t1.user, world.t1.powerless):
        assert world.send("POST", "/imports", {"file_name": "x.csv"}, token=token).status == 403


def test_a_caller_who_may_not_read_and_write_all_contacts_starts_no_import(
    inbox: DropFolder, world: World
) -> None:
    """Rows would create, and results would name, contacts that such a caller may not write or see."""
    hidden = world.create("hidden@example.com")
    asked = ask(world)
    upload(inbox, asked, "email\nhidden@example.com\nnew@example.com\n")
    for granted in (
        "imports:run:all",
        "imports:run:all,contacts:read:own,contacts:write:all",
        "imports:run:all,contacts:read:all,contacts:write:own",
    ):
        token = program("T1", granted)
        answers = [
            world.send("POST", "/imports", {"file_name": "x.csv"}, token=token),
            start(world, asked, token=token),
        ]
        if "contacts:read:all" not in granted:
            answers += [
                world.send("GET", f"/imports{path}", token=token)
                for path in ("", f"/{asked['id']}", f"/{asked['id']}/results")
            ]
        assert [answer.status for answer in answers] == [403] * len(answers), granted
        assert hidden["id"] not in "".join(answer.text for answer in answers)
    assert read(world, asked)["state"] in ("awaiting_upload", "uploaded")
    assert len(world.send("GET", "/imports").json["items"]) == 1


# The file


def test_from_the_upload_to_the_contacts(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    inbox.deliver(upload(inbox, asked))
    assert read(world, asked)["state"] == "uploaded"
    assert inbox.waiting() == [], "nothing runs before it is started"
    answer = start(world, asked)
    assert (answer.status, answer.json["state"], answer.json["source"]) == (202, "running", "upload")
    inbox.work()
    done = read(world, asked)
    assert (done["state"], done["counts"]["created"]) == ("completed", 2)
    assert done["created_at"] == asked["created_at"]
    assert [row["outcome"] for row in inbox.results(done)] == ["created", "created"]


def test_an_import_can_be_started_before_the_event_of_its_file(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    event = upload(inbox, asked)
    assert start(world, asked).status == 202
    inbox.deliver(event)
    assert read(world, asked)["state"] == "running"
    inbox.work()
    assert read(world, asked)["counts"]["created"] == 2


def test_without_its_file_an_import_is_not_started(world: World) -> None:
    asked = ask(world)
    answer = start(world, asked)
    assert (answer.status, answer.json["code"]) == (409, "not_uploaded")
    assert read(world, asked)["state"] == "awaiting_upload"


def test_an_import_is_started_once(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    upload(inbox, asked)
    answers = world.racing.together([lambda: start_through(world, asked) for _ in range(4)])
    assert sorted(answer.status for answer in answers) == [202, 409, 409, 409]
    assert {answer.json["code"] for answer in answers if answer.status == 409} == {"import_started"}
    inbox.work()
    assert read(world, asked)["counts"]["created"] == 2
    assert start(world, asked).json["code"] == "import_started"


def start_through(world: World, asked: dict[str, Any]) -> Any:
    return world.racing.request("POST", f"/imports/{asked['id']}/start", token=world.t1.admin)


def test_events_that_are_repeated_late_or_of_a_replaced_object_change_nothing(
    world: World, inbox: DropFolder
) -> None:
    asked = ask(world)
    first = upload(inbox, asked, "email\nfirst@example.com\n")
    second = upload(inbox, asked)
    for event in (second, first, second, first):
        inbox.deliver(event)
    assert read(world, asked)["state"] == "uploaded"
    start(world, asked)
    inbox.deliver(second)
    inbox.work()
    inbox.deliver(second)
    assert inbox.waiting() == []
    assert read(world, asked)["counts"]["created"] == 2


def test_a_file_replaced_after_the_start_fails_cleanly(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    upload(inbox, asked)
    start(world, asked)
    inbox.deliver(upload(inbox, asked, "email\nother@example.com\n"))
    inbox.work()
    ended = read(world, asked)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "replaced")


def test_an_object_uploaded_for_no_import_is_ignored(world: World, inbox: DropFolder, t10: Tenancy) -> None:
    asked = ask(world)
    for key in (
        f"uploads/T1/{new_id()}",
        f"uploads/T10/{asked['id']}",
        f"uploads/T1/{asked['id']}/x",
        f"uploads/T1/{asked['id'].upper()}",
    ):
        inbox.deliver(inbox.put(PEOPLE, key=key))
    assert read(world, asked)["state"] == "awaiting_upload"
    with pytest.raises(UnknownTenant):
        inbox.deliver(inbox.put(PEOPLE, key=f"uploads/nobody/{asked['id']}"))


def test_the_upload_of_a_suspended_tenant_stays_where_it_is(world: World, inbox: DropFolder) -> None:
    """check 59, for uploads"""
    asked = ask(world)
    event = upload(inbox, asked)
    suspend("T1")
    with pytest.raises(UnknownTenant):
        inbox.deliver(event)


# Kills and lost answers


def test_a_start_killed_between_its_write_and_its_message_is_queued_by_the_watch(
    world: World, inbox: DropFolder
) -> None:
    """check 13: nothing is sent for an unwritten start, and a written start is found."""
    asked = ask(world)
    upload(inbox, asked)
    sent = call("sqs", "SendMessage", "SendMessageBatch")
    with injecting(kill_before(sent, at=1)), pytest.raises(Killed):
        start(world, asked)
    assert inbox.waiting() == []
    assert read(world, asked)["state"] == "running"
    finish_by_the_watch(world, inbox, asked)


def test_nothing_is_sent_for_a_start_killed_before_its_write(world: World, inbox: DropFolder) -> None:
    """check 13"""
    asked = ask(world)
    upload(inbox, asked)
    written = call("dynamodb", "PutItem", "UpdateItem", "TransactWriteItems")
    with injecting(kill_before(written, at=1)), pytest.raises(Killed):
        start(world, asked)
    assert inbox.waiting() == []
    assert read(world, asked)["state"] == "awaiting_upload"
    assert start(world, asked).status == 202


def test_a_start_whose_message_cannot_be_sent_is_queued_by_the_watch(world: World, inbox: DropFolder) -> None:
    """The response agrees with the record: the import runs."""
    asked = ask(world)
    upload(inbox, asked)
    with injecting(unreachable(call("sqs", "SendMessage", "SendMessageBatch"))):
        answer = start(world, asked)
    assert (answer.status, answer.json["state"]) == (202, "running")
    assert inbox.waiting() == []
    finish_by_the_watch(world, inbox, asked)


def finish_by_the_watch(world: World, inbox: DropFolder, asked: dict[str, Any]) -> None:
    assert inbox.watch(timestamps.plus(timestamps.now(), 400)).driven_on == 1
    inbox.work()
    done = read(world, asked)
    assert (done["state"], done["counts"]["created"]) == ("completed", 2)


def test_the_error_of_a_stalled_upload_says_what_to_do_with_the_file(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    upload(inbox, asked)
    start(world, asked)
    inbox.waiting()  # its message is lost
    for minute in range(0, 2000, 20):
        inbox.watch(timestamps.plus(timestamps.now(), 60 * minute))
        inbox.waiting()
    ended = read(world, asked)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "stalled")
    assert "upload the file again" in ended["error"]["message"] and "inbox" not in ended["error"]["message"]


@pytest.mark.parametrize("operation", ["TransactWriteItems", "SendMessageBatch"])
def test_a_lost_response_is_no_second_start(world: World, inbox: DropFolder, operation: str) -> None:
    """check 11"""
    asked = ask(world)
    upload(inbox, asked)
    service = "dynamodb" if operation.startswith("Transact") else "sqs"
    with injecting(lost_answer(call(service, operation))) as injected:
        assert start(world, asked).status == 202
    assert injected
    inbox.work()
    assert read(world, asked)["counts"]["created"] == 2


def test_an_import_that_is_never_started_expires(world: World, inbox: DropFolder) -> None:
    asked = ask(world)
    (row,) = world.content.of("T#T1#IMPORTS")
    lapses = int(row["expires_at"]["N"]) * 1000
    assert lapses - timestamps.to_milliseconds(asked["created_at"]) == pytest.approx(7 * 86_400_000, abs=1000)
    upload(inbox, asked)
    start(world, asked)
    (row,) = world.content.of("T#T1#IMPORTS")
    assert "expires_at" not in row


def test_a_dropped_file_that_was_replaced_is_not_started_again(world: World, inbox: DropFolder) -> None:
    """check 79: what was put in its place is an import of its own, and its rows are not those of the first one."""
    first = inbox.run("Email,First Name\nada@example.com,Ada\n")
    assert world.send("POST", f"/imports/{first['id']}/undo").status == 202
    inbox.work()
    assert inbox.run("Email,First Name\nother@example.com,Other\n")["id"] != first["id"]
    for step in ("start", "preview"):
        answer = world.send("POST", f"/imports/{first['id']}/{step}")
        assert (answer.status, answer.json["code"]) == (409, "replaced")
    inbox.s3.delete_object(Bucket=inbox.bucket, Key="tenants/T1/inbox/people.csv")
    answer = world.send("POST", f"/imports/{first['id']}/start")
    assert (answer.status, answer.json["code"]) == (409, "replaced"), "a file that was removed too"
    inbox.put("Email,First Name\nada@example.com,Ada\n")
    assert world.send("POST", f"/imports/{first['id']}/start").status == 202
    inbox.work()
    shown = world.send("GET", f"/imports/{first['id']}").json
    assert (shown["state"], shown["counts"]["created"]) == ("completed", 1)
