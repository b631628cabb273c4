"""A user of the pool may have belonged to another person, whose sessions must not open the new user's tenant."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from shared.domain.errors import SignInRefused
from shared.identity.user_pool import UserPool
from shared.wiring.accounts import user_pool
from tests.integration.accounts.accounts import EMAIL, OTHER_PASSWORD, PASSWORD, Accounts, accounts_in_moto
from tests.integration.accounts.directory import change_item
from tests.support.template import Template
from tests.support.tenant_guard import as_operator


@pytest.fixture
def accounts(template: Template) -> Iterator[Accounts]:
    with accounts_in_moto(template) as made:
        yield made


def pool_with(password: str) -> UserPool:
    """The user pool, with a user who can sign in."""
    pool = user_pool()
    assert pool is not None
    pool.add(EMAIL)
    pool.set_password(EMAIL, password)
    return pool


def test_sessions_of_a_previous_owner_of_a_pool_user_end(accounts: Accounts) -> None:
    """For example, the person was removed from a tenant while the pool was unavailable: the user of the pool is still
    there, with the person's password."""
    with as_operator():
        old = pool_with(OTHER_PASSWORD).sign_in(EMAIL, OTHER_PASSWORD)
    before = int(time.time())
    assert accounts.register().status == 201
    (row,) = accounts.content.of("U#")
    assert before - 5 <= int(row["since"]["N"]) <= int(time.time())
    assert not accounts.may_sign_in(OTHER_PASSWORD)
    answer = accounts.token({"grant_type": "refresh_token", "refresh_token": old.refresh_token})
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert accounts.may_sign_in(PASSWORD)
    change_item(accounts, {name: row[name] for name in ("PK", "SK")}, since={"N": str(int(time.time()) + 60)})
    assert accounts.gateway.request("GET", "/contacts", token=old.access_token).status == 401
    assert accounts.sign_in().status == 400


def test_a_new_password_ends_the_sessions_that_were_begun_with_the_old_one(accounts: Accounts) -> None:
    with as_operator():
        pool = pool_with(PASSWORD)
        session = pool.sign_in(EMAIL, PASSWORD)
        assert pool.refresh(session.refresh_token).subject == session.subject
        pool.set_password(EMAIL, PASSWORD)
        with pytest.raises(SignInRefused):
            pool.refresh(session.refresh_token)
