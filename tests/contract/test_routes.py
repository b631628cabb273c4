"""Template, code and OpenAPI document have the same routes, and answers match the document."""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from local.openapi import FILE, operations, render
from shared.domain.ids import new_id
from shared.http.problems import STATUS
from tests.contract.answers import ROOT, document, faults_of
from tests.contract.template.test_doors import WITHOUT_SIGN_IN
from tests.integration.accounts.directory import PASSWORD, invite, join
from tests.integration.exports.exports import a_completed_export, running_export
from tests.integration.jobs.bulk import running_job
from tests.integration.merges.jobs import ended_merge_job, running_merge_job
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.world import World, booking
from tests.support.aws import Stack
from tests.support.faults import call, injecting, unreachable
from tests.support.template import Template
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer

OPEN = {("GET", "/health"), ("GET", "/openapi.json"), ("POST", "/users/invitations/accept")}


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


def documented() -> set[tuple[str, str]]:
    """Return the document's operations."""
    return {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}


def test_template_resolvers_and_document_have_the_same_routes(template: Template) -> None:
    routed = {(route.method, route.path) for route in template.routes()}
    served = Counter((operation.method, operation.path) for operation in operations())
    assert set(served.values()) == {1}, "two handlers for one route"
    assert routed == set(served) == documented()


def test_each_route_leads_to_the_function_that_serves_it(template: Template) -> None:
    folders = {route.path: template.handler(route.function).split(".")[1] for route in template.routes()}
    modules = {operation.path: operation.handler.__module__.split(".")[1] for operation in operations()}
    assert folders == modules


def test_a_function_serves_no_route_but_its_own(template: Template) -> None:
    """A function would answer a route that is missing in the template, but no route of another function."""
    for folder in {template.handler(route.function).split(".")[1] for route in template.routes()}:
        handler = importlib.import_module(f"functions.{folder}.app").handler
        own = {
            (route.method, route.path)
            for route in template.routes()
            if f".{folder}." in template.handler(route.function)
        }
        for method, path in sorted(
            {*documented(), ("POST", "/"), ("OPTIONS", "/contacts"), ("HEAD", "/health")} - own
        ):
            target = re.sub(r"{\w+}", new_id(), path)
            if any(
                verb == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), target) for verb, one in own
            ):
                continue  # the function takes it for a route of its own with an id; the gateway matches the other route
            event = {
                "httpMethod": method,
                "path": target,
                "headers": {},
                "requestContext": {"requestId": "r", "stage": "v1"},
            }
            with acting_for():
                answer = handler(event, None)
            assert answer["statusCode"] == 404, (folder, method, path)
            assert json.loads(answer["body"])["code"] == "not_found"


def test_open_routes_are_those_without_sign_in_in_all_three(template: Template) -> None:
    """check 98"""
    routed = {(route.method, route.path) for route in template.routes() if route.authorizer is None}
    served = {(operation.method, operation.path) for operation in operations() if operation.public}
    open_in_document = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if operation.get("security") == []
    }
    assert routed == served == open_in_document == WITHOUT_SIGN_IN
    assert document()["security"] == [{"password": []}, {"bearer": []}]


def test_every_handler_of_the_template_can_be_imported(template: Template) -> None:
    for function in template.functions():
        module, _, name = template.handler(function).rpartition(".")
        assert callable(getattr(importlib.import_module(module), name)), function


def test_every_entry_point_of_the_sources_is_a_function_of_the_template(template: Template) -> None:
    named = {template.handler(function).rpartition(".")[0] for function in template.functions()}
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for pattern in ("functions/*/app.py", "functions/*/on_*.py")
        for path in ROOT.glob(pattern)
    }
    assert named == found


def test_the_document_is_generated_from_the_present_routes() -> None:
    assert FILE.read_text() == render(), "run `make openapi`"
    assert (ROOT / "docs" / "openapi.json").read_text() == render()


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1")
    # OpenAPI allows a relative URL (3.1.1, section 4.6), but the schema of the validator does not.
    text = json.dumps(document()).replace('"tokenUrl": "/', '"tokenUrl": "https://api.example.com/')
    schemathesis.openapi.from_dict(json.loads(text)).validate()
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_references_lead_somewhere_and_every_schema_is_used() -> None:
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document())))
    assert references == set(document()["components"]["schemas"])


def test_each_operation_has_a_name_of_its_own_and_its_path_s_parameters() -> None:
    names = []
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            given = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert given == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"] and operation["tags"]
    assert len(names) == len(set(names))


def test_the_document_shows_nothing_of_the_inside() -> None:
    """check 54"""
    served = json.dumps(document())
    for inner in ("last_event", "deleted_at", "tenant_id", "secret_hash", "WPK", '"PK"'):
        assert inner not in served, inner


def test_every_status_of_the_error_table_has_one_title() -> None:
    assert len({status for status, _ in STATUS.values()}) == len(set(STATUS.values()))


def test_the_document_is_served_as_it_lies_in_the_file(world: World) -> None:
    answer = world.gateway.request("GET", "/v1/openapi.json")
    assert answer.status == 200
    assert answer.json == document()


Calls = list[tuple[int, str, str, str, dict[str, Any]]]


def labelling(world: World, kind: str, change: dict[str, Any]) -> Calls:
    """Return calls of the routes of one kind of label."""
    all_, one = f"/{kind}s", f"/{kind}s/{{{kind}_id}}"
    made, kept = (world.send("POST", all_, {"name": name}).json["id"] for name in ("made", "kept"))
    old = {"If-Match": '"99"'}
    return [
        (201, "POST", all_, "", {"json": {"name": "new"}}),
        (409, "POST", all_, "", {"json": {"name": "KEPT"}}),
        (422, "POST", all_, "", {"json": {"name": ""}}),
        (200, "GET", all_, "", {"query": {"prefix": "k"}}),
        (200, "GET", one, kept, {}),
        (404, "GET", one, new_id(), {}),
        (200, "PATCH", one, kept, {"json": change}),
        (409, "PATCH", one, made, {"json": {"name": "Kept"}}),
        (412, "PATCH", one, kept, {"json": change, "headers": old}),
        (412, "DELETE", one, made, {"headers": old}),
        (204, "DELETE", one, made, {}),
        (404, "DELETE", one, made, {}),
    ]


def signing_in() -> Calls:
    """Return calls of the routes of registration and sign-in."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    given = {"tenant_name": "New", "email": "new@example.com", "password": "Difference-Engine-1822"}
    known = "grant_type=password&username=new%40example.com&password="
    return [
        (201, "POST", "/auth/register", "", {"json": given}),
        (409, "POST", "/auth/register", "", {"json": given}),
        (422, "POST", "/auth/register", "", {"json": {**given, "password": "weak"}}),
        (415, "POST", "/auth/register", "", {"body": "x", "headers": {"Content-Type": "text/plain"}}),
        (200, "POST", "/auth/token", "", {"body": f"{known}Difference-Engine-1822", "headers": form}),
        (400, "POST", "/auth/token", "", {"body": f"{known}wrong", "headers": form}),
        (400, "POST", "/auth/token", "", {"json": {}}),
    ]


def interaction_calls(world: World, contact: str) -> Calls:
    """Calls of single interactions: one of a booking, and one that a user recorded."""
    path = f"/contacts/{contact}/interactions"
    (booked,) = world.send("GET", path, query={"type": "booking_created"}).json["items"]
    made = world.send(
        "POST", path, {"type": "call", "description": "x", "occurred_at": "2026-01-01T00:00:00Z"}
    )
    one, missing = (
        f"/contacts/{{contact_id}}/interactions/{name}" for name in (made.json["id"], "{interaction_id}")
    )
    of_booking = one.replace(made.json["id"], booked["id"])
    old = {"If-Match": '"99"'}
    return [
        (200, "GET", one, contact, {}),
        (200, "GET", of_booking, contact, {}),
        (404, "GET", missing, contact, {}),
        (200, "PATCH", one, contact, {"json": {"occurred_at": "2026-02-01T00:00:00Z"}}),
        (422, "PATCH", one, contact, {"json": {"description": None}}),
        (409, "PATCH", of_booking, contact, {"json": {"outcome": "x"}}),
        (412, "PATCH", one, contact, {"json": {"outcome": "x"}, "headers": old}),
        (404, "PATCH", missing, contact, {"json": {"outcome": "x"}}),
        (409, "DELETE", of_booking, contact, {}),
        (412, "DELETE", one, contact, {"headers": old}),
        (204, "DELETE", one, contact, {}),
        (404, "DELETE", one, contact, {}),
    ]


def follow_up_calls(world: World, contact: str) -> Calls:
    """Calls of follow-ups: of one that is completed, and of one that is cancelled."""
    of_contact, one = "/contacts/{contact_id}/follow-ups", "/follow-ups/{follow_up_id}"
    given = {"title": "call again", "due_at": "2031-01-01T09:00:00Z"}
    made, other = (world.send("POST", f"/contacts/{contact}/follow-ups", given).json["id"] for _ in range(2))
    old = {"If-Match": '"99"'}
    call = {"type": "call", "description": "x", "scheduled_follow_up": "2031-01-02T09:00:00Z"}
    return [
        (200, "GET", "/follow-ups", "", {"query": {"due_before": "2032-01-01", "owner_id": "x"}}),
        (400, "GET", "/follow-ups", "", {"query": {"cursor": "x"}}),
        (422, "GET", "/follow-ups", "", {"query": {"done": "true", "state": "open"}}),
        (200, "GET", of_contact, contact, {"query": {"due_before": "2032-01-01", "done": "false"}}),
        (404, "GET", of_contact, new_id(), {}),
        (422, "GET", of_contact, contact, {"query": {"done": "true", "state": "open"}}),
        (201, "POST", of_contact, contact, {"json": given}),
        (404, "POST", of_contact, new_id(), {"json": given}),
        (422, "POST", of_contact, contact, {"json": {**given, "assignee_id": "nobody"}}),
        (200, "GET", one, made, {}),
        (404, "GET", one, new_id(), {}),
        (200, "PATCH", one, made, {"json": {"due_at": "2031-01-03T09:00:00Z"}}),
        (412, "PATCH", one, made, {"json": {"title": "x"}, "headers": old}),
        (422, "PATCH", one, made, {"json": {"due_at": None}}),
        (404, "PATCH", one, new_id(), {"json": {"title": "x"}}),
        (412, "POST", f"{one}/complete", made, {"json": {}, "headers": old}),
        (200, "POST", f"{one}/complete", made, {"json": {"outcome": "x", "interaction": call}}),
        (409, "POST", f"{one}/complete", made, {"json": {}}),
        (404, "POST", f"{one}/complete", new_id(), {"json": {}}),
        (409, "PATCH", one, made, {"json": {"title": "x"}}),
        (412, "POST", f"{one}/cancel", other, {"headers": old}),
        (200, "POST", f"{one}/cancel", other, {}),
        (409, "POST", f"{one}/cancel", other, {}),
        (404, "POST", f"{one}/cancel", new_id(), {}),
        (200, "GET", of_contact, contact, {"query": {"done": "true"}}),
        (200, "GET", of_contact, contact, {"query": {"state": "cancelled"}}),
    ]


def merge_calls(world: World) -> Calls:
    first, second, third = (world.create(f"merged{number}@example.com")["id"] for number in range(3))
    two, three = ({"survivor_id": first, "merged_ids": [one]} for one in (second, third))
    made = world.send("POST", "/contacts/merge", three).json["id"]
    undo = "/merges/{merge_id}/undo"
    return [
        (200, "POST", "/contacts/merge", "", {"json": {**two, "dry_run": True}}),
        (200, "POST", "/contacts/merge", "", {"json": {**two, "choices": {"email": second}}}),
        (409, "POST", "/contacts/merge", "", {"json": two}),
        (404, "POST", "/contacts/merge", "", {"json": {**two, "merged_ids": [new_id()]}}),
        (422, "POST", "/contacts/merge", "", {"json": {**two, "merged_ids": []}}),
        (415, "POST", "/contacts/merge", "", {"body": "x", "headers": {"Content-Type": "text/plain"}}),
        (200, "GET", "/merges", "", {"query": {"state": "done", "contact_id": second}}),
        (400, "GET", "/merges", "", {"query": {"cursor": "x"}}),
        (422, "GET", "/merges", "", {"query": {"state": "x"}}),
        (200, "GET", "/merges/{merge_id}", made, {}),
        (404, "GET", "/merges/{merge_id}", new_id(), {}),
        (409, "POST", undo, made, {}),
        (404, "POST", undo, new_id(), {}),
        *merge_job_calls(),
    ]


def merge_job_calls() -> Calls:
    start, job = "/contacts/merge-suggested", "/contacts/merge-jobs/{merge_job_id}"
    running, ended = running_merge_job("T1"), ended_merge_job("T1")
    return [
        (202, "POST", start, "", {"json": {"min_score": 95, "dry_run": True}}),
        (409, "POST", start, "", {"json": {}}),
        (422, "POST", start, "", {"json": {"min_score": 101}}),
        (415, "POST", start, "", {"body": "x", "headers": {"Content-Type": "text/plain"}}),
        (200, "GET", "/merges", "", {"query": {"job_id": ended}}),
        (200, "GET", "/contacts/merge-jobs", "", {}),
        (400, "GET", "/contacts/merge-jobs", "", {"query": {"cursor": "x"}}),
        (200, "GET", job, running, {}),
        (404, "GET", job, new_id(), {}),
        (200, "GET", f"{job}/groups", ended, {}),
        (404, "GET", f"{job}/groups", new_id(), {}),
        (409, "POST", f"{job}/undo", running, {}),
        (404, "POST", f"{job}/undo", new_id(), {}),
        (200, "POST", f"{job}/cancel", running, {}),
        (409, "POST", f"{job}/undo", ended, {}),
        (404, "POST", f"{job}/cancel", new_id(), {}),
    ]


def duplicate_calls(contact: str, other: str) -> Calls:
    listed, dismiss = "/contacts/duplicates", "/contacts/duplicates/dismiss"
    two = {"contact_ids": [contact, other]}
    return [
        (200, "GET", listed, "", {"query": {"min_score": 0, "limit": 1}}),
        (200, "GET", listed, "", {"query": {"contact_id": contact}}),
        (404, "GET", listed, "", {"query": {"contact_id": new_id()}}),
        (400, "GET", listed, "", {"query": {"cursor": "x"}}),
        (422, "GET", listed, "", {"query": {"min_score": 101}}),
        (200, "POST", dismiss, "", {"json": two}),
        (404, "POST", dismiss, "", {"json": {"contact_ids": [contact, new_id()]}}),
        (422, "POST", dismiss, "", {"json": {"contact_ids": [contact, contact]}}),
        (415, "POST", dismiss, "", {"body": "x", "headers": {"Content-Type": "text/plain"}}),
    ]


def note_calls(world: World, contact: str) -> Calls:
    """Calls of single notes: one that is processed, and one that is not."""
    path = f"/contacts/{contact}/notes"
    made = world.send("POST", path, {"note": "Mail ada@example.com.  #offer", "is_pinned": True})
    world.catch_up()
    world.notes.pump()
    pending = world.send("POST", path, {"body": "x"}).json["id"]
    one, missing = (f"/contacts/{{contact_id}}/notes/{name}" for name in (made.json["id"], "{note_id}"))
    old, two = {"If-Match": '"99"'}, {"body": "x", "noteText": "y"}
    return [
        (
            200,
            "GET",
            "/contacts/{contact_id}/notes",
            contact,
            {"query": {"search": "off", "include_total": "true"}},
        ),
        (200, "GET", one, contact, {}),
        (404, "GET", missing, contact, {}),
        (409, "POST", f"{one}/retry", contact, {}),
        (200, "POST", f"{one.replace(made.json['id'], pending)}/retry", contact, {}),
        (404, "POST", f"{missing}/retry", contact, {}),
        (200, "PATCH", one, contact, {"json": {"is_pinned": None}}),
        (422, "PATCH", one, contact, {"json": {"body": None}}),
        (422, "PATCH", one, contact, {"json": two}),
        (412, "PATCH", one, contact, {"json": {"is_pinned": True}, "headers": old}),
        (404, "PATCH", missing, contact, {"json": {"is_pinned": True}}),
        (200, "PUT", one, contact, {"json": {"content": "y"}}),
        (422, "PUT", one, contact, {"json": two | {"extra": 1}}),
        (412, "PUT", one, contact, {"json": {"content": "z"}, "headers": old}),
        (404, "PUT", missing, contact, {"json": {"content": "z"}}),
        (412, "DELETE", one, contact, {"headers": old}),
        (204, "DELETE", one, contact, {}),
        (404, "DELETE", one, contact, {}),
    ]


def test_answers_are_as_the_document_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 54: successes and refusals of each route, including the gateway's own refusals."""
    ada = {
        "first_name": "Ada",
        "email": "ada@example.com",
        "phone": "(415) 555-2671",
        "other_phones": [{"label": "home", "number": "(202) 555-0143"}, {"number": "+14155552671"}],
        "communication": {"preferred": "sms"},
        "custom_fields": {"a": 1, "b": True, "c": "x", "d": 1.5},
        "tags": ["a"],
    }
    contact = world.create("first@example.com")["id"]
    other = world.create("other@example.com")["id"]
    customer = world.send("POST", "/customers", {"first_name": "C"}).json["id"]
    member = world.create("member@example.com", customer_id=customer)["id"]
    hook = {"url": "https://hooks.example.com/x", "events": ["contact.created"], "description": "d"}
    webhook = world.send("POST", "/webhooks", hook).json["id"]
    sent = logged_delivery("T1", webhook)
    world.post_booking(booking(invitee_email="first@example.com"))
    world.bookings.pump()
    world.catch_up()
    published = world.send("GET", "/events").json["items"][0]
    job = running_job(world)
    export, exported = running_export(world), a_completed_export(world)
    monkeypatch.setattr("shared.services.contacts.matching.MAX_TOGETHER", 1)
    active = {"is_active": True}
    old = {"If-Match": '"99"'}
    consent = {"channel": "email", "opted_out": True, "source": "s"}
    call = {"type": "call", "description": "d", "metadata": {"a": [1, None, {"b": "c"}]}}
    text_body: dict[str, Any] = {"body": "x", "headers": {"Content-Type": "text/plain"}}
    one, webhooks = "/contacts/{contact_id}", "/webhooks/{webhook_id}"
    customers = "/customers/{customer_id}"
    group = world.send("POST", "/groups", {"name": "joined"}).json["id"]
    awaited = world.send("POST", "/imports", {"file_name": "never.csv"}).json["id"]
    users, invitations = "/users/{user_id}", "/users/invitations/{invitation_id}"
    user, invited = join(world)["id"], invite(world, "x@example.com")
    revoked = invite(world, "y@example.com")["id"]
    accepted: dict[str, Any] = {"token": invited["token"], "password": PASSWORD}
    client = world.send("POST", "/api-clients", {"name": "A"}).json["id"]
    clients = "/api-clients/{client_id}"
    calls: Calls = [
        (302, "GET", "/", "", {}),
        (200, "GET", "/health", "", {}),
        (200, "GET", "/openapi.json", "", {}),
        *[
            (200, "GET", f"/docs{file}", "", {})
            for file in ("", "/swagger-ui.css", "/swagger-ui.js", "/start.js")
        ],
        *signing_in(),
        (201, "POST", "/contacts", "", {"json": ada}),
        (
            201,
            "POST",
            "/contacts",
            "",
            {"json": {**ada, "email": "b@example.com"}, "query": {"check_duplicates": "true"}},
        ),
        (422, "POST", "/contacts", "", {"json": ada, "query": {"check": "true"}}),
        (409, "POST", "/contacts", "", {"json": ada}),
        (422, "POST", "/contacts", "", {"json": {"first_name": 1, "extra": True}}),
        (400, "POST", "/contacts", "", {"body": "{"}),
        (413, "POST", "/contacts", "", {"json": {"about": "x" * 1_000_001}}),
        (415, "POST", "/contacts", "", text_body),
        (200, "GET", "/contacts", "", {"query": {"limit": 1}}),
        (200, "GET", "/contacts/stats", "", {}),
        (400, "GET", "/contacts", "", {"query": {"cursor": "x"}}),
        (422, "GET", "/contacts", "", {"query": {"limit": 0}}),
        (200, "GET", one, contact, {}),
        (404, "GET", one, new_id(), {}),
        (200, "PATCH", one, contact, {"json": {"about": "x", "phone": None}}),
        (409, "PATCH", one, contact, {"json": {"email": "other@example.com"}}),
        (412, "PATCH", one, contact, {"json": {"about": "y"}, "headers": old}),
        (415, "PATCH", one, contact, text_body),
        (200, "PUT", one, contact, {"json": {**ada, "email": "first@example.com"}}),
        (412, "PUT", one, contact, {"json": {**ada, "email": "first@example.com"}, "headers": old}),
        (404, "PUT", one, new_id(), {"json": ada}),
        (200, "POST", f"{one}/toggle-status", contact, {}),
        (412, "POST", f"{one}/toggle-status", contact, {"headers": old}),
        (404, "POST", f"{one}/toggle-status", new_id(), {}),
        (200, "POST", f"{one}/consent", contact, {"json": consent | {"reason": "r"}}),
        (200, "POST", f"{one}/consent", contact, {"json": consent}),
        (422, "POST", f"{one}/consent", contact, {"json": {"channel": "fax"}}),
        (415, "POST", f"{one}/consent", contact, text_body),
        (200, "GET", f"{one}/consent", contact, {}),
        (404, "GET", f"{one}/consent", new_id(), {}),
        (200, "PUT", f"{one}/status", contact, {"json": {"relationship_status": "lost_lead", "notes": "n"}}),
        (200, "PUT", f"{one}/status", contact, {"json": {"lifecycle_stage": "decision"}}),
        (400, "PUT", f"{one}/status", contact, {"json": {"relationship_status": "active_client"}}),
        (400, "PUT", f"{one}/status", contact, {"json": {"relationship_status": "prospect"}}),
        (404, "PUT", f"{one}/status", new_id(), {"json": {"lifecycle_stage": "decision"}}),
        (412, "PUT", f"{one}/status", contact, {"json": {"lifecycle_stage": "decision"}, "headers": old}),
        (415, "PUT", f"{one}/status", contact, text_body),
        (422, "PUT", f"{one}/status", contact, {"json": {"reason": "r"}}),
        (200, "GET", f"{one}/status-history", contact, {}),
        (400, "GET", f"{one}/status-history", contact, {"query": {"cursor": "x"}}),
        (404, "GET", f"{one}/status-history", new_id(), {}),
        (200, "GET", one, contact, {}),
        (200, "GET", f"{one}/interactions", contact, {}),
        (404, "GET", f"{one}/interactions", new_id(), {}),
        (400, "GET", f"{one}/interactions", contact, {"query": {"cursor": "x"}}),
        (201, "POST", f"{one}/interactions", contact, {"json": call}),
        (404, "POST", f"{one}/interactions", new_id(), {"json": call}),
        (422, "POST", f"{one}/interactions", contact, {"json": {**call, "type": "booking_created"}}),
        (415, "POST", f"{one}/interactions", contact, text_body),
        *interaction_calls(world, contact),
        *follow_up_calls(world, contact),
        (200, "GET", "/interactions", "", {"query": {"type": "call", "include_total": "true"}}),
        (400, "GET", "/interactions", "", {"query": {"cursor": "x"}}),
        (422, "GET", "/interactions", "", {"query": {"type": "fax"}}),
        (200, "GET", "/bookings", "", {"query": {"cancelled": "false", "from": "2031-01-01"}}),
        (400, "GET", "/bookings", "", {"query": {"cursor": "x"}}),
        (422, "GET", "/bookings", "", {"query": {"sort": "title"}}),
        (200, "GET", f"{one}/notes", contact, {}),
        (404, "GET", f"{one}/notes", new_id(), {}),
        (400, "GET", f"{one}/notes", contact, {"query": {"cursor": "x"}}),
        (201, "POST", f"{one}/notes", contact, {"json": {"body": "x", "text": "x"}}),
        (404, "POST", f"{one}/notes", new_id(), {"json": {"body": "x"}}),
        (422, "POST", f"{one}/notes", contact, {"json": {"body": "x", "text": "y"}}),
        (422, "POST", f"{one}/notes", contact, {"json": {"is_pinned": True}}),
        (415, "POST", f"{one}/notes", contact, text_body),
        *note_calls(world, contact),
        (200, "GET", f"{one}/bookings", contact, {"query": {"state": "created", "from": "2031-01-01"}}),
        (404, "GET", f"{one}/bookings", new_id(), {}),
        (422, "GET", f"{one}/bookings", contact, {"query": {"state": "lost"}}),
        (200, "GET", one, contact, {"query": {"version": 1}}),
        (404, "GET", one, contact, {"query": {"version": 9_999}}),
        (200, "GET", f"{one}/timeline", contact, {"query": {"limit": 100}}),
        (404, "GET", f"{one}/timeline", new_id(), {}),
        (422, "GET", f"{one}/timeline", contact, {"query": {"kind": "x"}}),
        (200, "GET", f"{one}/history", contact, {"query": {"limit": 100}}),
        (404, "GET", f"{one}/history", new_id(), {}),
        (200, "POST", f"{one}/revert", contact, {"json": {"version": 1}}),
        (404, "POST", f"{one}/revert", contact, {"json": {"version": 9_999}}),
        (412, "POST", f"{one}/revert", contact, {"json": {"version": 1}, "headers": old}),
        (422, "POST", f"{one}/revert", contact, {"json": {"version": 0}}),
        (415, "POST", f"{one}/revert", contact, text_body),
        *merge_calls(world),
        *duplicate_calls(contact, other),
        (412, "DELETE", one, other, {"headers": old}),
        (204, "DELETE", one, other, {}),
        (404, "DELETE", one, other, {}),
        (409, "POST", f"{one}/set-primary", contact, {}),
        (404, "POST", f"{one}/set-primary", new_id(), {}),
        (412, "POST", f"{one}/set-primary", contact, {"headers": old}),
        (201, "POST", "/customers", "", {"json": {"first_name": "G", "username": "g"}}),
        (409, "POST", "/customers", "", {"json": {"first_name": "G", "username": "G"}}),
        (422, "POST", "/customers", "", {"json": {"first_name": "G", "email": "x"}}),
        (200, "GET", "/customers", "", {"query": {"limit": 1}}),
        (200, "GET", "/customers", "", {"query": {"include": "contacts"}}),
        (422, "GET", "/customers", "", {"query": {"include": "contacts", "limit": 26}}),
        (200, "GET", customers, customer, {}),
        (200, "GET", customers, customer, {"query": {"include": "contacts"}}),
        (404, "GET", customers, new_id(), {}),
        (200, "GET", f"{customers}/contacts", customer, {}),
        (404, "GET", f"{customers}/contacts", new_id(), {}),
        (200, "PATCH", customers, customer, {"json": {"username": "h"}}),
        (409, "PATCH", customers, customer, {"json": {"username": "g"}}),
        (412, "PATCH", customers, customer, {"json": {"username": "i"}, "headers": old}),
        (200, "PUT", customers, customer, {"json": {"first_name": "G"}}),
        (409, "PUT", customers, customer, {"json": {"first_name": "G", "username": "g"}}),
        (412, "PUT", customers, customer, {"json": {"first_name": "H"}, "headers": old}),
        (200, "POST", f"{one}/set-primary", member, {}),
        (409, "DELETE", customers, customer, {}),
        (412, "DELETE", customers, customer, {"headers": old}),
        (204, "DELETE", one, member, {}),
        (204, "DELETE", customers, customer, {}),
        (404, "DELETE", customers, customer, {}),
        (412, "POST", f"{one}/restore", other, {"headers": old}),
        (200, "POST", f"{one}/restore", other, {}),
        (404, "POST", f"{one}/restore", new_id(), {}),
        (204, "DELETE", one, other, {}),
        (201, "POST", "/contacts", "", {"json": ada | {"email": "other@example.com"}}),
        (409, "POST", f"{one}/restore", other, {}),
        (207, "POST", "/contacts/bulk-create", "", {"json": {"contacts": [ada, {}, {"first_name": "B"}]}}),
        (422, "POST", "/contacts/bulk-create", "", {"json": {"contacts": []}}),
        (
            207,
            "POST",
            "/contacts/bulk-update",
            "",
            {"json": {"contact_ids": ["x", contact], "add_tags": ["a"]}},
        ),
        (202, "POST", "/contacts/bulk-update", "", {"json": {"filter": active, "add_tags": ["b"]}}),
        (422, "POST", "/contacts/bulk-update", "", {"json": {"filter": {}, "add_tags": ["b"]}}),
        (202, "POST", "/contacts/bulk-delete", "", {"json": {"filter": active}}),
        (207, "POST", "/contacts/bulk-delete", "", {"json": {"contact_ids": ["x"]}}),
        (415, "POST", "/contacts/bulk-delete", "", text_body),
        (200, "GET", "/contacts/bulk-jobs", "", {}),
        (200, "GET", "/contacts/bulk-jobs/{job_id}", job, {}),
        (404, "GET", "/contacts/bulk-jobs/{job_id}", new_id(), {}),
        (200, "POST", "/contacts/bulk-jobs/{job_id}/cancel", job, {}),
        (404, "POST", "/contacts/bulk-jobs/{job_id}/cancel", new_id(), {}),
        (200, "POST", "/exports", "", {"json": {"format": "csv", "dry_run": True}}),
        (202, "POST", "/exports", "", {"json": {"format": "csv"}}),
        (422, "POST", "/exports", "", {"json": {"format": "csv", "fields": ["x"]}}),
        (415, "POST", "/exports", "", text_body),
        (200, "GET", "/exports", "", {}),
        (200, "GET", "/exports/{export_id}", export, {}),
        (404, "GET", "/exports/{export_id}", new_id(), {}),
        (409, "GET", "/exports/{export_id}/file", export, {}),
        (200, "GET", "/exports/{export_id}/file", exported, {}),
        (404, "GET", "/exports/{export_id}/file", new_id(), {}),
        (200, "POST", "/exports/{export_id}/cancel", export, {}),
        (409, "POST", "/exports/{export_id}/cancel", exported, {}),
        (404, "POST", "/exports/{export_id}/cancel", new_id(), {}),
        (201, "POST", "/webhooks", "", {"json": hook}),
        (
            422,
            "POST",
            "/webhooks",
            "",
            {"json": {**hook, "url": "https://127.0.0.1.nip.io:1/", "events": ["x"]}},
        ),
        (200, "GET", "/webhooks", "", {}),
        (200, "GET", webhooks, webhook, {}),
        (404, "GET", webhooks, new_id(), {}),
        (200, "GET", f"{webhooks}/deliveries", webhook, {}),
        (200, "POST", f"{webhooks}/rotate-secret", webhook, {"json": {}}),
        (422, "POST", f"{webhooks}/rotate-secret", webhook, {"json": {"overlap_hours": 169}}),
        (404, "POST", f"{webhooks}/rotate-secret", new_id(), {"json": {}}),
        (200, "PATCH", webhooks, webhook, {"json": {"events": ["*"], "filter": {"changed": ["email"]}}}),
        (412, "PATCH", webhooks, webhook, {"json": {"description": "e"}, "headers": old}),
        (422, "PATCH", webhooks, webhook, {"json": {"url": None, "filter": {"source": ["x"]}}}),
        (404, "PATCH", webhooks, new_id(), {"json": {"description": "e"}}),
        (200, "GET", f"{webhooks}/deliveries/{sent}", webhook, {}),
        (404, "GET", f"{webhooks}/deliveries/{{event_id}}", webhook, {}),
        (202, "POST", f"{webhooks}/deliveries/{sent}/redeliver", webhook, {}),
        (404, "POST", f"{webhooks}/deliveries/{{event_id}}/redeliver", webhook, {}),
        (202, "POST", f"{webhooks}/test", webhook, {}),
        (404, "POST", f"{webhooks}/test", new_id(), {}),
        (412, "POST", f"{webhooks}/disable", webhook, {"headers": old}),
        (200, "POST", f"{webhooks}/disable", webhook, {}),
        (404, "POST", f"{webhooks}/disable", new_id(), {}),
        (409, "POST", f"{webhooks}/test", webhook, {}),
        (409, "POST", f"{webhooks}/deliveries/{sent}/redeliver", webhook, {}),
        (412, "POST", f"{webhooks}/enable", webhook, {"headers": old}),
        (200, "POST", f"{webhooks}/enable", webhook, {}),
        (404, "POST", f"{webhooks}/enable", new_id(), {}),
        (202, "POST", f"{webhooks}/recover", webhook, {"json": {"after": 0}}),
        (409, "POST", f"{webhooks}/recover", webhook, {"json": {"after": 0}}),
        (400, "POST", f"{webhooks}/recover", webhook, {"json": {"after": 9_999}}),
        (422, "POST", f"{webhooks}/recover", webhook, {"json": {}}),
        (404, "POST", f"{webhooks}/recover", new_id(), {"json": {"after": 0}}),
        (200, "GET", f"{webhooks}/recoveries", webhook, {}),
        (404, "GET", f"{webhooks}/recoveries", new_id(), {}),
        (404, "GET", f"{webhooks}/recoveries/{{recovery_id}}", new_id(), {}),
        (404, "POST", f"{webhooks}/recoveries/{{recovery_id}}/cancel", new_id(), {}),
        (200, "GET", "/events", "", {"query": {"limit": 100, "type": "contact.*", "from": "2026-05-04"}}),
        (400, "GET", "/events", "", {"query": {"after": 9_999}}),
        (422, "GET", "/events", "", {"query": {"after": -1}}),
        (200, "GET", "/events/start", "", {}),
        (200, "GET", "/events/{event_id}", published["id"], {}),
        (404, "GET", "/events/{event_id}", new_id(), {}),
        (404, "GET", f"{webhooks}/deliveries/{{event_id}}", new_id(), {}),
        (404, "POST", f"{webhooks}/deliveries/{{event_id}}/redeliver", new_id(), {}),
        (412, "DELETE", webhooks, webhook, {"headers": old}),
        (204, "DELETE", webhooks, webhook, {}),
        (201, "POST", "/api-clients", "", {"json": {"name": "B", "permissions": {"contacts:read": "own"}}}),
        (422, "POST", "/api-clients", "", {"json": {"name": "B", "permissions": {"x": "all"}}}),
        (200, "GET", "/api-clients", "", {}),
        (200, "GET", clients, client, {}),
        (404, "GET", clients, new_id(), {}),
        (200, "PATCH", clients, client, {"json": {"permissions": {"imports:run": "all"}}}),
        (412, "PATCH", clients, client, {"json": {"name": "C"}, "headers": old}),
        (200, "POST", f"{clients}/rotate-key", client, {"json": {}}),
        (422, "POST", f"{clients}/rotate-key", client, {"json": {"overlap_seconds": 604_801}}),
        (404, "POST", f"{clients}/rotate-key", new_id(), {"json": {}}),
        (412, "DELETE", clients, client, {"headers": old}),
        (204, "DELETE", clients, client, {}),
        (404, "DELETE", clients, client, {}),
        (200, "GET", "/me", "", {}),
        (200, "GET", "/settings", "", {}),
        (200, "PATCH", "/settings", "", {"json": {"timezone": "Europe/London"}}),
        (409, "PATCH", "/settings", "", {"json": {"unique_scope": "customer"}}),
        (412, "PATCH", "/settings", "", {"json": {"timezone": "UTC"}, "headers": old}),
        (422, "PATCH", "/settings", "", {"json": {"timezone": "Europe/Nowhere"}}),
        *labelling(world, "tag", {"color": "#ff0000"}),
        *labelling(world, "type", {"description": "Who we buy from"}),
        *labelling(world, "group", {"color": "#ff0000"}),
        (201, "POST", "/groups", "", {"json": {"name": "D", "kind": "dynamic", "filter": {"tags": "kept"}}}),
        (422, "POST", "/groups", "", {"json": {"name": "E", "kind": "dynamic"}}),
        (404, "PUT", f"{one}/groups/{{group_id}}", contact, {}),
        (200, "PUT", f"{one}/groups/{group}", contact, {}),
        (412, "DELETE", f"{one}/groups/{group}", contact, {"headers": old}),
        (200, "DELETE", f"{one}/groups/{group}", contact, {}),
        (404, "DELETE", f"{one}/groups/{{group_id}}", contact, {}),
        (200, "GET", "/groups/{group_id}/contacts", group, {}),
        (404, "GET", "/groups/{group_id}/contacts", new_id(), {}),
        (207, "POST", "/groups/{group_id}/contacts", group, {"json": {"contact_ids": [contact, new_id()]}}),
        (207, "DELETE", "/groups/{group_id}/contacts", group, {"json": {"contact_ids": [contact, "x"]}}),
        (422, "POST", "/groups/{group_id}/contacts", group, {"json": {"contact_ids": []}}),
        (404, "DELETE", "/groups/{group_id}/contacts", new_id(), {"json": {"contact_ids": [contact]}}),
        (200, "GET", "/users", "", {"query": {"role": "user", "is_active": True}}),
        (422, "GET", "/users", "", {"query": {"role": "x"}}),
        (200, "GET", users, user, {}),
        (404, "GET", users, new_id(), {}),
        (200, "PATCH", users, user, {"json": {"first_name": "G", "role": "admin"}}),
        (412, "PATCH", users, user, {"json": {"first_name": "H"}, "headers": old}),
        (422, "PATCH", users, user, {"json": {"role": None}}),
        (412, "DELETE", users, user, {"headers": old}),
        (204, "DELETE", users, user, {}),
        (409, "PATCH", users, "admin-of-T1", {"json": {"is_active": False}}),
        (409, "DELETE", users, "admin-of-T1", {}),
        (404, "DELETE", users, user, {}),
        (200, "GET", "/users/invitations", "", {}),
        (201, "POST", "/users/invitations", "", {"json": {"email": "z@example.com", "role": "admin"}}),
        (409, "POST", "/users/invitations", "", {"json": {"email": "z@example.com", "role": "admin"}}),
        (422, "POST", "/users/invitations", "", {"json": {"email": "z", "role": "admin"}}),
        (200, "GET", invitations, revoked, {}),
        (404, "GET", invitations, new_id(), {}),
        (200, "POST", f"{invitations}/resend", revoked, {}),
        (404, "POST", f"{invitations}/resend", new_id(), {}),
        (204, "DELETE", invitations, revoked, {}),
        (404, "DELETE", invitations, revoked, {}),
        (422, "POST", "/users/invitations/accept", "", {"json": accepted | {"password": "weak"}}),
        (404, "POST", "/users/invitations/accept", "", {"json": accepted | {"token": "x"}}),
        (201, "POST", "/users/invitations/accept", "", {"json": accepted}),
        (409, "POST", "/users/invitations/accept", "", {"json": accepted}),
        (400, "POST", "/users/invitations/accept", "", {"body": "{"}),
        (415, "POST", "/users/invitations/accept", "", text_body),
        (409, "DELETE", invitations, invited["id"], {}),
        (409, "POST", f"{invitations}/resend", invited["id"], {}),
        (200, "GET", "/imports", "", {}),
        (404, "GET", "/imports/{import_id}", new_id(), {}),
        (200, "GET", "/imports/template", "", {}),
        (422, "GET", "/imports/template", "", {"query": {"example": "perhaps"}}),
        (201, "POST", "/imports", "", {"json": {"file_name": "people.csv"}}),
        (422, "POST", "/imports", "", {"json": {"file_name": ""}}),
        (404, "POST", "/imports/{import_id}/start", new_id(), {}),
        (409, "POST", "/imports/{import_id}/start", awaited, {}),
        (404, "POST", "/imports/{import_id}/retry", new_id(), {}),
        (409, "POST", "/imports/{import_id}/retry", awaited, {}),
        (404, "POST", "/imports/{import_id}/preview", new_id(), {}),
        (409, "POST", "/imports/{import_id}/preview", awaited, {}),
        (422, "POST", "/imports/{import_id}/preview", awaited, {"json": {"options": {"delimiter": ""}}}),
        (404, "GET", "/imports/{import_id}/preview", awaited, {}),
        (404, "POST", "/imports/{import_id}/cancel", new_id(), {}),
        (200, "POST", "/imports/{import_id}/cancel", awaited, {}),
        (409, "POST", "/imports/{import_id}/cancel", awaited, {}),
        (404, "GET", "/imports/{import_id}/results", new_id(), {}),
        (404, "POST", "/imports/{import_id}/undo", new_id(), {}),
        (409, "POST", "/imports/{import_id}/undo", awaited, {}),
        (404, "GET", "/imports/{import_id}/undo", awaited, {}),
    ]

    def template(path: str) -> str:
        """The path as the document has it."""
        path = re.sub(
            "interactions/[^/]+$", "interactions/{interaction_id}", path.replace(group, "{group_id}")
        )
        path = path.replace(sent, "{event_id}")
        return re.sub("notes/[^/]+", "notes/{note_id}", path)

    wrong = []
    for status, method, path, record_id, how in calls:
        answer = world.gateway.request(method, re.sub(r"{\w+}", record_id, path), token=world.t1.admin, **how)
        faults = faults_of(method, template(path), answer)
        if answer.status != status or faults:
            wrong.append((status, method, path, answer.status, faults))
    assert wrong == []
    assert {(method, template(path)) for _, method, path, _, _ in calls} == documented()


def test_refusals_of_the_gateway_are_as_the_document_says(world: World) -> None:
    for method, path in sorted(documented()):
        if (method, path) in WITHOUT_SIGN_IN:
            continue
        target = re.sub(r"{\w+}", new_id(), path)
        answer = world.gateway.request(method, target)
        assert (answer.status, faults_of(method, path, answer)) == (401, []), (method, path)
        answer = world.gateway.request(method, target, json={}, token=world.t1.powerless)
        # The body is validated before the permission is checked.
        refused = (200,) if path == "/me" else (403, 422)
        assert answer.status in refused and faults_of(method, path, answer) == [], (method, path)
        with injecting(unreachable(call("dynamodb"))):
            answer = world.gateway.request(method, target, json={}, token=world.t1.admin)
        assert (answer.status, faults_of(method, path, answer)) == (503, []), (method, path)
    missing = world.gateway.request("GET", "/nothing", token=world.t1.admin)
    assert missing.status == 404 and missing.headers["Content-Type"] == "application/problem+json"
    assert {"title", "status", "detail", "code", "request_id"} <= set(missing.json)


def test_examples_in_the_document_are_taken(world: World) -> None:
    """An example copied from the document works."""
    for path, name in (
        ("/contacts", "ContactInput"),
        ("/customers", "CustomerInput"),
        ("/users/invitations", "InvitationInput"),
        ("/webhooks", "WebhookInput"),
    ):
        schema = document()["components"]["schemas"][name]
        body = {
            field: about["examples"][0]
            for field, about in schema["properties"].items()
            if "examples" in about
        }
        body |= {"first_name": "Ada"} if name == "ContactInput" else {}
        answer = world.send("POST", path, body)
        assert answer.status == 201, answer.text
    contact = f"/contacts/{world.create()['id']}"
    customer = f"/customers/{world.send('POST', '/customers', {'first_name': 'A'}).json['id']}"
    example = document()["components"]["schemas"]["BulkCreateInput"]["properties"]["contacts"]["examples"][0]
    assert world.send("POST", "/contacts/bulk-create", {"contacts": example}).json["failed"] == 0
    for method, path, name in (
        ("PATCH", customer, "CustomerPatch"),
        ("PATCH", contact, "ContactPatch"),
        ("POST", f"{contact}/consent", "ConsentInput"),
    ):
        properties = document()["components"]["schemas"][name]["properties"]
        body = {field: about["examples"][0] for field, about in properties.items() if "examples" in about}
        if name == "ContactPatch":
            del body["other_emails"]  # the contact created from the example above has them
        answer = world.send(method, path, body)
        assert body and answer.status == 200, answer.text
