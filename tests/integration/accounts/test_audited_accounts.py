"""Registrations, accepted invitations and the operator's changes leave one event for each record (check 94)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from local import suspension
from shared.services.accounts.onboarding import Onboarding
from shared.wiring.accounts import onboarding_service
from shared.wiring.kept import reset_wiring
from tests.integration.accounts.accounts import OTHER_PASSWORD, Accounts, accounts_in_moto
from tests.integration.audited import Watched, watching
from tests.integration.world import World
from tests.support.faults import call, injecting, unreachable
from tests.support.template import Template
from tests.support.tenant_guard import as_operator

WRITES = call("dynamodb", "TransactWriteItems")


@pytest.fixture
def accounts(template: Template) -> Iterator[Accounts]:
    with accounts_in_moto(template) as made:
        yield made


def test_check_94_a_registration_has_an_event_for_the_tenant_and_one_for_its_admin(
    accounts: Accounts, waits: list[float]
) -> None:
    with watching(lambda: accounts.content) as aborted, injecting(unreachable(WRITES)):
        assert accounts.register().status == 503
    assert (aborted.types, aborted.changed, aborted.faults) == ([], set(), [])
    with watching(lambda: accounts.content) as done:
        assert accounts.register().status == 201
    assert (done.types, done.faults) == (["tenant.created", "user.created"], [])


def test_check_94_an_accepted_invitation_has_one_event_that_names_it(
    accounts: Accounts, waits: list[float]
) -> None:
    accounts.register()
    token, invited = accounts.sign_in().json["access_token"], {"email": "grace@example.com", "role": "user"}
    made = accounts.gateway.request("POST", "/users/invitations", token=token, json=invited).json
    given = {"token": made["token"], "password": OTHER_PASSWORD}

    def accept() -> int:
        return accounts.gateway.request("POST", "/users/invitations/accept", json=given).status

    with watching(lambda: accounts.content) as aborted, injecting(unreachable(WRITES)):
        assert accept() == 503
    assert (aborted.types, aborted.changed, aborted.faults) == ([], set(), [])
    with watching(lambda: accounts.content) as done:
        assert accept() == 201
    assert (done.types, done.faults) == (["user.created"], [])
    assert json.loads(done.events[0]["data"]["S"]) == {"invitation_id": made["id"]}
    assert OTHER_PASSWORD not in str(done.events) and made["token"] not in str(done.events)


def test_check_94_what_the_operator_changes_has_one_event_by_the_operator(world: World) -> None:
    def done(act: Callable[[Onboarding], object]) -> list[tuple[str, str, dict[str, list[object]]]]:
        with watching(lambda: world.content) as watched, as_operator():
            act(onboarding_service())
        assert watched.faults == []
        assert {one["actor"]["S"] for one in watched.events} <= {"system:operator"}
        return told(watched)

    def told(watched: Watched) -> list[tuple[str, str, dict[str, list[object]]]]:
        return sorted(
            (one["type"]["S"], one["PK"]["S"].split("#")[1], json.loads(one["changes"]["S"]))
            for one in watched.events
        )

    user = {"email": [None, "grace@example.com"], "role": [None, "user"], "is_active": [None, True]}
    gone = {name: [new, None] for name, (_, new) in user.items()} | {"role": ["admin", None]}
    assert done(lambda operator: operator.open_tenant("BIG", "Big")) == [
        ("tenant.created", "BIG", {"name": [None, "Big"]})
    ]
    assert done(lambda operator: operator.open_tenant("BIG", "Bigger")) == []
    for role, expected in (
        ("user", [("user.created", "BIG", user)]),
        ("user", []),
        ("admin", [("user.updated", "BIG", {"role": ["user", "admin"]})]),
    ):
        assert done(lambda it, role=role: it.add_member("u1", "BIG", role, "grace@example.com")) == expected
    assert done(lambda operator: operator.add_member("u1", "T1", "user", "grace@example.com")) == [
        ("user.created", "T1", user),
        ("user.deleted", "BIG", gone),
    ]
    assert [one[0] for one in done(lambda operator: operator.add_api_client("BIG", "Shop", ""))] == [
        "api_client.created"
    ]
    for is_suspended in (True, False):
        suspend = [("tenant.updated", "BIG", {"suspended": [not is_suspended, is_suspended]})]
        for expected in (suspend, []):
            assert done(lambda it, one=is_suspended: it.suspend("BIG", is_suspended=one)) == expected


def test_the_operator_suspends_a_tenant_by_a_command_and_ends_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """check 59: the table is `TABLE_NAME`. A mistyped id creates nothing."""

    def run(*arguments: str) -> int:
        with as_operator():
            status = suspension.main([*arguments])
        reset_wiring()
        return status

    assert run("suspend", "T1") == 0
    assert capsys.readouterr().out == "Tenant T1 is suspended\n"
    assert world.send("GET", "/contacts").status == 403
    assert run("resume", "T1") == 0
    assert capsys.readouterr().out == "Tenant T1 is not suspended\n"
    assert world.send("GET", "/contacts").status == 200
    assert (run("suspend", "T2"), run("suspend")) == (1, 2)
    assert world.content.of("T#T2#") == []
