"""The operator lets people in, whatever others have made of their addresses before."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from shared.domain.accounts.claims import CLAIM_SECONDS
from shared.domain.errors import Invalid, UserClaimed
from shared.services.accounts.onboarding import Onboarding
from shared.wiring.accounts import onboarding_service, user_pool
from tests.integration.accounts.accounts import EMAIL, OTHER_PASSWORD, PASSWORD, Accounts, accounts_in_moto
from tests.integration.accounts.directory import change_item
from tests.support.faults import Fault, Killed, call, injecting, kill_before, kill_points
from tests.support.template import Template
from tests.support.tenant_guard import as_operator
from tests.support.transport import json_answer

SQUATTED, GIVEN = PASSWORD, OTHER_PASSWORD


@pytest.fixture
def accounts(template: Template) -> Iterator[Accounts]:
    with accounts_in_moto(template) as made:
        yield made


def door(at: float = 0) -> Onboarding:
    """The operator's, so many seconds from now."""
    made = onboarding_service()
    made._now = lambda: time.time() + at
    return made


def admit(at: float = 0) -> None:
    with as_operator():
        made = door(at)
        made.open_tenant("BIG", "Big")
        made.add_user(EMAIL, GIVEN, "BIG", "admin")


def tenant_of(accounts: Accounts, password: str) -> str:
    token = accounts.sign_in(password).json["access_token"]
    found: str = accounts.gateway.request("GET", "/me", token=token).json["tenant"]["id"]
    return found


def users_in_lookups(accounts: Accounts) -> list[str]:
    return [row["tenant_id"]["S"] for row in accounts.content.of("U#") if "tenant_id" in row]


def test_a_user_added_by_the_operator_signs_in_with_the_given_password(accounts: Accounts) -> None:
    admit()
    assert tenant_of(accounts, GIVEN) == "BIG"
    admit()  # every start of the one-machine stack repeats this call
    assert tenant_of(accounts, GIVEN) == "BIG" and users_in_lookups(accounts) == ["BIG"]


def test_a_person_who_registered_another_s_address_gets_no_access_when_the_operator_adds_it(
    accounts: Accounts,
) -> None:
    assert accounts.register(SQUATTED).status == 201
    session = accounts.sign_in(SQUATTED).json
    assert accounts.gateway.request("GET", "/me", token=session["access_token"]).status == 200
    admit(at=60)  # so that the session was begun before, by more than clocks may differ
    assert accounts.gateway.request("GET", "/me", token=session["access_token"]).status == 401
    refreshed = accounts.token({"grant_type": "refresh_token", "refresh_token": session["refresh_token"]})
    assert (refreshed.status, refreshed.json["error"]) == (400, "invalid_grant")
    assert not accounts.may_sign_in(SQUATTED)
    (row,) = accounts.content.of("U#")
    change_item(accounts, {name: row[name] for name in ("PK", "SK")}, since={"N": str(int(time.time()) - 5)})
    assert tenant_of(accounts, GIVEN) == "BIG" and users_in_lookups(accounts) == ["BIG"]


def test_a_membership_given_to_a_known_sub_lets_no_earlier_session_in_either(accounts: Accounts) -> None:
    assert accounts.register(SQUATTED).status == 201
    session = accounts.sign_in(SQUATTED).json
    began = time.time()
    with as_operator():
        made = door(at=60)
        made.open_tenant("BIG", "Big")
        sub = user_pool().add(EMAIL)  # type: ignore[union-attr]
        member = made.add_member(sub, "BIG", "admin", EMAIL)
        assert member.since > began + 50
        kept = door(at=600).add_member(sub, "BIG", "user", EMAIL)
    assert kept.since == member.since, "a member keeps their sessions"
    assert accounts.gateway.request("GET", "/me", token=session["access_token"]).status == 401


def test_the_operator_waits_while_the_address_is_being_registered(accounts: Accounts) -> None:
    """The stranger's password could come after the operator's: so whoever has the claim comes first."""
    with injecting(kill_before(call("cognito-idp", "AdminSetUserPassword"), at=1)), pytest.raises(Killed):
        accounts.register(SQUATTED)
    with pytest.raises(UserClaimed):
        admit()
    with as_operator():
        sub = user_pool().add(EMAIL)  # type: ignore[union-attr]
        with pytest.raises(UserClaimed):
            door().add_member(sub, "BIG", "admin", EMAIL)
    assert users_in_lookups(accounts) == []
    admit(at=CLAIM_SECONDS + 10)
    assert users_in_lookups(accounts) == ["BIG"]
    assert accounts.register(SQUATTED).status == 409


def test_a_password_that_the_pool_refuses_can_be_replaced_at_once(accounts: Accounts) -> None:
    refusing = Fault(
        "refusing",
        lambda attempt, _: json_answer(attempt, 400, {"__type": "InvalidPasswordException", "message": ""}),
        call("cognito-idp", "AdminSetUserPassword"),
    )
    with injecting(refusing), pytest.raises(Invalid):
        admit()
    assert users_in_lookups(accounts) == []
    assert accounts.register(SQUATTED).status == 201
    admit()
    assert users_in_lookups(accounts) == ["BIG"]


def test_killed_anywhere_and_called_again_there_is_one_member_with_the_password(template: Template) -> None:
    with accounts_in_moto(template):
        points = kill_points(admit)
    for point in points:
        with accounts_in_moto(template) as accounts:
            assert point.kill(admit)
            admit()
            assert users_in_lookups(accounts) == ["BIG"], point
            assert tenant_of(accounts, GIVEN) == "BIG", point


def test_an_address_that_cannot_be_used_to_sign_in_is_refused_everywhere(accounts: Accounts) -> None:
    long = f"{'a' * 60}@{'b' * 60}.{'c' * 10}.example"
    assert len(long) > 128
    with as_operator(), pytest.raises(Invalid):
        door().add_user(long, GIVEN, "BIG", "admin")
    answer = accounts.register(email=long)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "email")
    assert accounts.register().status == 201
    token = accounts.sign_in().json["access_token"]
    invited = accounts.gateway.request(
        "POST", "/users/invitations", token=token, json={"email": long, "role": "user"}
    )
    assert (invited.status, invited.json["errors"][0]["field"]) == (422, "email")
    assert accounts.pool_users() == [EMAIL]
