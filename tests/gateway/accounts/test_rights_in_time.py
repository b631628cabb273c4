"""Lost rights end within the time that docs/security.md states, and a suspended tenant can do nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.webhooks import on_delivery, on_event
from shared.domain.ids import new_id
from shared.domain.tenant import RateLimit, TenantSettings
from shared.services.imports.runs import UnknownTenant
from shared.table.accounts.directory import DirectoryTable, TenantTable, api_key_to_item, tenant_to_item
from shared.table.imports.repository import ImportTable
from shared.table.jobs.bulk import BulkJobTable
from shared.wiring import tenants
from shared.wiring.base import store
from shared.wiring.kept import reset_wiring
from tests.gateway.isolation.test_isolation import CASES, HOOK, WITHOUT_ID, at, make_contact
from tests.integration.accounts.directory import put_member
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.jobs.bulk import Jobs, running_job
from tests.integration.world import World, booking
from tests.support.aws import stack_in_moto
from tests.support.faults import Fault, call, injecting
from tests.support.gateway import AUTHORIZER_PREFIXES, Gateway
from tests.support.receiver import Receiver
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Send, json_answer
from tests.tenants import program

CACHED = 60
"""Seconds that the gateway keeps the authorizer's answer."""
TENANT_SECONDS = tenants.TENANT_SECONDS
"""Seconds that a process goes by a tenant's record, as it ships: read before any fixture holds it."""
NEARLY = TENANT_SECONDS - 0.1
"""When a process last goes by what it read of a tenant before a change."""
STATED = 62.5
"""What docs/security.md says of a suspension, visibility and the rate limit, 62 s, and a moment."""


@pytest.fixture(autouse=True)
def tenants_are_forgotten(tenants_stay_known: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is what these tests are about, so processes forget as they do on AWS."""
    monkeypatch.setattr(tenants, "TENANT_SECONDS", TENANT_SECONDS)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass, for the gateway's memory and the processes' alike."""
    real, passed = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])

    def pass_by(seconds: float) -> None:
        passed[0] += seconds

    return pass_by


@pytest.fixture
def remembering(world: World) -> Iterator[Gateway]:
    """A gateway that caches the authorizer's answers for a minute, as on AWS."""
    gateway = Gateway(world.stack.template, cached=True, clock=lambda: time.monotonic())
    yield gateway
    assert gateway.failures == []


def change_user(sub: str, **members: Any) -> None:
    with as_operator():
        member = DirectoryTable(store()).user(sub)
    assert member is not None
    put_member(replace(member, **members))


def change_key(token: str, **members: Any) -> None:
    with as_operator():
        key = DirectoryTable(store()).api_key(token.split("_")[1])
        assert key is not None
        store().put(api_key_to_item(replace(key, **members)))


def change_tenant(**members: Any) -> None:
    with as_operator():
        tenant = TenantTable(store()).get("T1")
        assert tenant is not None
        store().put(tenant_to_item(replace(tenant, **members)))


def test_a_key_or_a_member_of_this_moment_is_not_refused_for_a_minute(
    world: World, remembering: Gateway
) -> None:
    """Eventually consistent reads may return old data, and the gateway caches a refusal just as it caches a
    policy that allows."""

    def knows_nobody_yet(attempt: Attempt, send: Send) -> AWSResponse:
        key = attempt.params["Key"]["PK"]["S"]
        if not attempt.params.get("ConsistentRead") and key.startswith(AUTHORIZER_PREFIXES):
            return json_answer(attempt, 200, {})
        return send(attempt)

    behind = Fault("behind", knows_nobody_yet, call("dynamodb", "GetItem"), times=None)
    with injecting(behind):
        for token in (world.t1.program, world.t1.user):
            assert remembering.request("GET", "/contacts", token=token).status == 200
    assert behind.fired


def test_what_is_taken_away_is_gone_within_the_gateway_s_minute(
    world: World, remembering: Gateway, later: Callable[[float], None]
) -> None:
    """check 57: demotion, disabling, revocation, narrowed permissions; none takes effect sooner on one route than
    on another."""
    manager = program("T1", "webhooks:manage:all,contacts:read:all")
    calls: dict[str, tuple[str, str, int]] = {
        "demoted": (world.t1.admin, "/webhooks", 403),
        "disabled": (world.t1.user, "/contacts", 401),
        "revoked": (world.t1.program, "/contacts", 401),
        "narrowed": (manager, "/webhooks", 403),
    }
    for token, path, _ in calls.values():
        assert remembering.request("GET", path, token=token).status == 200
    change_user("admin-of-T1", role="user")
    change_user("user-of-T1", disabled=True)
    change_key(world.t1.program, disabled=True)
    change_key(manager, permissions="contacts:read:all")
    later(CACHED - 10)
    for what, (token, path, _) in calls.items():
        # The gateway still uses its cache, so the answers below change only because a minute has passed.
        assert remembering.request("GET", path, token=token).status == 200, what
    later(10.5)
    for what, (token, path, status) in calls.items():
        assert remembering.request("GET", path, token=token).status == status, what
    for route in (*CASES, *WITHOUT_ID):
        path = at(route[1], new_id()) if "{" in route[1] else route[1]
        for token in (world.t1.user, world.t1.program):
            assert remembering.request(route[0], path, token=token, json={}).status == 401, route


def test_a_key_that_was_replaced_ends_with_its_time(
    world: World, remembering: Gateway, later: Callable[[float], None]
) -> None:
    """check 57"""
    change_key(world.t1.program, valid_until="2020-01-01T00:00:00.000Z")
    assert remembering.request("GET", "/contacts", token=world.t1.program).status == 401


def test_visibility_is_in_effect_within_the_time_stated(
    world: World, remembering: Gateway, later: Callable[[float], None]
) -> None:
    """check 57: the gateway's minute, begun when the authorizer's own two seconds were nearly over."""
    theirs = make_contact(world, replace(world.t1, user=world.t1.other_user))
    path = f"/contacts/{theirs}"
    for visibility, status in (("owner", 404), ("tenant", 200)):
        later(CACHED + TENANT_SECONDS)
        assert remembering.request("GET", path, token=world.t1.admin).status == 200  # the authorizer reads
        change_tenant(settings=TenantSettings(visibility=visibility))  # type: ignore[arg-type]
        later(NEARLY)
        remembering.request("GET", path, token=world.t1.user)  # and may go by that once more
        later(STATED - NEARLY)
        assert remembering.request("GET", path, token=world.t1.user).status == status, visibility


def test_a_rate_limit_is_in_effect_within_the_time_stated(
    template: Template, token_issuer: TokenIssuer, later: Callable[[float], None]
) -> None:
    """check 57: a tighter one, and a wider one."""
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        world = World(stack, token_issuer, TenantSettings(rate_limit=RateLimit(10, 20)))
        gateway = Gateway(template, cached=True, clock=lambda: time.monotonic())

        def burst(token: str) -> str:
            answer = gateway.request("GET", "/contacts", token=token)
            assert answer.status == 200
            return answer.headers["RateLimit-Policy"].split(";")[1]

        for limit in (5, 40):
            later(CACHED + TENANT_SECONDS)
            before = burst(world.t1.admin)
            assert before != f"q={limit}"
            change_tenant(settings=TenantSettings(rate_limit=RateLimit(10, limit)))
            later(NEARLY)
            burst(world.t1.user)
            later(STATED - NEARLY)
            assert burst(world.t1.user) == burst(world.t1.admin) == f"q={limit}"
        assert gateway.failures == []


def test_a_suspended_tenant_s_routes_are_shut_within_the_time_stated_and_open_again(
    world: World, remembering: Gateway, later: Callable[[float], None]
) -> None:
    """check 59, for the API: every route and caller; others are served meanwhile."""
    other = world.tenant("T10")
    tokens = (world.t1.admin, world.t1.user, world.t1.program)

    def change(*, suspended: bool) -> None:
        """A change, of which the gateway comes to know as late as can be."""
        later(CACHED + TENANT_SECONDS)
        remembering.request("GET", "/contacts", token=world.t1.other_user)  # the authorizer reads
        change_tenant(suspended=suspended)
        later(NEARLY)
        for token in tokens:
            remembering.request("GET", "/contacts", token=token)
        later(STATED - NEARLY)

    for token in tokens:
        assert remembering.request("GET", "/contacts", token=token).status == 200
    change(suspended=True)
    before = world.content.picture()
    for method, path in (*CASES, *WITHOUT_ID):
        target = at(path, new_id()) if "{" in path else path
        for token in tokens:
            answer = remembering.request(method, target, token=token, json={})
            assert (answer.status, answer.json["code"]) == (403, "permission_denied"), (method, path)
    assert world.content.picture() == before
    assert remembering.request("GET", "/contacts", token=other.admin).status == 200
    change(suspended=False)
    for token in tokens:
        assert remembering.request("GET", "/contacts", token=token).status == 200


def test_a_suspended_tenant_s_files_bookings_events_and_jobs_stand_still(
    world: World, receiver: Receiver
) -> None:
    """check 59: imports, events and webhooks, bulk jobs. Nothing of the tenant's changes, and nothing leaves."""
    world.send("POST", "/webhooks", {**HOOK, "url": receiver.url})
    folder, jobs = DropFolder(world), Jobs(world)
    running = folder.put("email\nrunning@example.com\n", "running.csv")
    folder.deliver(running)  # taken in, its rows not yet written
    job = running_job(world)
    world.create("before@example.com", tags=["x"])
    fan_out = world.stack.queue_driver("WebhookFanOutFunction", on_event.handler)
    sender = world.stack.queue_driver("WebhookSendFunction", on_delivery.handler)
    world.catch_up()
    with as_operator():
        jobs.sqs.send_message(
            QueueUrl=jobs.queue_url, MessageBody=f'{{"tenant_id": "T1", "job_id": "{job}", "number": 1}}'
        )
    change_tenant(suspended=True)
    reset_wiring()
    contacts = world.content.of("T#T1#C#", "CONTACT")

    with pytest.raises(UnknownTenant):  # S3 asks again, and then the event is a dead letter
        folder.deliver(folder.put("email\nnew@example.com\n", "new.csv"))
    folder.work(limit=6)
    world.post_booking(booking(invitee_email="booked@example.com"))
    world.bookings.pump()
    jobs.work(limit=6)
    fan_out.pump()
    sender.pump()
    assert world.content.of("T#T1#C#", "CONTACT") == contacts
    with as_operator():
        runs = ImportTable(store(), "T1").list_newest(limit=10, after=None)
        waiting = BulkJobTable(store(), "T1").get(job)
    assert [run.state for run in runs] == ["running"], "the new file is not even begun"
    assert waiting is not None and (waiting.state, waiting.portions_done) == ("queued", 0)
    assert [dead["reason"] for dead in world.dead_bookings()] == ["unknown_tenant"]
    assert receiver.requests == []


def test_suspending_a_tenant_affects_no_other(world: World) -> None:
    """check 59: the other's file, booking and contacts go their way."""
    world.tenant("T10")
    change_tenant(suspended=True)
    reset_wiring()
    folder = DropFolder(world, "T10")
    folder.deliver(folder.put("email\nnew@example.com\n", "new.csv"))
    folder.work()
    world.post_booking(booking(tenant_id="T10", invitee_email="booked@example.com"))
    world.bookings.pump()
    assert len(world.content.of("T#T10#C#", "CONTACT")) == 2
