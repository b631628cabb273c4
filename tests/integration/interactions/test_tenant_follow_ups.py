"""The follow-ups of all contacts in one list, for each caller those of the contacts that the caller sees."""

from __future__ import annotations

import random
from typing import Any

import pytest

from shared.projections.comparison import find_discrepancies
from shared.services import reading_budget
from shared.services.contacts import entry_lists
from tests.integration.interactions.follow_ups import CALL, PAST, FollowUps, run_schedule, suspend
from tests.integration.world import World
from tests.tenants import caller_of, program

DAYS = [f"2031-0{month}-10T09:30:00.000Z" for month in range(1, 9)]


class Book:
    """Contacts of two owners, with follow-ups for two assignees, and what is expected of their list."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owners = ("admin-of-T1", "user-of-T1")
        self.contacts = [
            FollowUps(world, world.create(f"person{n}@example.com", owner_id=self.owners[n % 2])["id"])
            for n in range(4)
        ]
        self.deleted: set[str] = set()
        self.ids: list[str] = []
        for number, day in enumerate(DAYS * 2):
            assignee = self.owners[number // 4 % 2]
            made = self.contacts[number % 4].schedule(day, f"f{number}", assignee_id=assignee)
            self.ids.append(made["id"])
        world.catch_up()

    def shown(self) -> list[dict[str, Any]]:
        """The follow-ups as they are, of contacts that are not deleted."""
        found = []
        for one in self.ids:
            answer = self.world.send("GET", f"/follow-ups/{one}")
            if answer.status == 200:
                found.append(answer.json)
        return found

    def expected(self, state: str = "open", owner_id: str | None = None, **wanted: Any) -> list[str]:
        """The ids of the follow-ups that match, in the order of the list."""
        owners = {one.id: self.owners[n % 2] for n, one in enumerate(self.contacts)}
        found = [
            one
            for one in self.shown()
            if one["state"] == state
            and owner_id in (None, owners[one["contact_id"]])
            and all(one[name] == value for name, value in wanted.items())
        ]
        closed = {"done": "done_at", "cancelled": "cancelled_at"}
        found.sort(key=lambda one: (one[closed.get(state, "due_at")], one["id"]), reverse=state != "open")
        return [one["id"] for one in found]

    def list(self, *, token: str | None = None, limit: int = 3, **query: Any) -> list[str]:
        """The ids of the list, walked to its end by cursor."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.world.send(
                "GET", "/follow-ups", query={"limit": limit, **query, **cursor}, token=token
            )
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    def discrepancies(self) -> object:
        return find_discrepancies("T1", self.world.content.of("T#T1#"))


@pytest.fixture
def book(world: World) -> Book:
    return Book(world)


@pytest.mark.parametrize("limit", [1, 5, 100])
def test_open_follow_ups_are_listed_earliest_due_first_each_once(book: Book, limit: int) -> None:
    assert book.list(limit=limit) == book.expected() and len(book.expected()) == 16
    page = book.world.send("GET", "/follow-ups", query={"limit": limit}).json
    assert page["items"][0] == book.world.send("GET", f"/follow-ups/{page['items'][0]['id']}").json
    counted = book.world.send("GET", "/follow-ups", query={"limit": 1, "include_total": "true"}).json
    assert counted["total"] == 16


def test_conditions_restrict_the_list(book: Book) -> None:
    for user in book.owners:
        assert book.list(assignee_id=user) == book.expected(assignee_id=user) != []
        assert book.list(owner_id=user) == book.expected(owner_id=user) != []
        assert book.list(owner_id=user, assignee_id=book.owners[0]) == book.expected(
            owner_id=user, assignee_id=book.owners[0]
        )
    assert book.list(assignee_id="nobody") == book.list(owner_id="nobody") == book.list(done="true") == []
    within = [one["id"] for one in book.shown() if DAYS[2] <= one["due_at"] < DAYS[5]]
    assert sorted(book.list(due_from=DAYS[2], due_before=DAYS[5])) == sorted(within) and len(within) == 6
    assert sorted(book.list(due_from="2031-03-10", due_before="2031-06-10")) == sorted(within)
    own = book.list(due_from=DAYS[2], due_before=DAYS[5], assignee_id=book.owners[1])
    assert set(own) == set(within) & set(book.expected(assignee_id=book.owners[1]))


def test_the_list_follows_every_change(book: Book) -> None:
    """Also under random changes; the projections are those of the records."""
    chance = random.Random(7)
    world = book.world
    for number, one in enumerate(book.ids):
        kind = number % 5
        if kind == 0:
            world.send("PATCH", f"/follow-ups/{one}", {"due_at": chance.choice(DAYS), "title": f"m{number}"})
        elif kind == 1:
            call = {**CALL, "scheduled_follow_up": chance.choice(DAYS)}
            body = {"outcome": "x", "interaction": call} if number % 2 else {}
            assert world.send("POST", f"/follow-ups/{one}/complete", body).status == 200
        elif kind == 2:
            assert world.send("POST", f"/follow-ups/{one}/cancel").status == 200
        elif kind == 3:
            user = chance.choice([None, *book.owners])
            assert world.send("PATCH", f"/follow-ups/{one}", {"assignee_id": user}).status == 200
        if number % 4 == 0:
            world.catch_up()
    world.catch_up()
    book.ids = [item["id"]["S"] for item in world.content.follow_ups]
    assert book.list() == book.expected()
    assert book.list(done="true") == book.expected("done") != []
    assert book.list(state="cancelled") == book.expected("cancelled") != []
    early = {one["id"] for one in book.shown() if one["due_at"] < DAYS[3]}
    assert book.list(done="true", due_before=DAYS[3]) == [
        one for one in book.expected("done") if one in early
    ]
    for user in book.owners:
        assert book.list(assignee_id=user) == book.expected(assignee_id=user)
        assert book.list(state="cancelled", assignee_id=user) == book.expected("cancelled", assignee_id=user)
    assert book.discrepancies() == ({}, [])


@pytest.mark.parametrize("most", [entry_lists.MAX_OWN, 0])
def test_a_caller_sees_the_follow_ups_of_the_contacts_that_it_sees(
    book: Book, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """check 52: from the index of own contacts, and where they are too many for it."""
    monkeypatch.setattr(entry_lists, "MAX_OWN", most)
    world = book.world
    client = program("T1", "contacts:read:own,contacts:write:own,interactions:write:own")
    assert book.list(token=client) == []
    contact = world.create("own@example.com", token=client)["id"]
    body = {"title": "own", "due_at": DAYS[4]}
    own = world.send("POST", f"/contacts/{contact}/follow-ups", body, token=client).json["id"]
    book.ids.append(own)
    world.catch_up()
    owner = caller_of(client)[1]
    assert (
        book.list(token=client)
        == book.list(token=client, owner_id=owner)
        == book.list(owner_id=owner)
        == [own]
    )
    assert book.list(token=client, owner_id=book.owners[0]) == []
    everything = sorted(book.list(token=program("T1", "contacts:read:all")))
    assert everything == sorted(book.ids) == sorted(book.list())
    assert book.list(token=world.tenant("T2").admin) == []
    assert world.send("GET", "/follow-ups", token=world.t1.powerless).status == 403


def test_follow_ups_of_deleted_contacts_are_left_out_until_they_are_restored(book: Book) -> None:
    gone = book.contacts[0].id
    assert book.world.send("DELETE", f"/contacts/{gone}").status == 204
    book.world.catch_up()
    assert book.list() == book.expected() and len(book.expected()) == 12
    assert book.world.send("POST", f"/contacts/{gone}/restore").status == 200
    book.world.catch_up()
    assert len(book.list()) == 16


def test_a_page_over_its_budget_ends_early_and_goes_on(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 5)
    assert book.list(limit=100, state="open") == book.expected()


def test_an_entry_that_is_set_aside_or_announced_stays_in_the_list(book: Book) -> None:
    made = book.contacts[0].schedule(PAST)["id"]
    book.ids.append(made)
    book.world.catch_up()
    suspend(book.world, suspended=True)
    assert run_schedule() == {"set_aside": 1}
    book.world.catch_up()
    suspend(book.world, suspended=False)
    assert book.list()[0] == made
    assert run_schedule() == {"announced": 1}
    book.world.catch_up()
    page = book.world.send("GET", "/follow-ups", query={"limit": 1}).json
    assert page["items"][0]["id"] == made and page["items"][0]["notified_at"] is not None
    assert book.discrepancies() == ({}, [])
