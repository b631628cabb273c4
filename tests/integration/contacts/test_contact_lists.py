"""Filters, searches, counts and statistics give what the records say, however the stream delivers them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.projections import compare
from shared.domain.callers import Caller
from shared.domain.contacts import order as contact_order
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import StatusInput
from shared.domain.errors import Duplicate, RuleBroken
from shared.domain.interactions.inputs import InteractionInput
from shared.domain.search import fold
from shared.projections.comparison import find_discrepancies
from shared.projections.kinds.registry import kind_of
from shared.table.contacts import items as contact_items
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys import counters as counter_keys
from shared.table.keys import postings as posting_keys
from shared.table.keys import terms as term_keys
from shared.table.postings import chunks_of
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from shared.wiring.bookings import booking_service
from shared.wiring.contacts import (
    contact_filter,
    contact_lists,
    contact_reading,
    contact_service,
    contact_statuses,
)
from shared.wiring.interactions import interaction_service
from shared.wiring.labels import label_table
from shared.wiring.projections import projection
from tests.support.aws import Stack, stack_in_moto
from tests.support.budgets import repetitions
from tests.support.faults import Killed, call, calls_of, injecting, kill_before, throttle
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.tokens import TokenIssuer

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")
PROGRAM = Caller(TENANT, "client", "k1", "client", granted={"contacts:read": "all", "contacts:write": "all"})


def filter_of(**wanted: Any) -> ContactFilter:
    """A filter as a caller words it."""
    return contact_filter(TENANT, wanted)


class Book:
    """A tenant's contact book, and the stream of its changes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        with as_operator():
            onboarding_service().open_tenant(TENANT, "One")
        self.stream: list[Item] = []
        self.ids: list[str] = []

    def create(self, caller: Caller = ADMIN, **fields: Any) -> Contact:
        made = contact_service(caller).create(ContactInput(**{"first_name": "Ada", **fields}))
        self.ids.append(made.id)
        self._note(made.id)
        return made

    def change(self, contact_id: str, **fields: Any) -> None:
        contact_service(ADMIN).patch(contact_id, ContactPatch(**fields), None)
        self._note(contact_id)

    def book(self, contact_id: str, day: int) -> None:
        """A booking of a contact, on a day of May, made the day before."""
        contact = contact_reading(ADMIN).read(contact_id)
        number = f"{contact_id}-{contact.version}"
        detail = {
            "event_id": f"e-{number}",
            "occurred_at": f"2026-05-{day:02d}T09:30:00Z",
            "tenant_id": TENANT,
            "booking_id": f"b-{number}",
            "invitee_name": "Ada",
            "invitee_email": contact.email,
            "starts_at": f"2026-05-{day + 1:02d}T09:30:00Z",
        }
        envelope = {"source": "scheduling.bookings", "detail-type": "BookingCreated", "detail": detail}
        booking_service().process(envelope)
        self._note(contact_id)

    def call(self, contact_id: str, day: int) -> None:
        """A call with a contact, on a day of May."""
        given = InteractionInput(
            type="call", description="a call", occurred_at=f"2026-05-{day:02d}T09:30:00Z"
        )
        interaction_service(ADMIN).create(contact_id, given)
        self._note(contact_id)

    def stand(self, contact_id: str, relationship_status: str, lifecycle_stage: str) -> None:
        """A contact moved to another status, step by step."""
        steps = ("qualified_lead", "opportunity", "active_client", "past_client")
        direct = (relationship_status,) if relationship_status not in steps else ()
        for step in direct or steps[: steps.index(relationship_status) + 1]:
            given = StatusInput.model_validate(
                {"relationship_status": step, "lifecycle_stage": lifecycle_stage, "reason": "r"}
            )
            contact_statuses(ADMIN).change(contact_id, given, None)
            self._note(contact_id)

    def delete(self, contact_id: str) -> None:
        contact_service(ADMIN).delete(contact_id, None)
        self.ids.remove(contact_id)
        self._note(contact_id)

    def _note(self, contact_id: str) -> None:
        item = store().get(contact_keys.contact(TENANT, contact_id))
        assert item is not None
        self.stream.append(item)
        for prefix in ("INT", "BOOKING"):
            entries = store().query(item["PK"]["S"], limit=1000, prefix=prefix, consistent=True)
            self.stream += [entry for entry in entries if kind_of(entry) and entry not in self.stream]

    def catch_up(self) -> None:
        projection().project(self.stream)

    def all_items(self) -> list[Item]:
        with as_operator():
            pages = (
                self._stack.client("dynamodb")
                .get_paginator("scan")
                .paginate(TableName=self._stack.table_name)
            )
            return [item for page in pages for item in page["Items"]]

    def agrees(self) -> None:
        """The projections hold what the records say, and nothing else."""
        assert find_discrepancies(TENANT, self.all_items()) == ({}, [])

    def live(self) -> list[Contact]:
        return [
            contact_items.contact_from_item(i).with_label_names(label_table(TENANT).current())
            for i in self.all_items()
            if contact_keys.is_contact(i) and "deleted_at" not in i
        ]

    def ordered(self, order: str, **wanted: Any) -> list[str]:
        """The ids of the contacts that match, in an order, from the records."""
        matching = [one for one in self.live() if filter_of(**wanted).matches(one)]
        return [one.id for _, one in contact_order.in_order(matching, order, None)]

    def found(self, *, sort: str | None = None, limit: int = 3, **wanted: Any) -> list[str]:
        """The ids that a whole walk in small pages gives, in its order."""
        lists, ids, cursor = contact_lists(ADMIN), [], None
        while True:
            page = lists.list(filter_of(**wanted), sort=sort, limit=limit, cursor=cursor)
            ids += [one.id for one in page.items]
            if page.next_cursor is None:
                return ids
            assert len(page.items) == limit, "a page is full while more exist"
            cursor = page.next_cursor


@pytest.fixture
def book(aws_stack: Stack) -> Iterator[Book]:
    with acting_for(TENANT):
        yield Book(aws_stack)


def people(book: Book, count: int = 40, seed: int = 7) -> None:
    chosen = random.Random(seed)
    for n in range(count):
        book.create(
            chosen.choice([ADMIN, PROGRAM]),
            first_name=chosen.choice(["José", "Jürgen", "Maria", "Marie", "Łukasz", "Zoë", "O'Brien"]),
            last_name=chosen.choice(["Müller", "Smith", "Maria", "Åström", "李", "Straße"]),
            email=f"{chosen.choice(['ada', 'bob', 'joe'])}{n}@{chosen.choice(['example.com', 'firma.de'])}",
            company=chosen.choice(["", "2671 Books", "Analytical Engines", "Müller & Söhne", "engine-works"]),
            phone=chosen.choice([None, "+14155552671", "+442079460958", "+4930901820"]),
            tags=chosen.sample(["VIP", "new", "Navy", "a#b", "50%"], chosen.randint(0, 3)),
        )


FILTERS: list[dict[str, Any]] = [
    {},
    {"tags": "vip"},
    {"tags": "vip,new"},
    {"tags": "a#b"},
    {"tags": "50%,navy,new"},
    {"tags": "nobody"},
    {"owner_id": "u1"},
    {"owner_id": "u1", "tags": "new"},
    {"source": "api"},
    {"source": "import"},
    {"is_active": True, "tags": "new"},
    {"is_active": False},
    {"has_bookings": False, "owner_id": "u1"},
    {"phone": "+442079460958"},
    {"phone": "+442079460958", "tags": "new"},
    {"email": "ada0@example.com"},
    {"created_from": "2020-01-01T00:00:00.000Z", "tags": "new"},
    {"created_from": "1960-01-01T00:00:00.000Z", "owner_id": "u1"},
    {"created_from": "1960-01-01T00:00:00.000Z"},
    {"created_to": "1960-01-01T00:00:00.000Z", "tags": "new"},
    {"created_to": "2020-01-01T00:00:00.000Z"},
    {"updated_to": "2020-01-01T00:00:00.000Z"},
    {"relationship_status": "prospect"},
    {"relationship_status": "active_client"},
    {"relationship_status": "opportunity", "tags": "new"},
    {"lifecycle_stage": "awareness", "owner_id": "u1"},
    {"lifecycle_stage": "customer"},
    {"is_primary": False, "tags": "new"},
    {"customer_id": "01900000-0000-7000-8000-000000000001"},
    {"type": "supplier"},
    {"group": "nobody"},
    {"search": "jose"},
    {"search": "mueller"},
    {"search": "MULLER jür"},
    {"search": "maria"},
    {"search": "mari"},
    {"search": "m"},
    {"search": "engine"},
    {"search": "firma.de"},
    {"search": "joe"},
    {"search": "ada1@ex"},
    {"search": "o'b"},
    {"search": "strasse lukasz"},
    {"search": "李"},
    {"search": "0958"},
    {"search": "555 2671"},
    {"search": "0958 maria"},
    {"search": "2671"},
    {"search": "maria", "tags": "new", "owner_id": "u1"},
    {"search": "xyzzy"},
]


def test_a_walk_gives_each_contact_that_matches_once_and_no_other(book: Book) -> None:
    people(book)
    for contact_id, status, stage in zip(
        book.ids,
        ("active_client", "opportunity", "inactive"),
        ("customer", "interest", "decision"),
        strict=False,
    ):
        book.stand(contact_id, status, stage)
    book.catch_up()
    live = book.live()
    for wanted in FILTERS:
        found = book.found(**wanted)
        assert len(found) == len(set(found)), wanted
        assert set(found) == {one.id for one in live if filter_of(**wanted).matches(one)}, wanted


def test_case_and_accents_do_not_count_in_a_search(book: Book) -> None:
    people(book)
    book.catch_up()
    for search in (
        "josé", "JOSE", "muller", "Mueller", "müller", "strasse", "STRAßE", "zoe", "łukasz", "astrom",
    ):  # fmt: skip
        assert book.found(search=search), search


def test_orders_are_kept_over_pages(book: Book) -> None:
    people(book)
    book.catch_up()
    names = {one.id: (fold(one.last_name), fold(one.first_name)) for one in book.live()}
    conditions: list[dict[str, Any]] = [{}, {"tags": "new"}, {"owner_id": "u1", "tags": "vip"}]
    for wanted in conditions:
        newest = book.found(**wanted)
        assert newest == sorted(newest, reverse=True), wanted
        assert book.found(sort="created_at", **wanted) == newest[::-1], wanted
        named = book.found(sort="name", **wanted)
        assert sorted(named) == sorted(newest), wanted
        assert [names[one] for one in named] == sorted(names[one] for one in named), wanted
        for order in contact_order.INDEXED:
            assert book.found(sort=order, **wanted) == book.ordered(order, **wanted), (order, wanted)


def test_totals_of_the_list_and_of_one_condition_are_counted(book: Book) -> None:
    people(book)
    book.catch_up()
    lists = contact_lists(ADMIN)
    for wanted in ({}, {"tags": "new"}, {"owner_id": "u1"}, {"source": "api"}, {"is_active": True}):
        filter_ = filter_of(**wanted)
        page = lists.list(filter_, sort=None, limit=1, cursor=None)
        assert page.total == sum(filter_.matches(one) for one in book.live())
    both = filter_of(tags="new,vip")
    assert lists.list(both, sort=None, limit=1, cursor=None).total is None
    counted = lists.list(both, sort=None, limit=1, cursor=None, include_total=True).total
    assert counted == sum(both.matches(one) for one in book.live())


def test_statistics_say_what_the_records_do(book: Book) -> None:
    people(book)
    book.delete(book.ids[0])
    book.catch_up()
    live, stats = book.live(), contact_lists(ADMIN).stats()
    assert stats["total"] == len(live) == stats["active"]
    assert stats["by_source"] == {"api": len(live)}
    assert stats["by_tag"]["VIP"] == sum("VIP" in one.tags for one in live)


def test_a_cursor_of_another_filter_is_refused(book: Book) -> None:
    """check 44"""
    people(book, 8)
    book.catch_up()
    lists = contact_lists(ADMIN)
    cursor = lists.list(filter_of(), sort=None, limit=2, cursor=None).next_cursor
    with pytest.raises(RuleBroken, match="cursor"):
        lists.list(filter_of(owner_id="u1"), sort=None, limit=2, cursor=cursor)


def test_too_many_to_sort_says_what_to_do(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.contacts.lists.MAX_SORTED", 3)
    for n in range(4):
        book.create(email=f"a{n}@example.com", tags=["VIP"])
    book.catch_up()
    with pytest.raises(RuleBroken, match="Narrow the filter") as refusal:
        book.found(sort="name", tags="vip")
    assert refusal.value.code == "too_many_to_sort"


def test_killed_at_any_call_a_batch_handed_in_again_ends_exact(
    template: Template, token_issuer: TokenIssuer
) -> None:
    """check 13"""

    def prepared() -> Book:
        book = Book(stack)
        people(book, 6)
        book.catch_up()
        book.change(book.ids[0], tags=["VIP"], company="Elsewhere")
        book.delete(book.ids[1])
        book.create(first_name="New", email="new@example.com", tags=["new"])
        book.stream = book.stream[-3:]
        return book

    with stack_in_moto(template, token_issuer) as stack, acting_for(TENANT):
        number = len(calls_of(prepared().catch_up))
    assert number == 17
    for at in range(1, number + 1):
        with stack_in_moto(template, token_issuer) as stack, acting_for(TENANT):
            book = prepared()
            with injecting(kill_before(at=at)), pytest.raises(Killed):
                book.catch_up()
            book.catch_up()
            book.agrees()


def test_contacts_of_more_tags_than_a_transaction_holds_are_counted(book: Book) -> None:
    for n in range(15):
        book.create(email=f"a{n}@example.com", tags=[f"t{n}-{m}" for m in range(10)])
    book.catch_up()
    book.agrees()


def test_contacts_of_more_bytes_than_a_transaction_holds_are_shown(book: Book) -> None:
    """check 100: at most 4 MB of items; forty contacts of 107 kB are handed in together."""
    texts: dict[str, Any] = dict.fromkeys(("company", "department", "job_title"), "𝔸" * 200)
    texts |= {"about": "𝔸" * 10_000, "custom_fields": {f"field{n}": "𝔸" * 315 for n in range(50)}}
    made = [book.create(email=f"a{n}@example.com", **texts) for n in range(40)]
    with acting_for(TENANT):
        projection().project(book.stream)
    book.agrees()
    for contact in made[:3]:
        book.change(contact.id, about="𝔹" * 10_000)
    book.catch_up()
    book.agrees()


def test_throttled_projections_fall_behind_and_lose_nothing(book: Book) -> None:
    """check 10"""
    people(book, 10)
    with injecting(throttle(times=3)):
        book.catch_up()
    book.agrees()


OPERATION = st.one_of(
    st.tuples(st.just("create"), st.integers(0, 5), st.sampled_from(["VIP", "new", ""])),
    st.tuples(
        st.just("tags"), st.integers(0, 9), st.lists(st.sampled_from(["VIP", "vip", "new", "x"]), max_size=3)
    ),
    st.tuples(st.just("email"), st.integers(0, 9), st.integers(0, 5)),
    st.tuples(
        st.just("name"), st.integers(0, 9), st.sampled_from(["Maria", "Mar", "Müller Maria", "#", "%"])
    ),
    st.tuples(
        st.just("company"),
        st.integers(0, 9),
        st.sampled_from(["", "Acme", "ACME ", "Ácme", "Firma", "#", "%"]),
    ),
    st.tuples(st.just("book"), st.integers(0, 9), st.integers(1, 20)),
    st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
    st.tuples(st.just("deliver"), st.integers(1, 8), st.booleans()),
)


@settings(max_examples=repetitions(10), suppress_health_check=list(HealthCheck))
@given(st.lists(OPERATION, min_size=3, max_size=25), st.integers(0, 2**16))
def test_projections_agree_with_the_records_whatever_happens_and_however_it_is_delivered(
    template: Template, token_issuer: TokenIssuer, operations: list[tuple[str, int, Any]], seed: int
) -> None:
    """check 24, with batches repeated, late and out of order; and so do lists in every order"""
    chosen = random.Random(seed)
    with stack_in_moto(template, token_issuer) as stack, acting_for(TENANT):
        book = Book(stack)
        delivered = 0
        for kind, number, value in operations:
            target = book.ids[number % len(book.ids)] if book.ids else None
            try:
                if kind == "create":
                    book.create(email=f"a{number}@example.com", tags=[value] if value else [])
                elif kind == "deliver":
                    projection().project(book.stream[delivered : delivered + number])
                    delivered = min(delivered + number, len(book.stream))
                    if value and delivered:  # an old batch comes once more
                        start = chosen.randrange(delivered)
                        projection().project(book.stream[start:delivered][: chosen.randint(1, 4)])
                elif target is not None and kind == "delete":
                    book.delete(target)
                elif target is not None and kind == "book":
                    book.book(target, value)
                elif target is not None:
                    field = {
                        "tags": {"tags": value},
                        "email": {"email": f"a{value}@example.com"},
                        "name": {"last_name": value},
                        "company": {"company": value},
                    }
                    book.change(target, **field[kind])
            except Duplicate:
                continue
        projection().project(book.stream[delivered:])
        replayed = book.stream.copy()
        chosen.shuffle(replayed)
        projection().project(replayed[:5])
        book.agrees()
        for order in contact_order.INDEXED:
            assert book.found(sort=order) == book.ordered(order)


def test_what_was_damaged_is_found_by_comparing_and_mended_by_making_it_anew(
    book: Book, aws_stack: Stack
) -> None:
    people(book, 8)
    book.delete(book.ids[0])
    book.catch_up()
    client = aws_stack.client("dynamodb")
    [ghost] = chunks_of(posting_keys.partition(TENANT, "tag", "ghost"), [book.ids[0]])
    owners = posting_keys.partition(TENANT, "owner_id", "u1")
    with as_operator():
        assert compare(client, aws_stack.table_name, TENANT) == ({}, [])
        store().write_many(
            put=[
                ghost,
                *chunks_of(owners, book.ids[2:]),
                {**counter_keys.counter(TENANT, "all"), "amount": {"N": "99"}},
            ],
            delete=[term_keys.contact_term(TENANT, "example.com", one) for one in book.ids],
        )
        differing, beyond = compare(client, aws_stack.table_name, TENANT)
        assert (counter_keys.counter(TENANT, "all")["PK"]["S"], "all") in differing
        assert owners in {partition for partition, _ in differing}
        assert beyond == [{"PK": ghost["PK"], "SK": ghost["SK"]}]
        store().write_many(put=list(differing.values()), delete=beyond)
        assert compare(client, aws_stack.table_name, TENANT) == ({}, [])
    book.agrees()


@pytest.mark.parametrize(
    "wanted",
    [
        {"email": "second@elsewhere.example"},
        {"phone": "+12025550143"},
        {"search": "second@"},
        {"search": "0143"},
    ],
)
def test_a_contact_is_found_by_its_other_addresses_and_numbers(book: Book, wanted: dict[str, Any]) -> None:
    people(book, 3)
    made = book.create(
        email="first@example.com",
        other_emails=["second@elsewhere.example"],
        other_phones=[{"label": "home", "number": "+12025550143"}],
    )
    book.catch_up()
    assert book.found(**wanted) == [made.id]
    book.agrees()


def test_a_contact_that_changes_more_labels_than_a_transaction_counts_is_brought_there_in_parts(
    template: Template, token_issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 13: killed anywhere on the way, and handed in again. Small here, to the same effect as with 100."""
    monkeypatch.setattr("shared.projections.engine.MOST_STEPS", 14)
    monkeypatch.setattr("shared.projections.engine._LABELS_AT_ONCE", 8)

    def labelled(book: Book, start: int, count: int) -> None:
        (key,) = [contact_keys.contact(TENANT, one) for one in book.ids]
        item = store().get(key)
        assert item is not None
        item["tag_ids"] = {"L": [{"S": f"tag{number}"} for number in range(start, start + count)]}
        item["version"] = {"N": str(int(item["version"]["N"]) + 1)}
        store().write_many(put=[item])
        book.stream = [item]

    def prepared() -> Book:
        book = Book(stack)
        book.create(email="a@example.com", company="Engines")
        labelled(book, 0, 11)
        book.catch_up()
        book.agrees()
        labelled(book, 6, 12)
        return book

    with stack_in_moto(template, token_issuer) as stack, acting_for(TENANT):
        book = prepared()
        commits = calls_of(book.catch_up, call("dynamodb", "TransactWriteItems"))
        book.agrees()
        book.delete(book.ids[0])
        book.catch_up()
        book.agrees()
    assert len(commits) > 1
    for at in range(1, len(commits) + 1):
        with stack_in_moto(template, token_issuer) as stack, acting_for(TENANT):
            book = prepared()
            with injecting(kill_before(call("dynamodb", "TransactWriteItems"), at=at)), pytest.raises(Killed):
                book.catch_up()
            book.catch_up()
            book.agrees()
