"""Contacts through the API's front door, alone, in races, and with everything breaking under them."""

from __future__ import annotations

import io
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from shared.domain.callers import Caller
from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.domain.errors import Duplicate, VersionMismatch
from shared.domain.tenant import TenantSettings
from shared.services.contacts.owners import Owners
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.service import ContactService
from shared.services.contacts.writing import ContactWriting
from shared.services.customers.membership import Membership
from shared.table.contacts.repository import ContactTable
from shared.table.labels import LabelMemory, LabelTable
from shared.table.store import Store
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.clients import client
from tests.support.faults import (
    any_call,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    calls_of,
    injecting,
    kill_points,
    lost_answer,
    server_error,
    throttle,
    transaction_conflict,
    unreachable,
)
from tests.support.gateway import Gateway, Response
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Layer, Send, intercepting
from tests.tenants import settle

Worlds = Callable[[], AbstractContextManager[World]]

ADA = {"first_name": "Ada", "email": "ada@example.com"}
WRITES = call("dynamodb", "TransactWriteItems")


def of_the_product(attempt: Attempt) -> bool:
    """Calls of the functions, not those with which a test looks at the table."""
    return attempt.operation != "Scan"


# One caller at a time


def test_a_new_contact_is_answered_as_it_is_kept_and_read_the_same(world: World) -> None:
    answer = world.send(
        "POST",
        "/contacts",
        {
            "first_name": " Ada ",
            "last_name": "Lovelace",
            "email": "<ADA@Example.COM>",
            "phone": "(415) 555-2671",
            "whatsapp": "+44 20 7946 0958",
            "company": "Engines",
            "department": "R&D",
            "job_title": "Analyst",
            "about": "Line one\nline two",
            "tags": ["vip", "VIP", "new"],
        },
    )
    assert answer.status == 201
    made = answer.json
    assert answer.headers["Location"] == f"/v1/contacts/{made['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert made | {"created_at": "", "updated_at": ""} == {
        "id": made["id"],
        "first_name": "Ada",
        "last_name": "Lovelace",
        "full_name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+14155552671",
        "whatsapp": "+442079460958",
        "company": "Engines",
        "department": "R&D",
        "job_title": "Analyst",
        "about": "Line one\nline two",
        "tags": ["vip", "new"],
        "types": [],
        "groups": [],
        "other_emails": [],
        "phone_raw": "(415) 555-2671",
        "whatsapp_raw": "+44 20 7946 0958",
        "other_phones": [],
        "owner_id": "admin-of-T1",
        "customer_id": None,
        "is_primary": False,
        "communication": {"preferred": "none", "opt_outs": {}},
        "relationship_status": "prospect",
        "lifecycle_stage": "awareness",
        "is_active": True,
        "email_verified": False,
        "custom_fields": {},
        "source": "api",
        "total_bookings": 0,
        "last_booking_at": None,
        "last_contacted_at": None,
        "interaction_count": 0,
        "next_follow_up_at": None,
        "merged_from": [],
        "version": 1,
        "created_at": "",
        "created_by": "user:admin-of-T1",
        "updated_at": "",
        "updated_by": "user:admin-of-T1",
        "organizer_ids": [],
        "customer_name": None,
        "customer_username": None,
        "owner_name": "admin@t1.example.com",
    }
    read = world.send("GET", f"/contacts/{made['id']}")
    assert (read.status, read.json, read.headers["ETag"]) == (200, made, '"1"')
    world.content.assert_whole()


def test_put_empties_what_it_leaves_out(world: World) -> None:
    made = world.create(phone="+14155552671", tags=["a"], about="text", company="Engines")
    answer = world.send("PUT", f"/contacts/{made['id']}", {"first_name": "Bea", "email": "bea@example.com"})
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    now = answer.json
    assert now["full_name"] == "Bea" and now["email"] == "bea@example.com"
    assert (now["phone"], now["tags"], now["about"], now["company"]) == (None, [], "", "")
    assert (now["id"], now["created_at"], now["owner_id"]) == (
        made["id"],
        made["created_at"],
        made["owner_id"],
    )
    world.content.assert_whole()


def test_patch_leaves_what_it_does_not_name_and_null_clears(world: World) -> None:
    made = world.create(phone="+14155552671", company="Engines")
    answer = world.send(
        "PATCH",
        f"/contacts/{made['id']}",
        body=json.dumps({"phone": None, "last_name": "King"}),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.status == 200
    changed = {"phone": None, "last_name": "King", "full_name": "Ada King", "version": 2}
    assert answer.json == made | changed | {"updated_at": answer.json["updated_at"]}
    world.content.assert_whole()


def test_a_patch_that_changes_nothing_writes_nothing(world: World) -> None:
    made = world.create(company="Engines")
    answer = world.send("PATCH", f"/contacts/{made['id']}", {"company": " Engines "})
    assert (answer.status, answer.json) == (200, made)
    assert len(world.content.events) == 1


def test_a_deleted_contact_is_gone_for_everyone_and_its_address_is_free(world: World) -> None:
    made = world.create("ada@example.com")
    answer = world.send("DELETE", f"/contacts/{made['id']}")
    assert (answer.status, answer.body) == (204, b"")
    for method, body in (("GET", None), ("PUT", ADA), ("PATCH", {"company": "x"}), ("DELETE", None)):
        assert world.send(method, f"/contacts/{made['id']}", body).status == 404
    again = world.create("ada@example.com")
    assert again["id"] != made["id"]
    world.content.assert_whole()


def test_an_address_in_use_is_refused_with_the_id_of_who_has_it(world: World) -> None:
    made = world.create("ada@example.com")
    other = world.create("bea@example.com")
    refusals = [
        world.send("POST", "/contacts", {"first_name": "X", "email": "ADA@example.com"}),
        world.send("PATCH", f"/contacts/{other['id']}", {"email": "<ada@EXAMPLE.com>"}),
        world.send("PUT", f"/contacts/{other['id']}", ADA),
    ]
    for answer in refusals:
        assert answer.status == 409
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["code"] == "duplicate"
        (error,) = answer.json["errors"]
        assert (error["field"], error["contact_id"]) == ("email", made["id"])
    assert world.send("GET", f"/contacts/{other['id']}").json == other
    world.content.assert_whole()


SPELLINGS = [
    [
        "ada@example.com",
        "ADA@EXAMPLE.COM",
        "  <ada@example.com> ",
        "ada@ｅxample．com",
        "ＡＤＡ@example.com",
        "Ada <ada\u200b@example.com>",
    ],
    ["élodie@example.com", "E\u0301LODIE@example.com"],
    [
        f"ada@{domain}"
        for domain in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bu\u0308cher.example")
    ],
]


def test_another_spelling_of_an_address_is_the_same_address(world: World) -> None:
    """check 42"""
    for first, *others in SPELLINGS:
        made = world.create(first)
        for other in others:
            answer = world.send("POST", "/contacts", {"first_name": "X", "email": other})
            assert answer.status == 409, other
            assert answer.json["errors"][0]["contact_id"] == made["id"]


def test_another_tenant_may_have_the_same_address(world: World) -> None:
    t10 = world.tenant("T10")
    assert world.create("ada@example.com")["id"] != world.create("ada@example.com", token=t10.admin)["id"]


def test_an_address_with_separators_stays_within_its_own_key(world: World) -> None:
    """check 43"""
    odd = ("x#y", "a%23b", "EMAIL#a", "a/b", "%", "a%b", "a+b", "a")
    for local in odd:
        world.create(f"{local}@example.com")
        assert (
            world.send("POST", "/contacts", {"first_name": "X", "email": f"{local}@example.com"}).status
            == 409
        )
    assert len(world.content.locks) == len(odd)
    world.content.assert_whole()


def test_a_changed_address_frees_the_old_one(world: World) -> None:
    """check 23"""
    made = world.create("old@example.com")
    assert world.send("PATCH", f"/contacts/{made['id']}", {"email": "new@example.com"}).status == 200
    world.create("old@example.com")
    assert world.send("POST", "/contacts", {"first_name": "X", "email": "new@example.com"}).status == 409
    world.content.assert_whole()


def test_without_an_address_no_lock_is_held_where_the_tenant_allows_it(
    aws_stack: Stack, token_issuer: TokenIssuer
) -> None:
    world = World(aws_stack, token_issuer, TenantSettings(require_email=False))
    first, second = (world.send("POST", "/contacts", {"first_name": "Ada"}).json for _ in range(2))
    assert first["email"] is second["email"] is None
    assert world.send("PATCH", f"/contacts/{first['id']}", {"email": "ada@example.com"}).status == 200
    assert world.send("PATCH", f"/contacts/{first['id']}", {"email": None}).status == 200
    assert world.send("PATCH", f"/contacts/{second['id']}", {"email": "ada@example.com"}).status == 200
    world.content.assert_whole()


def test_if_match_lets_the_version_it_names_be_changed_and_no_other(world: World) -> None:
    made = world.create()
    path = f"/contacts/{made['id']}"

    def change(method: str, etag: str) -> int:
        body = None if method == "DELETE" else {**ADA, "email": made["email"], "about": method}
        return world.send(method, path, body, headers={"If-Match": etag}).status

    for stale in ('"0"', '"2"', 'W/"1"', '""'):
        assert [change(method, stale) for method in ("PUT", "PATCH", "DELETE")] == [412] * 3, stale
    for malformed in ("1", "nonsense", '"1', ""):
        assert [change(method, malformed) for method in ("PUT", "PATCH", "DELETE")] == [400] * 3, malformed
    assert world.send("GET", path).json == made
    assert change("PUT", '"1"') == 200
    assert change("PATCH", '"7", "2"') == 200
    assert change("PATCH", '"2"') == 412
    assert change("DELETE", "*") == 204
    assert change("DELETE", "*") == 404
    world.content.assert_whole()


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_a_walk_by_cursor_meets_each_contact_once(world: World, sort: str) -> None:
    made = [world.create()["id"] for _ in range(23)]
    world.catch_up()
    for limit in (1, 7, 23, 24):
        walked = [contact["id"] for contact in world.listed(limit=limit, sort=sort)]
        assert walked == sorted(made, reverse=sort.startswith("-")), limit


def test_a_page_is_full_while_more_exist_and_the_last_has_no_cursor(world: World) -> None:
    """check 3"""
    for _ in range(6):
        world.create()
    world.catch_up()
    first = world.send("GET", "/contacts", query={"limit": 3}).json
    assert (len(first["items"]), first["next_cursor"] is None) == (3, False)
    last = world.send("GET", "/contacts", query={"limit": 3, "cursor": first["next_cursor"]}).json
    assert (len(last["items"]), last["next_cursor"]) == (3, None)


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_a_walk_meets_all_that_were_there_throughout_while_others_come_and_go(
    world: World, sort: str
) -> None:
    made = [world.create()["id"] for _ in range(20)]
    world.catch_up()
    seen: list[str] = []
    cursor: dict[str, str] = {}
    gone = []
    for step in range(10):
        page = world.send("GET", "/contacts", query={"limit": 2, "sort": sort, **cursor}).json
        seen += [contact["id"] for contact in page["items"]]
        # One that was just seen goes (the cursor's own among them), and one yet to come; a new one comes.
        ahead = [one for one in made if one not in seen and one not in gone]
        leaving = [seen[-1], *ahead[1:2]] if step in (2, 5) else []
        gone += leaving
        for contact_id in leaving:
            assert world.send("DELETE", f"/contacts/{contact_id}").status == 204
        world.create()
        world.catch_up()
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen))
    assert set(made) - set(gone) <= set(seen)


def test_a_cursor_is_good_for_its_own_caller_and_list_alone(world: World) -> None:
    """check 44"""
    for _ in range(3):
        world.create()
    t10 = world.tenant("T10")
    for _ in range(3):
        world.create(token=t10.admin)
    world.catch_up()

    def ask(cursor: str, token: str = world.t1.admin, **query: Any) -> Response:
        return world.send("GET", "/contacts", query={"limit": 1, "cursor": cursor, **query}, token=token)

    mine = world.send("GET", "/contacts", query={"limit": 1}).json["next_cursor"]
    theirs = world.send("GET", "/contacts", query={"limit": 1}, token=t10.admin).json["next_cursor"]
    assert ask(mine).status == 200
    refused = [
        ask(theirs),
        ask(mine, world.t1.user),
        ask(mine, t10.admin),
        ask(mine, sort="created_at"),
        *(ask(mine[:n] + chr(ord(mine[n]) ^ 1) + mine[n + 1 :]) for n in range(len(mine) - 1)),
        *(ask(bad) for bad in (mine[:-2], mine + "AAAA", "AAAA", "é", "{}", "null", "=", "%00", mine * 3)),
    ]
    assert Counter((answer.status, answer.json["code"]) for answer in refused) == {
        (400, "invalid_cursor"): len(refused)
    }


def test_a_limit_out_of_range_is_refused(world: World) -> None:
    """check 45"""
    for limit in ("0", "-1", "101", "1000000000", "ten", "1.5", "", "1e1", "%20", "%D9%A3%D9%A3"):
        answer = world.send("GET", f"/contacts?limit={limit}")
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, "limit"), limit


# Races


def together(world: World, requests: list[Callable[[], Response]], *, in_step: bool = True) -> list[Response]:
    return world.racing.together(requests, in_step=in_step)


def test_sixty_four_racing_creates_of_one_address_make_one_contact(world: World) -> None:
    """check 22"""
    tokens = (world.t1.admin, world.t1.user, world.t1.program, world.t1.other_user)

    def create(number: int) -> Callable[[], Response]:
        body = {"first_name": f"Writer {number}", "email": "one@example.com"}
        return lambda: world.racing.request("POST", "/contacts", json=body, token=tokens[number % 4])

    answers = together(world, [create(number) for number in range(64)])
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 63}
    (winner,) = (answer.json["id"] for answer in answers if answer.status == 201)
    refused = [answer.json for answer in answers if answer.status == 409]
    assert {one["errors"][0]["contact_id"] for one in refused} == {winner}
    assert {one["code"] for one in refused} == {"duplicate"}
    content = world.content
    assert (len(content.locks), len(content.contacts), len(content.events)) == (1, 1, 1)
    content.assert_whole()


def services_of(world: World, user: str) -> tuple[ContactReading, ContactService]:
    """The services as a process of its own has them, for one of T1's admins."""
    caller = Caller("T1", "user", user, "admin")
    table = ContactTable(Store(client("dynamodb"), world.stack.table_name), "T1")
    labels = LabelTable(Store(client("dynamodb"), world.stack.table_name), "T1", LabelMemory())
    reading = ContactReading(caller, table)
    writing = ContactWriting(
        caller,
        reading,
        table,
        TenantSettings,
        labels,
        is_active_user=lambda _: False,
        successors=_no_removals,
        membership=_no_customers,
        performer=lambda: "somebody",
    )
    return reading, ContactService(caller, writing, table, TenantSettings, labels, _no_removals)


def _no_customers() -> Membership:
    raise AssertionError("no contact of a customer is written here")


def _no_removals() -> Owners:
    raise AssertionError("no user was removed")


def test_racing_creates_in_processes_of_their_own_make_one_contact_too(world: World) -> None:
    """check 22, with sixty-four services over clients and stores of their own instead of one gateway."""
    start = threading.Barrier(64)

    def create(number: int) -> str:
        _, contacts = services_of(world, f"u{number}")
        start.wait(timeout=300)
        try:
            return contacts.create(ContactInput(first_name="Ada", email="one@example.com")).id
        except Duplicate as refusal:
            return f"refused for {refusal.contact_id}"

    with acting_for("T1"), ThreadPoolExecutor(64) as pool:
        outcomes = Counter(pool.map(create, range(64)))
    (winner,) = (outcome for outcome in outcomes if not outcome.startswith("refused"))
    assert outcomes == {winner: 1, f"refused for {winner}": 63}
    content = world.content
    assert (len(content.locks), len(content.contacts), len(content.events)) == (1, 1, 1)
    content.assert_whole()


@pytest.mark.parametrize("in_step", [True, False])
def test_two_contacts_that_change_to_one_address_do_not_both_get_it(world: World, in_step: bool) -> None:
    """check 23"""
    first, second = world.create("first@example.com"), world.create("second@example.com")

    def change(contact: dict[str, Any]) -> Callable[[], Response]:
        return lambda: world.racing.request(
            "PATCH", f"/contacts/{contact['id']}", json={"email": "wanted@example.com"}, token=world.t1.admin
        )

    answers = together(world, [change(first), change(second)], in_step=in_step)
    assert sorted(answer.status for answer in answers) == [200, 409]
    winner, loser = (first, second) if answers[0].status == 200 else (second, first)
    refusal = next(answer for answer in answers if answer.status == 409)
    assert refusal.json["errors"][0]["contact_id"] == winner["id"]
    assert world.send("GET", f"/contacts/{loser['id']}").json == loser
    world.create(winner["email"])
    assert world.send("POST", "/contacts", {"first_name": "X", "email": loser["email"]}).status == 409
    world.content.assert_whole()


def test_addresses_exchanged_at_once_end_with_two_contacts_and_two_locks(world: World) -> None:
    """check 23: each wants what the other is leaving. Nobody may end without an address, or both with one."""
    first, second = world.create("first@example.com"), world.create("second@example.com")

    def change(contact: dict[str, Any], email: str) -> Callable[[], Response]:
        return lambda: world.racing.request(
            "PATCH", f"/contacts/{contact['id']}", json={"email": email}, token=world.t1.admin
        )

    answers = together(world, [change(first, second["email"]), change(second, first["email"])])
    assert {answer.status for answer in answers} <= {200, 409}
    world.content.assert_whole()


def test_a_delete_and_a_change_of_address_at_once_leave_no_lock_behind(world: World) -> None:
    made = world.create("old@example.com")
    path = f"/contacts/{made['id']}"
    answers = together(
        world,
        [
            lambda: world.racing.request("DELETE", path, token=world.t1.admin),
            lambda: world.racing.request(
                "PATCH", path, json={"email": "new@example.com"}, token=world.t1.admin
            ),
        ],
    )
    assert answers[0].status == 204
    assert answers[1].status in (200, 404)
    content = world.content
    assert (content.live, content.locks) == ([], [])
    content.assert_whole()


def test_of_thirty_two_writers_with_one_etag_one_writes_and_the_others_are_told(world: World) -> None:
    """check 25"""
    path = f"/contacts/{world.create()['id']}"

    def change(number: int) -> Callable[[], Response]:
        return lambda: world.racing.request(
            "PATCH",
            path,
            json={"company": f"Company {number}"},
            token=world.t1.admin,
            headers={"If-Match": '"1"'},
        )

    answers = together(world, [change(number) for number in range(32)])
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 31}
    (written,) = (answer.json for answer in answers if answer.status == 200)
    assert world.send("GET", path).json == written
    assert written["version"] == 2
    world.content.assert_whole()


def test_no_update_of_thirty_two_careful_writers_is_lost(world: World, waits: list[float]) -> None:
    """check 25: each reads, adds its mark, writes under the version it read, and starts over when that is stale.

    In processes of their own; all have read the same state before the first one writes.
    """
    contact_id = world.create()["id"]
    all_have_read = threading.Barrier(32)

    def add(number: int) -> int:
        reading, contacts = services_of(world, f"u{number}")
        for tries in range(1, 200):
            read = reading.read(contact_id)
            if tries == 1:
                all_have_read.wait(timeout=300)
            patch = ContactPatch(about=f"{read.about} mark{number}.")
            try:
                contacts.patch(contact_id, patch, lambda version: version == read.version)  # noqa: B023
            except VersionMismatch:
                continue
            return tries
        raise AssertionError("never got through")

    with acting_for("T1"), ThreadPoolExecutor(32) as pool:
        tries = list(pool.map(add, range(32)))
    assert sum(one > 1 for one in tries) >= 31
    now = world.send("GET", f"/contacts/{contact_id}").json
    assert sorted(now["about"].split()) == sorted(f"mark{number}." for number in range(32))
    assert now["version"] == 33
    world.content.assert_whole()


def test_sixteen_writers_without_if_match_all_write_or_are_told_why_not(
    world: World, waits: list[float]
) -> None:
    """check 25"""
    path = f"/contacts/{world.create()['id']}"

    def change(number: int) -> Callable[[], Response]:
        return lambda: world.racing.request(
            "PATCH", path, json={"company": f"Company {number}"}, token=world.t1.admin
        )

    answers = together(world, [change(number) for number in range(16)])
    outcomes = Counter(
        (answer.status, answer.json["code"] if answer.status != 200 else "") for answer in answers
    )
    assert set(outcomes) <= {(200, ""), (409, "concurrent_change")}
    assert world.send("GET", path).json["version"] == 1 + outcomes[200, ""]
    versions = [answer.json["version"] for answer in answers if answer.status == 200]
    assert sorted(versions) == list(range(2, 2 + outcomes[200, ""])), "two answers show one state"
    world.content.assert_whole()


def test_random_writers_at_once_keep_locks_and_live_contacts_the_same(
    world: World, waits: list[float]
) -> None:
    """check 24: creates, changes of address and deletions of eight callers in any order, over few addresses."""
    made = [world.create(f"a{number}@example.com")["id"] for number in range(4)]

    def client_of(seed: int) -> Callable[[], list[int]]:
        chosen = random.Random(seed)

        def run() -> list[int]:
            statuses = []
            for _ in range(12):
                email = f"a{chosen.randrange(6)}@example.com"
                path = f"/contacts/{chosen.choice(made)}"
                method = chosen.choice(["POST", "PATCH", "PATCH", "PUT", "DELETE"])
                body = (
                    {"first_name": "Ada", "email": email} if method in ("POST", "PUT") else {"email": email}
                )
                target = "/contacts" if method == "POST" else path
                answer = world.racing.request(
                    method, target, json=None if method == "DELETE" else body, token=world.t1.admin
                )
                if method == "POST" and answer.status == 201:
                    made.append(answer.json["id"])
                statuses.append(answer.status)
            return statuses

        return run

    answers = world.racing.together([client_of(seed) for seed in range(8)], in_step=False)
    statuses = Counter(status for of_one in answers for status in of_one)
    assert set(statuses) <= {200, 201, 204, 404, 409}
    assert {200, 201, 204, 404, 409} <= set(statuses), f"too tame: {statuses}"
    world.content.assert_whole()


# Faults


@contextmanager
def without_client_tokens() -> Iterator[None]:
    """DynamoDB forgets client tokens, so that a call sent again is carried out again.

    This is what moto does by itself, and DynamoDB after ten minutes.
    """

    def strip(attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.operation != "TransactWriteItems":
            return send(attempt)
        params = {name: value for name, value in attempt.params.items() if name != "ClientRequestToken"}
        return send(attempt.with_params(params))

    with intercepting(Layer.METER, strip):
        yield


@contextmanager
def with_client_tokens() -> Iterator[None]:
    yield


@pytest.mark.parametrize("tokens", [with_client_tokens, without_client_tokens])
@pytest.mark.parametrize("losses", [1, 3])
@pytest.mark.parametrize("timeout", [False, True])
def test_a_create_whose_answer_is_lost_is_answered_201_and_made_once(
    world: World, tokens: Callable[[], AbstractContextManager[None]], losses: int, timeout: bool
) -> None:
    """check 11: the write is sent again, and must take its own first success for what it is."""
    with tokens(), injecting(lost_answer(WRITES, times=losses, timeout=timeout)):
        answer = world.send("POST", "/contacts", ADA)
    assert answer.status == 201, answer.text
    content = world.content
    assert (len(content.contacts), len(content.locks), len(content.events)) == (1, 1, 1)
    assert content.contacts[0]["id"]["S"] == answer.json["id"]
    content.assert_whole()


@pytest.mark.parametrize("tokens", [with_client_tokens, without_client_tokens])
@pytest.mark.parametrize(
    ("method", "body", "etag"),
    [
        ("PATCH", {"company": "Engines"}, None),
        ("PATCH", {"email": "new@example.com"}, '"1"'),
        ("PUT", {"first_name": "Bea", "email": "new@example.com"}, None),
        ("DELETE", None, None),
        ("DELETE", None, '"1"'),
    ],
)
def test_a_change_whose_answer_is_lost_succeeds_once(
    world: World,
    tokens: Callable[[], AbstractContextManager[None]],
    method: str,
    body: dict[str, Any] | None,
    etag: str | None,
) -> None:
    """check 11, for the other writes."""
    made = world.create()
    headers = {"If-Match": etag} if etag else {}
    with tokens(), injecting(lost_answer(WRITES, times=2)):
        answer = world.send(method, f"/contacts/{made['id']}", body, headers=headers)
    assert answer.status == (204 if method == "DELETE" else 200), answer.text
    content = world.content
    assert len(content.events) == 2
    content.assert_whole()


def test_a_create_whose_answers_are_all_lost_is_503_and_the_client_s_retry_finds_what_is_there(
    world: World,
) -> None:
    with injecting(lost_answer(WRITES, times=None)):
        answer = world.send("POST", "/contacts", ADA)
    assert answer.status == 503
    again = world.send("POST", "/contacts", ADA)
    (contact,) = world.content.contacts
    assert again.status == 409
    assert again.json["errors"][0]["contact_id"] == contact["id"]["S"]
    world.content.assert_whole()


def create(world: World) -> None:
    """A client that sends its create again until it knows: it was made (201), or is there already (409)."""
    answer = world.send("POST", "/contacts", {**ADA, "phone": "+14155552671", "tags": ["a"]})
    assert answer.status in (201, 409), answer.text
    if answer.status == 409:
        assert answer.json["errors"][0]["contact_id"] == world.content.live[0]["id"]["S"]


def change_with(method: str, body: dict[str, Any] | None, etag: str | None = None) -> Callable[[World], None]:
    """A client that sends its change again: the second answer may say that it has been done already."""

    def deliver(world: World) -> None:
        (contact,) = world.content.contacts
        headers = {"If-Match": etag} if etag else {}
        answer = world.send(method, f"/contacts/{contact['id']['S']}", body, headers=headers)
        assert answer.status in {200, 204, 412 if etag else 200, 404 if method == "DELETE" else 200}, (
            answer.text
        )

    return deliver


CHANGES = {
    "patch": change_with("PATCH", {"company": "Engines"}),
    "patch of the address": change_with("PATCH", {"email": "new@example.com"}),
    "patch with If-Match": change_with("PATCH", {"email": "new@example.com"}, '"1"'),
    "put": change_with("PUT", {"first_name": "Bea", "email": "new@example.com"}),
    "put of all fields": change_with(
        "PUT",
        {
            "first_name": "Bea",
            "email": "bea@example.com",
            "other_emails": ["ada@example.com", "b@example.com"],
            "other_phones": [{"label": "home", "number": "(415) 555-2671"}],
            "communication": {"preferred": "phone"},
            "custom_fields": {"a": 1, "b": True, "c": "text"},
        },
    ),
    "delete": change_with("DELETE", None),
    "delete with If-Match": change_with("DELETE", None, '"1"'),
}


def whole_picture(world: World) -> list[str]:
    content = world.content
    content.assert_whole()
    return content.picture()


def but_for_labels(world: World) -> list[str]:
    """A tag that a contact is the first to name is made before the contact, and may be there alone."""
    return [row for row in whole_picture(world) if "#LABEL" not in row]


def with_a_contact(worlds: Worlds) -> Worlds:
    @contextmanager
    def make() -> Iterator[World]:
        with worlds() as world:
            world.create("ada@example.com")
            yield world

    return make


def test_a_create_killed_anywhere_and_sent_again_leaves_one_whole_contact(worlds: Worlds) -> None:
    """check 13: the retry is a new contact to the server, whose lock either is free or names the first one."""
    assert assert_same_after_kills(worlds, create, whole_picture, both_sides=True) == 14


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_killed_anywhere_and_sent_again_leaves_what_one_change_leaves(
    worlds: Worlds, change: str
) -> None:
    """check 13"""
    tried = assert_same_after_kills(
        with_a_contact(worlds), CHANGES[change], whole_picture, matching=of_the_product
    )
    assert tried == 3


@pytest.mark.parametrize("change", ["create", "patch of the address", "delete"])
def test_killed_anywhere_and_never_redone_nothing_is_left_half_written(worlds: Worlds, change: str) -> None:
    """check 13: there may be no retry."""
    deliver = create if change == "create" else CHANGES[change]
    make = worlds if change == "create" else with_a_contact(worlds)
    with make() as unharmed:
        before = but_for_labels(unharmed)
        points = kill_points(lambda: deliver(unharmed), matching=of_the_product)
        done = but_for_labels(unharmed)
    for point in points:
        with make() as killed:
            assert point.kill(lambda: deliver(killed))
            assert but_for_labels(killed) in (before, done), str(point)


def test_a_create_throttled_at_any_call_ends_the_same(worlds: Worlds) -> None:
    """check 10"""
    assert assert_same_under_throttling(worlds, create, whole_picture, matching=of_the_product) >= 2


@pytest.mark.parametrize("change", ["patch of the address", "put", "delete with If-Match"])
def test_a_change_throttled_at_any_call_ends_the_same(worlds: Worlds, change: str) -> None:
    """check 10"""
    tried = assert_same_under_throttling(
        with_a_contact(worlds), CHANGES[change], whole_picture, matching=of_the_product
    )
    assert tried == 2


def test_reads_throttled_at_any_call_answer_the_same(world: World) -> None:
    """check 10"""
    made = world.create()
    world.catch_up()
    gateway = Gateway(world.stack.template)  # asks the authorizer at each request
    for path in ("/contacts", f"/contacts/{made['id']}", f"/contacts/{made['id']}/interactions"):
        expected = world.send("GET", path)
        assert expected.status == 200
        for at in (1, 2):
            with injecting(throttle(any_call, at=at)):
                found = gateway.request("GET", path, token=world.t1.admin)
            assert (found.status, found.json) == (200, expected.json)


CANARIES = {
    "first_name": "Canaryfirst",
    "last_name": "Canarylast",
    "email": "canary@example.com",
    "phone": "+14155552671",
    "company": "Canarycompany",
    "about": "Canaryabout",
    "tags": ["canarytag"],
}


def assert_tells_nothing(text: str) -> None:
    lowered = text.lower()
    for secret in ("canary", "4155552671", "bearer", "eyj", "whsec_"):
        assert secret not in lowered, f"{secret} in {text}"


CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/contacts", CANARIES),
    ("GET", "/contacts", None),
    ("GET", "/contacts/{id}", None),
    ("PUT", "/contacts/{id}", {**CANARIES, "email": "canary2@example.com"}),
    ("PATCH", "/contacts/{id}", {"email": "canary3@example.com"}),
    ("DELETE", "/contacts/{id}", None),
    ("GET", "/contacts/{id}/interactions", None),
]


def assert_unavailable(answer: Response) -> None:
    assert answer.status == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json["code"] == "unavailable"
    assert answer.json["request_id"]
    assert "Traceback" not in answer.text and ".py" not in answer.text and "boto" not in answer.text.lower()
    assert_tells_nothing(answer.text)


@pytest.mark.parametrize("fault", [unreachable, throttle, server_error])
def test_with_dynamodb_away_the_answer_is_503_and_nothing_is_written_or_told(
    world: World, logs: io.StringIO, waits: list[float], fault: Callable[..., Any]
) -> None:
    """check 15, and check 95 for what is logged. The caller has been let in before, as the gateway remembers."""
    made = world.send("POST", "/contacts", {**CANARIES, "email": "canary1@example.com"}).json
    before = world.content.picture()
    warm = Gateway(world.stack.template, cached=True)
    warm.request("GET", f"/contacts/{made['id']}", token=world.t1.admin)
    for method, path, body in CALLS:
        with injecting(fault(call("dynamodb"), times=None)):
            answer = warm.request(method, path.format(id=made["id"]), json=body, token=world.t1.admin)
        assert_unavailable(answer)
        assert world.content.picture() == before
    assert logs.getvalue().count('"unavailable"') == len(CALLS)
    assert_tells_nothing(logs.getvalue())


def test_with_dynamodb_away_a_caller_not_yet_let_in_gets_503_too(world: World) -> None:
    """check 15: the authorizer needs the table as well."""
    with injecting(unreachable(call("dynamodb"))):
        answer = world.send("GET", "/contacts")
    assert answer.status == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0


def test_when_dynamodb_goes_away_in_mid_request_nothing_is_half_written(worlds: Worlds) -> None:
    """check 15"""
    deliver = CHANGES["patch of the address"]
    with with_a_contact(worlds)() as unharmed:
        calls = calls_of(lambda: deliver(unharmed), of_the_product)
    assert calls == ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems"]
    for at in range(1, len(calls) + 1):
        with with_a_contact(worlds)() as world:
            before = whole_picture(world)
            (contact,) = world.content.contacts
            with injecting(unreachable(of_the_product, at=at)):
                answer = world.send("PATCH", f"/contacts/{contact['id']['S']}", {"email": "new@example.com"})
            assert_unavailable(answer)
            assert whole_picture(world) == before


def test_a_fault_of_our_own_is_500_without_a_trace_in_the_answer_or_a_person_in_the_log(
    world: World, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 15, check 95"""

    def broken(*_: Any) -> None:
        raise RuntimeError("canary@example.com")

    monkeypatch.setattr(ContactTable, "create", broken)
    answer = world.send("POST", "/contacts", CANARIES)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert_tells_nothing(answer.text)
    assert "RuntimeError" in logs.getvalue()
    assert_tells_nothing(logs.getvalue())


def test_refusals_log_codes_and_no_person(world: World, logs: io.StringIO) -> None:
    """check 95"""
    made = world.send("POST", "/contacts", CANARIES).json
    answers = [
        world.send("POST", "/contacts", CANARIES),
        world.send("POST", "/contacts", {**CANARIES, "email": "canary", "phone": "canary", "canary": 1}),
        world.send("PATCH", f"/contacts/{made['id']}", {"tags": [f"canary{n}" for n in range(11)]}),
        world.send("PUT", f"/contacts/{made['id']}", body='{"first_name": "Canary'),
        world.send("GET", "/contacts", query={"cursor": "canary", "canary": "canary"}),
        world.send("GET", "/contacts/canary"),
        world.send("GET", "/contacts", token="canary.canary.canary"),
        world.send("GET", "/contacts", token="ck_canary_canary"),
    ]
    assert all(400 <= answer.status < 500 for answer in answers)
    assert_tells_nothing(logs.getvalue())


@pytest.mark.parametrize("conflicts", [1, 6])
@pytest.mark.parametrize("change", ["create", "patch of the address", "delete"])
def test_a_transaction_conflict_that_passes_is_not_noticed(
    world: World, waits: list[float], change: str, conflicts: int
) -> None:
    """check 17"""
    if change != "create":
        world.create("ada@example.com")
    with injecting(transaction_conflict(times=conflicts)):
        (create if change == "create" else CHANGES[change])(world)
    assert len(waits) == conflicts, "each is followed by a pause with jitter"
    content = world.content
    assert len(content.events) == (1 if change == "create" else 2)
    content.assert_whole()


@pytest.mark.parametrize(("method", "path", "body"), [one for one in CALLS if one[0] != "GET"])
def test_a_transaction_conflict_that_stays_is_409_or_503_within_the_function_s_time(
    world: World, waits: list[float], method: str, path: str, body: dict[str, Any] | None
) -> None:
    """check 17: the pauses at their longest, and 50 ms for each call, must fit into two thirds of the time-out."""
    made = world.create("canary1@example.com")
    before = world.content.picture()
    with injecting(transaction_conflict(times=None)) as injector:
        answer = world.send(method, path.format(id=made["id"]), body)
    assert answer.status in (409, 503), answer.text
    assert answer.json["code"] in ("concurrent_change", "unavailable")
    assert world.content.picture() == before
    seconds = sum(waits) + 0.05 * len(injector.calls)
    timeout = int(world.stack.template.function("ContactsFunction")["Timeout"])
    assert seconds < timeout * 2 / 3, f"{len(injector.calls)} calls"


# Inputs


KEPT_BY_THE_SYSTEM = [
    "id",
    "version",
    "source",
    "phone_raw",
    "whatsapp_raw",
    "status_changed_at",
    "next_follow_up_at",
    "merged_from",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "total_bookings",
    "last_booking_at",
    "interaction_count",
    "tenant_id",
    "PK",
    "deleted_at",
    "last_event",
    "full_name",
]


def test_fields_the_system_keeps_are_refused(world: World) -> None:
    """check 53"""
    made = world.create()
    path = f"/contacts/{made['id']}"
    for name in KEPT_BY_THE_SYSTEM:
        for method, target in (("POST", "/contacts"), ("PUT", path), ("PATCH", path)):
            body = {"first_name": "X", "email": "x@example.com", name: made.get(name, "x")}
            answer = world.send(method, target, body)
            assert (answer.status, answer.json["errors"][0]["field"]) == (422, name)
    assert world.send("GET", path).json == made


def test_the_largest_contact_there_may_be_is_kept_and_changed(world: World) -> None:
    """check 41"""
    wide = "\U0001f600"
    largest = {
        "first_name": wide * 100,
        "last_name": wide * 100,
        "email": "x" * 64 + "@" + ".".join(["y" * 60] * 3) + ".com",
        "company": wide * 200,
        "department": wide * 200,
        "job_title": wide * 200,
        "about": wide * 10_000,
        "tags": [f"{number}{wide * 49}" for number in range(10)],
        "other_emails": [f"{n:02}{'x' * 62}@{'.'.join(['y' * 60] * 3)}.com" for n in range(20)],
        "other_phones": [
            {"label": wide * 100, "number": f"{' ' * 30}(415) 555-26{n}{' ' * 10}"} for n in range(10, 30)
        ],
        "custom_fields": {f"{'f' * 48}{n:02}": wide * 310 for n in range(50)},
    }
    made = world.create(**largest)
    path = f"/contacts/{made['id']}"
    wider = {
        "about": "\U0001f601" * 10_000,
        "custom_fields": dict.fromkeys(made["custom_fields"], "\U0001f601" * 310),
    }
    answer = world.send("PATCH", path, wider)
    assert answer.status == 200, answer.text
    assert answer.json["custom_fields"] == wider["custom_fields"]
    too_wide = {"custom_fields": dict.fromkeys(made["custom_fields"], wide * 330)}
    answer = world.send("PATCH", path, too_wide)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "custom_fields"), answer.text
    world.catch_up()
    assert [contact["id"] for contact in world.listed()] == [made["id"]]


def test_a_body_over_the_limit_is_413(world: World) -> None:
    """check 41"""
    assert world.send("POST", "/contacts", {**ADA, "about": "x" * 1_000_001}).status == 413
    assert world.send("POST", "/contacts", {**ADA, "about": "é" * 600_000}).status == 413


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_a_trailing_slash_is_taken_like_none(world: World, slashes: str) -> None:
    made = world.create()
    if slashes == "/":
        assert world.send("GET", "/contacts/").status == 200
        assert world.send("GET", f"/contacts/{made['id']}/").json == made
    assert world.send("GET", f"/contacts/{made['id']}/nothing").status == 404


def test_a_tenant_s_settings_hold_for_its_contacts(aws_stack: Stack, token_issuer: TokenIssuer) -> None:
    settings = TenantSettings(default_country="DE", max_tags_per_contact=2)
    world = World(aws_stack, token_issuer, settings)
    assert world.create(phone="030 901820")["phone"] == "+4930901820"
    assert world.send("POST", "/contacts", {**ADA, "tags": ["a", "b", "c"]}).status == 422
    settle(token_issuer, "T10")
