"""No caller can send what the server keeps, and a tenant named in a request is ignored: on every route."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.answers import document
from tests.gateway.isolation.test_isolation import CASES, ELSEWHERE, NOWHERE, WITHOUT_ID, at
from tests.gateway.isolation.test_isolation import shown as whole
from tests.integration.world import World
from tests.support.gateway import Gateway, Response
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy

TIME = "2026-01-01T00:00:00.000Z"
SOMEBODY = "0190a8b0-0000-7000-8000-00000000000a"

KEPT: dict[str, Any] = {
    # every record's
    "id": SOMEBODY, "version": 7, "created_at": TIME, "created_by": "user:x", "updated_at": TIME,
    "updated_by": "user:x", "deleted_at": TIME, "source": "import", "full_name": "X Y", "last_event": SOMEBODY,
    "revision": 3, "is_active": True,
    # a contact's
    "total_bookings": 5, "last_booking_at": TIME, "last_contacted_at": TIME, "interaction_count": 5,
    "next_follow_up_at": TIME, "merged_from": [SOMEBODY], "is_primary": True, "email_verified": True,
    "organizer_ids": [SOMEBODY],
    "groups": ["vip"], "tag_ids": [SOMEBODY], "type_ids": [SOMEBODY], "group_ids": [SOMEBODY],
    "customer_name": "X", "customer_username": "x", "owner_name": "X",
    "phone_raw": "1", "whatsapp_raw": "1", "relationship_status": "opportunity", "lifecycle_stage": "customer",
    "status_changed_at": TIME, "old_status": "prospect", "new_status": "inactive", "changed_by": "X",
    "changed_by_id": SOMEBODY, "timestamp": TIME,
    "opt_outs": {"email": {"opted_out": False}}, "at": TIME, "by": "user:x", "unique_scope": "customer",
    # an interaction's
    "performed_by": "X", "performed_by_id": SOMEBODY, "contact_id": SOMEBODY, "interaction_counts": {"call": 5},
    "booking_counts": {"created": 5},
    "follow_up_id": SOMEBODY,
    # a follow-up's
    "done_at": TIME, "cancelled_at": TIME, "notified_at": TIME, "outcome_interaction_id": SOMEBODY,
    # a note's
    "original": "x", "processing_state": "processed", "failure_reason": "x", "processed_at": TIME, "found": [],
    "requested_by": SOMEBODY, "note_count": 5, "note_id": SOMEBODY,
    # a customer's
    "number": "CUST000001", "is_verified": True, "contact_count": 5, "primary_contact": SOMEBODY,
    # labels'
    "usage_count": 5, "key": "x", "kind": "dynamic",
    # users' and programs'
    "username": "admin", "role": "admin", "permissions": ["tenant:admin:all"], "granted": {"tenant:admin": "all"},
    "disabled": False, "emailed": True, "last_used_at": TIME, "keys": [{"id": "x"}], "valid_until": TIME,
    "secret": "x", "secret_hash": "x", "client_id": SOMEBODY, "user_id": SOMEBODY, "invitation_id": SOMEBODY,
    # imports', jobs' and webhooks'
    "state": "completed", "counts": {"rows": 5}, "progress": {"rows_done": 5}, "results_url": "x", "error": None,
    "options": {"on_duplicate": "skip"}, "upload": {"url": "x"}, "completed_at": TIME, "matched": 5,
    "failures": [], "disabled_reason": "x", "object_key": "x", "etag": "x", "due_at": TIME,
    "retry_of": SOMEBODY, "attempt": "r9", "results_key": "x",
    # a tenant's, whose call it is, and where it lies
    "tenant_id": "T10", "tenant": "T10", "suspended": False, "caller_id": "x", "caller_kind": "system",
    "expires_at": 4_000_000_000, "PK": "T#T10#TENANT", "SK": "TENANT", "WPK": "OUTBOX#0", "WSK": "x",
    # what attackers try
    "__class__": "x", "_version": 7, "constructor": {"prototype": {}}, "$set": {"role": "admin"}, "": "x",
}  # fmt: skip
"""Names that no caller gives, each with a value of its own type: written down here, so that a model that comes to take
one of them is found out."""

CONTACTS = ("POST /contacts", "PUT /contacts/{contact_id}", "PATCH /contacts/{contact_id}")
_STATES = {"is_active", "is_primary", "groups"}
_STATUS = {"relationship_status", "lifecycle_stage"}
CUSTOMERS = ("POST /customers", "PUT /customers/{customer_id}", "PATCH /customers/{customer_id}")
TAKEN: dict[str, set[str]] = {
    # Groups, and whether a contact is active and primary, are people's to say. A person's own word
    # on an address is asked for by mail; that it was given may be noted, and taken back.
    **dict.fromkeys(CONTACTS, _STATES),
    # A new contact may be given both, and a route of its own moves them later.
    "POST /contacts": {*_STATES, *_STATUS},
    **dict.fromkeys(("PUT /contacts/{contact_id}/status", "POST /contacts/bulk-update"), _STATUS),
    "PATCH /contacts/{contact_id}": {"email_verified", *_STATES},
    # Where the person said so: of the consent, not of the contact.
    "POST /contacts/{contact_id}/consent": {"source"},
    # Of the version to go back to, not of the contact.
    "POST /contacts/{contact_id}/revert": {"version"},
    # When a follow-up is due is people's to say; when a delivery is, is not.
    "POST /contacts/{contact_id}/follow-ups": {"due_at"},
    "PATCH /follow-ups/{follow_up_id}": {"due_at"},
    # A customer's own name, by which nobody signs in; and people's judgement of them.
    **{route: {"username", "is_verified", "is_active"} for route in CUSTOMERS},
    # Static or dynamic is settled at the start, and never after.
    "POST /groups": {"kind"},
    # What an admin gives others is what these routes are for.
    "POST /api-clients": {"permissions"},
    "PATCH /api-clients/{client_id}": {"permissions", "is_active"},
    "POST /users/invitations": {"role"},
    "PATCH /users/{user_id}": {"role", "is_active"},
    # The options of an import.
    "POST /imports": {"options"},
    **{f"POST /imports/{{import_id}}/{step}": {"options"} for step in ("preview", "start", "retry")},
    # Those who come choose the name they sign in with.
    "POST /auth/register": {"username"},
    "POST /users/invitations/accept": {"username"},
    # The tenant's own setting.
    "PATCH /settings": {"unique_scope"},
}
"""Those of the names that a route takes all the same, and why."""


def kept_from(route: str) -> dict[str, Any]:
    """The names with which a route must refuse a body, with values."""
    return {name: value for name, value in KEPT.items() if name not in TAKEN.get(route, ())}


BODIES: list[tuple[str, str, str]] = [
    (method.upper(), path, media_type)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
    for media_type in operation.get("requestBody", {}).get("content", {})
    if media_type.endswith("json")
]


@pytest.mark.parametrize(("method", "path", "media_type"), BODIES)
def test_a_field_that_the_server_keeps_is_refused(
    world: World, token_issuer: TokenIssuer, method: str, path: str, media_type: str
) -> None:
    """check 53: each name by itself, with a value of its type, is refused by its name, and nothing is written."""
    content = document()["paths"][path][method.lower()]["requestBody"]["content"][media_type]
    case = CASES.get((method, path))
    target = at(path, case.made(world, world.t1)) if case else path
    gateway = Gateway(world.stack.template, cached=True)
    wrong = []
    before = world.content.picture()
    for name, value in kept_from(f"{method} {path}").items():
        answer = gateway.request(
            method,
            target,
            json={**content["example"], name: value},
            headers={"Content-Type": media_type},
            token=world.t1.admin,
        )
        if answer.status != 422 or name not in {one["field"] for one in answer.json["errors"]}:
            wrong.append((name, answer.status, answer.text[:200]))
    assert wrong == []
    assert world.content.picture() == before


@pytest.mark.parametrize("route", TAKEN)
def test_what_a_route_takes_all_the_same_is_told_in_its_document(route: str) -> None:
    """So that no exception outlives its reason."""
    method, path = route.split(" ")
    (schema,) = {
        content["schema"]["$ref"]
        for content in document()["paths"][path][method.lower()]["requestBody"]["content"].values()
    }
    assert TAKEN[route] <= set(document()["components"]["schemas"][schema.rsplit("/", 1)[1]]["properties"])


def test_nor_is_it_taken_within_a_bulk_call(world: World) -> None:
    """check 53: each entry is judged as the single call's body would be."""
    names = list(kept_from("POST /contacts"))
    entries = [
        {"first_name": "A", "email": f"a{number}@example.com", name: KEPT[name]}
        for number, name in enumerate(names)
    ]
    told = world.send("POST", "/contacts/bulk-create", {"contacts": entries}).json["items"]
    assert {one["status"] for one in told} == {422}
    assert len(told) == len(names)
    contact = world.create("kept@example.com")["id"]
    before = world.content.picture()
    gateway = Gateway(world.stack.template, cached=True)
    for name, value in KEPT.items():
        inside = [] if name == "is_active" else [{"set": {name: value}}]  # which many contacts can have alike
        beside = [] if name in _STATUS else [{"set": {"company": "X"}, name: value}]
        for inner in (*inside, *beside):
            body = {"contact_ids": [contact], **inner}
            answer = gateway.request("POST", "/contacts/bulk-update", json=body, token=world.t1.admin)
            assert answer.status == 422, (name, answer.text)
            assert any(one["field"].endswith(name) for one in answer.json["errors"]), (name, answer.text)
    assert world.content.picture() == before


def test_nor_within_a_part_of_a_body(world: World) -> None:
    """check 53: opt-outs are settled by consents alone, and an event by who tells of it."""
    contact = world.create("kept@example.com")["id"]
    before = world.content.picture()
    for name in ("opt_outs", "at", "by", "version"):
        for method, path in (("PATCH", f"/contacts/{contact}"), ("PUT", f"/contacts/{contact}")):
            body = {"first_name": "A", "email": "kept@example.com", "communication": {name: KEPT[name]}}
            answer = world.send(method, path, body)
            assert answer.status == 422, (name, answer.text)
    assert world.content.picture() == before


def shown(answer: Response) -> tuple[int, dict[str, str], Any]:
    """All of an answer but the request's own id, and addresses that are signed anew each time."""
    status, headers, body = whole(answer)
    if isinstance(body, dict):
        body = without_signed(body)
        body["items"] = [without_signed(one) for one in body.get("items", ())]
    return status, headers, body


def without_signed(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in body.items()
        if not name.endswith("_url") and name not in ("url", "expires_at")
    }


def test_a_tenant_that_is_named_anywhere_is_not_listened_to(world: World, t10: Tenancy) -> None:
    """check 56: in headers, the query, a cookie or the path, of every route that reads."""
    gateway = Gateway(world.stack.template, cached=True)
    headers = {
        **ELSEWHERE,
        "Cookie": "tenant=T10; tenant_id=T10",
        "X-Api-Key": t10.program,
        "Host": "t10.example.com",
    }
    headers |= {"X-Amzn-Oidc-Identity": "admin-of-T10", "X-Amzn-Oidc-Data": t10.admin, "Forwarded": "for=T10"}
    for (method, path), case in {**CASES, **WITHOUT_ID}.items():
        if method != "GET":
            continue
        mine, theirs = (case.made(world, one) if case.make else "" for one in (world.t1, t10))
        for record in dict.fromkeys((mine, theirs)):
            second = case.second_of(world, world.t1, record) if record == mine and record else NOWHERE
            target = at(path, record, second) if record else path
            plain = gateway.request(method, target, token=world.t1.admin)
            assert plain.status == (404 if record and record == theirs else 200), target
            assert shown(gateway.request(method, target, token=world.t1.admin, headers=headers)) == shown(
                plain
            )
            for name in ("tenant_id", "tenant", "caller_id", "role", "permissions", "PK", "access_token"):
                told = gateway.request(method, target, token=world.t1.admin, query={name: "T10"})
                assert told.status == 422 or shown(told) == shown(plain), (target, name)
            for trick in (
                f"/T10{target}",
                f"/tenants/T10{target}",
                f"/v1/T10{target}",
                f"/v2{target}",
                f"/T10/..{target}",
                f"/%2e%2e/T10{target}",
                f"/{target}",
                f"{target};tenant=T10",
                f"{target}%00T10",
                f"{target}/T10",
                f"{target}%2f..%2fT10",
            ):
                answer = gateway.request(method, trick, token=world.t1.admin)
                assert answer.status in (403, 404) or shown(answer) == shown(plain), trick
