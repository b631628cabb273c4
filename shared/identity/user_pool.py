"""The Cognito user pool: who can sign in with a password. Usernames are e-mail addresses in their stored form.

Cognito compares passwords code point by code point, so they are prepared (RFC 8265) before they are set and checked.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared import observability
from shared.domain.accounts.credentials import Tokens
from shared.domain.accounts.passwords import prepare_password, weak_password
from shared.domain.accounts.user import invalid_sign_in_email
from shared.domain.errors import SignInRefused, Unavailable

_REFUSED = frozenset(
    {
        "InvalidParameterException",  # no user could have such a name or password
        "NotAuthorizedException",
        "PasswordResetRequiredException",
        "UserNotConfirmedException",
        "UserNotFoundException",
    }
)
_BUSY = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})


class UserPool:
    """One pool, signed in to through one of its clients. `cognito` makes the AWS client when it is first needed.

    Every method but `remove` raises Unavailable when Cognito is away or busy, and may then be called again.
    """

    def __init__(self, cognito: Callable[[], Any], pool_id: str, client_id: str) -> None:
        self._cognito = cognito
        self._pool = pool_id
        self._client = client_id

    def add(self, username: str) -> str:
        """The `sub` of the user with this name, made if there is none; a new one has no password anybody knows.

        Raises Invalid for an address that the pool takes for no name.
        """
        with _translated():
            try:
                made = self._cognito().admin_create_user(
                    UserPoolId=self._pool,
                    Username=username,
                    MessageAction="SUPPRESS",
                    UserAttributes=[{"Name": "email", "Value": username}],
                )
                return _sub_of(made["User"]["Attributes"])
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidParameterException":
                    raise invalid_sign_in_email() from None  # what Cognito says may repeat the address
                if error.response["Error"]["Code"] != "UsernameExistsException":
                    raise
            found = self._cognito().admin_get_user(UserPoolId=self._pool, Username=username)
            return _sub_of(found["UserAttributes"])

    def set_password(self, username: str, password: str) -> None:
        """Let the user sign in with this password, for good; sessions that were begun with another end.

        Raises Invalid when the pool's policy refuses it.
        """
        with _translated():
            try:
                self._cognito().admin_set_user_password(
                    UserPoolId=self._pool,
                    Username=username,
                    Password=prepare_password(password),
                    Permanent=True,
                )
                self._cognito().admin_user_global_sign_out(UserPoolId=self._pool, Username=username)
            except ClientError as error:
                if error.response["Error"]["Code"] in (
                    "InvalidPasswordException",
                    "InvalidParameterException",
                ):
                    raise weak_password() from None  # what Cognito says may repeat the password
                if error.response["Error"]["Code"] == "UserNotFoundException":
                    raise Unavailable() from error  # removed since `add`, which makes it again
                raise

    def remove(self, username: str, sub: str) -> None:
        """Remove the user `sub`, if present: not one who took the same name since, perhaps of another tenant.

        What fails is logged and does no harm: who is no member is let in nowhere.
        """
        try:
            found = self._cognito().admin_get_user(UserPoolId=self._pool, Username=username)
            if _sub_of(found["UserAttributes"]) == sub:
                # By Cognito's own name for the user. In a pool whose users sign in with an address that is the `sub`,
                # so that nobody else can be meant, however late this comes.
                self._cognito().admin_delete_user(UserPoolId=self._pool, Username=found["Username"])
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            if code != "UserNotFoundException":
                observability.warn("a removed user is still in the pool", reason=code)

    def sign_in(self, username: str, password: str) -> Tokens:
        """Tokens for who knows the password. Raises SignInRefused, alike for a wrong name and a wrong password."""
        return self._tokens(
            "ADMIN_USER_PASSWORD_AUTH", {"USERNAME": username, "PASSWORD": prepare_password(password)}
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for who has a refresh token. Raises SignInRefused."""
        return self._tokens("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token})

    def _tokens(self, flow: str, parameters: dict[str, str]) -> Tokens:
        with _translated():
            try:
                answer = self._cognito().admin_initiate_auth(
                    UserPoolId=self._pool, ClientId=self._client, AuthFlow=flow, AuthParameters=parameters
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _REFUSED:
                    raise SignInRefused from None
                raise
        result = answer.get("AuthenticationResult")
        if result is None:
            raise SignInRefused("This user has to take a further step, which this way of signing in has not.")
        claims = _claims_of(result["AccessToken"])
        return Tokens(
            subject=str(claims["sub"]),
            signed_in_at=int(claims["auth_time"]),
            access_token=result["AccessToken"],
            refresh_token=result.get("RefreshToken") or parameters.get("REFRESH_TOKEN", ""),
            expires_in=int(result["ExpiresIn"]),
        )


def _claims_of(access_token: str) -> dict[str, Any]:
    """The claims of a token that Cognito has just given us: whose word needs no signature."""
    claims = access_token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def _sub_of(attributes: list[dict[str, str]]) -> str:
    return next(one["Value"] for one in attributes if one["Name"] == "sub")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        is_its_fault = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        if is_its_fault or error.response["Error"]["Code"] in _BUSY:
            raise Unavailable() from error
        raise
    except BotoCoreError as error:
        raise Unavailable() from error
