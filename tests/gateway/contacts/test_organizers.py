"""A user who organizes a booking of a contact has it among their own contacts, like its owner (check 52)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.tenant import TenantSettings
from shared.wiring.accounts import onboarding_service
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.gateway import Response
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer

OWNER, SECOND, STRANGER, ADMIN = "user-of-T1", "other-of-T1", "third-of-T1", "admin-of-T1"
SORTS = (
    "-created_at",
    "created_at",
    "name",
    "-updated_at",
    "-last_contacted_at",
    "-last_booking_at",
    "-total_bookings",
)


@dataclass(frozen=True)
class Scene:
    """A tenant whose users see their own. `shared` is owned by one user, and a second one organizes a booking of it;
    only the owner of `solo` organizes its bookings; `plain` has no bookings; `others` are not theirs.
    """

    world: World
    tokens: dict[str, str]
    shared: dict[str, Any]
    solo: dict[str, Any]
    plain: dict[str, Any]
    others: dict[str, Any]

    def ask(self, user: str, method: str, path: str, body: Any = None, **how: Any) -> Response:
        return self.world.send(method, path, body, token=self.tokens[user], **how)

    def page(self, user: str, path: str = "/contacts", **query: Any) -> tuple[set[str], int | None]:
        answer = self.ask(user, "GET", path, query={"limit": 100, **query})
        assert answer.status == 200, answer.text
        return {one["id"] for one in answer.json["items"]}, answer.json.get("total")

    def own_of(self, user: str) -> set[str]:
        owned = {self.shared["id"], self.solo["id"], self.plain["id"]}
        return {
            OWNER: owned,
            SECOND: {self.shared["id"]},
            STRANGER: set(),
            ADMIN: owned | {self.others["id"]},
        }[user]


@pytest.fixture
def scene(aws_stack: Stack, token_issuer: TokenIssuer) -> Scene:
    world = World(aws_stack, token_issuer, TenantSettings(visibility="owner"))
    with as_operator():
        onboarding_service().add_member(STRANGER, "T1", "user", "third@t1.example.com")
    tokens = {
        OWNER: world.t1.user,
        SECOND: world.t1.other_user,
        STRANGER: token_issuer.make_token(STRANGER),
        ADMIN: world.t1.admin,
    }
    plain = world.create("plain@example.com", token=tokens[OWNER], company="Engines")
    others = world.create("others@example.com", company="Engines")
    booked = (("shared", OWNER), ("shared", SECOND), ("solo", OWNER))
    for second, (email, organizer) in enumerate(booked):
        # The earliest event names the owner.
        occurred_at = f"2031-03-01T09:00:{second:02d}.000Z"
        world.post_booking(
            booking(invitee_email=f"{email}@example.com", organizer_id=organizer, occurred_at=occurred_at)
        )
        world.bookings.pump()
    assert world.dead_bookings() == []
    world.catch_up()
    found = {one["email"].partition("@")[0]: one for one in world.listed()}
    assert found["shared"]["owner_id"] == OWNER
    return Scene(world, tokens, found["shared"], found["solo"], plain, others)


@pytest.mark.parametrize("user", [OWNER, SECOND, STRANGER, ADMIN])
@pytest.mark.parametrize("sort", [None, *SORTS])
def test_level_own_lists_what_one_owns_and_organizes_with_exact_totals(
    scene: Scene, user: str, sort: str | None
) -> None:
    own = scene.own_of(user)
    query = {"sort": sort} if sort else {}
    assert scene.page(user, **query) == (own, len(own))
    walked: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = scene.ask(user, "GET", "/contacts", query={"limit": 1, **query, **cursor})
        walked += [one["id"] for one in answer.json["items"]]
        if answer.json["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json["next_cursor"]}
    assert sorted(walked) == sorted(own)


def test_every_condition_finds_what_one_organizes_and_nothing_hidden(scene: Scene) -> None:
    shared, solo = scene.shared["id"], scene.solo["id"]
    for query in (
        {"email": "shared@example.com"},
        {"has_bookings": "true"},
        {"source": "booking"},
        {"is_active": "true"},
    ):
        assert scene.page(SECOND, **query)[0] == {shared}, query
        assert scene.page(STRANGER, **query)[0] == set(), query
    assert scene.page(SECOND, email="solo@example.com")[0] == set()
    first = scene.shared["first_name"]
    assert scene.page(SECOND, search=first)[0] == {shared}
    assert scene.page(OWNER, search=first)[0] >= {shared, solo}
    assert scene.page(SECOND, include_total="true", has_bookings="true", source="booking") == ({shared}, 1)
    assert scene.page(SECOND, owner_id=OWNER)[0] == {shared}
    assert scene.page(OWNER, owner_id=SECOND)[0] == set()


def test_the_filter_by_organizer_finds_all_whose_bookings_a_user_organizes_with_an_exact_total(
    scene: Scene,
) -> None:
    shared, solo = scene.shared["id"], scene.solo["id"]
    assert scene.page(ADMIN, organizer_id=OWNER) == ({shared, solo}, 2)
    assert scene.page(ADMIN, organizer_id=SECOND) == ({shared}, 1)
    assert scene.page(ADMIN, organizer_id=STRANGER) == (set(), 0)
    assert scene.page(ADMIN, organizer_id=OWNER, sort="name")[0] == {shared, solo}
    assert scene.page(ADMIN, organizer_id=OWNER, owner_id=OWNER, include_total="true") == ({shared, solo}, 2)
    assert scene.page(ADMIN, organizer_id=SECOND, owner_id=OWNER, include_total="true") == ({shared}, 1)
    assert scene.page(ADMIN, owner_id=OWNER) == (scene.own_of(OWNER), 3)
    assert scene.page(SECOND, organizer_id=OWNER)[0] == {shared}


def test_totals_follow_when_the_owner_changes(scene: Scene) -> None:
    shared = scene.shared["id"]
    for owner in (SECOND, ADMIN, None, OWNER):
        assert scene.ask(ADMIN, "PATCH", f"/contacts/{shared}", {"owner_id": owner}).status == 200
        scene.world.catch_up()
        for user, rest in ((OWNER, {scene.solo["id"], scene.plain["id"]}), (SECOND, set())):
            assert scene.page(user) == (rest | {shared}, len(rest) + 1), (owner, user)
        assert scene.page(ADMIN, organizer_id=OWNER)[1] == 2
        assert scene.page(ADMIN, organizer_id=SECOND)[1] == 1
    scene.ask(ADMIN, "DELETE", f"/contacts/{shared}")
    scene.world.catch_up()
    assert scene.page(SECOND) == (set(), 0)
    assert scene.page(ADMIN, organizer_id=OWNER) == ({scene.solo["id"]}, 1)


def test_an_organizer_reads_changes_and_deletes_their_invitee_as_the_owner_may(scene: Scene) -> None:
    shared = f"/contacts/{scene.shared['id']}"
    shown = scene.ask(SECOND, "GET", shared).json
    assert (shown["owner_id"], shown["organizer_ids"]) == (OWNER, sorted([OWNER, SECOND]))
    assert scene.ask(SECOND, "GET", f"{shared}/interactions").status == 200
    assert scene.ask(SECOND, "PATCH", shared, {"company": "X"}).status == 200
    consent = {"channel": "email", "opted_out": True, "source": "phone"}
    assert scene.ask(SECOND, "POST", f"{shared}/consent", consent).status == 200
    bulk = {"contact_ids": [scene.shared["id"], scene.solo["id"]], "set": {"company": "Y"}}
    answer = scene.ask(SECOND, "POST", "/contacts/bulk-update", bulk)
    assert [one["status"] for one in answer.json["items"]] == [200, 404]
    scene.world.catch_up()
    everything = {"filter": {"source": "booking"}, "set": {"company": "Z"}}
    answer = scene.ask(SECOND, "POST", "/contacts/bulk-update", everything)
    assert [one["id"] for one in answer.json["items"]] == [scene.shared["id"]]
    for method in ("GET", "PATCH", "DELETE"):
        assert scene.ask(STRANGER, method, shared, {} if method == "PATCH" else None).status == 404
    assert scene.ask(SECOND, "DELETE", shared).status == 204
    assert scene.ask(SECOND, "POST", f"{shared}/restore").status == 200


def test_an_organizer_counts_their_invitees_among_a_customer_s_contacts_in_groups_and_statistics(
    scene: Scene,
) -> None:
    shared, solo = scene.shared["id"], scene.solo["id"]
    customer = scene.ask(SECOND, "POST", "/customers", {"first_name": "C"}).json["id"]
    group = scene.ask(ADMIN, "POST", "/groups", {"name": "g"}).json["id"]
    dynamic = {"name": "d", "kind": "dynamic", "filter": {"organizer_id": OWNER}}
    by_organizer = scene.ask(ADMIN, "POST", "/groups", dynamic).json["id"]
    for one in (shared, solo):
        assert scene.ask(ADMIN, "PATCH", f"/contacts/{one}", {"customer_id": customer}).status == 200
    scene.ask(ADMIN, "POST", f"/groups/{group}/contacts", {"contact_ids": [shared, solo]})
    scene.world.catch_up()
    assert scene.ask(SECOND, "GET", f"/customers/{customer}").json["contact_count"] == 1
    assert scene.page(SECOND, f"/customers/{customer}/contacts")[0] == {shared}
    assert scene.page(SECOND, f"/groups/{group}/contacts")[0] == {shared}
    assert scene.page(SECOND, f"/groups/{by_organizer}/contacts")[0] == {shared}
    assert scene.page(ADMIN, f"/groups/{by_organizer}/contacts")[0] == {shared, solo}
    assert scene.ask(SECOND, "GET", "/contacts/stats").json["total"] == 1
    assert scene.ask(OWNER, "GET", "/contacts/stats").json["total"] == 3
    for path in ("/interactions", "/bookings"):
        answers = {user: scene.ask(user, "GET", path).json["items"] for user in (SECOND, STRANGER)}
        assert {one["contact_id"] for one in answers[SECOND]} == {shared}
        assert answers[STRANGER] == []


def test_a_conflict_names_the_contact_to_who_organizes_its_booking(scene: Scene) -> None:
    body = {"first_name": "X", "email": "shared@example.com"}
    named, unnamed = (scene.ask(user, "POST", "/contacts", body) for user in (SECOND, STRANGER))
    assert named.json["errors"][0]["contact_id"] == scene.shared["id"]
    assert unnamed.status == 409
    assert scene.shared["id"] not in unnamed.text


def test_an_organizer_sees_the_contact_to_which_a_later_event_moves_a_booking_and_no_longer_the_other(
    scene: Scene,
) -> None:
    """check 52: the event that moves it names no organizer."""
    moved_to = ("first@example.com", "second@example.com")
    details: list[dict[str, Any]] = [
        {"invitee_email": moved_to[0], "organizer_id": STRANGER},
        {"invitee_email": moved_to[1]},
        {"invitee_email": moved_to[0]},
    ]
    seen: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for order in itertools.permutations(range(3)):
        name = "-".join(map(str, order))
        for number in order:
            detail = {**details[number], "event_id": f"{name}-{number}", "version": number + 1}
            detail["invitee_email"] = f"{name}{detail['invitee_email']}"
            scene.world.post_booking(booking(booking_id=name, **detail))
            scene.world.bookings.pump()
            scene.world.content.assert_whole()
        scene.world.catch_up()
        for email in moved_to:
            (contact,) = (one for one in scene.world.listed() if one["email"] == f"{name}{email}")
            answer = scene.ask(STRANGER, "GET", f"/contacts/{contact['id']}")
            seen.setdefault(email, []).append((answer.status, tuple(contact["organizer_ids"])))
    assert seen == {moved_to[0]: [(200, (STRANGER,))] * 6, moved_to[1]: [(404, ())] * 6}
    assert len(scene.page(STRANGER)[0]) == scene.page(STRANGER)[1] == 6
