"""A user who owns contacts is removed: a background job gives them to a successor or leaves them without an owner."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.accounts.removal import HANDOVER_SECONDS
from shared.domain.jobs.bulk import BulkRun
from shared.domain.jobs.watching import FIRST_LOOK_SECONDS
from shared.table.jobs.bulk import BulkJobTable
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from tests.contract.answers import faults_of
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.interactions.follow_ups import FUTURE, LATER, PAST, FollowUps
from tests.integration.jobs.bulk import JOBS, Jobs
from tests.integration.world import World, booking
from tests.support.faults import assert_same_after_kills, call, injecting, unreachable
from tests.support.gateway import Gateway
from tests.support.gateway_authorizers import read_authorizers
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.support.transport import Attempt, Layer, Send, intercepting

ADMIN, USER, OTHER = "admin-of-T1", "user-of-T1", "other-of-T1"


def prepare(world: World, count: int = 3) -> list[str]:
    """Create contacts of the user and a contact of another user, and wait until lists show them."""
    made = [world.create(token=world.t1.user)["id"] for _ in range(count)]
    world.create("theirs@example.com", token=world.t1.other_user)
    world.catch_up()
    return made


def remove(world: World, user_id: str = USER, **how: Any) -> Any:
    answer = world.send("DELETE", f"/users/{user_id}", **how)
    assert faults_of("DELETE", "/users/{user_id}", answer) == []
    return answer


def keep_token_in_gateway(world: World, token: str) -> None:
    """Make the gateway admit a token for a minute, as it does after each of the user's calls."""
    world.gateway = Gateway(world.stack.template, cached=True)
    assert world.send("GET", "/contacts", token=token).status == 200


def hand_over(world: World) -> Jobs:
    """Let the time pass until handovers start, and work on them."""
    world.catch_up()
    jobs = Jobs(world)
    jobs.start()
    jobs.work()
    return jobs


def owners(world: World, ids: list[str]) -> list[str | None]:
    return [world.send("GET", f"/contacts/{one}").json["owner_id"] for one in ids]


def test_a_user_who_owns_contacts_is_not_removed_without_a_decision_on_them(world: World) -> None:
    made = prepare(world)
    before = world.content.picture()
    answer = remove(world)
    assert (answer.status, answer.json["code"]) == (409, "owns_contacts")
    assert answer.json["detail"].startswith("The user owns 3 contacts. Say who succeeds them by successor_id")
    assert world.content.picture() == before
    assert owners(world, made) == [USER] * 3
    assert remove(world, user_id="admin-of-T1").json["code"] == "last_admin"


@pytest.mark.parametrize(
    ("query", "owner"), [({"successor_id": OTHER}, OTHER), ({"contacts": "release"}, None)], ids=str
)
def test_the_contacts_get_the_successor_or_no_owner_with_progress(
    world: World, query: dict[str, str], owner: str | None
) -> None:
    made = prepare(world)
    answer = remove(world, query=query)
    assert (answer.status, answer.json["matched"], answer.json["state"]) == (202, 3, "queued")
    job_id = answer.json["id"]
    assert answer.headers["Location"] == f"/v1{JOBS}/{job_id}"
    assert world.send("GET", f"/users/{USER}").status == 404
    jobs = hand_over(world)
    shown = jobs.shown(job_id)
    assert (shown["state"], shown["counts"]) == ("completed", {"done": 3, "succeeded": 3, "failed": 0})
    assert owners(world, made) == [owner] * 3
    world.catch_up()
    assert world.send("GET", "/contacts", query={"owner_id": USER}).json["total"] == 0
    assert world.send("GET", "/contacts", query={"owner_id": OTHER}).json["total"] == (4 if owner else 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"successor_id": USER}, "successor_id"),
        ({"successor_id": "nobody"}, "successor_id"),
        ({"successor_id": "user-of-T2"}, "successor_id"),
        ({"successor_id": ""}, "successor_id"),
        ({"contacts": "delete"}, "contacts"),
        ({"contacts": "release", "successor_id": OTHER}, "contacts"),
        ({"successor": OTHER}, "successor"),
    ],
    ids=str,
)
def test_who_cannot_succeed_is_refused_and_nothing_is_done(
    world: World, query: dict[str, str], field: str
) -> None:
    world.tenant("T2")
    prepare(world)
    answer = remove(world, query=query)
    assert answer.status == 422
    assert field in {one["field"] for one in answer.json["errors"]}
    assert world.send("GET", f"/users/{USER}").status == 200


@pytest.mark.parametrize(
    ("count", "query", "assignee"),
    [
        (1, {"successor_id": OTHER}, OTHER),
        (0, {"successor_id": OTHER}, OTHER),
        (1, {"contacts": "release"}, None),
        (0, {}, ADMIN),
    ],
    ids=str,
)
def test_the_open_follow_ups_get_the_successor_or_no_assignee(
    world: World, count: int, query: dict[str, str], assignee: str | None
) -> None:
    """Those of others stay as they are, and so do closed ones. `count`: the contacts that the user owns."""
    prepare(world, count)
    world.send("PATCH", "/settings", {"default_owner_id": ADMIN})
    contact = FollowUps(world)
    mine = [contact.schedule(at, assignee_id=USER)["id"] for at in (FUTURE, LATER, PAST)]
    closed = contact.schedule(FUTURE, assignee_id=USER)["id"]
    assert contact.ask("POST", closed, "/cancel").status == 200
    other = contact.schedule(FUTURE, assignee_id=OTHER)["id"]
    world.catch_up()
    assert remove(world, query=query).status == (202 if query else 204)
    hand_over(world)
    assert [contact.read(one)["assignee_id"] for one in mine] == [assignee] * 3
    assert [contact.read(one)["assignee_id"] for one in (closed, other)] == [USER, OTHER]
    assert len(contact.events("follow_up.updated")) == 3
    world.catch_up()
    left = world.send("GET", "/follow-ups", query={"assignee_id": USER, "state": "open"}).json["items"]
    assert left == []
    world.content.assert_whole()


def test_a_disabled_user_does_not_succeed(world: World) -> None:
    world.send("PATCH", f"/users/{OTHER}", {"is_active": False})
    assert remove(world, query={"successor_id": OTHER}).status == 422


def test_a_user_who_owns_nothing_is_removed_at_once(world: World) -> None:
    answer = remove(world)
    assert (answer.status, answer.text) == (204, "")


def test_contacts_that_no_list_shows_yet_and_those_of_the_last_minute_are_handed_over(world: World) -> None:
    """The gateway admits the user's token for a minute after the removal."""
    made = [*prepare(world), world.create(token=world.t1.user)["id"]]
    keep_token_in_gateway(world, world.t1.user)
    answer = remove(world, query={"successor_id": OTHER})
    assert (answer.status, answer.json["matched"]) == (202, 3)
    made.append(world.create(token=world.t1.user)["id"])
    assert Jobs(world).work() == 0, "no token of the user may be valid when the job starts"
    jobs = hand_over(world)
    assert owners(world, made) == [OTHER] * 5
    assert jobs.shown(answer.json["id"])["counts"]["succeeded"] == 5
    world.catch_up()
    assert world.listed(owner_id=USER) == []


def test_the_job_says_when_it_starts(world: World) -> None:
    prepare(world)
    job = remove(world, query={"successor_id": OTHER}).json
    assert job["starts_at"] == timestamps.plus(job["created_at"], HANDOVER_SECONDS)
    hand_over(world)
    assert Jobs(world).shown(job["id"])["starts_at"] == job["starts_at"]


def test_the_handover_starts_when_no_request_of_the_user_can_be_under_way(world: World) -> None:
    template = Template.load()
    functions = template.document["Globals"]["Function"]
    (authorizer,) = read_authorizers(template, template.api()).values()
    assert authorizer.cache_seconds + functions["Timeout"] <= HANDOVER_SECONDS


@pytest.mark.parametrize("default", [None, OTHER])
def test_what_a_user_who_owned_nothing_creates_in_the_last_minute_gets_the_default_owner(
    world: World, default: str | None
) -> None:
    world.send("PATCH", "/settings", {"default_owner_id": default})
    keep_token_in_gateway(world, world.t1.user)
    assert remove(world).status == 204
    made = world.create(token=world.t1.user)["id"]
    hand_over(world)
    assert owners(world, [made]) == [default]


def test_a_booking_that_found_the_organizer_before_the_removal_leaves_no_removed_owner(world: World) -> None:
    nobody_s = world.create("ann@example.com", owner_id=None)["id"]
    world.catch_up()
    removals: list[int] = []

    def remove_first(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == "TransactWriteItems" and not removals:
            removals.append(1)
            removals.append(remove(world, query={"successor_id": OTHER}).status)
        return send(attempt)

    world.post_booking(booking(invitee_email="ann@example.com", organizer_id=USER))
    world.post_booking(booking(invitee_email="bob@example.com", organizer_id=USER))
    with intercepting(Layer.FAULTS, remove_first):
        world.bookings.pump()
    assert removals == [1, 202]
    assert owners(world, [nobody_s]) == [USER]
    hand_over(world)
    assert owners(world, [nobody_s]) == [OTHER]
    (bob,) = world.listed(email="bob@example.com")
    assert bob["owner_id"] is None, "this one was looked up after the removal"


def test_no_import_gives_a_contact_to_a_removed_user(world: World) -> None:
    """Neither by its owner column nor by its options."""
    inbox = DropFolder(world)
    asked = world.send("POST", "/imports", {"file_name": "x.csv", "options": {"owner_id": USER}}).json
    rows = "email,owner\na@example.com,user@t1.example.com\nb@example.com,\n"
    inbox.deliver(inbox.put(rows, key=asked["upload"]["fields"]["key"]))
    assert remove(world, query={"contacts": "release"}).status == 202
    assert world.send("POST", f"/imports/{asked['id']}/start").status == 202
    inbox.work()
    world.catch_up()
    assert {one["email"]: one["owner_id"] for one in world.listed()} == {
        "a@example.com": ADMIN,
        "b@example.com": ADMIN,
    }


# ------------------------------------------------------------------------------ contacts that are restored


def restored(world: World, contact_id: str) -> tuple[str | None, list[Any]]:
    """Restore a contact. Returns its owner, and the change of the owner that the event names."""
    answer = world.send("POST", f"/contacts/{contact_id}/restore")
    assert answer.status == 200, answer.text
    (event,) = [one for one in world.content.events if one["type"]["S"] == "contact.restored"]
    return answer.json["owner_id"], json.loads(event["changes"]["S"]).get("owner_id", [])


@pytest.mark.parametrize(
    ("query", "default", "owner"),
    [
        ({"successor_id": OTHER}, None, OTHER),
        ({"successor_id": OTHER}, ADMIN, OTHER),
        ({"contacts": "release"}, ADMIN, ADMIN),
        ({"contacts": "release"}, None, None),
    ],
    ids=str,
)
def test_a_restored_contact_of_a_removed_user_gets_the_successor_or_the_default_owner(
    world: World, query: dict[str, str], default: str | None, owner: str | None
) -> None:
    (contact_id,) = prepare(world, 1)
    assert world.send("DELETE", f"/contacts/{contact_id}").status == 204
    world.send("PATCH", "/settings", {"default_owner_id": default})
    assert remove(world, query=query).status == 202
    hand_over(world)
    assert restored(world, contact_id) == (owner, [USER, owner])
    world.content.assert_whole()


def test_a_restored_contact_gets_the_successor_s_successor(world: World) -> None:
    (contact_id,) = prepare(world, 1)
    assert world.send("DELETE", f"/contacts/{contact_id}").status == 204
    assert remove(world, query={"successor_id": OTHER}).status == 202
    assert remove(world, OTHER, query={"successor_id": ADMIN}).status == 202
    assert restored(world, contact_id) == (ADMIN, [USER, ADMIN])


def test_a_restored_contact_stays_with_an_owner_who_is_disabled(world: World) -> None:
    (contact_id,) = prepare(world, 1)
    assert world.send("DELETE", f"/contacts/{contact_id}").status == 204
    world.send("PATCH", f"/users/{USER}", {"is_active": False})
    assert restored(world, contact_id) == (USER, [])


def test_the_default_owner_is_succeeded_too(world: World) -> None:
    world.send("PATCH", "/settings", {"default_owner_id": USER})
    answer = remove(world)
    assert (answer.status, answer.json["code"]) == (409, "owns_contacts")
    assert "is the default owner of new ones" in answer.json["detail"]
    assert remove(world, query={"successor_id": OTHER}).status == 202
    assert world.send("GET", "/settings").json["default_owner_id"] == OTHER
    assert remove(world, OTHER, query={"contacts": "release"}).status == 202
    assert world.send("GET", "/settings").json["default_owner_id"] is None


def test_a_successor_removed_before_the_handover_gets_no_contacts(world: World) -> None:
    made = prepare(world)
    assert remove(world, query={"successor_id": OTHER}).status == 202
    assert remove(world, OTHER, query={"contacts": "release"}).status == 202
    hand_over(world)
    assert owners(world, made) == [None] * 3


def test_a_successor_removed_before_the_handover_is_succeeded_too(world: World) -> None:
    made = prepare(world)
    assert remove(world, query={"successor_id": OTHER}).status == 202
    assert remove(world, OTHER, query={"successor_id": ADMIN}).status == 202
    hand_over(world)
    assert owners(world, made) == [ADMIN] * 3


def test_a_successor_who_started_the_handover_and_was_removed_gets_no_contacts(world: World) -> None:
    """The job acts for its creator, who is looked up like any other owner."""
    made = prepare(world)
    assert world.send("PATCH", f"/users/{OTHER}", {"role": "admin"}).status == 200
    assert remove(world, query={"successor_id": ADMIN}).status == 202
    token = world.t1.other_user
    assert remove(world, ADMIN, query={"successor_id": OTHER}, token=token).status in (202, 204)
    hand_over(world)
    found = [world.send("GET", f"/contacts/{one}", token=token).json["owner_id"] for one in made]
    assert found == [OTHER] * 3


def test_a_refused_removal_leaves_the_default_owner(world: World) -> None:
    world.send("PATCH", "/settings", {"default_owner_id": ADMIN})
    assert remove(world, ADMIN, query={"successor_id": USER}).json["code"] == "last_admin"
    assert world.send("GET", "/settings").json["default_owner_id"] == ADMIN
    assert kept_jobs(world) == []


def kept_jobs(world: World) -> list[BulkRun]:
    with as_operator():
        return BulkJobTable(store(), "T1").list_newest(limit=100, after=None)


def test_giving_contacts_away_takes_the_right_to_write_them(world: World) -> None:
    prepare(world)
    with as_operator():
        token = onboarding_service().add_api_client("T1", "hr", "contacts:read:all,tenant:admin:all")
    answer = remove(world, query={"successor_id": OTHER}, token=token)
    assert (answer.status, answer.json["detail"]) == (
        403,
        "Insufficient permissions: contacts:write required",
    )
    assert world.send("GET", f"/users/{USER}").status == 200


def test_a_job_whose_message_is_lost_is_started_by_the_watch(world: World) -> None:
    made = prepare(world)
    with injecting(unreachable(call("sqs", "SendMessageBatch"))):
        answer = remove(world, query={"contacts": "release"})
    assert answer.status == 202
    jobs = Jobs(world)
    assert jobs.work() == 0
    job = jobs.kept(answer.json["id"])
    assert jobs.watch(timestamps.plus(job.starts_at, FIRST_LOOK_SECONDS - 1)).driven_on == 0
    jobs.watch(job.due_at or "")
    jobs.work()
    assert owners(world, made) == [None] * 3


def test_a_removal_killed_anywhere_and_sent_again_hands_all_contacts_over(
    worlds: Callable[[], AbstractContextManager[World]],
) -> None:
    """check 13: the watch also queues a job whose message was never sent."""

    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            prepare(world)
            yield world

    def work(world: World) -> None:
        world.send("DELETE", f"/users/{USER}", query={"successor_id": OTHER})

    def state(world: World) -> Any:
        jobs = hand_over(world)
        for job in world.send("GET", JOBS).json["items"]:
            if due := jobs.kept(job["id"]).due_at:
                jobs.watch(due)
        jobs.work()
        world.catch_up()
        made = world.listed()
        return (
            world.send("GET", f"/users/{USER}").status,
            [one["owner_id"] for one in made],
            [job["counts"]["succeeded"] for job in world.send("GET", JOBS).json["items"]],
        )

    assert assert_same_after_kills(make, work, state) >= 4


def test_a_removed_organizer_s_id_stays_with_the_contact_and_grants_no_access(world: World) -> None:
    world.post_booking(booking(invitee_email="ann@example.com", organizer_id=USER))
    world.bookings.pump()
    world.catch_up()
    (contact,) = world.listed(email="ann@example.com")
    assert remove(world, query={"successor_id": OTHER}).status == 202
    hand_over(world)
    shown = world.send("GET", f"/contacts/{contact['id']}").json
    assert (shown["owner_id"], shown["organizer_ids"]) == (OTHER, [USER])
    assert world.send("GET", f"/contacts/{contact['id']}", token=world.t1.user).status == 401
