"""What the server keeps nobody can send, and a tenant that is named anywhere is not listened to: on every route."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from pydantic import BaseModel

import shared.domain
from tests.contract.answers import document
from tests.gateway.test_isolation import CASES, ELSEWHERE, WITHOUT_ID, at
from tests.gateway.test_isolation import shown as whole
from tests.integration.world import World
from tests.support.gateway import Gateway, Response
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy

ALWAYS = {
    "PK",
    "SK",
    "WPK",
    "WSK",
    "tenant_id",
    "tenant",
    "caller_id",
    "permissions",
    "granted",
    "role",
    "kind",
}
ALWAYS |= {"secret", "secret_hash", "expires_at", "__class__", "_version", "constructor", "$set", ""}


def kept_by_the_server() -> set[str]:
    """The names of all fields of all records, shown or not, and some that attackers try."""
    names = set(ALWAYS)
    for module in pkgutil.iter_modules(shared.domain.__path__):
        for one in vars(importlib.import_module(f"shared.domain.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, BaseModel):
                names |= set(one.model_fields)
    for schema in document()["components"]["schemas"].values():
        names |= set(schema.get("properties", {}))
    return names


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    return document()["components"]["schemas"][reference.rsplit("/", 1)[1]] if reference else schema


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
    """check 53: every name that any record has, but for those the route takes; each refused by itself, by its name."""
    content = document()["paths"][path][method.lower()]["requestBody"]["content"][media_type]
    taken = set(resolved(content["schema"])["properties"])
    case = CASES.get((method, path))
    target = at(path, case.made(world, world.t1)) if case else path
    gateway = Gateway(world.stack.template, cached=True)
    wrong = []
    before = world.content.picture()
    for name in sorted(kept_by_the_server() - taken):
        body = {**content["example"], name: content["example"].get("id", "x")}
        answer = gateway.request(
            method, target, json=body, headers={"Content-Type": media_type}, token=world.t1.admin
        )
        if answer.status != 422 or name not in {one["field"] for one in answer.json["errors"]}:
            wrong.append((name, answer.status, answer.text[:200]))
    assert wrong == []
    assert world.content.picture() == before


def test_nor_is_it_taken_within_a_bulk_call(world: World) -> None:
    """check 53: each entry is judged as the single call's body would be."""
    contact = set(document()["components"]["schemas"]["ContactInput"]["properties"])
    names = sorted(kept_by_the_server() - contact)
    entries = [{"first_name": "A", "email": f"a{n}@example.com", name: "x"} for n, name in enumerate(names)]
    answer = world.send("POST", "/contacts/bulk-create", {"contacts": entries})
    assert {one["status"] for one in answer.json["items"]} == {422}
    fields = set(document()["components"]["schemas"]["BulkFields"]["properties"])
    gateway = Gateway(world.stack.template, cached=True)
    for name in sorted(kept_by_the_server() - fields):
        body = {"contact_ids": ["x"], "set": {name: "x"}}
        answer = gateway.request("POST", "/contacts/bulk-update", json=body, token=world.t1.admin)
        assert answer.status == 422, name
    assert world.content.contacts == []


def shown(answer: Response) -> tuple[int, dict[str, str], Any]:
    """All of an answer but the request's own id, and addresses that are signed anew each time."""
    status, headers, body = whole(answer)
    if isinstance(body, dict):
        body = {
            name: value for name, value in body.items() if name not in ("results_url", "url", "expires_at")
        }
        body["items"] = [{**one, "results_url": None} for one in body.get("items", ())]
    return status, headers, body


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
            target = at(path, record) if record else path
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
