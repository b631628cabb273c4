"""check 102: what a request reads is bounded, what it reads beyond a page is charged, and nothing is done in part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.tenant import RateLimit, TenantSettings
from shared.services import reading_budget
from shared.services.limits import rate_limits
from shared.services.limits.rate_limits import RateLimits
from shared.wiring.accounts import onboarding_service
from tests.buckets import Clock
from tests.integration.jobs.bulk import JOBS, Jobs, running_job
from tests.integration.world import World
from tests.support.aws import stack_in_moto
from tests.support.meter import meter
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer

UPDATE = "/contacts/bulk-update"


@pytest.fixture
def limited(
    template: Template, token_issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A tenant whose callers may make a hundred requests at once, by a clock that stands still; every row that is read
    beyond the first costs one."""
    monkeypatch.setattr(RateLimits.__init__, "__kwdefaults__", {"clock": Clock()})
    monkeypatch.setattr(reading_budget, "PAGE_ROWS", 1)
    monkeypatch.setattr(rate_limits, "ROWS_PER_TOKEN", 1)
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        yield World(stack, token_issuer, TenantSettings(rate_limit=RateLimit(50, 100)))


def people(world: World, count: int, **fields: Any) -> list[str]:
    made = [world.create(f"p{number}@example.com", **fields)["id"] for number in range(count)]
    world.catch_up()
    return made


def left(world: World) -> int:
    """How many requests are left, as the answer to one that reads no list says."""
    told = world.send("GET", "/contacts/none").headers["RateLimit"]
    return int(told.split("r=")[1].split(";")[0])


def test_rows_beyond_a_page_cost_their_caller_requests(limited: World) -> None:
    people(limited, 10)
    before = left(limited)
    assert limited.send("GET", "/contacts", query={"limit": "1"}).status == 200
    assert before - left(limited) == 1 + 1 + 1  # the list, two rows of which one is a page's, and asking
    before = left(limited)
    answer = limited.send("GET", "/contacts", query={"is_active": "true", "include_total": "true"})
    assert (len(answer.json["items"]), answer.json["total"]) == (10, 10)
    assert before - left(limited) == 1 + 9 + 1


def test_what_was_read_for_a_refusal_is_charged_too(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people(limited, 10)
    monkeypatch.setattr("shared.services.contacts.lists.MAX_SORTED", 5)
    before = left(limited)
    answer = limited.send("GET", "/contacts", query={"sort": "name", "relationship_status": "prospect"})
    assert (answer.status, answer.json["code"]) == (400, "too_many_to_sort")
    assert before - left(limited) >= 1 + 5 + 1


def test_who_has_used_all_up_by_reading_waits(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    people(limited, 10)
    monkeypatch.setattr(reading_budget, "PAGE_ROWS", -500)
    assert limited.send("GET", "/contacts").status == 200
    refused = limited.send("GET", "/contacts")
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) >= 8


def test_a_plain_list_makes_no_further_call_to_be_charged(
    limited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(limited, 10)
    monkeypatch.setattr(reading_budget, "PAGE_ROWS", 500)
    limited.send("GET", "/contacts")
    with meter() as measured:
        assert len(limited.send("GET", "/contacts").json["items"]) == 10
    assert measured.calls <= 5


def test_a_list_over_http_ends_early_and_its_cursor_leads_to_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 3"""
    made = people(world, 12)
    world.send("PATCH", f"/contacts/{made[0]}", {"department": "wanted"})
    world.catch_up()
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 5)
    monkeypatch.setattr("shared.table.contacts.index._MOST", 3)
    query = {"relationship_status": "prospect", "is_primary": "false", "limit": "2", "include_total": "true"}
    found, cursor = [], None
    while True:
        answer = world.send("GET", "/contacts", query={**query, **({"cursor": cursor} if cursor else {})})
        assert answer.status == 200
        assert answer.json["total"] is not None or answer.json["total_at_least"] >= len(answer.json["items"])
        found += [one["id"] for one in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


def test_a_bulk_filter_that_goes_beyond_the_budget_becomes_a_job_and_changes_nothing_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = people(world, 9)
    body = {"filter": {"relationship_status": "prospect", "is_primary": False}, "set": {"company": "E"}}
    with monkeypatch.context() as small:
        small.setattr(reading_budget, "MAX_ROWS", 4)
        small.setattr("shared.services.contacts.matching.MAX_TOGETHER", 2)
        answer = world.send("POST", UPDATE, body)
    assert answer.status == 202, answer.text
    assert {world.send("GET", f"/contacts/{one}").json["version"] for one in made} == {1}
    assert Jobs(world).work() > 0
    assert {world.send("GET", f"/contacts/{one}").json["company"] for one in made} == {"E"}


def test_a_bulk_filter_whose_time_is_up_becomes_a_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = people(world, 70)
    monkeypatch.setattr(reading_budget, "MAX_SECONDS", 0.0)
    body = {"filter": {"has_bookings": False}, "set": {"company": "E"}}
    with monkeypatch.context() as small:
        small.setattr("shared.services.contacts.matching.MAX_TOGETHER", 20)
        assert world.send("POST", UPDATE, body).status == 202
    assert {world.send("GET", f"/contacts/{one}").json["version"] for one in made[:3]} == {1}


def test_a_group_s_list_is_within_the_budget_whatever_its_filter(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = people(world, 12)
    group = world.send(
        "POST",
        "/groups",
        {
            "name": "none",
            "kind": "dynamic",
            "filter": {"is_primary": False, "updated_to": "2001-01-01T00:00:00Z"},
        },
    ).json
    answer = world.send("GET", f"/groups/{group['id']}/contacts", query={"include_total": "true"})
    assert (answer.json["items"], answer.json["next_cursor"], answer.json["total"]) == ([], None, 0)
    everybody = world.send(
        "POST", "/groups", {"name": "all", "kind": "dynamic", "filter": {"is_primary": False}}
    ).json
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 5)
    monkeypatch.setattr("shared.table.contacts.index._MOST", 3)
    found, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = world.send("GET", f"/groups/{everybody['id']}/contacts", query=query)
        found += [one["id"] for one in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break
    assert found == made[::-1]


def test_a_customer_s_contacts_are_looked_through_within_the_budget(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For who reads their own alone."""
    with as_operator():
        key = onboarding_service().add_api_client("T1", "own", "contacts:read:own,contacts:write:own")
    customer = world.send("POST", "/customers", {"first_name": "Ada"}, token=key).json
    mine = [
        world.create(f"mine{number}@example.com", token=key, customer_id=customer["id"])["id"]
        for number in range(2)
    ]
    for number in range(8):
        world.create(f"other{number}@example.com", customer_id=customer["id"])
    world.catch_up()
    monkeypatch.setattr("shared.services.customers.writing._PORTION", 3)
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 6)
    found, sizes, cursor = [], [], None
    while True:
        query = {"limit": "5", **({"cursor": cursor} if cursor else {})}
        answer = world.send("GET", f"/customers/{customer['id']}/contacts", query=query, token=key)
        assert answer.status == 200, answer.text
        found += [one["id"] for one in answer.json["items"]]
        sizes.append(len(answer.json["items"]))
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break
    assert sorted(found) == sorted(mine)
    assert sizes[:2] == [0, 0], "empty pages with a cursor"


def test_bulk_jobs_of_others_are_passed_over_within_the_budget(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = running_job(world, by="user")
    for _ in range(9):
        running_job(world)
    monkeypatch.setattr("shared.services.jobs.service._PAGE", 3)
    monkeypatch.setattr(reading_budget, "MAX_ROWS", 3)
    pages, cursor = [], None
    while True:
        query = {"cursor": cursor} if cursor else {}
        answer = world.send("GET", JOBS, query=query, token=world.t1.user)
        pages.append([one["id"] for one in answer.json["items"]])
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break
    assert pages == [[], [], [], [own]]
