"""Lists in every order, pages by number, and the companies with the most contacts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.contacts import order as contact_order
from shared.domain.contacts.record import Contact
from shared.domain.errors import RuleBroken
from shared.table.item import Item
from shared.table.keys import lists as list_keys
from shared.wiring.base import store
from shared.wiring.contacts import contact_lists
from shared.wiring.projections import projection
from tests.integration.contacts.test_contact_lists import ADMIN, TENANT, Book, filter_of, people
from tests.support.aws import Stack
from tests.support.faults import Fault, call, injecting
from tests.support.meter import meter
from tests.support.tenant_guard import acting_for
from tests.support.transport import Attempt, Send

ORDERS = (None, "created_at", *contact_order.INDEXED)


@pytest.fixture
def book(aws_stack: Stack) -> Iterator[Book]:
    with acting_for(TENANT):
        yield Book(aws_stack)


@pytest.fixture
def busy(book: Book) -> Book:
    """Twenty contacts, some of them with bookings and calls; some have changed since they were listed first."""
    people(book, 20)
    for n in (3, 5, 5, 8, 13):
        book.book(book.ids[n], day=20 - n)
        book.call(book.ids[n], day=20 - n)
    book.catch_up()
    for n in (2, 5, 9):
        book.change(book.ids[n], last_name=f"Moved {n}", company="Elsewhere")
    book.catch_up()
    return book


def test_a_list_in_any_order_shows_all_whatever_the_size_of_its_pages(busy: Book) -> None:
    for order in contact_order.INDEXED:
        wanted = busy.ordered(order)
        assert len(wanted) == 20
        for limit in (1, 4, 20, 100):
            assert busy.found(sort=order, limit=limit) == wanted, (order, limit)


def test_names_are_ordered_by_last_then_first_name_without_case_or_accents(book: Book) -> None:
    named = [
        ("", "Zoë"),
        ("  ", "zoe"),
        ("Ångström", "B"),
        ("angstrom", "C"),
        ("Müller", "Ada"),
        ("muller", "ada lou"),
        ("MÜLLER", "Bob"),
        ("O#Brien", "%"),
        ("van", "Zoe"),
        ("van Dyck", "Ada"),
        ("李", "小龙"),
    ]
    made = [book.create(last_name=last, first_name=first, email=f"n{n}@x.example").id
            for n, (last, first) in enumerate(named)]  # fmt: skip
    book.catch_up()
    assert book.found(sort="name") == made


def test_the_longest_names_have_a_place(book: Book) -> None:
    longest = ["\ufdfa" * 100, "𝔸" * 100, "漢" * 100]
    made = [
        book.create(first_name=name, last_name=name, company=name * 2, email=f"l{n}@x.example").id
        for n, name in enumerate(longest)
    ]
    book.catch_up()
    assert sorted(book.found(sort="name")) == sorted(made)
    book.agrees()


def test_equal_places_are_ordered_by_id(book: Book) -> None:
    made = [book.create(first_name="Ada", last_name="Same", email=f"s{n}@x.example").id for n in range(5)]
    for one in made:
        book.book(one, day=4)
    book.catch_up()
    assert book.found(sort="name", limit=2) == made
    assert book.found(sort="-last_booking_at", limit=2) == made[::-1]
    assert book.found(sort="-total_bookings", limit=2) == made[::-1]


def test_who_has_no_bookings_comes_last_and_newest_first(busy: Book) -> None:
    booked = {busy.ids[n] for n in (3, 5, 8, 13)}
    for order in ("-total_bookings", "-last_booking_at", "-last_contacted_at"):
        found = busy.found(sort=order, limit=3)
        assert set(found[:4]) == booked
        assert found[4:] == sorted(set(busy.ids) - booked, reverse=True)
    assert busy.found(sort="-total_bookings")[0] == busy.ids[5]


def test_a_place_that_is_out_of_date_shows_nobody_twice(busy: Book) -> None:
    moved = busy.ids[4]
    left_behind = [
        list_keys.place(TENANT, "name", f"a  ada  #{moved}"),
        list_keys.place(TENANT, "updated_at", f"2020-01-01T00:00:00.000Z#{moved}"),
        list_keys.place(TENANT, "total_bookings", f"000000000009#{moved}"),
        list_keys.place(TENANT, "name", "nobody  ada  #0197a1b2-c3d4-7e5f-8a6b-0123456789ab"),
    ]
    store().write_many(put=left_behind)
    for order in ("name", "-updated_at", "-total_bookings"):
        assert busy.found(sort=order, limit=4) == busy.ordered(order)


ANSWERED_BY_INDEX: tuple[tuple[str, dict[str, Any]], ...] = (
        ("name", {"is_active": True}),
        ("name", {"source": "api", "is_active": True}),
        ("-total_bookings", {"has_bookings": True}),
        ("-last_booking_at", {"has_bookings": True, "source": "api"}),
        ("-last_booking_at", {"last_booking_from": "2026-05-09T00:00:00.000Z"}),
        ("-last_booking_at", {"last_booking_to": "2026-05-16T09:30:00.000Z", "is_active": True}),
        ("-last_contacted_at", {"last_contacted_from": "2026-05-07T09:30:00.000Z",
                                "last_contacted_to": "2026-05-12T09:30:00.000Z"}),
        ("-updated_at", {"updated_from": "2020-01-01T00:00:00.000Z"}),
        ("-updated_at", {"updated_to": "2020-01-01T00:00:00.000Z"}),
        ("-updated_at", {"updated_from": "2030-01-01T00:00:00.000Z", "updated_to": "2020-01-01T00:00:00.000Z"}),
)  # fmt: skip


def test_conditions_that_an_order_s_index_answers_are_not_sorted(
    busy: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.services.contacts.lists.MAX_SORTED", 0)
    for order, wanted in ANSWERED_BY_INDEX:
        assert busy.found(sort=order, **wanted) == busy.ordered(order, **wanted), (order, wanted)


PAGED: tuple[dict[str, Any], ...] = (
    {},
    {"tags": "new"},
    {"tags": "new", "is_active": True},
    {"owner_id": "u1", "created_from": "2020-01-01T00:00:00.000Z"},
    {"created_from": "2020-01-01T00:00:00.000Z"},
    {"has_bookings": True},
    {"is_active": True},
    {"source": "api", "updated_from": "2020-01-01T00:00:00.000Z"},
    {"search": "m"},
    {"phone": "+442079460958"},
)


def test_a_page_by_number_is_the_part_of_the_list_that_it_says(busy: Book) -> None:
    lists = contact_lists(ADMIN)
    for wanted, order in itertools.product(PAGED, ORDERS):
        filter_ = filter_of(**wanted)
        whole = busy.found(sort=order, limit=100, **wanted)
        for skip, limit in ((0, 5), (2, 3), (len(whole) - 1, 1), (len(whole), 4), (9_900, 100)):
            if skip < 0:
                continue
            page = lists.list(filter_, sort=order, limit=limit, skip=skip, cursor=None)
            assert [one.id for one in page.items] == whole[skip : skip + limit], (wanted, order, skip)
            assert (page.next_cursor is None) == (skip + limit >= len(whole)), (wanted, order, skip)
            if page.next_cursor is not None:
                following = lists.list(filter_, sort=order, limit=100, cursor=page.next_cursor)
                assert [one.id for one in following.items] == whole[skip + limit :], (wanted, order, skip)


def test_pages_go_down_to_row_10_000_and_no_further(book: Book) -> None:
    lists = contact_lists(ADMIN)
    assert lists.list(filter_of(), sort=None, limit=25, skip=9_975, cursor=None).items == []
    with pytest.raises(RuleBroken, match="cursor") as refusal:
        lists.list(filter_of(), sort=None, limit=25, skip=9_976, cursor=None)
    assert refusal.value.code == "too_deep"


SKIPPED: tuple[tuple[str | None, dict[str, Any]], ...] = (
    (None, {}),
    ("name", {}),
    ("-updated_at", {}),
    (None, {"tags": "all"}),
    ("-total_bookings", {"has_bookings": True}),
)


def test_what_an_index_answers_is_skipped_without_reading_rows(book: Book) -> None:
    for n in range(12):
        book.create(email=f"a{n}@x.example", tags=["all"])
        book.book(book.ids[-1], day=1 + n)
    book.catch_up()
    for order, wanted in SKIPPED:
        with meter() as first:
            contact_lists(ADMIN).list(filter_of(**wanted), sort=order, limit=2, cursor=None)
        with meter() as later:
            page = contact_lists(ADMIN).list(filter_of(**wanted), sort=order, limit=2, skip=8, cursor=None)
        assert len(page.items) == 2
        # One query more at the most, over what is skipped: half a unit for each four kilobytes of it.
        assert later.calls <= first.calls + 1, (order, wanted)
        assert later.read <= first.read + 1.5, (order, wanted)


def test_the_last_page_costs_what_the_first_does(book: Book) -> None:
    """check 2"""
    for n in range(16):
        book.create(email=f"a{n}@x.example", last_name=f"Name{n % 3}")
        if n % 2:
            book.book(book.ids[-1], day=1 + n)
    book.catch_up()
    lists = contact_lists(ADMIN)
    for order in (None, "name", "-updated_at", "-total_bookings"):
        cursor, costs = None, []
        for _ in range(4):
            with meter() as measured:
                page = lists.list(filter_of(), sort=order, limit=4, cursor=cursor)
            costs.append(measured.read)
            cursor = page.next_cursor
        assert cursor is None
        assert costs[-1] <= costs[0] + 0.5, order  # the row that a cursor names is read once more


# Companies


def companies(book: Book) -> list[tuple[str, int]]:
    stats = contact_lists(ADMIN).stats()
    return [(one["company"], one["contacts"]) for one in stats["top_companies"]]


def employ(book: Book, company: str, count: int) -> list[Contact]:
    return [book.create(email=f"{len(book.ids)}@x.example", company=company) for n in range(count)]


def test_the_ten_companies_with_the_most_contacts_are_told(book: Book) -> None:
    for n in range(12):
        employ(book, f"c{n:02d}", n % 7 + 1)
    book.catch_up()
    told = [("c06", 7), ("c05", 6), ("c04", 5), ("c11", 5), ("c03", 4), ("c10", 4), ("c02", 3), ("c09", 3)]
    assert companies(book) == [*told, ("c01", 2), ("c08", 2)]
    book.agrees()


def test_spellings_of_a_company_are_counted_together(book: Book) -> None:
    first = employ(book, "Müller & Söhne", 1)[0]
    employ(book, "MULLER &  sohne", 2)
    book.catch_up()
    assert companies(book) == [("Müller & Söhne", 3)]
    book.change(first.id, company="Elsewhere")
    book.catch_up()
    assert companies(book) == [("Müller & Söhne", 2)]
    book.agrees()


def test_a_company_leaves_the_top_with_its_contacts(book: Book) -> None:
    made = employ(book, "Acme", 3)
    book.catch_up()
    for contact in made:
        book.delete(contact.id)
    book.catch_up()
    assert companies(book) == []
    book.agrees()


def test_forty_contacts_of_as_many_companies_are_counted(book: Book) -> None:
    for n in range(45):
        book.create(email=f"a{n}@x.example", company=f"c{n}", tags=[f"t{n}"])
    book.catch_up()
    book.agrees()
    for n, contact_id in enumerate(list(book.ids)):
        book.change(contact_id, company=f"c{n % 3}")
    book.catch_up()
    assert [amount for _, amount in companies(book)] == [15, 15, 15]
    book.agrees()


def test_two_projectors_that_count_one_company_at_once_lose_nothing(book: Book) -> None:
    """check 13"""
    employ(book, "Acme", 4)
    before, beside = book.stream[:2], book.stream[2:]
    pushed: list[Item] = []

    def push_in(attempt: Attempt, send: Send) -> Any:
        if not pushed:
            pushed.extend(beside)
            projection().project(beside)
        return send(attempt)

    with injecting(Fault("another is faster", push_in, call("dynamodb", "TransactWriteItems"))):
        projection().project(before)
    assert pushed
    assert companies(book) == [("Acme", 4)]
    book.agrees()
