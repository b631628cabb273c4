"""Routes of registration and sign-in. They are public: their caller is not signed in yet."""

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


def _find_missing_name(_: Call, given: object) -> tuple[FieldError, ...]:
    names = ("tenant_name", "username")
    is_unnamed = isinstance(given, dict) and all(given.get(name) is None for name in names)
    return (TENANT_NAME_MISSING,) if is_unnamed else ()


@routes.route(
    "POST",
    "/auth/register",
    summary="Create a tenant and its first admin",
    body=RegistrationInput,
    answer=Registered,
    status=201,
    location="/me",
    public=True,
    errors=(AlreadyRegistered, SignInNameTaken, Unavailable),
    find_faults=_find_missing_name,
)
def register(call: Call, body: RegistrationInput) -> Reply:
    """The call may be repeated with the same password if the answer was lost. An access token that the API has refused
    before may be refused for a minute more; a new token of the same user is accepted at once.
    """
    return Reply(record=Registered.of(registration_service().register(body)))


@routes.route(
    "POST",
    "/auth/token",
    summary="Get an access token with a password or a refresh token",
    body=TokenRequest,
    media_types=(FORM,),
    answer=TokenAnswer,
    public=True,
    oauth=True,
    errors=(Unavailable,),
)
def token(call: Call, body: TokenRequest) -> Reply:
    """The OAuth 2 token endpoint (RFC 6749, sections 4.3 and 6)."""
    return Reply(record=TokenAnswer.of(_issue_tokens(body, call.address)))


def _issue_tokens(request: TokenRequest, address: str) -> Tokens:
    service = sign_in_service()
    if (request.grant_type or "password") == "password":
        username, password = _require("username", request.username), _require("password", request.password)
        return service.with_password(username, password, address)
    if request.grant_type == "refresh_token":
        return service.with_refresh_token(_require("refresh_token", request.refresh_token), address)
    raise UnsupportedGrantType("The grant types are password and refresh_token.")


def _require(name: str, value: str | None) -> str:
    if value is None:
        raise RuleBroken(f"The parameter {name} is missing.")
    return value
