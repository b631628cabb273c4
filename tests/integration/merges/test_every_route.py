"""Every route that takes the id of a contact, called with that of a merged one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.ids import new_id
from tests.contract.answers import document, faults_of
from tests.integration.merges.merging import merge
from tests.integration.world import World
from tests.support.gateway import Response
from tests.tenants import program

OWN = ",".join(
    f"{one}:own" for one in ("contacts:read", "contacts:write", "contacts:delete", "interactions:write")
)
NAMES_A_CONTACT = re.compile(r"(\w+_)?contact_ids?|ids|survivor_id|merged_ids")
"""The names of members of bodies, and of query parameters, that are ids of contacts."""


@dataclass(frozen=True)
class Merge:
    """A contact that was merged into another one, which has a group, an interaction and a note."""

    merged: str
    survivor: str
    group: str
    interaction: str
    note: str

    def path(self, of: str, contact_id: str) -> str:
        """Return a path of the document with ids."""
        ids = {
            "contact_id": contact_id,
            "group_id": self.group,
            "interaction_id": self.interaction,
            "note_id": self.note,
        }
        return of.format(**ids)


@pytest.fixture
def merged(world: World) -> Merge:
    survivor, other = (world.create(f"{name}@example.com")["id"] for name in ("ada", "countess"))
    group = world.send("POST", "/groups", {"name": "Friends"}).json["id"]
    call = {"type": "call", "description": "A", "scheduled_follow_up": "2090-01-01T00:00:00Z"}
    made = {
        kind: world.send("POST", f"/contacts/{survivor}/{kind}", body).json["id"]
        for kind, body in (("interactions", call), ("notes", {"body": "A note."}))
    }
    merge(world, survivor, other)
    world.catch_up()
    return Merge(other, survivor, group, made["interactions"], made["notes"])


def routes_of_contacts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the operations with a contact in their path, each as (method, path, its description)."""
    for path, methods in document()["paths"].items():
        if "{contact_id}" in path:
            for method, described in methods.items():
                yield method.upper(), path, described


def body_of(described: dict[str, Any]) -> Any:
    """Return the example of an operation's body; None without a body."""
    contents = described.get("requestBody", {}).get("content", {})
    return contents["application/json"]["example"] if contents else None


def assert_refused(answer: Response, merged: Merge) -> None:
    assert answer.status == 409, answer.text
    assert (answer.json["code"], answer.json["survivor_id"]) == ("merged", merged.survivor)


def test_each_get_of_a_merged_contact_is_answered_with_what_the_survivor_has(
    world: World, merged: Merge
) -> None:
    called = 0
    for method, path, _ in routes_of_contacts():
        if method != "GET":
            continue
        called += 1
        answer = world.send("GET", merged.path(path, merged.merged))
        at_survivor = world.send("GET", target := merged.path(path, merged.survivor))
        assert (answer.status, at_survivor.status) == (200, 200), (path, answer.text)
        assert answer.headers["Content-Location"] == f"/v1{target}"
        assert "Content-Location" not in at_survivor.headers
        assert answer.json == at_survivor.json, path
        assert answer.headers.get("ETag") == at_survivor.headers.get("ETag")
        assert faults_of("GET", path, answer) == [], path
    assert called > 9


def test_each_write_to_a_merged_contact_is_refused_with_the_survivor(world: World, merged: Merge) -> None:
    before = world.content
    called = 0
    for method, path, described in routes_of_contacts():
        if method == "GET":
            continue
        called += 1
        target, body = merged.path(path, merged.merged), body_of(described)
        assert_refused(world.send(method, target, body), merged)
        answer = world.send(method, target, body, headers={"If-Match": '"99"', "Idempotency-Key": path})
        assert_refused(answer, merged)
        assert faults_of(method, path, answer) == [], path
        if method == "POST":
            again = world.send(method, target, body, headers={"If-Match": '"99"', "Idempotency-Key": path})
            assert again.headers["Idempotency-Replayed"] == "true" and again.json == answer.json
    assert called > 15
    assert world.content.live == before.live


def test_a_caller_who_may_not_see_the_survivor_does_not_learn_of_the_merge(
    world: World, merged: Merge
) -> None:
    stranger = program("T1", OWN)
    for method, path, described in routes_of_contacts():
        answer = world.send(method, merged.path(path, merged.merged), body_of(described), token=stranger)
        assert answer.status == 404 and merged.survivor not in answer.text, (method, path)


# Ids in bodies and queries


def entry(**more: Any) -> Callable[[World, Merge, str, str], None]:
    """Return a test of a route with many contacts: the entry of the merged one is refused. `more`: in the body."""

    def check(world: World, merged: Merge, method: str, path: str) -> None:
        live = world.create()["id"]
        answer = world.send(method, merged.path(path, ""), {"contact_ids": [merged.merged, live], **more})
        assert answer.status == 207, answer.text
        refused, done = answer.json["items"]
        assert (refused["status"], refused["id"]) == (409, merged.merged)
        assert (refused["error"]["code"], refused["error"]["survivor_id"]) == ("merged", merged.survivor)
        assert (done["id"], "error" in done) == (live, False)

    return check


def refused(body: Callable[[Merge], Any], field: str) -> Callable[[World, Merge, str, str], None]:
    """Return a test of a route that refuses a merged contact in a field of its body."""

    def check(world: World, merged: Merge, method: str, path: str) -> None:
        answer = world.send(method, merged.path(path, ""), body(merged))
        assert_refused(answer, merged)
        assert [(one["field"], one["code"]) for one in answer.json["errors"]] == [(field, "merged")]

    return check


def exported(world: World, merged: Merge, method: str, path: str) -> None:
    """Export a merged contact twice, and the survivor: it is exported once, at the first id that leads to it."""
    ids = [new_id(), merged.merged, merged.survivor, merged.merged]
    body = {"format": "csv", "ids": ids, "fields": ["id"], "dry_run": True}
    for sort in (None, "created_at", "-updated_at"):
        answer = world.send(method, path, {**body, "sort": sort} if sort else body)
        assert (answer.status, answer.json["rows"]) == (200, [{"Id": merged.survivor}]), answer.text


def found(world: World, merged: Merge, method: str, path: str) -> None:
    """List the merges of a contact: that of the merged one is listed under both ids."""
    for query in ({"contact_id": merged.merged}, {"contact_id": merged.survivor}):
        answer = world.send(method, path, query=query)
        assert [one["merged_ids"] for one in answer.json["items"]] == [[merged.merged]], answer.text


def suggested(world: World, merged: Merge, method: str, path: str) -> None:
    """List the pairs of a merged contact: they are those of the survivor."""
    number = "+14155550187"
    for contact_id in (merged.survivor, world.create(first_name="Ada")["id"]):
        world.send("PATCH", f"/contacts/{contact_id}", {"phone": number})
    world.catch_up()
    answers = [
        world.send(method, path, query={"contact_id": one, "min_score": 0})
        for one in (merged.merged, merged.survivor)
    ]
    assert [answer.status for answer in answers] == [200, 200]
    (pair,) = answers[0].json["items"]
    assert pair["contact_ids"][0] == merged.survivor and answers[1].json["items"] == [pair]


IN_BODY_OR_QUERY: dict[tuple[str, str], Callable[[World, Merge, str, str], None]] = {
    ("POST", "/contacts/bulk-update"): entry(add_tags=["vip"]),
    ("POST", "/contacts/bulk-delete"): entry(),
    ("POST", "/groups/{group_id}/contacts"): entry(),
    ("DELETE", "/groups/{group_id}/contacts"): entry(),
    ("POST", "/groups"): refused(
        lambda one: {"name": "New", "contact_ids": [one.survivor, one.merged]}, "contact_ids.1"
    ),
    ("POST", "/exports"): exported,
    ("GET", "/contacts/duplicates"): suggested,
    ("POST", "/contacts/duplicates/dismiss"): refused(
        lambda one: {"contact_ids": [one.survivor, one.merged]}, "contact_ids.1"
    ),
    ("POST", "/contacts/merge"): refused(
        lambda one: {"survivor_id": one.survivor, "merged_ids": [one.merged]}, "merged_ids.0"
    ),
    ("GET", "/merges"): found,
}
"""What each route does with a merged contact in its body or its query. A new route needs an entry."""


def names_in(described: dict[str, Any]) -> set[str]:
    """Return the names of the query parameters and of the members of the body of an operation."""
    found = {one["name"] for one in described.get("parameters", []) if one["in"] == "query"}
    for content in described.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"]
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found |= set(schema.get("properties", {}))
    return found


def test_every_route_with_contacts_in_its_body_or_query_is_called() -> None:
    taking = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method, described in methods.items()
        if any(map(NAMES_A_CONTACT.fullmatch, names_in(described)))
    }
    assert taking == set(IN_BODY_OR_QUERY)


@pytest.mark.parametrize(("method", "path"), sorted(IN_BODY_OR_QUERY))
def test_a_merged_contact_in_a_body_is_refused_or_leads_to_the_survivor(
    world: World, merged: Merge, method: str, path: str
) -> None:
    IN_BODY_OR_QUERY[method, path](world, merged, method, path)
