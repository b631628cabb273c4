"""Each change of a record leaves one entry of the audit log, in the transaction of the change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.event_rights import EVENT_RIGHTS
from tests.gateway.accounts.test_rights import ROUTES, succeeded
from tests.gateway.isolation.test_isolation import (
    NOWHERE,
    Case,
    at,
    make_contact,
)
from tests.integration.audited import Watched, watching
from tests.integration.merges.jobs import allow_many_merge_jobs
from tests.integration.world import World
from tests.support.faults import call, unreachable
from tests.support.transport import Layer, intercepting
from tests.tenants import Tenancy, program

Route = tuple[str, str]


@pytest.fixture(autouse=True)
def many_merge_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_many_merge_jobs(monkeypatch)


LATER = {
    ("POST", "/contacts/bulk-jobs/{job_id}/cancel"),
    ("POST", "/contacts/duplicates/dismiss"),
    ("POST", "/contacts/merge-jobs/{merge_job_id}/cancel"),
    ("POST", "/contacts/merge-jobs/{merge_job_id}/undo"),
    ("POST", "/contacts/merge-suggested"),
    ("POST", "/exports"),
    ("POST", "/exports/{export_id}/cancel"),
    ("POST", "/imports"),
    ("POST", "/imports/{import_id}/cancel"),
    ("POST", "/imports/{import_id}/preview"),
    ("POST", "/imports/{import_id}/retry"),
    ("POST", "/imports/{import_id}/start"),
    ("POST", "/imports/{import_id}/undo"),
    ("POST", "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver"),
    ("POST", "/webhooks/{webhook_id}/recover"),
    ("POST", "/webhooks/{webhook_id}/recoveries/{recovery_id}/cancel"),
    ("POST", "/webhooks/{webhook_id}/test"),
}
"""Routes that start, stop or repeat work and change no record themselves. The work's own changes have events, and a job
has one when it has finished. A dismissal of a pair changes no contact; its item names who dismissed it, and when."""


def changed_contact(world: World, tenancy: Tenancy) -> str:
    made = make_contact(world, tenancy)
    answer = world.send("PATCH", f"/contacts/{made}", {"company": "Engines"}, token=tenancy.admin)
    assert answer.status == 200
    return made


def on_a_contact(body: Callable[[str], Any]) -> Callable[[World, Tenancy], Any]:
    """Return what makes the body of a call about a new contact."""
    return lambda world, tenancy: body(make_contact(world, tenancy))


BODIES: dict[Route, Callable[[World, Tenancy], Any]] = {
    ("POST", "/contacts/bulk-update"): on_a_contact(
        lambda one: {"contact_ids": [one], "set": {"company": "x"}}
    ),
    ("POST", "/contacts/bulk-delete"): on_a_contact(lambda one: {"contact_ids": [one]}),
    ("POST", "/groups/{group_id}/contacts"): on_a_contact(lambda one: {"contact_ids": [one]}),
    ("PUT", "/contacts/{contact_id}/notes/{note_id}"): lambda *_: {"body": "another note"},
}
"""Bodies of calls that change something where those of the other tests change nothing."""


class Walk:
    """The calls of the routes by the admin of one tenant."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tenancy = replace(world.t1, user=world.t1.admin)
        self.faults: list[str] = []
        self.types: Counter[str] = Counter()

    def take(self, route: Route, case: Case) -> None:
        """Call a route: first while the table refuses transactions, then once more."""
        method, path = route
        record, second, body = self._prepare(route, case)
        target = at(path, record, second) if "{" in path else path

        def send() -> int:
            return self.world.send(method, target, body, token=self.tenancy.admin).status

        if route not in LATER:
            refused = unreachable(call("dynamodb", "TransactWriteItems"))
            with watching(lambda: self.world.content) as aborted, intercepting(Layer.FAULTS, refused):
                status = send()
            if status != 207:  # a bulk call says of each contact that it was not changed
                self._expect(route, status, 503)
            self._note(route, aborted, are_expected=False)
        with watching(lambda: self.world.content) as done:
            self._expect(route, send(), succeeded(method, path))
        self._note(route, done, are_expected=route not in LATER)

    def _prepare(self, route: Route, case: Case) -> tuple[str, str, Any]:
        """Return the ids that the path names and the body."""
        world, tenancy = self.world, self.tenancy
        if route == ("POST", "/contacts/{contact_id}/revert"):
            return changed_contact(world, tenancy), NOWHERE, {"version": 1}
        record = case.made(world, tenancy) if case.make else NOWHERE
        second = case.second_of(world, tenancy, record) if case.make else NOWHERE
        body = BODIES[route](world, tenancy) if route in BODIES else case.sent(record)
        if route == ("DELETE", "/contacts/{contact_id}/groups/{group_id}"):
            assert world.send("PUT", f"/contacts/{record}/groups/{second}").status == 200
        if route == ("DELETE", "/groups/{group_id}/contacts"):
            body = {"contact_ids": [make_contact(world, tenancy)]}
            assert world.send("POST", f"/groups/{record}/contacts", body).status == 207
        return record, second, body

    def _expect(self, route: Route, status: int, wanted: int) -> None:
        if status != wanted:
            self.faults.append(f"{route}: {status} and not {wanted}")

    def _note(self, route: Route, watched: Watched, *, are_expected: bool) -> None:
        self.faults += [f"{route}: {fault}" for fault in watched.faults]
        if bool(watched.events) != are_expected or bool(watched.changed) != are_expected:
            self.faults.append(f"{route}: {watched.types} for {watched.changed}")
        self.types.update(watched.types)


def read_feed(world: World, permissions: str) -> dict[str, str]:
    """Return the types of the events that a client with some permissions is shown, by their ids."""
    token, after, found = program("T1", permissions), 0, dict[str, str]()
    while True:
        answer = world.send("GET", "/events", query={"after": str(after), "limit": "100"}, token=token)
        assert answer.status == 200, answer.text
        for one in answer.json["items"]:
            assert one["id"] not in found
            found[one["id"]] = one["type"]
        after = answer.json["next_after"]
        if not answer.json["has_more"]:
            return found


def test_check_94_each_change_by_any_route_has_one_event_in_its_transaction(
    world: World, waits: list[float]
) -> None:
    """A call that the table refuses changes nothing and leaves none; no call changes or removes an earlier one. Those
    about users, invitations, API clients, webhooks and settings are shown to callers with `audit:read` and to no other.
    """
    walk = Walk(world)
    for route, case in ROUTES.items():
        if route[0] != "GET":
            walk.take(route, case)
    assert not walk.faults, "\n".join(walk.faults)
    with watching(lambda: world.content) as published:
        world.catch_up()
    assert [fault for fault in published.faults if "was changed" in fault] == []
    administrative = {one for one, right in EVENT_RIGHTS.items() if right.permissions == ("tenant:admin",)}
    seen, others = read_feed(world, "audit:read:all"), read_feed(world, "contacts:read:all")
    assert set(seen.values()) == administrative - {"tenant.created"}
    assert administrative.isdisjoint(others.values())
    assert {*walk.types} <= {*seen.values(), *others.values()}
