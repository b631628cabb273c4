"""Nobody reaches another tenant's records, or more of their own than they may; the whole way from token to table."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from shared.domain.accounts.credentials import Membership
from shared.domain.ids import new_id
from shared.wiring.accounts import onboarding_service
from tests.integration.accounts.directory import put_member
from tests.integration.exports.exports import a_completed_export, running_export
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import running_job
from tests.integration.merges.jobs import ended_merge_job, running_merge_job
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.webhooks.recoveries import running_recovery
from tests.integration.world import World, booking
from tests.support.gateway import Gateway, Response
from tests.support.template import Template
from tests.support.tenant_guard import TenantGuard, as_operator
from tests.support.tokens import ABSENT, TokenIssuer
from tests.tenants import Tenancy, caller_of, suspend

Maker = Callable[[World, Tenancy], str]
PartMaker = Callable[[World, Tenancy, str], str]


# Each makes a record that is the own one of `tenancy.user`, be that a person or a program.


def make_contact(world: World, tenancy: Tenancy) -> str:
    return made_contact(world, tenancy)


def made_contact(world: World, tenancy: Tenancy, **fields: Any) -> str:
    kind, caller_id = caller_of(tenancy.user)
    if kind == "client":  # what programs make belongs to nobody, unless they say to whom
        fields["owner_id"] = caller_id
    made: str = world.create(f"{new_id()}@example.com", token=tenancy.user, **fields)["id"]
    return made


def make_deleted_contact(world: World, tenancy: Tenancy) -> str:
    made = make_contact(world, tenancy)
    assert world.send("DELETE", f"/contacts/{made}", token=tenancy.admin).status == 204
    return made


def make_label(kind: str) -> Maker:
    def make(world: World, tenancy: Tenancy) -> str:
        answer = world.send("POST", f"/{kind}", {"name": new_id()}, token=tenancy.user)
        assert answer.status == 201, answer.text
        made: str = answer.json["id"]
        return made

    return make


def make_webhook(world: World, tenancy: Tenancy) -> str:
    answer = world.send("POST", "/webhooks", HOOK, token=tenancy.admin)
    assert answer.status == 201, answer.text
    made: str = answer.json["id"]
    return made


def make_delivery(world: World, tenancy: Tenancy, webhook_id: str) -> str:
    return logged_delivery(tenancy.id, webhook_id)


def make_disabled_webhook(world: World, tenancy: Tenancy) -> str:
    made = make_webhook(world, tenancy)
    assert world.send("POST", f"/webhooks/{made}/disable", token=tenancy.admin).status == 200
    return made


def make_recovery(_world: World, tenancy: Tenancy, webhook_id: str) -> str:
    return running_recovery(tenancy.id, webhook_id)


def make_api_client(world: World, tenancy: Tenancy) -> str:
    answer = world.send("POST", "/api-clients", {"name": "made"}, token=tenancy.admin)
    assert answer.status == 201, answer.text
    made: str = answer.json["id"]
    return made


def make_bulk_job(world: World, tenancy: Tenancy) -> str:
    return running_job(world, tenancy.id, caller=caller_of(tenancy.user))


def make_merge_job(_world: World, tenancy: Tenancy) -> str:
    return running_merge_job(tenancy.id, caller_of(tenancy.user))


def make_ended_merge_job(_world: World, tenancy: Tenancy) -> str:
    return ended_merge_job(tenancy.id, caller_of(tenancy.user))


def make_export(world: World, tenancy: Tenancy) -> str:
    return running_export(world, tenancy.id, caller=caller_of(tenancy.user))


def make_exported_file(world: World, tenancy: Tenancy) -> str:
    return a_completed_export(world, tenancy.id, caller=caller_of(tenancy.user))


def make_import(world: World, tenancy: Tenancy, body: str | None = None) -> str:
    folder, name = DropFolder(world, tenancy.id), f"{new_id()}.csv"
    folder.deliver(folder.put(body or f"email\n{new_id()}@example.com\n", name))
    folder.work()
    answer = world.send("GET", "/imports", token=tenancy.admin)
    (made,) = (str(one["id"]) for one in answer.json["items"] if one["file_name"] == name)
    return made


def make_undone(world: World, tenancy: Tenancy) -> str:
    made = make_import(world, tenancy)
    answer = world.send("POST", f"/imports/{made}/undo", token=tenancy.admin)
    assert answer.status == 202, answer.text
    DropFolder(world, tenancy.id).work()
    return made


def make_failed_import(world: World, tenancy: Tenancy) -> str:
    return make_import(world, tenancy, f"email\n{new_id()}@example.com\nnobody\n")


def make_upload(world: World, tenancy: Tenancy) -> str:
    answer = world.send("POST", "/imports", {"file_name": "people.csv"}, token=tenancy.admin)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    body = f"email\n{new_id()}@example.com\n".encode()
    bucket = world.stack.environment["DROP_BUCKET"]
    world.stack.client("s3").put_object(Bucket=bucket, Key=made["upload"]["fields"]["key"], Body=body)
    return str(made["id"])


def make_preview(world: World, tenancy: Tenancy) -> str:
    made = make_upload(world, tenancy)
    answer = world.send("POST", f"/imports/{made}/preview", token=tenancy.admin)
    assert answer.status == 202, answer.text
    DropFolder(world, tenancy.id).work()
    return made


def make_customer(world: World, tenancy: Tenancy) -> str:
    answer = world.send("POST", "/customers", {"first_name": "Grace"}, token=tenancy.user)
    assert answer.status == 201, answer.text
    made: str = answer.json["id"]
    return made


def make_member(world: World, tenancy: Tenancy) -> str:
    customer = make_customer(world, tenancy)
    made = [made_contact(world, tenancy, customer_id=customer) for _ in "12"]
    return made[1]


def make_user(world: World, tenancy: Tenancy) -> str:
    """The user; for a program, which is none, a new one."""
    kind, user_id = caller_of(tenancy.user)
    return user_id if kind == "user" else make_new_user(world, tenancy)


def make_new_user(world: World, tenancy: Tenancy) -> str:
    made = new_id()
    with as_operator():
        onboarding_service().add_member(made, tenancy.id, "user", f"{made}@example.com")
    return made


def make_invitation(world: World, tenancy: Tenancy) -> str:
    body = {"email": f"{new_id()}@example.com", "role": "user"}
    answer = world.send("POST", "/users/invitations", body, token=tenancy.admin)
    assert answer.status == 201, answer.text
    made: str = answer.json["id"]
    return made


@dataclass(frozen=True)
class Case:
    """How a route is called. What comes of it for whom, docs/security.md says (tests/gateway/accounts/test_rights.py).

    `make`: makes the record that the path names. `body`: what is sent, or what makes it. `second` makes what the path
    names behind the record, in the caller's own tenant. `naming` makes the body that names the record instead of the
    path. `part` makes what the path names behind the record where that
    belongs to the record.
    """

    make: Maker | None = None
    body: dict[str, Any] | Callable[[], dict[str, Any]] | None = None
    second: Maker | None = None
    part: PartMaker | None = None
    naming: Callable[[str], dict[str, Any]] | None = None

    def sent(self, record: str = "") -> dict[str, Any] | None:
        """The body of one call for a record."""
        if self.naming is not None:
            return self.naming(record)
        return self.body() if callable(self.body) else self.body

    def made(self, world: World, tenancy: Tenancy) -> str:
        """A new record of `tenancy.user`."""
        assert self.make is not None, "this route names no record"
        return self.make(world, tenancy)

    def second_of(self, world: World, tenancy: Tenancy, record: str) -> str:
        """Return the id that the path names after the record of the tenant; NOWHERE if it names only one."""
        if self.part is not None:
            return self.part(world, tenancy, record)
        return self.second(world, tenancy) if self.second is not None else NOWHERE


def make_interaction(world: World, tenancy: Tenancy, contact: str) -> str:
    path = f"/contacts/{contact}/interactions"
    answer = world.send("POST", path, INTERACTION, token=tenancy.admin)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def make_follow_up(world: World, tenancy: Tenancy) -> str:
    path = f"/contacts/{make_contact(world, tenancy)}/follow-ups"
    answer = world.send("POST", path, FOLLOW_UP, token=tenancy.admin)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def make_note(world: World, tenancy: Tenancy, contact: str) -> str:
    answer = world.send("POST", f"/contacts/{contact}/notes", NOTE, token=tenancy.admin)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def make_two(world: World, tenancy: Tenancy) -> str:
    """Two contacts, as one word."""
    return "+".join(make_contact(world, tenancy) for _ in "12")


def of_two(record: str) -> dict[str, Any]:
    """The body of a merge of two contacts that `make_two` made."""
    survivor_id, _, merged_id = record.partition("+")
    return {"survivor_id": survivor_id, "merged_ids": [merged_id or NOWHERE]}


def two_ids(record: str) -> dict[str, Any]:
    """The body of a call that names two contacts that `make_two` made."""
    one, _, other = record.partition("+")
    return {"contact_ids": [one, other or NOWHERE]}


def make_merge(world: World, tenancy: Tenancy) -> str:
    made = of_two(make_two(world, tenancy))
    answer = world.send("POST", "/contacts/merge", made, token=tenancy.user)
    assert answer.status == 200, answer.text
    return str(answer.json["id"])


def make_event(world: World, tenancy: Tenancy) -> str:
    """The event of a new contact, published."""
    made = make_contact(world, tenancy)
    world.catch_up()
    answer = world.send("GET", "/events", query={"entity_id": made}, token=tenancy.admin)
    (event,) = answer.json["items"]
    return str(event["id"])


def person() -> dict[str, Any]:
    return {"first_name": "X", "email": f"{new_id()}@example.com"}


def named() -> dict[str, Any]:
    return {"name": new_id()}


NOWHERE = "0190a8b0-0000-7000-8000-00000000000a"
CONSENT = {"channel": "email", "opted_out": True, "source": "a call"}
STATUS = {"relationship_status": "lost_lead", "reason": "no answer"}
INTERACTION = {"type": "call", "description": "a call"}
FOLLOW_UP = {"title": "call again", "due_at": "2031-01-01T09:00:00Z"}
NOTE = {"body": "a note"}
HOOK = {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
BULK = {"contact_ids": ["x"]}

# Every route that names a record. A new one must be added here, or test_each_route_… fails.
CASES: dict[tuple[str, str], Case] = {
    ("GET", "/contacts/{contact_id}"): Case(make_contact),
    ("PUT", "/contacts/{contact_id}"): Case(make_contact, person),
    ("PATCH", "/contacts/{contact_id}"): Case(make_contact, lambda: {"email": person()["email"]}),
    ("DELETE", "/contacts/{contact_id}"): Case(make_contact),
    ("PUT", "/contacts/{contact_id}/status"): Case(make_contact, STATUS),
    ("GET", "/contacts/{contact_id}/status-history"): Case(make_contact),
    ("GET", "/contacts/{contact_id}/interactions"): Case(make_contact),
    ("POST", "/contacts/{contact_id}/interactions"): Case(make_contact, INTERACTION),
    **{
        (method, "/contacts/{contact_id}/interactions/{interaction_id}"): Case(
            make_contact, body, part=make_interaction
        )
        for method, body in (("GET", None), ("PATCH", {"outcome": "x"}), ("DELETE", None))
    },
    ("GET", "/contacts/{contact_id}/follow-ups"): Case(make_contact),
    ("POST", "/contacts/{contact_id}/follow-ups"): Case(make_contact, FOLLOW_UP),
    ("GET", "/follow-ups/{follow_up_id}"): Case(make_follow_up),
    ("PATCH", "/follow-ups/{follow_up_id}"): Case(make_follow_up, {"title": "x"}),
    ("POST", "/follow-ups/{follow_up_id}/complete"): Case(make_follow_up, {"outcome": "x"}),
    ("POST", "/follow-ups/{follow_up_id}/cancel"): Case(make_follow_up),
    ("GET", "/contacts/{contact_id}/notes"): Case(make_contact),
    ("POST", "/contacts/{contact_id}/notes"): Case(make_contact, NOTE),
    **{
        (method, "/contacts/{contact_id}/notes/{note_id}"): Case(make_contact, body, part=make_note)
        for method, body in (("GET", None), ("PUT", NOTE), ("PATCH", {"text": "x"}), ("DELETE", None))
    },
    ("POST", "/contacts/{contact_id}/notes/{note_id}/retry"): Case(make_contact, part=make_note),
    ("GET", "/contacts/{contact_id}/bookings"): Case(make_contact),
    ("GET", "/contacts/{contact_id}/timeline"): Case(make_contact),
    ("GET", "/contacts/{contact_id}/history"): Case(make_contact),
    ("POST", "/contacts/{contact_id}/revert"): Case(make_contact, {"version": 1}),
    ("POST", "/contacts/{contact_id}/toggle-status"): Case(make_contact),
    ("POST", "/contacts/{contact_id}/restore"): Case(make_deleted_contact),
    ("POST", "/contacts/{contact_id}/set-primary"): Case(make_member),
    ("POST", "/contacts/{contact_id}/consent"): Case(make_contact, CONSENT),
    ("GET", "/contacts/{contact_id}/consent"): Case(make_contact),
    ("PUT", "/contacts/{contact_id}/groups/{group_id}"): Case(make_contact, second=make_label("groups")),
    ("DELETE", "/contacts/{contact_id}/groups/{group_id}"): Case(make_contact, second=make_label("groups")),
    ("GET", "/tags/{tag_id}"): Case(make_label("tags")),
    ("PATCH", "/tags/{tag_id}"): Case(make_label("tags"), {"color": "#00ff00"}),
    ("DELETE", "/tags/{tag_id}"): Case(make_label("tags")),
    ("GET", "/types/{type_id}"): Case(make_label("types")),
    ("PATCH", "/types/{type_id}"): Case(make_label("types"), {"description": "x"}),
    ("DELETE", "/types/{type_id}"): Case(make_label("types")),
    ("GET", "/groups/{group_id}"): Case(make_label("groups")),
    ("PATCH", "/groups/{group_id}"): Case(make_label("groups"), {"color": "#00ff00"}),
    ("DELETE", "/groups/{group_id}"): Case(make_label("groups")),
    ("GET", "/groups/{group_id}/contacts"): Case(make_label("groups")),
    ("POST", "/groups/{group_id}/contacts"): Case(make_label("groups"), BULK),
    ("DELETE", "/groups/{group_id}/contacts"): Case(make_label("groups"), BULK),
    ("GET", "/customers/{customer_id}"): Case(make_customer),
    ("PUT", "/customers/{customer_id}"): Case(
        make_customer, lambda: {"first_name": "X", "username": new_id()}
    ),
    ("PATCH", "/customers/{customer_id}"): Case(make_customer, lambda: {"username": new_id()}),
    ("DELETE", "/customers/{customer_id}"): Case(make_customer),
    ("GET", "/customers/{customer_id}/contacts"): Case(make_customer),
    ("GET", "/merges/{merge_id}"): Case(make_merge),
    ("POST", "/merges/{merge_id}/undo"): Case(make_merge),
    ("GET", "/contacts/merge-jobs/{merge_job_id}"): Case(make_merge_job),
    ("GET", "/contacts/merge-jobs/{merge_job_id}/groups"): Case(make_ended_merge_job),
    ("POST", "/contacts/merge-jobs/{merge_job_id}/cancel"): Case(make_merge_job),
    ("POST", "/contacts/merge-jobs/{merge_job_id}/undo"): Case(make_ended_merge_job),
    ("GET", "/contacts/bulk-jobs/{job_id}"): Case(make_bulk_job),
    ("POST", "/contacts/bulk-jobs/{job_id}/cancel"): Case(make_bulk_job),
    ("GET", "/users/{user_id}"): Case(make_user),
    ("PATCH", "/users/{user_id}"): Case(make_user, {"first_name": "X"}),
    ("DELETE", "/users/{user_id}"): Case(make_new_user),
    ("GET", "/users/invitations/{invitation_id}"): Case(make_invitation),
    ("DELETE", "/users/invitations/{invitation_id}"): Case(make_invitation),
    ("POST", "/users/invitations/{invitation_id}/resend"): Case(make_invitation),
    ("GET", "/api-clients/{client_id}"): Case(make_api_client),
    ("PATCH", "/api-clients/{client_id}"): Case(make_api_client, named),
    ("DELETE", "/api-clients/{client_id}"): Case(make_api_client),
    ("POST", "/api-clients/{client_id}/rotate-key"): Case(make_api_client, {"overlap_seconds": 60}),
    ("GET", "/exports/{export_id}"): Case(make_export),
    ("GET", "/exports/{export_id}/file"): Case(make_exported_file),
    ("POST", "/exports/{export_id}/cancel"): Case(make_export),
    ("GET", "/imports/{import_id}"): Case(make_import),
    ("GET", "/imports/{import_id}/results"): Case(make_import),
    ("POST", "/imports/{import_id}/start"): Case(make_upload),
    ("POST", "/imports/{import_id}/undo"): Case(make_import),
    ("GET", "/imports/{import_id}/undo"): Case(make_undone),
    ("POST", "/imports/{import_id}/preview"): Case(make_upload),
    ("POST", "/imports/{import_id}/retry"): Case(make_failed_import),
    ("GET", "/imports/{import_id}/preview"): Case(make_preview),
    ("POST", "/imports/{import_id}/cancel"): Case(make_upload),
    ("GET", "/events/{event_id}"): Case(make_event),
    ("GET", "/webhooks/{webhook_id}"): Case(make_webhook),
    ("PATCH", "/webhooks/{webhook_id}"): Case(make_webhook, {"events": ["contact.*"]}),
    ("DELETE", "/webhooks/{webhook_id}"): Case(make_webhook),
    ("POST", "/webhooks/{webhook_id}/rotate-secret"): Case(make_webhook, {"overlap_hours": 1}),
    ("POST", "/webhooks/{webhook_id}/enable"): Case(make_disabled_webhook),
    ("POST", "/webhooks/{webhook_id}/disable"): Case(make_webhook),
    ("POST", "/webhooks/{webhook_id}/test"): Case(make_webhook),
    ("GET", "/webhooks/{webhook_id}/deliveries"): Case(make_webhook),
    ("GET", "/webhooks/{webhook_id}/deliveries/{event_id}"): Case(make_webhook, part=make_delivery),
    ("POST", "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver"): Case(
        make_webhook, part=make_delivery
    ),
    ("POST", "/webhooks/{webhook_id}/recover"): Case(make_webhook, {"after": 0}),
    ("GET", "/webhooks/{webhook_id}/recoveries"): Case(make_webhook),
    ("GET", "/webhooks/{webhook_id}/recoveries/{recovery_id}"): Case(make_webhook, part=make_recovery),
    ("POST", "/webhooks/{webhook_id}/recoveries/{recovery_id}/cancel"): Case(
        make_webhook, part=make_recovery
    ),
}

# Routes that name none: what they answer is the caller's own in any case.
WITHOUT_ID: dict[tuple[str, str], Case] = {
    ("GET", "/contacts"): Case(),
    ("POST", "/contacts"): Case(body=person),
    ("GET", "/contacts/stats"): Case(),
    ("GET", "/follow-ups"): Case(),
    ("GET", "/interactions"): Case(),
    ("GET", "/bookings"): Case(),
    ("GET", "/tags"): Case(),
    ("POST", "/tags"): Case(body=named),
    ("GET", "/types"): Case(),
    ("POST", "/types"): Case(body=named),
    ("GET", "/groups"): Case(),
    ("POST", "/groups"): Case(body=named),
    ("GET", "/customers"): Case(),
    ("POST", "/customers"): Case(body={"first_name": "X"}),
    ("POST", "/contacts/bulk-create"): Case(body=lambda: {"contacts": [person()]}),
    ("POST", "/contacts/bulk-update"): Case(body={**BULK, "set": {"company": "x"}}),
    ("POST", "/contacts/bulk-delete"): Case(body=BULK),
    ("POST", "/contacts/merge"): Case(make_two, naming=of_two),
    ("GET", "/merges"): Case(),
    ("GET", "/contacts/duplicates"): Case(),
    ("POST", "/contacts/duplicates/dismiss"): Case(make_two, naming=two_ids),
    ("GET", "/contacts/bulk-jobs"): Case(),
    ("GET", "/contacts/merge-jobs"): Case(),
    ("POST", "/contacts/merge-suggested"): Case(body={"dry_run": True}),
    ("GET", "/exports"): Case(),
    ("POST", "/exports"): Case(body={"format": "csv", "dry_run": True}),
    ("GET", "/users"): Case(),
    ("GET", "/users/invitations"): Case(),
    ("POST", "/users/invitations"): Case(body=lambda: {"email": person()["email"], "role": "user"}),
    ("GET", "/api-clients"): Case(),
    ("POST", "/api-clients"): Case(body=named),
    ("GET", "/me"): Case(),
    ("GET", "/settings"): Case(),
    ("PATCH", "/settings"): Case(body={"default_country": "GB"}),
    ("GET", "/imports"): Case(),
    ("GET", "/imports/template"): Case(),
    ("POST", "/imports"): Case(body={"file_name": "people.csv"}),
    ("GET", "/events"): Case(),
    ("GET", "/events/start"): Case(),
    ("GET", "/webhooks"): Case(),
    ("POST", "/webhooks"): Case(body=HOOK),
}
OPEN = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/swagger-ui.css"),
    ("GET", "/docs/swagger-ui.js"),
    ("GET", "/docs/start.js"),
    # Of these tests/gateway/accounts/test_sign_in.py and tests/integration/accounts/test_invitations.py tell.
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("POST", "/users/invitations/accept"),
}


def at(path: str, record_id: str, second: str = NOWHERE) -> str:
    path = path[: path.index("{")] + record_id + path[path.index("}") + 1 :]
    return path if "{" not in path else at(path, second)


def shown(answer: Response) -> tuple[int, dict[str, str], Any]:
    """All of an answer but the request's own id."""
    is_json = "json" in answer.headers.get("Content-Type", "json")
    body = answer.json if is_json else answer.text
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "request_id"}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, {name: value for name, value in headers.items() if "requestid" not in name}, body


def test_each_route_of_the_template_is_listed_here(template: Template) -> None:
    """check 48: a route not listed fails the build."""
    routes = {(route.method, route.path): route.authorizer for route in template.routes()}
    assert set(CASES) == {route for route in routes if "{" in route[1]}
    assert {*WITHOUT_ID, *OPEN} == {route for route in routes if "{" not in route[1]}
    assert {route for route, authorizer in routes.items() if authorizer is None} == OPEN


@pytest.mark.parametrize(("method", "path"), CASES)
def test_an_id_that_is_none_leads_nowhere(
    world: World, t10: Tenancy, tenant_guard: TenantGuard, method: str, path: str
) -> None:
    """check 43, check 48: no spelling of another's id, or of a key, gets past the wall."""
    case = CASES[method, path]
    foreign = case.made(world, t10)
    before = world.content.picture()
    for odd in (
        foreign.upper(),
        f"{foreign}%20",
        f"%20{foreign}",
        f"{foreign}%00",
        foreign.replace("-", ""),
        f"..%2F{foreign}",
        f"..%2F..%2FT10%2F{foreign}",
        f"T%23T10%23C%23{foreign}",
        f"T10%23C%23{foreign}",
        f"%23{foreign}",
        f"{foreign}%23",
        "%00",
        "%23",
        "*",
        "null",
        "0",
        "%ff%fe",
        "é",
        "x" * 5000,
    ):
        answer = world.send(method, at(path, odd), case.sent(), token=world.t1.admin)
        assert answer.status == 404, odd
        assert answer.json["code"] == "not_found", odd
    assert world.content.picture() == before
    assert tenant_guard.violations == []


def test_lists_show_the_caller_s_own_tenant_alone(world: World, t10: Tenancy) -> None:
    """check 48"""
    made = {tenancy.id: make_contact(world, tenancy) for tenancy in (world.t1, t10)}
    hooks = {tenancy.id: make_webhook(world, tenancy) for tenancy in (world.t1, t10)}
    imports = {tenancy.id: make_import(world, tenancy) for tenancy in (world.t1, t10)}
    world.catch_up()
    for tenancy in (world.t1, t10):
        for role in ("admin", "user", "program"):
            listed = {one["id"] for one in world.listed(token=getattr(tenancy, role))}
            assert made[tenancy.id] in listed
            assert len(listed) == 2, "the one made here and the one imported"
        for path, own in (("/webhooks", hooks), ("/imports", imports)):
            found = world.send("GET", path, token=tenancy.admin).json["items"]
            assert [one["id"] for one in found] == [own[tenancy.id]]


ELSEWHERE = {
    "X-Tenant-Id": "T10",
    "X-Tenant": "T10",
    "Tenant-Id": "T10",
    "X-Amzn-Tenant": "T10",
    "X-Forwarded-Host": "t10.example.com",
    "X-Original-Authorizer": '{"tenant_id": "T10"}',
    "X-Forwarded-User": "admin-of-T10",
    "X-HTTP-Method-Override": "DELETE",
    "X-Original-URL": "/v1/webhooks",
}


def test_a_tenant_named_in_a_header_is_ignored(world: World, t10: Tenancy) -> None:
    """check 56"""
    mine, theirs = make_contact(world, world.t1), make_contact(world, t10)
    world.catch_up()
    for path in (f"/contacts/{mine}", f"/contacts/{theirs}", "/contacts", "/webhooks"):
        assert shown(world.send("GET", path, headers=ELSEWHERE)) == shown(world.send("GET", path))
    made = world.send("POST", "/contacts", {"first_name": "X", "email": "x@example.com"}, headers=ELSEWHERE)
    assert world.send("GET", f"/contacts/{made.json['id']}").status == 200
    assert world.send("GET", f"/contacts/{made.json['id']}", token=t10.admin).status == 404


def test_a_tenant_named_in_the_query_is_refused_or_ignored(world: World, t10: Tenancy) -> None:
    """check 56"""
    mine, theirs = make_contact(world, world.t1), make_contact(world, t10)
    for name in ("tenant_id", "tenant", "caller_id", "role", "permissions"):
        for path in ("/contacts", "/follow-ups", "/webhooks", "/imports", f"/contacts/{mine}/interactions"):
            answer = world.send("GET", path, query={name: "T10"})
            assert (answer.status, answer.json["errors"][0]["field"]) == (422, name)
        refused = [world.send("GET", f"/contacts/{one}", query={name: "T10"}) for one in (mine, theirs)]
        assert [answer.status for answer in refused] == [422, 422]
        assert shown(refused[0]) == shown(refused[1])
        assert world.send("GET", f"/contacts/{mine}/consent", query={name: "T10"}).status == 422
        assert world.send("GET", f"/follow-ups/{NOWHERE}", query={name: "T10"}).status == 404
        answer = world.send(
            "POST", "/contacts", {"first_name": "X", "email": f"{name}@example.com"}, query={name: "T10"}
        )
        assert answer.status == 422
    assert {contact["PK"]["S"][:5] for contact in world.content.contacts if "PK" in contact} == {
        "T#T1#",
        "T#T10",
    }
    assert len(world.content.of("T#T10#C#", "CONTACT")) == 1


def test_a_tenant_named_in_the_body_is_refused(world: World, t10: Tenancy) -> None:
    """check 56"""
    mine = make_contact(world, world.t1)
    for name in ("tenant_id", "tenant", "owner_id", "caller_id", "PK"):
        body = {"first_name": "X", "email": "x@example.com", name: "T10"}
        for method, path in (
            ("POST", "/contacts"),
            ("PUT", f"/contacts/{mine}"),
            ("PATCH", f"/contacts/{mine}"),
        ):
            answer = world.send(method, path, body)
            assert (answer.status, answer.json["errors"][0]["field"]) == (422, name)
        webhook = {"url": "https://example.com", "events": ["contact.created"], name: "T10"}
        assert world.send("POST", "/webhooks", webhook).status == 422
    assert world.content.of("T#T10#C#") == []


def test_tenants_that_alternate_in_a_warm_process_do_not_mix(world: World, t10: Tenancy) -> None:
    """check 58"""
    tokens = [world.t1.admin, t10.admin, world.t1.program, t10.user, world.t1.user, t10.program]
    for number in range(84):
        token = tokens[number % len(tokens)]
        tenant = ("T1", "T10")[number % 2]
        made = world.create(f"{number}@example.com", token=token)
        read = world.send("GET", f"/contacts/{made['id']}", token=token).json
        assert read == made
        assert world.content.of(f"T#{tenant}#C#{made['id']}") if number % 50 == 0 else True
    assert len(world.content.of("T#T1#C#", "CONTACT")) == len(world.content.of("T#T10#C#", "CONTACT")) == 42


def test_no_answer_holds_a_key_of_the_table_or_a_secret(world: World) -> None:
    """check 54"""
    world.post_booking(booking())
    world.bookings.pump()
    world.create()
    make_import(world, world.t1)
    webhook = make_webhook(world, world.t1)
    world.catch_up()
    contact = world.listed()[0]["id"]
    for path in (
        "/contacts",
        f"/contacts/{contact}",
        f"/contacts/{contact}/interactions",
        f"/contacts/{contact}/consent",
        f"/contacts/{contact}/status-history",
        "/api-clients",
        "/me",
        "/settings",
        "/webhooks",
        f"/webhooks/{webhook}",
        f"/webhooks/{webhook}/deliveries",
        "/imports",
    ):
        text = world.send("GET", path).text
        for inner in (
            '"PK"',
            '"SK"',
            "WPK",
            "T#T1",
            "whsec_",
            "secret",
            "last_event",
            "deleted_at",
            "tenant_id",
        ):
            assert inner not in text, (path, inner)


# Who is let in


def encode(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def with_hmac(issuer: TokenIssuer, sub: str, secret: bytes, algorithm: str = "HS256") -> str:
    """A token signed with a secret that is no secret: the issuer's public key."""
    header = encode({"alg": algorithm, "kid": issuer.key_id, "typ": "JWT"})
    signed = f"{header}.{encode(issuer.claims(sub))}"
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def forgeries(issuer: TokenIssuer) -> dict[str, str]:
    """Tokens that must let nobody in, made for a real admin."""
    sub = "admin-of-T1"
    stranger = TokenIssuer()
    stranger_same_kid = TokenIssuer()
    stranger_same_kid.key_id = issuer.key_id
    public = issuer.key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = int(time.time())
    good = issuer.make_token(sub)
    head, body, signature = good.split(".")
    own_jwk = stranger.jwks["keys"][0]

    def changed(**members: Any) -> dict[str, Any]:
        claims = {**issuer.claims(sub), **members}
        return {name: value for name, value in claims.items() if value is not ABSENT}

    return {
        "expired": issuer.make_token(sub, exp=now - 60),
        "expired long ago": issuer.make_token(sub, exp=1, iat=0),
        "no expiry": issuer.make_token(sub, exp=ABSENT),
        "expiry as text": issuer.make_token(sub, exp="tomorrow"),
        "endless expiry": issuer.sign({**issuer.claims(sub), "exp": 1e400}).replace("Infinity", "1e400"),
        "not yet valid": issuer.make_token(sub, nbf=now + 600),
        "issued in the future": issuer.make_token(sub, iat=now + 600),
        "no issue time": issuer.make_token(sub, iat=ABSENT),
        "another issuer": issuer.make_token(
            sub, iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EVIL"
        ),
        "issuer with a slash more": issuer.make_token(sub, iss=f"{issuer.issuer}/"),
        "issuer as list": issuer.make_token(sub, iss=[issuer.issuer]),
        "no issuer": issuer.make_token(sub, iss=ABSENT),
        "another client": issuer.make_token(sub, client_id="another-client"),
        "client as list": issuer.make_token(sub, client_id=[issuer.client_id]),
        "no client": issuer.make_token(sub, client_id=ABSENT),
        "audience instead of client": issuer.make_token(sub, client_id=ABSENT, aud=issuer.client_id),
        "id token": issuer.make_token(sub, token_use="id", client_id=ABSENT, aud=issuer.client_id),
        "id token with client": issuer.make_token(sub, token_use="id"),
        "refresh token": issuer.make_token(sub, token_use="refresh"),
        "no token use": issuer.make_token(sub, token_use=ABSENT),
        "no subject": issuer.sign(changed(sub=ABSENT)),
        "subject as number": issuer.sign(changed(sub=7)),
        "subject as list": issuer.sign(changed(sub=[sub])),
        "subject as null": issuer.sign(changed(sub=None)),
        "empty subject": issuer.make_token(""),
        "unknown subject": issuer.make_token("nobody"),
        "subject of another name space": issuer.make_token("x#USER"),
        "another's key": stranger.make_token(sub),
        "another's key under the known id": stranger_same_kid.make_token(sub),
        "another's key in the header": stranger_same_kid.make_token(sub, header={"jwk": own_jwk}),
        "another's key by URL": stranger_same_kid.make_token(sub, header={"jku": "http://127.0.0.1:9/jwks"}),
        "unknown key id": issuer.make_token(sub, header={"kid": "unknown"}),
        "no key id": issuer.make_token(sub, header={"kid": ABSENT}),
        "key id as path": issuer.make_token(sub, header={"kid": "../../dev/null"}),
        "key id as list": issuer.make_token(sub, header={"kid": [issuer.key_id]}),
        "key id as null": issuer.make_token(sub, header={"kid": None}),
        "key id as number": issuer.make_token(sub, header={"kid": 1}),
        "alg none": f"{encode({'alg': 'none', 'kid': issuer.key_id})}.{body}.",
        "alg None": f"{encode({'alg': 'None', 'kid': issuer.key_id})}.{body}.",
        "alg none with the signature": f"{encode({'alg': 'none', 'kid': issuer.key_id})}.{body}.{signature}",
        "no alg": issuer.make_token(sub, header={"alg": ABSENT}),
        "alg as list": issuer.make_token(sub, header={"alg": ["RS256"]}),
        "RS384 over RS256": issuer.make_token(sub, header={"alg": "RS384"}),
        "RS512 over RS256": issuer.make_token(sub, header={"alg": "RS512"}),
        "PS256 over RS256": issuer.make_token(sub, header={"alg": "PS256"}),
        "ES256 over RS256": issuer.make_token(sub, header={"alg": "ES256"}),
        "HS256 with the public key as PEM": with_hmac(issuer, sub, pem),
        "HS256 with the public key as DER": with_hmac(issuer, sub, der),
        "HS256 with the public key as JWK": with_hmac(
            issuer, sub, json.dumps(issuer.jwks["keys"][0]).encode()
        ),
        "HS256 with nothing": with_hmac(issuer, sub, b""),
        "RS256 that is a hash": with_hmac(issuer, sub, pem, "RS256"),
        "no signature": f"{head}.{body}.",
        "signature cut": good[:-4],
        "signature of another token": f"{head}.{body}.{issuer.make_token('user-of-T1').split('.')[2]}",
        "claims changed": f"{head}.{encode(issuer.claims('admin-of-T10'))}.{signature}",
        "claims that are no object": issuer.sign(["x"]),  # type: ignore[arg-type]
        "header that is no object": f"{encode(b'[]')}.{body}.{signature}",
        "header that is no JSON": f"{encode(b'{')}.{body}.{signature}",
        "critical extension unknown": issuer.make_token(sub, header={"crit": ["x-must"], "x-must": 1}),
        "payload not encoded": issuer.make_token(sub, header={"b64": False, "crit": ["b64"]}),
        "five parts": f"{good}.x.y",
        "two parts": f"{head}.{body}",
        "only dots": "..",
        "empty": "",
        "a word": "token",
        "not base64": "é.é.é",
        "long": "A" * 20_000,
        "NUL": "a\x00b.c.d",
    }


NO_CREDENTIAL = "No access token or API key was sent. Send one as Authorization: Bearer."


def assert_unauthorized(answer: Response) -> None:
    assert answer.status == 401, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["status"] == 401 and answer.json["code"] == "unauthenticated"
    assert answer.json["request_id"]


def test_a_forged_or_stale_token_lets_nobody_in(world: World, token_issuer: TokenIssuer) -> None:
    """check 55"""
    made = forgeries(token_issuer)
    assert len(made) >= 16
    let_in = {}
    for what, token in made.items():
        answer = world.gateway.request("GET", "/contacts", token=token)
        if answer.status != 401:
            let_in[what] = answer.status
        else:
            assert_unauthorized(answer)
    assert let_in == {}
    assert world.gateway.failures == []
    assert (
        world.gateway.request("GET", "/contacts", token=token_issuer.make_token("admin-of-T1")).status == 200
    )


def test_without_a_token_each_route_is_401(world: World) -> None:
    """check 98, on the way itself"""
    for method, path in {*CASES, *WITHOUT_ID}:
        target = at(path, new_id()) if "{" in path else path
        for value in (None, "", "Bearer", "Bearer nothing"):
            headers = {} if value is None else {"Authorization": value}
            answer = world.gateway.request(method, target, json={}, headers=headers)
            assert_unauthorized(answer)
            assert (answer.json["detail"] == NO_CREDENTIAL) is (value != "Bearer nothing")


def test_a_refused_credential_is_told_apart_from_none_and_not_from_another_refused_one(
    world: World, token_issuer: TokenIssuer
) -> None:
    """Whoever holds a key that was revoked learns no more than who made one up."""
    client = world.send("POST", "/api-clients", {"name": "Gone"}).json
    world.send("DELETE", f"/api-clients/{client['id']}")
    refused = [
        client["key"],
        client["key"][:-1] + "x",
        "ck_unknown_secret",
        "ck_",
        token_issuer.make_token("admin-of-T1", exp=1),
        token_issuer.make_token("nobody"),
        "nothing",
    ]
    answers = [world.gateway.request("GET", "/contacts", token=one) for one in refused]
    for answer in answers:
        assert_unauthorized(answer)
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert len({answer.json["detail"] for answer in answers}) == 1
    assert answers[0].json["detail"] != NO_CREDENTIAL
    assert world.gateway.failures == []


def test_open_routes_need_no_token_and_show_no_tenant(world: World) -> None:
    for method, path in OPEN:
        if method == "GET":
            status = 302 if path == "/" else 200
            assert world.gateway.request(method, path).status == status
            assert world.gateway.request(method, path, token="nonsense").status == status


def test_the_scheme_is_bearer_and_no_other(world: World) -> None:
    good = world.t1.admin
    for value in (
        good,
        f"Basic {base64.b64encode(f'admin:{good}'.encode()).decode()}",
        f"Token {good}",
        f"JWT {good}",
        f"Bearer{good}",
        f"Bearer {good} {good}",
        f"Bearer {good}, Bearer {good}",
        f"Bearer\t{good}",
        f"Basic x, Bearer {good}",
        f'Bearer "{good}"',
    ):
        assert_unauthorized(world.gateway.request("GET", "/contacts", headers={"Authorization": value}))
    for value in (f"Bearer {good}", f"bearer {good}", f"Bearer   {good} "):
        assert world.gateway.request("GET", "/contacts", headers={"Authorization": value}).status == 200
    assert_unauthorized(world.gateway.request("GET", f"/contacts?access_token={good}"))
    assert_unauthorized(world.gateway.request("GET", "/contacts", headers={"Cookie": f"token={good}"}))


def test_api_keys_that_are_not_right_let_nobody_in(world: World, t10: Tenancy) -> None:
    """check 55, for keys"""
    key = world.t1.program
    prefix, key_id, secret = key.split("_", 2)
    other_id = t10.program.split("_", 2)[1]
    digest = hashlib.sha256(secret.encode()).hexdigest()
    wrong = [
        f"{prefix}_{key_id}_{secret[:-1]}",
        f"{prefix}_{key_id}_{secret}x",
        f"{prefix}_{key_id}_{secret.swapcase()}",
        f"{prefix}_{key_id}_",
        f"{prefix}_{key_id}",
        f"{prefix}_{key_id}_{digest}",
        f"{prefix}_{other_id}_{secret}",
        f"{prefix}__{secret}",
        f"{prefix}_{key_id.upper()}_{secret}",
        f"{prefix}_{key_id[:-1]}_{secret}",
        f"{prefix}_{key_id}%23_{secret}",
        f"{prefix}_{key_id}_é",
        f"{prefix}_é_{secret}",
        f"{prefix}_{key_id}_{secret}{'x' * 200}",
        f"CK_{key_id}_{secret}",
        f"ck-{key_id}-{secret}",
        "ck_",
        "ck__",
        "ck___",
    ]
    for candidate in wrong:
        assert_unauthorized(world.gateway.request("GET", "/contacts", token=candidate))
    assert world.gateway.request("GET", "/contacts", token=key).status == 200
    assert world.gateway.failures == []


def test_a_disabled_key_or_member_is_out(world: World) -> None:
    (client,) = (one for one in world.send("GET", "/api-clients").json["items"] if one["name"] == "all")
    assert world.send("PATCH", f"/api-clients/{client['id']}", {"is_active": False}).status == 200
    put_member(Membership("user-of-T1", "T1", "user", "user", disabled=True))
    assert_unauthorized(world.gateway.request("GET", "/contacts", token=world.t1.program))
    assert_unauthorized(world.gateway.request("GET", "/contacts", token=world.t1.user))


def test_who_signed_in_before_he_became_a_member_is_out(world: World, token_issuer: TokenIssuer) -> None:
    """A user of the pool may have been another's before, whose sessions must not open the new one's tenant."""
    now = int(time.time())
    put_member(Membership("user-of-T1", "T1", "user", "user", since=now))
    for auth_time, status in (
        (now - 1, 401),
        (now, 200),
        (now + 1, 200),
        (ABSENT, 401),
        (str(now), 401),
        (True, 401),
    ):
        token = token_issuer.make_token("user-of-T1", auth_time=auth_time)
        assert world.gateway.request("GET", "/contacts", token=token).status == status, auth_time


def test_a_suspended_tenant_s_door_is_shut(world: World) -> None:
    """check 59, for the API"""
    suspend("T1")
    for token in (world.t1.admin, world.t1.user, world.t1.program):
        answer = world.gateway.request("GET", "/contacts", token=token)
        assert answer.status in (401, 403), answer.text


# What each may do


def test_a_client_without_permissions_may_do_nothing_and_is_told_what_it_lacks(world: World) -> None:
    """check 52"""
    contact, webhook = make_contact(world, world.t1), make_webhook(world, world.t1)
    body = {"first_name": "X", "email": "x@example.com"}
    wanted: list[tuple[str, str, Any, str]] = [
        ("GET", "/contacts", None, "contacts:read"),
        ("GET", f"/contacts/{contact}", None, "contacts:read"),
        ("GET", f"/contacts/{contact}/interactions", None, "contacts:read"),
        ("GET", f"/contacts/{contact}/bookings", None, "contacts:read"),
        ("POST", "/contacts", body, "contacts:write"),
        ("PUT", f"/contacts/{contact}", body, "contacts:write"),
        ("PATCH", f"/contacts/{contact}", {"company": "x"}, "contacts:write"),
        ("POST", f"/contacts/{contact}/toggle-status", None, "contacts:"),
        ("POST", f"/contacts/{contact}/consent", CONSENT, "contacts:"),
        ("GET", f"/contacts/{contact}/consent", None, "contacts:read"),
        ("PUT", f"/contacts/{contact}/status", STATUS, "contacts:write"),
        ("GET", f"/contacts/{contact}/status-history", None, "contacts:read"),
        ("POST", f"/contacts/{contact}/restore", None, "contacts:"),
        ("DELETE", f"/contacts/{contact}", None, "contacts:"),
        ("GET", "/webhooks", None, "webhooks:manage"),
        ("GET", f"/webhooks/{webhook}", None, "webhooks:manage"),
        ("PATCH", f"/webhooks/{webhook}", {"description": "x"}, "webhooks:manage"),
        ("POST", f"/webhooks/{webhook}/test", None, "webhooks:manage"),
        ("POST", f"/webhooks/{webhook}/disable", None, "webhooks:manage"),
        ("POST", f"/webhooks/{webhook}/enable", None, "webhooks:manage"),
        ("DELETE", f"/webhooks/{webhook}", None, "webhooks:manage"),
        ("POST", f"/webhooks/{webhook}/rotate-secret", {}, "webhooks:manage"),
        ("GET", f"/webhooks/{webhook}/deliveries", None, "webhooks:manage"),
        ("POST", "/webhooks", {"url": "https://a.example", "events": ["contact.created"]}, "webhooks:manage"),
        ("GET", "/exports", None, "exports:run"),
        ("POST", "/exports", {"format": "csv"}, "contacts:read"),
        ("GET", "/imports", None, "imports:run"),
        ("GET", "/imports/template", None, "imports:run"),
        ("GET", "/api-clients", None, "tenant:admin"),
        ("POST", "/api-clients", {"name": "x"}, "tenant:admin"),
        ("GET", "/settings", None, "contacts:read"),
        ("PATCH", "/settings", {"timezone": "UTC"}, "tenant:admin"),
    ]
    for method, path, given, permission in wanted:
        answer = world.send(method, path, given, token=world.t1.powerless)
        assert answer.status == 403, (method, path)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["code"] == "permission_denied"
        assert answer.json["detail"].startswith(f"Insufficient permissions: {permission}")
        assert answer.json["detail"].endswith(" required")


def test_a_regular_user_edits_his_own_and_reads_the_others(world: World) -> None:
    """check 52"""
    own = world.create("own@example.com", token=world.t1.user)
    other = world.create("other@example.com", token=world.t1.other_user)
    ownerless = world.create("ownerless@example.com", token=world.t1.program)
    world.catch_up()
    assert own["owner_id"] == "user-of-T1" and ownerless["owner_id"] is None
    listed = world.listed(token=world.t1.user)
    assert {one["id"] for one in listed} == {own["id"], other["id"], ownerless["id"]}
    for contact in (other, ownerless):
        path = f"/contacts/{contact['id']}"
        assert world.send("GET", path, token=world.t1.user).json == contact
        assert world.send("GET", f"{path}/interactions", token=world.t1.user).status == 200
        for method, body, permission in (
            ("PUT", {"first_name": "X", "email": contact["email"]}, "contacts:write"),
            ("PATCH", {"company": "x"}, "contacts:write"),
            ("PATCH", {}, "contacts:write"),
            ("POST /toggle-status", None, "contacts:write"),
            ("POST /consent", CONSENT, "contacts:write"),
            ("PUT /status", STATUS, "contacts:write"),
            ("POST /restore", None, "contacts:delete"),
            ("DELETE", None, "contacts:delete"),
        ):
            for headers in ({}, {"If-Match": '"9"'}):
                verb, _, action = method.partition(" ")
                answer = world.send(verb, path + action, body, token=world.t1.user, headers=headers)
                assert answer.status == 403, (method, answer.text)
                assert answer.json["detail"] == f"Insufficient permissions: {permission} required"
        assert world.send("GET", path).json == contact
    path = f"/contacts/{own['id']}"
    assert world.send("PATCH", path, {"company": "x"}, token=world.t1.user).status == 200
    assert (
        world.send("PUT", path, {"first_name": "X", "email": "own@example.com"}, token=world.t1.user).status
        == 200
    )
    assert world.send("DELETE", path, token=world.t1.user).status == 204


GIVEN: dict[str, set[str]] = {
    "contacts:read:all": {"list", "events", "read"},
    "contacts:write:all": {"create"},
    "contacts:read:all,contacts:write:all": {"list", "events", "read", "create", "change"},
    "contacts:read:all,contacts:delete:all": {"list", "events", "read", "delete"},
    "contacts:read:own": {"list", "events"},
    "contacts:read:all,contacts:write:own": {"list", "events", "read", "create"},
    "contacts:read:own,contacts:write:all,contacts:delete:all": {"list", "events", "create"},
    "webhooks:manage:all": {"webhooks"},
    "webhooks:manage:own": set(),
    "exports:run:all": {"exports"},
    "audit:read:all": {"events"},
    "audit:read:own": set(),
    "exports:run:all,contacts:read:own": {"list", "events", "exports", "export"},
    "exports:run:own,contacts:read:all": {"list", "events", "read", "exports", "export"},
    "imports:run:own": set(),
    "imports:run:all": set(),
    "imports:run:all,contacts:read:own": {"list", "events"},
    "imports:run:all,contacts:read:all": {"list", "events", "read", "imports"},
    "imports:run:all,contacts:read:all,contacts:write:own": {"list", "events", "read", "create", "imports"},
    "imports:run:all,contacts:write:all": {"create"},
    "imports:run:all,contacts:read:all,contacts:write:all": {
        "list",
        "events",
        "read",
        "create",
        "change",
        "imports",
        "import",
    },
    "imports:run:all,contacts:read:all,contacts:write:all,contacts:delete:own": {
        "list",
        "events",
        "read",
        "create",
        "change",
        "imports",
        "import",
    },
    "imports:run:all,contacts:read:all,contacts:write:all,contacts:delete:all": {
        "list",
        "events",
        "read",
        "create",
        "change",
        "delete",
        "imports",
        "import",
        "undo",
    },
}


def test_a_client_may_do_what_it_was_given_and_no_more(world: World) -> None:
    """check 52"""
    for permissions, allowed in GIVEN.items():
        with as_operator():
            token = onboarding_service().add_api_client("T1", "partly", permissions)
        path = f"/contacts/{make_contact(world, world.t1)}"
        calls: dict[str, tuple[str, str, Any]] = {
            "list": ("GET", "/contacts", None),
            "read": ("GET", path, None),
            "create": ("POST", "/contacts", {"first_name": "X", "email": f"{new_id()}@example.com"}),
            "change": ("PATCH", path, {"company": "x"}),
            "webhooks": ("GET", "/webhooks", None),
            "events": ("GET", "/events", None),
            "exports": ("GET", "/exports", None),
            "export": ("POST", "/exports", {"format": "csv", "dry_run": True}),
            "imports": ("GET", "/imports", None),
            "import": ("POST", "/imports", {"file_name": "people.csv"}),
            "undo": ("POST", f"/imports/{make_import(world, world.t1)}/undo", None),
            "delete": ("DELETE", path, None),
        }
        done = {name for name, one in calls.items() if world.send(*one, token=token).status < 300}
        assert done == allowed, permissions


def test_what_a_caller_may_not_see_looks_missing_to_him(world: World) -> None:
    """check 48, within a tenant: level `own` hides the others' contacts."""
    with as_operator():
        token = onboarding_service().add_api_client(
            "T1", "own", "contacts:read:own,contacts:write:all,contacts:delete:all"
        )
    hidden = make_contact(world, world.t1)
    for method, body in (("GET", None), ("PATCH", {"company": "x"}), ("DELETE", None)):
        answers = [world.send(method, f"/contacts/{one}", body, token=token) for one in (hidden, new_id())]
        assert shown(answers[0]) == shown(answers[1])
        assert answers[0].status == 404


def test_a_cached_policy_serves_all_routes_and_opens_none_to_who_may_not(world: World, t10: Tenancy) -> None:
    """check 57"""
    moment = [0.0]
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: moment[0])
    webhook = {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
    assert gateway.request("GET", "/contacts", token=world.t1.user).status == 200
    assert gateway.request("POST", "/webhooks", json=webhook, token=world.t1.user).status == 403
    assert gateway.request("GET", "/contacts", token=world.t1.powerless).status == 403
    body = {"first_name": "X", "email": "x@example.com"}
    assert gateway.request("POST", "/contacts", json=body, token=world.t1.powerless).status == 403
    # Nor does one caller's entry serve another.
    assert gateway.request("GET", "/contacts", token=t10.admin).status == 200
    made = gateway.request("POST", "/contacts", json=body, token=world.t1.admin)
    assert made.status == 201
    assert gateway.request("GET", f"/contacts/{made.json['id']}", token=t10.admin).status == 404

    assert gateway.request("POST", "/webhooks", json=webhook, token=world.t1.admin).status == 201
    with as_operator():
        onboarding_service().add_member("admin-of-T1", "T1", "user", "admin")
    moment[0] = 61.0
    assert gateway.request("POST", "/webhooks", json=webhook, token=world.t1.admin).status == 403
    assert gateway.request("GET", "/contacts", token=world.t1.admin).status == 200
    put_member(Membership("admin-of-T1", "T1", "user", "admin", disabled=True))
    moment[0] = 122.0
    assert_unauthorized(gateway.request("GET", "/contacts", token=world.t1.admin))


def test_a_member_moved_to_another_tenant_sees_the_new_one_alone(world: World, t10: Tenancy) -> None:
    mine, theirs = make_contact(world, world.t1), make_contact(world, t10)
    with as_operator():
        onboarding_service().add_member("admin-of-T1", "T10", "user", "admin")
    assert world.send("GET", f"/contacts/{mine}").status == 404
    assert world.send("GET", f"/contacts/{theirs}").status == 200
