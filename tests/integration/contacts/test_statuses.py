"""Statuses and lifecycle stages through every door: the route, creation, bulk calls, jobs and imports."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.projections.leftover_rows import LeftoverRows
from shared.publishing.contracts import to_body
from shared.services import performers
from shared.services.contacts.purge import Purge
from shared.table.event_items import event_from_item
from shared.wiring.base import store
from shared.wiring.contacts import purge_table
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import Jobs
from tests.integration.world import World
from tests.support.faults import any_call, assert_same_after_kills, assert_same_under_throttling
from tests.support.gateway import Response
from tests.support.tenant_guard import acting_for
from tests.tenants import program
from tests.unit.contacts.test_status import COLUMNS, FOLLOWING, GIVEN, PAIRS, STAGES_BY_HAND, TABLE

Worlds = Callable[[], AbstractContextManager[World]]
Entry = dict[str, Any]


def move(world: World, contact_id: str, status: str | None = None, **given: Any) -> Response:
    """Set a status, with the further members of the body in `given`; `how` goes to the request."""
    how = given.pop("how", {})
    body = given | ({"relationship_status": status} if status else {})
    return world.send("PUT", f"/contacts/{contact_id}/status", body, **how)


def history(world: World, contact_id: str, **how: Any) -> list[Entry]:
    """The history of a contact, newest first, walked page by page."""
    found: list[Entry] = []
    query = dict(how)
    while True:
        answer = world.send("GET", f"/contacts/{contact_id}/status-history", query=query)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        query["cursor"] = answer.json["next_cursor"]


def pair(entry: Entry, which: str) -> tuple[str | None, str | None]:
    return entry[f"{which}_status"], entry[f"{which}_lifecycle_stage"]


def state(world: World, contact_id: str) -> tuple[str, str]:
    contact = world.send("GET", f"/contacts/{contact_id}").json
    return contact["relationship_status"], contact["lifecycle_stage"]


def standing(world: World, *statuses: str, stage: str = "decision") -> list[str]:
    """Contacts that were created with each of some statuses."""
    return [world.create(relationship_status=status, lifecycle_stage=stage)["id"] for status in statuses]


# The route


def test_a_status_moves_and_the_answer_says_from_what_to_what(world: World) -> None:
    contact = world.create()
    answer = move(world, contact["id"], "qualified_lead", reason="asked for an offer", notes="by phone")
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    moved = answer.json
    assert list(moved) == [
        "contact_id",
        "old_status",
        "new_status",
        "old_lifecycle_stage",
        "new_lifecycle_stage",
        "changed_by",
        "timestamp",
        "reason",
    ]
    assert moved["contact_id"] == contact["id"] and moved["changed_by"] == "admin@t1.example.com"
    assert (moved["old_status"], moved["new_status"]) == ("prospect", "qualified_lead")
    assert (moved["old_lifecycle_stage"], moved["new_lifecycle_stage"]) == ("awareness", "interest")
    assert moved["reason"] == "asked for an offer"
    after = world.send("GET", f"/contacts/{contact['id']}").json
    assert after["updated_at"] == moved["timestamp"] and after["version"] == 2
    assert state(world, contact["id"]) == ("qualified_lead", "interest")
    (entry,) = history(world, contact["id"])
    (event,) = [one for one in world.content.events if one["type"]["S"] == "contact.status_changed"]
    assert entry == {
        "id": event["SK"]["S"].removeprefix("EVENT#"),
        **{name: moved[name] for name in moved if name != "contact_id"},
        "changed_by_id": "admin-of-T1",
        "notes": "by phone",
        "source": "api",
        "import_id": None,
        "job_id": None,
    }
    assert json.loads(event["changes"]["S"]) == {
        "relationship_status": ["prospect", "qualified_lead"],
        "lifecycle_stage": ["awareness", "interest"],
    }
    told = json.loads(event["data"]["S"])
    assert told == {name: entry[name] for name in told} and len(told) == 7
    sent = json.loads(to_body(event_from_item(event)))["data"]  # to webhooks
    assert {name: sent[name] for name in told} == told and sent["object"] == "contact"
    world.content.assert_whole()


@pytest.mark.parametrize("reason", ["", "came back"], ids=["without a reason", "with a reason"])
@pytest.mark.parametrize("stage", [None, "interest"], ids=["without a stage", "with a stage"])
def test_all_49_pairs_are_answered_as_the_table_says(world: World, stage: str | None, reason: str) -> None:
    given = {"reason": reason} if reason else {}
    given |= {"lifecycle_stage": stage} if stage else {}
    for old, new in PAIRS:
        (contact,) = standing(world, old)
        rule = TABLE[old][COLUMNS.index(new)]
        answer = move(world, contact, new, **given)
        assert_judged(answer.status, answer.json, old, new, stage, reason)
        is_moved = rule == "yes" or (rule == "why" and bool(reason)) or (rule == "-" and stage is not None)
        wanted = (new, stage or (FOLLOWING[new] if rule != "-" else None) or "decision")
        assert state(world, contact) == (wanted if is_moved else (old, "decision"))
        assert len(history(world, contact)) == 1 + is_moved
    world.content.assert_whole()


def assert_judged(
    status: int, answer: dict[str, Any], old: str, new: str, stage: str | None, reason: str
) -> None:
    """Assert that a call, or an entry of a bulk call, was answered as the table says."""
    rule = TABLE[old][COLUMNS.index(new)]
    if rule == "no":
        assert (status, answer["code"]) == (400, "invalid_status_transition")
        assert answer["detail"] == f"Invalid status transition: cannot move from {old} to {new}"
    elif rule == "why" and not reason:
        assert (status, answer["code"]) == (400, "reason_required")
        assert answer["detail"] == f"A reason is needed to move from {old} to {new}."
        assert [one["field"] for one in answer["errors"]] == ["reason"]
    else:
        assert status == 200, (old, new, answer)


def test_the_same_status_again_is_no_move(world: World) -> None:
    (contact,) = standing(world, "opportunity")
    before = world.content.picture()
    for given in (
        {"relationship_status": "opportunity"},
        {"relationship_status": "opportunity", "reason": "r", "notes": "n"},
        {"relationship_status": "opportunity", "lifecycle_stage": "decision"},
        {"lifecycle_stage": "decision"},
    ):
        answer = world.send("PUT", f"/contacts/{contact}/status", given)
        assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
        assert answer.json["old_status"] == answer.json["new_status"] == "opportunity"
        assert answer.json["old_lifecycle_stage"] == answer.json["new_lifecycle_stage"] == "decision"
        assert answer.json["changed_by"] and answer.json["timestamp"] and answer.json["reason"] is None
    assert world.content.picture() == before


def test_the_history_is_paged_newest_first(world: World) -> None:
    contact = world.create()["id"]
    steps = ["qualified_lead", "opportunity", "active_client", "past_client", "lost_lead", "prospect"]
    for step in steps:
        assert move(world, contact, step, reason="r").status == 200
    whole = history(world, contact)
    assert [entry["new_status"] for entry in whole] == steps[::-1]
    assert [entry["timestamp"] for entry in whole] == sorted(
        (entry["timestamp"] for entry in whole), reverse=True
    )
    for limit in (1, 2, 5):
        assert history(world, contact, limit=limit) == whole
    for newer, older in itertools.pairwise(whole):
        assert pair(newer, "old") == pair(older, "new")
    other = world.create()["id"]
    cursor = world.send("GET", f"/contacts/{contact}/status-history", query={"limit": 1}).json["next_cursor"]
    answer = world.send("GET", f"/contacts/{other}/status-history", query={"cursor": cursor})
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_a_stale_version_is_refused_and_nothing_changes(world: World) -> None:
    contact = world.create()["id"]
    assert world.send("PATCH", f"/contacts/{contact}", {"company": "Engines"}).status == 200
    before = world.content.picture()
    stale, present = ({"headers": {"If-Match": f'"{version}"'}} for version in (1, 2))
    for given in ({"status": "qualified_lead"}, {"status": "prospect"}, {"lifecycle_stage": "decision"}):
        answer = move(world, contact, how=stale, **given)
        assert (answer.status, answer.json["code"]) == (412, "version_mismatch")
    assert world.content.picture() == before
    assert move(world, contact, "qualified_lead", how=present).headers["ETag"] == '"3"'


def test_what_is_refused_says_why(world: World) -> None:
    contact = world.create()["id"]
    before = world.content.picture()
    for given, field in (
        ({}, "relationship_status"),
        ({"reason": "r"}, "relationship_status"),
        ({"relationship_status": None, "lifecycle_stage": None}, "relationship_status"),
        ({"relationship_status": "client"}, "relationship_status"),
        ({"lifecycle_stage": "loyal"}, "lifecycle_stage"),
        ({"relationship_status": "inactive", "reason": "x" * 501}, "reason"),
        ({"relationship_status": "inactive", "notes": "x" * 10_001}, "notes"),
        ({"relationship_status": "inactive", "changed_by": "x"}, "changed_by"),
    ):
        answer = world.send("PUT", f"/contacts/{contact}/status", given)
        assert answer.status == 422 and [one["field"] for one in answer.json["errors"]] == [field], given
    assert world.content.picture() == before


def test_other_routes_refuse_a_status_and_name_the_one_that_takes_it(world: World) -> None:
    contact = world.create("ada@example.com")["id"]
    before = world.content.picture()
    for name, value in (("relationship_status", "inactive"), ("lifecycle_stage", "decision")):
        for method, body in (("PATCH", {}), ("PUT", {"first_name": "Ada", "email": "ada@example.com"})):
            answer = world.send(method, f"/contacts/{contact}", {**body, name: value})
            (fault,) = answer.json["errors"]
            assert (answer.status, fault["field"], fault["code"]) == (422, name, "extra_forbidden")
            assert "`PUT /contacts/{contact_id}/status`" in fault["message"]
        body = {"contact_ids": [contact], "set": {name: value}}
        answer = world.send("POST", "/contacts/bulk-update", body)
        (fault,) = answer.json["errors"]
        assert (answer.status, fault["field"]) == (422, f"set.{name}")
        assert fault["message"].endswith("Give it beside `set`.")
    assert world.content.picture() == before


@pytest.fixture
def names_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performers, "KEPT_SECONDS", 0.0)


@pytest.mark.usefixtures("names_read_again")
def test_who_moved_it_is_a_name_as_it_was_then(world: World) -> None:
    contact = world.create()["id"]
    me = world.send("GET", "/me").json["id"]
    assert world.send("PATCH", f"/users/{me}", {"first_name": "Ann", "last_name": "Admin"}).status == 200
    assert move(world, contact, "lost_lead").json["changed_by"] == "Ann Admin"
    assert world.send("PATCH", f"/users/{me}", {"last_name": "Married"}).status == 200
    rights = {"contacts:read": "all", "contacts:write": "all"}
    client = world.send("POST", "/api-clients", {"name": "Dialler", "permissions": rights}).json
    assert move(world, contact, "inactive", how={"token": client["key"]}).json["changed_by"] == "Dialler"
    assert move(world, contact, "lost_lead").json["changed_by"] == "Ann Married"
    nobody = program("T1", "contacts:read:all,contacts:write:all")
    assert move(world, contact, "inactive", how={"token": nobody}).json["changed_by"].startswith("client:")
    assert [(one["changed_by"], one["changed_by_id"]) for one in history(world, contact)[1:]] == [
        ("Ann Married", me),
        ("Dialler", client["id"]),
        ("Ann Admin", me),
    ]


# Creation


@pytest.mark.parametrize("door", ["single", "bulk", "import"])
def test_a_given_status_and_stage_are_the_first_entry_of_the_history(world: World, door: str) -> None:
    """Each status and none × each stage and none, through each door that creates contacts."""
    people = [
        {
            "first_name": "Ada",
            "email": f"a{number}@example.com",
            **({"relationship_status": status} if status else {}),
            **({"lifecycle_stage": stage} if stage else {}),
        }
        for number, (status, stage) in enumerate(GIVEN)
    ]
    shown: dict[str, Any] = {}
    if door == "single":
        for person in people:
            assert world.send("POST", "/contacts", person).status == 201
    elif door == "bulk":
        answer = world.send("POST", "/contacts/bulk-create", {"contacts": people})
        assert answer.json["succeeded"] == len(people) == 56
    else:
        rows = [
            f"{one['email']},{one.get('relationship_status', '')},{one.get('lifecycle_stage', '')}"
            for one in people
        ]
        shown = DropFolder(world).run("\n".join(["email,Relationship Status,Lifecycle-Stage", *rows]))
        assert shown["counts"]["created"] == 56, DropFolder(world).results(shown)
    content = world.content
    content.assert_whole()
    by_email = {one["email"]["S"]: one["id"]["S"] for one in content.contacts}
    for number, (status, stage) in enumerate(GIVEN):
        contact = by_email[f"a{number}@example.com"]
        expected = (status or "prospect", stage or FOLLOWING[status or "prospect"] or "awareness")
        assert state(world, contact) == expected
        entries = history(world, contact)
        assert [pair(one, "new") for one in entries] == ([expected] if status or stage else [])
        for entry in entries:
            assert pair(entry, "old") == (None, None)
            assert entry["source"] == ("import" if door == "import" else "api")
            assert entry["changed_by_id"] == (None if door == "import" else "admin-of-T1")
            assert entry["import_id"] == (shown["id"] if door == "import" else None)
            assert entry["reason"] is entry["notes"] is None
    sample = by_email["a50@example.com"]
    latest = history(world, sample)
    assert (
        move(world, sample, "lost_lead" if state(world, sample)[0] != "lost_lead" else "inactive").status
        == 200
    )
    assert history(world, sample)[1:] == latest


def test_a_contact_of_a_customer_is_created_with_a_status_too(world: World) -> None:
    customer = world.send("POST", "/customers", {"first_name": "Grace"}).json["id"]
    made = world.create(customer_id=customer, relationship_status="active_client")
    assert made["is_primary"] and made["lifecycle_stage"] == "customer"
    (entry,) = history(world, made["id"])
    assert pair(entry, "new") == ("active_client", "customer")
    world.content.assert_whole()


def test_a_creation_with_a_status_that_does_not_exist_is_refused(world: World) -> None:
    for given, field in (
        ({"relationship_status": "client"}, "relationship_status"),
        ({"reason": "r"}, "reason"),
    ):
        body = {"first_name": "Ada", "email": "ada@example.com", **given}
        single = world.send("POST", "/contacts", body)
        bulk = world.send("POST", "/contacts/bulk-create", {"contacts": [body]}).json["items"][0]
        assert single.status == bulk["status"] == 422
        assert [one["field"] for one in single.json["errors"]] == [field]
        assert bulk["error"]["errors"] == single.json["errors"]
    assert world.content.contacts == []


def test_a_status_or_stage_that_does_not_exist_is_left_out_of_its_row(world: World) -> None:
    folder = DropFolder(world)
    shown = folder.run(
        "email,relationship_status,lifecycle_stage\n"
        "a@example.com,Client,\n"
        "b@example.com,Qualified Lead,\n"
        "c@example.com, ACTIVE-client ,Decision\n"
        "d@example.com,prospect,loyal\n"
        "e@example.com,,\n"
    )
    rows = folder.results(shown)
    assert [(row["outcome"], row["reason_code"]) for row in rows] == [
        ("created", "literal_error"),
        ("created", ""),
        ("created", ""),
        ("created", "literal_error"),
        ("created", ""),
    ]
    assert rows[0]["message"].startswith("relationship_status: This must be `prospect`")
    assert rows[3]["message"].startswith("lifecycle_stage: This must be `awareness`")
    states = {row["email"]: state(world, row["contact_id"]) for row in rows if row["contact_id"]}
    assert states == {
        "a@example.com": ("prospect", "awareness"),
        "d@example.com": ("prospect", "awareness"),
        "b@example.com": ("qualified_lead", "interest"),
        "c@example.com": ("active_client", "decision"),
        "e@example.com": ("prospect", "awareness"),
    }


# Bulk calls


@pytest.mark.parametrize(
    ("stage", "reason"),
    [(None, ""), ("interest", "came back")],
    ids=["without a stage and a reason", "with both"],
)
@pytest.mark.parametrize("new", COLUMNS)
def test_a_bulk_call_moves_each_contact_by_its_own_rule(
    world: World, new: str, stage: str | None, reason: str
) -> None:
    """With the same answers as single calls, and nothing of the change where the move is refused."""
    contacts, twins = standing(world, *COLUMNS), standing(world, *COLUMNS)
    given = {"relationship_status": new, "notes": "n"}
    given |= {"lifecycle_stage": stage} if stage else {}
    given |= {"reason": reason} if reason else {}
    body = {"contact_ids": contacts, "set": {"company": "Engines"}, **given}
    answer = world.send("POST", "/contacts/bulk-update", body)
    assert answer.status == 207
    for old, contact, twin, item in zip(COLUMNS, contacts, twins, answer.json["items"], strict=True):
        single = world.send("PUT", f"/contacts/{twin}/status", given)
        assert_judged(item["status"], item.get("error", {}), old, new, stage, reason)
        assert (item["status"], item["id"]) == (single.status, contact)
        assert state(world, contact) == state(world, twin)
        assert without_ids(history(world, contact)) == without_ids(history(world, twin))
        if single.status == 200:
            assert world.send("GET", f"/contacts/{contact}").json["company"] == "Engines"
        else:
            assert item["error"] == {**single.json, "request_id": item["error"]["request_id"]}
            assert world.send("GET", f"/contacts/{contact}").json["company"] == ""
    world.content.assert_whole()


def without_ids(entries: list[Entry]) -> list[Entry]:
    return [{name: entry[name] for name in entry if name not in ("id", "timestamp")} for entry in entries]


def test_fields_and_status_of_one_bulk_change_have_an_event_each(world: World) -> None:
    (contact,) = standing(world, "prospect")
    body = {"contact_ids": [contact], "set": {"company": "Engines"}, "relationship_status": "lost_lead"}
    assert world.send("POST", "/contacts/bulk-update", body).json["succeeded"] == 1
    events = sorted(world.content.events, key=lambda event: int(event["version"]["N"]))
    assert [(event["type"]["S"], list(json.loads(event["changes"]["S"]))) for event in events[1:]] == [
        ("contact.updated", ["company"]),
        ("contact.status_changed", ["relationship_status"]),
    ]
    world.content.assert_whole()
    world.catch_up()
    assert world.content.event_ids <= world.content.feed
    before = world.content.picture()
    assert world.send("POST", "/contacts/bulk-update", body).json["succeeded"] == 1
    assert world.content.picture() == before


def test_a_bulk_call_with_a_reason_and_no_status_is_refused(world: World) -> None:
    (contact,) = standing(world, "prospect")
    for beside in ({"reason": "r"}, {"notes": "n"}):
        body = {"contact_ids": [contact], "set": {"company": "Engines"}, **beside}
        answer = world.send("POST", "/contacts/bulk-update", body)
        assert answer.status == 422
        assert [one["field"] for one in answer.json["errors"]] == ["relationship_status"]


def test_a_job_moves_what_a_filter_finds_and_lists_what_it_could_not_move(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 3)
    contacts = standing(world, *COLUMNS)
    world.catch_up()
    body = {
        "filter": {"is_active": True},
        "relationship_status": "prospect",
        "reason": "new year",
        "notes": "n",
    }
    answer = world.send("POST", "/contacts/bulk-update", body)
    assert answer.status == 202
    jobs = Jobs(world)
    jobs.work()
    job = jobs.shown(answer.json["id"])
    assert (job["state"], job["counts"]) == ("completed", {"done": 7, "succeeded": 4, "failed": 3})
    refused = {one["id"]: (one["error"]["code"], one["error"]["message"]) for one in job["failures"]}
    assert refused == {
        contact: (
            "invalid_status_transition",
            f"Invalid status transition: cannot move from {old} to prospect",
        )
        for old, contact in zip(COLUMNS, contacts, strict=True)
        if TABLE[old][0] == "no"
    }
    for old, contact in zip(COLUMNS, contacts, strict=True):
        assert state(world, contact)[0] == (old if TABLE[old][0] == "no" else "prospect")
        if TABLE[old][0] == "why":
            newest = history(world, contact)[0]
            assert (newest["reason"], newest["notes"], newest["job_id"]) == ("new year", "n", job["id"])
            assert (newest["changed_by"], newest["changed_by_id"]) == ("admin@t1.example.com", "admin-of-T1")
    world.content.assert_whole()


def test_an_entry_of_a_job_that_began_before_another_move_is_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ids of a job's events have the time at which the job was created, its entries that of the move."""
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 1)
    contacts = standing(world, "prospect", "prospect")
    world.catch_up()
    body = {"filter": {"is_active": True}, "relationship_status": "inactive"}
    answer = world.send("POST", "/contacts/bulk-update", body)
    assert answer.status == 202
    for contact in contacts:
        assert move(world, contact, "lost_lead").status == 200
    Jobs(world).work()
    for contact in contacts:
        assert [one["new_status"] for one in history(world, contact)] == ["inactive", "lost_lead", "prospect"]
        newest, second = history(world, contact)[:2]
        assert newest["id"] < second["id"] and newest["timestamp"] >= second["timestamp"]
    world.content.assert_whole()


# Projections


def test_lists_and_statistics_follow_the_moves(world: World) -> None:
    contacts = standing(world, *COLUMNS)
    kept = world.create()["id"]
    world.catch_up()
    assert_counted(world, [*contacts, kept])
    for contact in contacts:
        move(world, contact, "lost_lead")
        move(world, contact, "prospect", reason="r")
    body = {
        "contact_ids": contacts[:3],
        "relationship_status": "qualified_lead",
        "lifecycle_stage": "retention",
    }
    assert world.send("POST", "/contacts/bulk-update", body).json["failed"] == 0
    assert move(world, kept, lifecycle_stage="decision").status == 200
    world.catch_up()
    assert_counted(world, [*contacts, kept])
    assert world.send("DELETE", f"/contacts/{contacts[0]}").status == 204
    world.catch_up()
    assert_counted(world, [*contacts[1:], kept])
    assert world.send("POST", f"/contacts/{contacts[0]}/restore").status == 200
    world.catch_up()
    assert_counted(world, [*contacts, kept])


def assert_counted(world: World, contacts: list[str]) -> None:
    """Assert that filters and statistics say of each status and stage which contacts have it."""
    states = {contact: state(world, contact) for contact in contacts}
    stats = world.send("GET", "/contacts/stats").json
    for place, (name, values) in enumerate(
        (("relationship_status", COLUMNS), ("lifecycle_stage", STAGES_BY_HAND))
    ):
        assert stats[f"by_{name}"] == Counter(one[place] for one in states.values())
        for value in values:
            wanted = {contact for contact, one in states.items() if one[place] == value}
            answer = world.send("GET", "/contacts", query={name: value, "limit": 100}).json
            assert {one["id"] for one in answer["items"]} == wanted, (name, value)
            assert all(one[name] == value for one in answer["items"])
            assert answer["total"] == len(wanted)


# What keeps the history


def test_the_history_survives_a_deletion_and_goes_with_the_purge(world: World) -> None:
    (contact,) = standing(world, "prospect")
    assert move(world, contact, "inactive", reason="r").status == 200
    before = history(world, contact)
    assert len(before) == 2
    assert world.send("DELETE", f"/contacts/{contact}").status == 204
    for method, path, body in (
        ("GET", "status-history", None),
        ("PUT", "status", {"lifecycle_stage": "decision"}),
    ):
        answer = world.send(method, f"/contacts/{contact}/{path}", body)
        assert (answer.status, answer.json["detail"]) == (404, "Contact not found.")
    assert world.send("POST", f"/contacts/{contact}/restore").status == 200
    assert history(world, contact) == before
    assert state(world, contact) == ("inactive", "decision")
    assert world.send("DELETE", f"/contacts/{contact}").status == 204
    with acting_for("T1", prefixes=("DUE#",)):
        long_after = timestamps.plus(timestamps.now(), 31 * 86_400)
        Purge(purge_table(), leftover_rows=LeftoverRows(store()), now=lambda: long_after).run()
    assert world.content.statuses == []
    assert {one["SK"]["S"].partition("#")[0] for one in world.content.of("T#T1#C#")} <= {"EVENT", "GONE"}


def test_no_route_changes_or_removes_an_entry(world: World) -> None:
    (contact,) = standing(world, "prospect")
    assert move(world, contact, "inactive").status == 200
    before = world.content.statuses
    entry = history(world, contact)[0]["id"]
    path = f"/contacts/{contact}"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for target in (f"{path}/status-history", f"{path}/status-history/{entry}"):
            assert world.send(method, target, {"reason": "x"}).status == 404
    for method in ("GET", "POST", "PATCH", "DELETE"):
        assert world.send(method, f"{path}/status", {"relationship_status": "prospect"}).status == 404
    email = world.send("GET", path).json["email"]
    for method, target, body in (
        ("PATCH", path, {"company": "Engines"}),
        ("PUT", path, {"first_name": "Ada", "email": email}),
        ("POST", f"{path}/toggle-status", None),
        ("POST", f"{path}/consent", {"channel": "email", "opted_out": True, "source": "s"}),
        ("POST", "/contacts/bulk-update", {"contact_ids": [contact], "add_tags": ["vip"]}),
        ("DELETE", path, None),
        ("POST", f"{path}/restore", None),
    ):
        assert world.send(method, target, body).status < 300, target
    assert world.content.statuses == before
    assert state(world, contact) == ("inactive", "decision")
    world.content.assert_whole()


# Faults and races


def test_of_32_moves_at_once_the_history_is_a_chain(world: World) -> None:
    """check 25, for statuses: all have read before the first one writes, among them changes of other fields."""
    (contact,) = standing(world, "lost_lead")
    racing, token = world.racing, world.t1.admin

    def put(number: int) -> Callable[[], Response]:
        if number % 8 == 7:
            path, body = f"/contacts/{contact}", {"company": f"C{number}"}
            return lambda: racing.request("PATCH", path, json=body, token=token)
        body = {"relationship_status": ("inactive", "lost_lead")[number % 2], "notes": str(number)}
        body |= {"lifecycle_stage": STAGES_BY_HAND[number % 6]} if number % 3 else {}
        return lambda: racing.request("PUT", f"/contacts/{contact}/status", json=body, token=token)

    answers = racing.together([put(number) for number in range(32)])
    assert racing.failures == []
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.json["code"] for answer in answers if answer.status == 409} <= {"concurrent_change"}
    moves = [
        one.json
        for one in answers
        if one.status == 200
        and "contact_id" in one.json
        and (one.json["old_status"], one.json["old_lifecycle_stage"])
        != (one.json["new_status"], one.json["new_lifecycle_stage"])
    ]
    entries = history(world, contact)
    assert len(entries) == 1 + len(moves) and len(moves) >= 2
    assert pair(entries[0], "new") == state(world, contact)
    for newer, older in itertools.pairwise(entries):
        assert pair(newer, "old") == pair(older, "new")
    shown = Counter((pair(one, "old"), pair(one, "new"), one["timestamp"]) for one in entries[:-1])
    assert shown == Counter((pair(one, "old"), pair(one, "new"), one["timestamp"]) for one in moves)
    world.content.assert_whole()


def prepared(worlds: Worlds) -> Worlds:
    """Make worlds with two contacts and a warm process."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            for number, status in enumerate(("prospect", "lost_lead")):
                world.create(f"p{number}@example.com", relationship_status=status)
            yield world

    return make


def ids_of(world: World) -> list[str]:
    """The ids of a prepared world's contacts, the oldest first."""
    return sorted(one["id"]["S"] for one in world.content.contacts)[:2]


WRITES: dict[str, Callable[[World], Any]] = {
    "set": lambda world: move(world, ids_of(world)[0], "qualified_lead", notes="n"),
    "create": lambda world: world.send(
        "POST",
        "/contacts",
        {"first_name": "Ada", "email": "new@example.com", "relationship_status": "opportunity"},
        headers={"Idempotency-Key": "k"},
    ),
    "bulk": lambda world: world.send(
        "POST",
        "/contacts/bulk-update",
        {"contact_ids": ids_of(world), "set": {"company": "Engines"}, "relationship_status": "inactive"},
        headers={"Idempotency-Key": "k"},
    ),
    "import": lambda world: import_again(world),
}


def import_again(world: World) -> None:
    """Deliver a file's event and what is queued, as S3 and SQS do again after a kill."""
    folder = DropFolder(world)
    if not folder.keys("tenants/T1/inbox/"):
        folder.put("email,relationship status\na@example.com,Opportunity\nb@example.com,\n")
    (key,) = folder.keys("tenants/T1/inbox/")
    folder.deliver(folder.event_of(key))
    folder.work()


def picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    content.items = [item for item in content.items if "#IDEMPOTENCY#" not in item["PK"]["S"]]
    return content.picture()


def statuses(world: World) -> list[tuple[Any, ...]]:
    """The histories, by the contacts' addresses, after the contents were found whole."""
    content = world.content
    content.assert_whole()
    email = {one["PK"]["S"]: one["email"]["S"] for one in content.contacts if "import" in str(one["source"])}
    return sorted(
        (email[one["PK"]["S"]], one["new_status"]["S"], one["new_lifecycle_stage"]["S"])
        for one in content.statuses
        if one["PK"]["S"] in email
    )


def writing(attempt: Any) -> bool:
    """Return whether a call changes something. A kill anywhere between two such calls leaves the same state."""
    reading = (
        "Get",
        "Head",
        "List",
        "Query",
        "Scan",
        "BatchGet",
        "Receive",
        "ChangeMessage",
        "DeleteMessage",
    )
    return not attempt.operation.startswith(reading)


@pytest.mark.parametrize("write", WRITES)
def test_killed_at_any_call_and_sent_again_a_write_ends_as_without(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """check 13, for statuses"""
    monkeypatch.setattr("shared.table.idempotency.LEASE_SECONDS", -1)
    tried = assert_same_after_kills(
        prepared(worlds),
        WRITES[write],
        statuses if write == "import" else picture,
        matching=writing if write == "import" else any_call,
    )
    assert tried >= 3


@pytest.mark.parametrize("write", ["set", "create", "bulk"])
def test_throttled_at_any_call_a_write_ends_as_without(worlds: Worlds, write: str) -> None:
    """check 10, for statuses"""
    assert assert_same_under_throttling(prepared(worlds), WRITES[write], picture) >= 2
