"""A call whose change is written answers that it is, even if the table cannot be reached afterwards.

Otherwise the caller would repeat it: a creation then conflicts with itself, and a change is made twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from shared.wiring.contacts import _name_memory
from tests.integration.world import World
from tests.support.transport import Attempt, Layer, Send, intercepting
from tests.tenants import program

WRITES = ("TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem")
ASIDE = re.compile("#RATE#|#IDEMPOTENCY#")
FILTER = {"tags": "vip"}
Made = Callable[[str, str, Any], dict[str, Any]]
"""Sends a request, and returns its answer."""


@contextmanager
def table_away_after_the_write() -> Iterator[list[str]]:
    """Make the table unreachable once a record was written; yields the operations that failed then."""
    written: list[str] = []
    failed: list[str] = []

    def interceptor(attempt: Attempt, send: Send) -> Any:
        if attempt.service != "dynamodb":
            return send(attempt)
        if written:
            failed.append(attempt.operation)
            raise EndpointConnectionError(endpoint_url=attempt.url, error="injected")
        answer = send(attempt)
        # One that writes to these alone counts the call, or claims its key.
        is_record = attempt.operation == "TransactWriteItems" or not ASIDE.search(str(attempt.params))
        if attempt.operation in WRITES and is_record and answer.status_code == 200:
            written.append(attempt.operation)
        return answer

    with intercepting(Layer.FAULTS, interceptor):
        yield failed
    assert written, "nothing was written"


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes read names and labels for each call."""
    monkeypatch.setattr("shared.services.contacts.shown.KEPT_SECONDS", -1.0)
    monkeypatch.setattr("shared.table.labels.RECENT_SECONDS", -1.0)


def contact(made: Made, **fields: Any) -> str:
    identifier: str = made("POST", "/contacts", {"first_name": "Ada", "email": "ada@example.com", **fields})[
        "id"
    ]
    return f"/contacts/{identifier}"


def deleted(made: Made) -> str:
    path = contact(made)
    made("DELETE", path, None)
    return path


def label(made: Made, path: str, **fields: Any) -> str:
    identifier: str = made("POST", path, {"name": "vip", **fields})["id"]
    return f"{path}/{identifier}"


def dynamic(made: Made) -> dict[str, Any]:
    label(made, "/tags")
    return {"name": "g", "kind": "dynamic", "filter": FILTER}


def membership(made: Made) -> str:
    path, group = contact(made), label(made, "/groups")
    made("PUT", path + group, None)
    return path + group


def customer(made: Made, **fields: Any) -> str:
    identifier: str = made("POST", "/customers", {"first_name": "Grace", **fields})["id"]
    return f"/customers/{identifier}"


def member(made: Made) -> str:
    """A second contact of a customer."""
    customer_id = customer(made).removeprefix("/customers/")
    contact(made, email="first@example.com", customer_id=customer_id)
    return contact(made, customer_id=customer_id)


def customer_with_contacts(made: Made) -> str:
    path = customer(made)
    contact(made, customer_id=path.removeprefix("/customers/"))
    return path


def client(made: Made) -> str:
    return f"/api-clients/{made('POST', '/api-clients', {'name': 'Shop'})['id']}"


def invitation(made: Made) -> str:
    body = {"email": "new@example.com", "role": "user"}
    return f"/users/invitations/{made('POST', '/users/invitations', body)['id']}"


ADA = {"first_name": "Ada", "email": "ada@example.com"}
CASES: dict[str, tuple[str, Callable[[Made], tuple[str, Any]]]] = {
    "create a contact": ("POST", lambda _: ("/contacts", ADA)),
    "create a contact of a customer": (
        "POST",
        lambda made: ("/contacts", {**ADA, "customer_id": customer(made).removeprefix("/customers/")}),
    ),
    "replace a contact": ("PUT", lambda made: (contact(made), {**ADA, "company": "Engines"})),
    "change a contact": ("PATCH", lambda made: (contact(made), {"company": "Engines"})),
    "toggle a contact": ("POST", lambda made: (contact(made) + "/toggle-status", None)),
    "give a consent": (
        "POST",
        lambda made: (contact(made) + "/consent", {"channel": "email", "opted_out": True, "source": "call"}),
    ),
    "set a contact's status": (
        "PUT",
        lambda made: (contact(made) + "/status", {"relationship_status": "qualified_lead"}),
    ),
    "delete a contact": ("DELETE", lambda made: (contact(made), None)),
    "restore a contact": ("POST", lambda made: (deleted(made) + "/restore", None)),
    "join a group": ("PUT", lambda made: (contact(made) + label(made, "/groups"), None)),
    "leave a group": ("DELETE", lambda made: (membership(made), None)),
    "set a primary contact": ("POST", lambda made: (member(made) + "/set-primary", None)),
    "create a customer": ("POST", lambda _: ("/customers", {"first_name": "Grace"})),
    "change a customer": ("PATCH", lambda made: (customer_with_contacts(made), {"first_name": "G"})),
    "replace a customer": ("PUT", lambda made: (customer_with_contacts(made), {"first_name": "G"})),
    "delete a customer": ("DELETE", lambda made: (customer(made), None)),
    "create a tag": ("POST", lambda _: ("/tags", {"name": "vip"})),
    "change a tag": ("PATCH", lambda made: (label(made, "/tags"), {"name": "vips"})),
    "delete a tag": ("DELETE", lambda made: (label(made, "/tags"), None)),
    "create a dynamic group": ("POST", lambda made: ("/groups", dynamic(made))),
    "change a dynamic group": (
        "PATCH",
        lambda made: (f"/groups/{made('POST', '/groups', dynamic(made))['id']}", {"name": "h"}),
    ),
    "change a user": ("PATCH", lambda _: ("/users/user-of-T1", {"first_name": "Ada"})),
    "remove a user": ("DELETE", lambda _: ("/users/user-of-T1", None)),
    "invite a user": ("POST", lambda _: ("/users/invitations", {"email": "new@example.com", "role": "user"})),
    "resend an invitation": ("POST", lambda made: (invitation(made) + "/resend", None)),
    "revoke an invitation": ("DELETE", lambda made: (invitation(made), None)),
    "change the settings": ("PATCH", lambda _: ("/settings", {"max_tags_per_contact": 7})),
    "create a client": ("POST", lambda _: ("/api-clients", {"name": "Shop"})),
    "change a client": ("PATCH", lambda made: (client(made), {"name": "Web shop"})),
    "give a client another key": ("POST", lambda made: (client(made) + "/rotate-key", {})),
    "delete a client": ("DELETE", lambda made: (client(made), None)),
    "create an import": ("POST", lambda _: ("/imports", {"file_name": "people.csv"})),
}


ANSWERED_LAST = ("invite a user", "resend an invitation")
"""Under a key, these store their answer once the e-mail is sent. Before, they answer 503, and a repeat goes on."""
CALLS = [
    pytest.param(case, key, id=f"{case}{' under a key' if key else ''}")
    for case, (method, _) in CASES.items()
    for key in ([None, "k"] if method == "POST" and case not in ANSWERED_LAST else [None])
]


@pytest.mark.parametrize(("case", "key"), CALLS)
def test_a_change_that_is_written_is_not_answered_as_one_that_failed(
    world: World, case: str, key: str | None
) -> None:
    method, prepare = CASES[case]
    assert_answered(world, method, prepare, world.t1.admin, key)


@pytest.mark.parametrize("case", ["change a customer", "replace a customer"])
def test_a_caller_with_few_rights_is_answered_too(world: World, case: str) -> None:
    """Such a caller's answer has only the contacts that the caller may see."""
    own = program("T1", "contacts:read:own,contacts:write:own", client_id="shop")
    method, prepare = CASES[case]
    assert_answered(world, method, prepare, own, None)


def assert_answered(
    world: World, method: str, prepare: Callable[[Made], tuple[str, Any]], token: str, key: str | None
) -> None:
    def made(way: str, path: str, body: Any) -> dict[str, Any]:
        answer = world.send(way, path, body, token=token)
        assert answer.status in (200, 201, 204), answer.text
        return answer.json if answer.text else {}

    path, body = prepare(made)
    headers = {"Idempotency-Key": key} if key else {}
    with table_away_after_the_write():
        answer = world.send(method, path, body, token=token, headers=headers)
    assert answer.status in (200, 201, 202, 204), answer.text


def test_a_read_whose_names_cannot_be_read_is_refused(world: World) -> None:
    """A name that is null would mean that there is no such user."""
    made = world.create()
    _name_memory.cache_clear()

    def interceptor(attempt: Attempt, send: Send) -> Any:
        if attempt.operation == "BatchGetItem" and "#USERS" in str(attempt.params):
            raise EndpointConnectionError(endpoint_url=attempt.url, error="injected")
        return send(attempt)

    with intercepting(Layer.FAULTS, interceptor):
        assert world.send("GET", f"/contacts/{made['id']}").status == 503
    assert world.send("GET", f"/contacts/{made['id']}").json["owner_name"] == "admin@t1.example.com"
