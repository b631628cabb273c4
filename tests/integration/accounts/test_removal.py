"""A user who owns contacts is removed: a background job gives them to a successor or leaves them without an owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from shared.domain.jobs.bulk import BulkRun
from shared.table.jobs.bulk import BulkJobTable
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from tests.contract.answers import faults_of
from tests.integration.jobs.bulk import JOBS, Jobs
from tests.integration.world import World, booking
from tests.support.faults import assert_same_after_kills, call, injecting, unreachable
from tests.support.tenant_guard import as_operator

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
    jobs = Jobs(world)
    jobs.work()
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


def test_a_disabled_user_does_not_succeed(world: World) -> None:
    world.send("PATCH", f"/users/{OTHER}", {"is_active": False})
    assert remove(world, query={"successor_id": OTHER}).status == 422


def test_a_user_who_owns_nothing_is_removed_at_once(world: World) -> None:
    answer = remove(world)
    assert (answer.status, answer.text) == (204, "")


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
    Jobs(world).work()
    assert owners(world, made) == [None] * 3


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
    jobs.watch(jobs.kept(answer.json["id"]).due_at or "")
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
        jobs = Jobs(world)
        jobs.work()
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
    Jobs(world).work()
    shown = world.send("GET", f"/contacts/{contact['id']}").json
    assert (shown["owner_id"], shown["organizer_ids"]) == (OTHER, [USER])
    assert world.send("GET", f"/contacts/{contact['id']}", token=world.t1.user).status == 401
