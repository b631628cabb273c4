"""The interactions of all contacts in one list, with the filters of a contact's own."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller
from shared.projections.comparison import find_discrepancies
from shared.services import reading_budget
from shared.services.contacts import entry_lists
from shared.services.reading_budget import Budget
from shared.wiring.interactions import interaction_statistics
from tests.integration.world import World, booking
from tests.support.tenant_guard import acting_for
from tests.tenants import program

DAYS = [f"2026-0{month}-10T09:30:00.000Z" for month in range(1, 9)]


class Book:
    """Contacts with interactions of several types and times, and what is expected of their list."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.contacts = [world.create(f"person{n}@example.com")["id"] for n in range(4)]
        self.interactions: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()

    def record(self, contact: int, occurred_at: str, type: str = "call", **how: Any) -> str:
        given = {"type": type, "description": "A", "occurred_at": occurred_at, **how}
        answer = self.world.send("POST", f"/contacts/{self.contacts[contact]}/interactions", given)
        assert answer.status == 201, answer.text
        self.interactions[answer.json["id"]] = answer.json
        return str(answer.json["id"])

    def fill(self) -> Book:
        """Record two interactions a month, of types and with contacts in turn, most of them calls."""
        types = itertools.cycle(["call"] * 9 + ["quote"] + ["call"] * 5 + ["meeting"])
        for number, day in enumerate(DAYS * 2):
            self.record(number % 4, day, next(types), booking_id=f"b-{number % 3}")
        self.world.catch_up()
        return self

    def expected(self, **wanted: Any) -> list[str]:
        """The ids of the interactions that match, newest first."""
        found = [
            one
            for one in self.interactions.values()
            if one["contact_id"] not in self.deleted
            and all(one[name] == value for name, value in wanted.items())
        ]
        return [one["id"] for one in sorted(found, key=lambda one: (one["occurred_at"], one["id"]))[::-1]]

    def list(self, *, token: str | None = None, **query: Any) -> list[str]:
        """The ids of the list, walked to its end by cursor."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            answer = self.world.send("GET", "/interactions", query={**query, **cursor}, token=token)
            assert answer.status == 200, answer.text
            found += [one["id"] for one in answer.json["items"]]
            if answer.json["next_cursor"] is None:
                return found
            cursor = {"cursor": answer.json["next_cursor"]}

    def total(self, *, token: str | None = None, **query: Any) -> int | None:
        answer = self.world.send("GET", "/interactions", query={**query, "limit": 1}, token=token)
        assert answer.status == 200, answer.text
        total: int | None = answer.json["total"]
        return total

    def discrepancies(self) -> object:
        return find_discrepancies("T1", self.world.content.of("T#T1#"))


@pytest.fixture
def book(world: World) -> Book:
    return Book(world).fill()


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_all_interactions_are_listed_newest_first_each_once(book: Book, limit: int) -> None:
    assert book.list(limit=limit) == book.expected()
    page = book.world.send("GET", "/interactions", query={"limit": limit}).json
    first = page["items"][0]
    assert first == book.interactions[first["id"]], "as a contact's own list shows it"


@pytest.mark.parametrize("limit", [1, 100])
def test_the_filters_are_those_of_a_contact_s_own_list(book: Book, limit: int) -> None:
    admin = next(iter(book.interactions.values()))["performed_by_id"]
    for kind in ("call", "quote", "meeting", "contract"):
        assert book.list(type=kind, limit=limit) == book.expected(type=kind)
        assert book.list(type=kind, booking_id="b-1", limit=limit) == book.expected(
            type=kind, booking_id="b-1"
        )
    assert book.list(booking_id="b-2", limit=limit) == book.expected(booking_id="b-2")
    assert book.list(performed_by_id=admin, limit=limit) == book.expected()
    assert book.list(performed_by_id="nobody", limit=limit) == []
    inner = [one for one in book.expected() if DAYS[2] <= book.interactions[one]["occurred_at"] <= DAYS[4]]
    assert book.list(date_from=DAYS[2], date_to=DAYS[4], limit=limit) == inner
    assert book.list(date_from="2026-03-10", date_to="2026-05-10", limit=limit) == inner
    assert book.list(date_from=DAYS[4], date_to=DAYS[2], limit=limit) == []
    quotes = [one for one in inner if book.interactions[one]["type"] == "quote"]
    assert book.list(date_from=DAYS[2], date_to=DAYS[4], type="quote", limit=limit) == quotes


def test_pages_by_number_are_those_of_the_list(book: Book) -> None:
    expected = book.expected()
    for skip, size in itertools.product((0, 1, 15, 16, 17), (1, 4, 100)):
        answer = book.world.send("GET", "/interactions", query={"skip": skip, "limit": size})
        assert [one["id"] for one in answer.json["items"]] == expected[skip:][:size]
    answer = book.world.send("GET", "/interactions", query={"page": 2, "page_size": 5})
    assert [one["id"] for one in answer.json["items"]] == expected[5:10]
    assert book.world.send("GET", "/interactions", query={"skip": 10_000}).json["code"] == "too_deep"


def test_totals_follow_changes_deletions_and_restorations(book: Book) -> None:
    """Of the whole list and of a type, without asking; of anything else when asked."""
    kinds = ("call", "quote", "meeting", "contract")

    def assert_totals() -> None:
        book.world.catch_up()
        assert book.total() == len(book.expected())
        for kind in kinds:
            assert book.total(type=kind) == len(book.expected(type=kind))
        assert book.total(booking_id="b-1") is None
        assert book.total(booking_id="b-1", include_total="true") == len(book.expected(booking_id="b-1"))
        assert book.discrepancies() == ({}, [])

    assert_totals()
    changed = book.expected(type="quote")[0]
    path = f"/contacts/{book.interactions[changed]['contact_id']}/interactions/{changed}"
    patch = {"type": "contract", "occurred_at": "2026-02-01T00:00:00Z"}
    book.interactions[changed] = book.world.send("PATCH", path, patch).json
    assert_totals()
    assert book.list(type="contract") == [changed]
    assert book.list() == book.expected()
    gone = book.expected(type="meeting")[0]
    contact = book.interactions.pop(gone)["contact_id"]
    assert book.world.send("DELETE", f"/contacts/{contact}/interactions/{gone}").status == 204
    assert_totals()
    assert book.world.send("DELETE", f"/contacts/{contact}").status == 204
    book.deleted.add(contact)
    assert_totals()
    assert book.list(limit=2) == book.expected(), "pages are full, whatever is between their rows"
    assert book.world.send("POST", f"/contacts/{contact}/restore").status == 200
    book.deleted.clear()
    assert_totals()
    assert book.list() == book.expected()


def test_interactions_of_bookings_are_among_them(book: Book) -> None:
    book.world.post_booking(booking(invitee_email="person0@example.com"))
    book.world.bookings.pump()
    book.world.catch_up()
    (found,) = book.list(type="booking_created")
    assert book.total(type="booking_created") == 1
    assert book.total() == len(book.interactions) + 1
    assert found in book.list()


def test_a_page_of_a_spent_budget_is_shorter_and_the_walk_finds_each_once(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it is read by number: the cursor leads to the page that the budget did not reach."""
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 5)
    monkeypatch.setattr(entry_lists, "_LEAST_PORTION", 4)
    assert book.list(limit=4) == book.expected()
    assert book.list(booking_id="b-1") == book.expected(booking_id="b-1")
    assert book.list(type="quote") == book.expected(type="quote")
    for skip in (0, 7, 15, 16):
        found: list[str] = []
        query: dict[str, Any] = {"skip": skip, "limit": 100}
        while query:
            answer = book.world.send("GET", "/interactions", query=query).json
            found += [one["id"] for one in answer["items"]]
            query = {"cursor": answer["next_cursor"]} if answer["next_cursor"] else {}
        assert found == book.expected()[skip:], skip
    query = {"booking_id": "b-1", "include_total": "true", "limit": 1}
    answer = book.world.send("GET", "/interactions", query=query)
    assert answer.json["total"] is None
    assert 0 < answer.json["total_at_least"] < len(book.expected(booking_id="b-1"))


def test_random_changes_leave_the_list_and_its_totals_exact(world: World) -> None:
    book = Book(world)
    chosen = random.Random(1)
    kinds = ("call", "email", "quote")
    for _ in range(40):
        action = chosen.random()
        live = [one for one in book.contacts if one not in book.deleted]
        own = [one for one in book.interactions.values() if one["contact_id"] in live]
        if action < 0.5 and live:
            book.record(book.contacts.index(chosen.choice(live)), chosen.choice(DAYS), chosen.choice(kinds))
        elif action < 0.7 and own:
            one = chosen.choice(own)
            path = f"/contacts/{one['contact_id']}/interactions/{one['id']}"
            patch = {"type": chosen.choice(kinds), "occurred_at": chosen.choice(DAYS)}
            book.interactions[one["id"]] = world.send("PATCH", path, patch).json
        elif action < 0.8 and own:
            one = book.interactions.pop(chosen.choice(own)["id"])
            world.send("DELETE", f"/contacts/{one['contact_id']}/interactions/{one['id']}")
        elif action < 0.9 and live:
            gone = chosen.choice(live)
            assert world.send("DELETE", f"/contacts/{gone}").status == 204
            book.deleted.add(gone)
        elif book.deleted:
            restored = chosen.choice(sorted(book.deleted))
            assert world.send("POST", f"/contacts/{restored}/restore").status == 200
            book.deleted.discard(restored)
        if chosen.random() < 0.3:
            world.catch_up()
    world.catch_up()
    assert book.list(limit=3) == book.expected()
    assert book.total() == len(book.expected())
    for kind in kinds:
        assert (book.list(type=kind), book.total(type=kind)) == (
            book.expected(type=kind),
            len(book.expected(type=kind)),
        )
    assert book.discrepancies() == ({}, [])


def recent(book: Book, *, token: str | None = None) -> tuple[Any, Any]:
    stats = book.world.send("GET", "/contacts/stats", token=token).json
    return stats["interactions_last_7_days"], stats["interactions_last_30_days"]


def test_statistics_count_the_interactions_of_the_last_days(world: World) -> None:
    """For a caller who sees their own contacts only, those of these, if they are not too many."""
    now = timestamps.now()
    own = program("T1", "contacts:read:own,contacts:write:own,interactions:write:own")
    book = Book(world)
    book.contacts.append(world.create("own@example.com", token=own)["id"])
    for contact, days, kind in (
        (0, 0, "call"),
        (1, 3, "call"),
        (4, 20, "quote"),
        (4, 5, "quote"),
        (2, 45, "call"),
    ):
        book.record(contact, timestamps.plus(now, -86_400 * days), kind)
    world.catch_up()
    assert recent(book) == (
        {"total": 3, "by_type": {"call": 2, "quote": 1}},
        {"total": 4, "by_type": {"call": 2, "quote": 2}},
    )
    figures = ({"total": 1, "by_type": {"quote": 1}}, {"total": 2, "by_type": {"quote": 2}})
    assert recent(book, token=own) == figures
    assert world.send("DELETE", f"/contacts/{book.contacts[4]}").status == 204
    world.catch_up()
    assert recent(book)[1] == {"total": 4, "by_type": {"call": 2, "quote": 2}}, "it happened all the same"
    assert recent(book, token=own) == ({"total": 0, "by_type": {}}, {"total": 0, "by_type": {}})


def test_own_interactions_that_are_too_many_to_count_have_no_figure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the last seven days have one if the budget reaches so far."""
    monkeypatch.setattr(entry_lists, "_LARGE_PORTION", 2)
    own = program("T1", "contacts:read:own,contacts:write:own,interactions:write:own", client_id="own")
    book = Book(world)
    book.contacts.append(world.create("own@example.com", token=own)["id"])
    for days in (1, 2, 20, 21, 22, 23):
        book.record(4, timestamps.plus(timestamps.now(), -86_400 * days))
    world.catch_up()
    caller = Caller("T1", "client", "own", "client", granted={"contacts:read": "own"})
    figures = []
    for rows in (0, 2, 8, 5_000):
        with acting_for("T1"):
            figures.append([*interaction_statistics(caller, Budget(rows)).recent().values()])
    seven, thirty = ({"total": count, "by_type": {"call": count}} for count in (2, 6))
    assert figures == [[None, None], [None, None], [seven, None], [seven, thirty]]


@pytest.mark.parametrize("few", [0, 1, 10])
def test_own_interactions_are_the_same_from_the_list_and_from_the_contacts_timelines(
    world: World, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(entry_lists, "MAX_FEW", few)
    own = program("T1", "contacts:read:own,contacts:write:own,interactions:write:own")
    book = Book(world)
    book.contacts += [world.create(f"own{number}@example.com", token=own)["id"] for number in range(2)]
    kinds = itertools.cycle(("call", "email", "call", "quote", "call"))
    for number, day in enumerate(DAYS * 3):
        book.record(number % 6, day, next(kinds), booking_id=f"b-{number % 3}")
    world.catch_up()
    mine = set(book.contacts[4:])

    def expected(**wanted: Any) -> list[str]:
        found = book.expected(**wanted)
        return [one for one in found if book.interactions[one]["contact_id"] in mine]

    assert len(expected()) == 8
    for wanted in ({}, {"type": "call"}, {"type": "quote"}, {"booking_id": "b-1"}):
        for limit in (1, 3, 100):
            assert book.list(token=own, limit=limit, **wanted) == expected(**wanted)
        assert book.total(token=own, include_total="true", **wanted) == len(expected(**wanted))
    page = world.send("GET", "/interactions", query={"skip": 2, "limit": 3}, token=own).json
    assert [one["id"] for one in page["items"]] == expected()[2:5]
    inner = [one for one in expected() if DAYS[2] <= book.interactions[one]["occurred_at"] <= DAYS[4]]
    assert book.list(token=own, date_from=DAYS[2], date_to=DAYS[4], limit=2) == inner
    book.deleted.add(book.contacts[4])
    assert world.send("DELETE", f"/contacts/{book.contacts[4]}").status == 204
    world.catch_up()
    assert book.list(token=own, limit=2) == expected()
