"""Calls whose path names a merged contact: a GET is answered with what the survivor has, other calls are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from shared.domain.errors import Merged
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.http.serving import lambda_handler

SURVIVORS = {"a": "b", "b": "c"}
"""Contacts that were merged, each with its survivor at that time."""


class Entry(BaseModel):
    """An entry of a contact."""

    id: str
    contact_id: str
    version: int = 3


class Empty(BaseModel):
    """A body without a member."""


routes = Routes("Contacts")


@routes.route(
    "GET", "/contacts/{contact_id}/x/{entry_id}", summary="Read", query=ListQuery, answer=Entry, public=True
)
def read(call: Call, contact_id: str, entry_id: str, query: ListQuery) -> Reply:
    require_unmerged(contact_id)
    return Reply(record=Entry(id=entry_id, contact_id=contact_id), headers={"Cache-Control": "no-store"})


@routes.route("DELETE", "/contacts/{contact_id}/x/{entry_id}", summary="Delete", status=204, public=True)
def delete(call: Call, contact_id: str, entry_id: str) -> Reply:
    require_unmerged(contact_id)
    return Reply(204)


@routes.route("GET", "/others/{contact_id}", summary="Read another", public=True)
def read_other(call: Call, contact_id: str) -> Reply:
    raise Merged("another", "c")


def require_unmerged(contact_id: str) -> None:
    if survivor := SURVIVORS.get(contact_id):
        raise Merged(contact_id, survivor)


def send(method: str, path: str, query: dict[str, list[str]] | None = None) -> dict[str, Any]:
    event = {
        "httpMethod": method,
        "path": path,
        "headers": {},
        "queryStringParameters": query and {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "requestContext": {"requestId": "r", "stage": "v1"},
    }
    answer = lambda_handler(routes)(event, None)
    headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
    return {"status": answer["statusCode"], "headers": headers, "json": json.loads(answer["body"] or "null")}


def test_a_get_under_a_merged_contact_is_that_under_its_survivor() -> None:
    answer = send("GET", "/contacts/a/x/e%20f", {"limit": ["5"]})
    assert answer["status"] == 200
    assert answer["json"] == {"id": "e f", "contact_id": "c", "version": 3}
    assert answer["headers"]["Content-Location"] == "/v1/contacts/c/x/e%20f?limit=5"
    assert (answer["headers"]["ETag"], answer["headers"]["Cache-Control"]) == ('"3"', "no-store")


def test_a_get_under_another_contact_names_no_other_url() -> None:
    assert "Content-Location" not in send("GET", "/contacts/c/x/e")["headers"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/contacts/b/x/e"), ("GET", "/others/b")])
def test_any_other_call_is_refused_with_the_survivor(method: str, path: str) -> None:
    answer = send(method, path)
    assert answer["status"] == 409
    assert (answer["json"]["code"], answer["json"]["survivor_id"]) == ("merged", "c")
    assert "errors" not in answer["json"] and "Content-Location" not in answer["headers"]
