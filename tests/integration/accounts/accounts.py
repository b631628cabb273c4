"""A stack whose users sign in with its own user pool, and the calls for registering and signing in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from functions.authorizer import app as authorizer
from tests.integration.table_content import Content
from tests.support.aws import Stack, stack_in_moto
from tests.support.gateway import Gateway, Response
from tests.support.template import Template
from tests.support.tokens import PoolKeys

EMAIL, PASSWORD, OTHER_PASSWORD = "ada@example.com", "Difference-Engine-1822", "Analytical-Engine-1837"
ASKED = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Accounts:
    """The routes of a stack that need no token."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.gateway = Gateway(stack.template)

    @cached_property
    def racing(self) -> Gateway:
        """A gateway for requests that are sent together."""
        return Gateway(self.stack.template, isolation="interleaved")

    @property
    def content(self) -> Content:
        return Content.of_stack(self.stack)

    def register(
        self, password: str = PASSWORD, *, email: str = EMAIL, gateway: Gateway | None = None, **fields: Any
    ) -> Response:
        body = {"tenant_name": "Engines", "email": email, "password": password, **fields}
        return (gateway or self.gateway).request("POST", "/auth/register", json=body)

    def token(self, form: dict[str, str] | str, **headers: str) -> Response:
        """A request of the token endpoint."""
        body = form if isinstance(form, str) else urlencode(form)
        return self.gateway.request("POST", "/auth/token", body=body, headers={**FORM, **headers})

    def sign_in(self, password: str = PASSWORD, *, email: str = EMAIL) -> Response:
        return self.token({"grant_type": "password", "username": email, "password": password})

    def may_sign_in(self, password: str, *, email: str = EMAIL) -> bool:
        """Return whether a user name and password yield a token that the API accepts."""
        answer = self.sign_in(password, email=email)
        if answer.status != 200:
            assert answer.json["error"] == "invalid_grant", answer.text
            return False
        opened = self.gateway.request("GET", "/contacts", token=answer.json["access_token"])
        assert opened.status == 200, opened.text
        return True

    def pool_users(self) -> list[str]:
        """The names of all users of the pool."""
        pool = self.stack.environment["USER_POOL_ID"]
        users = self.stack.client("cognito-idp").list_users(UserPoolId=pool)["Users"]
        return [user["Username"] for user in users]


@contextmanager
def accounts_in_moto(template: Template) -> Iterator[Accounts]:
    """A new stack whose authorizer trusts its user pool."""
    with PoolKeys().serving() as keys, stack_in_moto(template, TOKEN_JWKS_URL=keys.jwks_url) as stack:
        authorizer._keys.cache_clear()
        try:
            yield Accounts(stack)
        finally:
            authorizer._keys.cache_clear()
