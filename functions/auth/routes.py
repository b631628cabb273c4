"""Routes of registering and signing in. They are open: who calls them is not known yet."""

from __future__ import annotations

from functions.auth.bodies import Registered, TokenAnswer, TokenRequest
from functions.auth.invitations import routes as invitations
from shared.domain.accounts.credentials import Tokens
from shared.domain.accounts.registration import TENANT_NAME_MISSING, RegistrationInput
from shared.domain.errors import (
    AlreadyRegistered,
    FieldError,
    RuleBroken,
    SignInNameTaken,
    Unavailable,
    UnsupportedGrantType,
)
from shared.http.bodies import FORM
from shared.http.call import Call
from shared.http.routes import Reply, Routes
from shared.wiring.accounts import registration_service, sign_in_service

routes = Routes("Sign-in")
routes.include(invitations)


def _further(_: Call, given: object) -> tuple[FieldError, ...]:
    names = ("tenant_name", "username")
    unnamed = isinstance(given, dict) and all(given.get(name) is None for name in names)
    return (TENANT_NAME_MISSING,) if unnamed else ()


@routes.route(
    "POST",
    "/auth/register",
    summary="Open a tenant, and become its first admin",
    body=RegistrationInput,
    answer=Registered,
    status=201,
    location="/me",
    public=True,
    errors=(AlreadyRegistered, SignInNameTaken, Unavailable),
    further=_further,
)
def register(call: Call, body: RegistrationInput) -> Reply:
    """May be sent again with the same password when no answer came."""
    return Reply(record=Registered.of(registration_service().register(body)))


@routes.route(
    "POST",
    "/auth/token",
    summary="Get an access token, by password or by refresh token",
    body=TokenRequest,
    media_types=(FORM,),
    answer=TokenAnswer,
    public=True,
    oauth=True,
    errors=(Unavailable,),
)
def token(call: Call, body: TokenRequest) -> Reply:
    """The OAuth 2 token endpoint (RFC 6749, sections 4.3 and 6)."""
    return Reply(record=TokenAnswer.of(_tokens(body, call.address)))


def _tokens(asked: TokenRequest, address: str) -> Tokens:
    service = sign_in_service()
    if (asked.grant_type or "password") == "password":
        username, password = _given("username", asked.username), _given("password", asked.password)
        return service.with_password(username, password, address)
    if asked.grant_type == "refresh_token":
        return service.with_refresh_token(_given("refresh_token", asked.refresh_token), address)
    raise UnsupportedGrantType("The grant types are password and refresh_token.")


def _given(name: str, value: str | None) -> str:
    if value is None:
        raise RuleBroken(f"The parameter {name} is missing.")
    return value
