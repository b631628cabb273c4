"""Jobs that merge all suggested contacts, and their undo: through the API, the queue and kills at every call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.jobs.bulk import Jobs
from tests.integration.merges import jobs
from tests.integration.merges.merging import merge
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.aws import Stack
from tests.support.faults import call, kill_points
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Layer, Send, intercepting

WRITES = call("dynamodb", "PutItem", "BatchWriteItem", "TransactWriteItems")
SENDS = call("sqs", "SendMessageBatch")
PEOPLE = (("Ada", 101, 2), ("Grace", 102, 3), ("Edith", 103, 2), ("Alan", 104, 1))
"""First names, the ends of telephone numbers, and how many contacts these people have."""


def make_people(world: World) -> list[list[str]]:
    """Create the contacts of PEOPLE. The last one of Grace has a call."""
    found = [
        [
            world.create(
                f"{name.lower()}{copy}@example.com",
                first_name=name,
                last_name="Lovelace",
                phone=f"+14155550{number}",
            )["id"]
            for copy in range(copies)
        ]
        for name, number, copies in PEOPLE
    ]
    spoken = {"type": "call", "description": "a call"}
    assert world.send("POST", f"/contacts/{found[1][2]}/interactions", spoken).status == 201
    world.catch_up()
    return found


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


@pytest.fixture
def people(world: World) -> list[list[str]]:
    return make_people(world)


def test_all_groups_are_merged_into_the_contacts_with_the_most_history(
    world: World, people: list[list[str]]
) -> None:
    ada, grace, edith, alan = people
    before = world.content.picture()
    planned = jobs.run(world, dry_run=True)
    assert [
        line for line in world.content.picture() if "#MERGEJOB" not in line and "#PLACES" not in line
    ] == before
    job = jobs.run(world)
    made = jobs.groups(world, job["id"])
    assert jobs.groups(world, planned["id"]) == [
        {**one, "outcome": "planned", "merge_id": None} for one in made
    ]
    assert [one["contact_ids"] for one in made] == [ada, [grace[2], *grace[:2]], edith]
    assert [one["survivor_id"] for one in made] == [ada[0], grace[2], edith[0]]
    counts = {"planned": 0, "merged": 3, "undone": 0, "refused": 0, "contacts": 4, "kept": 0, "reasons": {}}
    assert job["counts"] == {"pairs": 5, "pairs_left_out": 0, "groups": 3, **counts}
    assert planned["counts"] == {**job["counts"], "planned": 3, "merged": 0}
    assert (job["state"], job["progress"]["rows_done"], job["has_more"]) == ("completed", 3, False)
    listed = world.send("GET", "/merges", query={"job_id": job["id"]}).json["items"]
    assert [one["id"] for one in listed] == [one["merge_id"] for one in made][::-1]
    assert world.send("GET", "/merges", query={"job_id": planned["id"]}).json["items"] == []
    world.catch_up()
    assert {one["id"] for one in world.listed()} == {ada[0], grace[2], edith[0], alan[0]}
    assert jobs.run(world)["counts"]["pairs"] == 0
    world.content.assert_whole()


def test_check_107_a_job_is_undone_as_one_and_what_could_not_be_is_listed(
    world: World, people: list[list[str]]
) -> None:
    ada, grace, edith, alan = people
    job = jobs.run(world)
    made = {one["survivor_id"]: one["merge_id"] for one in jobs.groups(world, job["id"])}
    later = merge(world, alan[0], ada[0])["id"]
    assert world.send("PATCH", f"/contacts/{edith[0]}", {"other_emails": ["new@example.com"]}).status == 200
    undone = jobs.run_undo(world, job["id"])
    assert (undone["action"], undone["undoes"], undone["state"]) == ("undo", job["id"], "completed")
    found = {one["contact_ids"][0]: one for one in jobs.groups(world, undone["id"])}
    refused = found.pop(ada[0])
    assert (refused["outcome"], refused["error"]["code"]) == ("refused", "merged_later")
    assert refused["merge_id"] == made[ada[0]] and later in refused["error"]["message"]
    assert {one: result["outcome"] for one, result in found.items()} == {
        grace[2]: "undone",
        edith[0]: "undone",
    }
    assert undone["counts"]["reasons"] == {"merged_later": 1}
    world.catch_up()
    assert {one["id"] for one in world.listed()} == {*grace, *edith, *alan}
    assert world.send("POST", f"/merges/{later}/undo").status == 200
    again = jobs.run_undo(world, job["id"])
    assert (again["counts"]["undone"], again["counts"]["refused"]) == (3, 0)
    world.catch_up()
    assert {one["id"] for one in world.listed()} == {one for group in people for one in group}
    world.content.assert_whole()


def test_what_changed_or_was_dismissed_meanwhile_is_counted_and_stays(
    world: World, people: list[list[str]]
) -> None:
    ada, grace, edith, _ = people
    job = jobs.start(world)
    assert Jobs(world).work(limit=2) == 2, "the suggestions are read, and put together"
    assert world.send("DELETE", f"/contacts/{ada[1]}").status == 204
    dismissed = {"contact_ids": edith}
    assert world.send("POST", "/contacts/duplicates/dismiss", dismissed).status == 200
    assert world.send("PATCH", f"/contacts/{grace[0]}", {"company": "Navy"}).status == 200
    Jobs(world).work()
    shown = jobs.shown(world, job)
    assert shown["counts"]["reasons"] == {"changed_meanwhile": 2, "dismissed": 1}
    assert [one["contact_ids"] for one in jobs.groups(world, job)] == [ada, grace, edith]
    assert world.send("GET", "/merges").json["items"] == []
    world.catch_up()
    assert jobs.run(world)["counts"]["merged"] == 1


def test_one_job_of_a_tenant_is_under_way_and_stops_when_it_is_cancelled(
    world: World, people: list[list[str]]
) -> None:
    job = jobs.start(world)
    second = world.send("POST", jobs.START, {})
    assert (second.status, second.json["code"]) == (409, "merge_job_under_way")
    early = world.send("POST", f"{jobs.JOBS}/{job}/undo")
    assert (early.status, early.json["code"]) == (409, "job_under_way")
    Jobs(world).work(limit=2)
    assert world.send("POST", f"{jobs.JOBS}/{job}/cancel").json["state"] == "cancelled"
    Jobs(world).work()
    assert jobs.shown(world, job)["counts"]["merged"] == 0
    planned = jobs.run(world, dry_run=True)
    answer = world.send("POST", f"{jobs.JOBS}/{planned['id']}/undo")
    assert (answer.status, answer.json["code"]) == (409, "nothing_to_undo")


def test_a_job_cancelled_between_two_groups_counts_what_it_merged_and_can_be_undone(
    world: World, people: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.merges.portions._LOOK_SECONDS", 0.0)
    job = jobs.start(world)
    Jobs(world).work(limit=2)
    cancelled: list[str] = []

    def cancel(attempt: Attempt, send: Send) -> Any:
        # With the first merge: of the writes of the portion the only one of many items.
        answer = send(attempt)
        if (
            attempt.operation == "TransactWriteItems"
            and len(attempt.params["TransactItems"]) > 5
            and not cancelled
        ):
            cancelled.append(job)
            assert world.send("POST", f"{jobs.JOBS}/{job}/cancel").json["state"] == "cancelled"
        return answer

    with intercepting(Layer.FAULTS, cancel):
        Jobs(world).work()
    shown = jobs.shown(world, job)
    assert (shown["state"], shown["counts"]["merged"], len(jobs.groups(world, job))) == ("cancelled", 1, 1)
    assert jobs.run_undo(world, job)["counts"]["undone"] == 1
    world.catch_up()
    assert {one["id"] for one in world.listed()} == {one for group in people for one in group}


def test_callers_who_may_merge_their_own_contacts_merge_pairs_of_which_they_own_both(
    world: World, people: list[list[str]]
) -> None:
    ada, grace, _, _ = people
    token = world.t1.user
    for contact_id in (*ada, *grace[:2]):
        answer = world.send("PATCH", f"/contacts/{contact_id}", {"owner_id": "user-of-T1"})
        assert answer.status == 200, answer.text
    world.catch_up()
    job = jobs.run(world, token=token)
    counts = job["counts"]
    assert (counts["pairs"], counts["pairs_left_out"], counts["merged"]) == (2, 3, 2)
    assert [one["contact_ids"] for one in jobs.groups(world, job["id"])] == [ada, grace[:2]]


def test_check_107_killed_anywhere_each_group_is_merged_and_counted_once(
    worlds: Worlds,
) -> None:
    def started(world: World) -> tuple[list[list[str]], str]:
        people = make_people(world)
        return people, jobs.start(world)

    make, (_, job) = worlds.prepared(started)
    with make() as unharmed:
        points = kill_points(Jobs(unharmed).work, matching=WRITES)
        counts, expected = outcome(unharmed, job)
    with make() as unharmed:
        points += kill_points(Jobs(unharmed).work, matching=SENDS)
    assert len(points) >= 10 and counts["merged"] == len(expected) == 3
    for point in points:
        with make() as killed:
            if not point.kill(Jobs(killed).work):
                continue
            killed.catch_up()
            Jobs(killed).work()
            assert outcome(killed, job) == (counts, expected), f"killed {point}"
            merges = killed.send("GET", "/merges", query={"job_id": job}).json["items"]
            assert len(merges) == 3, f"killed {point}"
            killed.content.assert_whole()


def test_check_107_killed_anywhere_the_undo_of_a_job_brings_all_contacts_back(worlds: Worlds) -> None:
    def started(world: World) -> tuple[list[list[str]], str]:
        people = make_people(world)
        made = jobs.run(world)["id"]
        world.catch_up()
        return people, world.send("POST", f"{jobs.JOBS}/{made}/undo").json["id"]

    make, (people, job) = worlds.prepared(started)
    with make() as unharmed:
        points = kill_points(Jobs(unharmed).work, matching=WRITES)
        counts, expected = outcome(unharmed, job)
    assert len(points) >= 7 and counts["undone"] == len(expected) == 3
    for point in points:
        with make() as killed:
            if not point.kill(Jobs(killed).work):
                continue
            Jobs(killed).work()
            assert outcome(killed, job) == (counts, expected), f"killed {point}"
            killed.catch_up()
            assert {one["id"] for one in killed.listed()} == {one for group in people for one in group}
            killed.content.assert_whole()


def outcome(world: World, job: str) -> tuple[dict[str, Any], list[tuple[int, str, list[str]]]]:
    """What a job that has ended did: its counts, and its groups without the ids of merges."""
    shown = jobs.shown(world, job)
    assert shown["state"] == "completed"
    found = [(one["number"], one["outcome"], one["contact_ids"]) for one in jobs.groups(world, job)]
    return shown["counts"], found
