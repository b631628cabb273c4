"""Lists over HTTP: what may be asked for, and how refusals read."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.answers import document
from tests.gateway.isolation.test_isolation import CASES, at
from tests.integration.world import World


@pytest.fixture
def book(world: World) -> World:
    for n in range(6):
        world.create(
            f"p{n}@example.com",
            first_name="José" if n % 2 else "Maria",
            last_name=f"Müller{n}",
            tags=["VIP"] if n < 3 else ["new"],
        )
    world.catch_up()
    return world


def listed(world: World, **query: Any) -> list[str]:
    answer = world.send("GET", f"/contacts?{urlencode(query)}")
    assert answer.status == 200, answer.text
    return [one["email"] for one in answer.json["items"]]


def test_conditions_are_joined(book: World) -> None:
    assert listed(book, tags="vip") == ["p2@example.com", "p1@example.com", "p0@example.com"]
    assert listed(book, tags="VIP", search="jose") == ["p1@example.com"]
    assert listed(book, tags="vip,new") == []
    assert listed(book, search="mueller3") == ["p3@example.com"]
    assert listed(book, email="<P4@Example.com>") == ["p4@example.com"]
    assert listed(book, active="true", tags="new", sort="created_at", limit=2) == [
        "p3@example.com",
        "p4@example.com",
    ]
    assert listed(book, is_active="false") == []


def test_totals_and_statistics_are_told(book: World) -> None:
    assert book.send("GET", "/contacts?limit=1").json["total"] == 6
    assert book.send("GET", "/contacts?limit=1&tags=vip").json["total"] == 3
    assert book.send("GET", "/contacts?limit=1&tags=vip&search=jose").json["total"] is None
    assert book.send("GET", "/contacts?limit=1&tags=vip&search=jose&include_total=true").json["total"] == 1
    stats = book.send("GET", "/contacts/stats").json
    assert (stats["total"], stats["active"], stats["by_tag"]) == (6, 6, {"new": 3, "VIP": 3})


REFUSALS = (
    ("email=nobody", 422, "email"),
    ("phone=12", 422, "phone"),
    ("source=elsewhere", 422, "source"),
    ("is_active=perhaps", 422, "is_active"),
    ("is_active=true&active=false", 422, "active"),
    ("created_from=yesterday", 422, "created_from"),
    ("created_from=2026-05-04T09:30:00", 422, "created_from"),
    ("search=%20%E2%80%8B%20", 422, "search"),
    ("search=", 422, "search"),
    ("sort=email", 422, "sort"),
    ("colour=red", 422, "colour"),
    ("tags=vip&tags=new", 422, "tags"),
    ("cursor=abc", 400, None),
    ("cursor=", 400, None),
    ("cursor=&limit=2", 400, None),
    ("page=0", 422, "page"),
    ("page=-1", 422, "page"),
    ("page=1e9", 422, "page"),
    ("page=2&page_size=101", 422, "page_size"),
    ("page_size=0", 422, "page_size"),
    ("skip=-1", 422, "skip"),
    ("page=2&skip=1", 422, "skip"),
    ("page=2&cursor=abc", 422, "cursor"),
    ("skip=2&cursor=abc", 422, "cursor"),
    ("page=2&limit=5", 422, "limit"),
    ("page=401", 400, None),
    ("page=99999999999999999999", 400, None),
    ("skip=9990&limit=11", 400, None),
)


def test_a_refusal_names_the_parameter(book: World) -> None:
    for query, status, field in REFUSALS:
        answer = book.send("GET", f"/contacts?{query}")
        assert answer.status == status, (query, answer.text)
        if field:
            assert answer.json["errors"][0]["field"] == field, query


def test_pages_by_number_and_by_skipping_are_parts_of_one_list(book: World) -> None:
    for sort in ("-created_at", "created_at", "name", "-updated_at", "-total_bookings"):
        whole = listed(book, sort=sort)
        assert listed(book, sort=sort, page=1, page_size=4) == whole[:4], sort
        assert listed(book, sort=sort, page_size=4) == whole[:4], sort
        assert listed(book, sort=sort, page=2, page_size=4) == whole[4:], sort
        assert listed(book, sort=sort, page=2) == [], sort
        assert listed(book, sort=sort, skip=1, limit=2) == whole[1:3], sort
        page = book.send("GET", f"/contacts?sort={sort}&page=2&page_size=2").json
        assert page["total"] == 6, sort
        assert listed(book, sort=sort, cursor=page["next_cursor"], limit=9) == whole[4:], sort


def test_a_page_too_deep_is_refused_with_what_to_do(book: World) -> None:
    answer = book.send("GET", "/contacts?skip=9990&limit=11")
    assert (answer.status, answer.json["code"]) == (400, "too_deep")
    assert "cursor" in answer.json["detail"]
    assert book.send("GET", "/contacts?page=400&page_size=25").status == 200


def test_names_are_listed_by_the_last(book: World) -> None:
    book.create("z@example.com", first_name="Zoë", last_name="muller3")
    book.create("a@example.com", first_name="Ada", last_name="Ångström")
    book.catch_up()
    assert listed(book, sort="name")[0] == "a@example.com"
    assert listed(book, sort="name")[4:6] == ["p3@example.com", "z@example.com"]


def test_the_companies_with_the_most_contacts_are_among_the_statistics(book: World) -> None:
    for n, company in enumerate(["Acme", "ACME", "Müller & Söhne", "muller &  sohne", "Acme", "Alone"]):
        book.create(f"c{n}@example.com", company=company)
    book.catch_up()
    stats = book.send("GET", "/contacts/stats").json
    assert stats["top_companies"] == [
        {"company": "Acme", "contacts": 3},
        {"company": "Müller & Söhne", "contacts": 2},
    ]
    assert book.send("GET", "/contacts/stats", token=book.tenant("T10").admin).json["top_companies"] == []


def test_another_tenants_contacts_are_in_no_list(book: World) -> None:
    token = book.tenant("T10").admin
    for query in (
        "",
        "?tags=vip",
        "?sort=name",
        "?sort=-total_bookings",
        "?skip=1",
        "?search=jose",
        "?email=p1@example.com",
        "?source=api",
    ):
        answer = book.send("GET", f"/contacts{query}", token=token)
        assert (answer.status, answer.json["items"]) == (200, [])
    assert book.send("GET", "/contacts/stats", token=token).json["total"] == 0


PAGED = [
    path
    for path, methods in document()["paths"].items()
    if any(one.get("name") == "cursor" for one in methods.get("get", {}).get("parameters", ()))
]


@pytest.mark.parametrize("path", PAGED)
def test_an_empty_cursor_is_none_of_ours_and_not_the_first_page(world: World, path: str) -> None:
    """check 44: a program that lost its place must not take the first page for the next."""
    target = at(path, CASES["GET", path].made(world, world.t1)) if "{" in path else path
    assert world.send("GET", target).status == 200
    answer = world.send("GET", f"{target}?cursor=")
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor"), answer.text


def test_the_lists_that_have_pages_are_found() -> None:
    assert {"/contacts", "/groups/{group_id}/contacts", "/webhooks/{webhook_id}/deliveries"} < set(PAGED)
