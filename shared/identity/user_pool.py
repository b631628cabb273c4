"""The Cognito user pool, for users who sign in with a password. Usernames are e-mail addresses in their stored form.

Cognito compares passwords code point by code point, so they are prepared (RFC 8265) before they are set or checked.
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
        "InvalidParameterException",  # no user can have such a name or password
        "NotAuthorizedException",
        "PasswordResetRequiredException",
        "UserNotConfirmedException",
        "UserNotFoundException",
    }
)
_BUSY = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})


class UserPool:
    """A user pool, used through one of its clients. `cognito` returns the AWS client, when it is first needed.

    Every method except `remove` raises Unavailable when Cognito is unavailable or busy, and may be retried then.
    """

    def __init__(self, cognito: Callable[[], Any], pool_id: str, client_id: str) -> None:
        self._cognito = cognito
        self._pool = pool_id
        self._client = client_id

    def add(self, username: str) -> str:
        """Return the `sub` of the user with this name. Create the user, with an unknown password, if there is none.

        Raises Invalid when the pool does not accept the address as a name.
        """
        with _unavailable_when_busy():
            try:
                created = self._cognito().admin_create_user(
                    UserPoolId=self._pool,
                    Username=username,
                    MessageAction="SUPPRESS",
                    UserAttributes=[{"Name": "email", "Value": username}],
                )
                return _read_sub(created["User"]["Attributes"])
            except ClientError as error:
                if error.response["Error"]["Code"] == "InvalidParameterException":
                    raise invalid_sign_in_email() from None  # Cognito's message may repeat the address
                if error.response["Error"]["Code"] != "UsernameExistsException":
                    raise
            found = self._cognito().admin_get_user(UserPoolId=self._pool, Username=username)
            return _read_sub(found["UserAttributes"])

    def set_password(self, username: str, password: str) -> None:
        """Set the user's password permanently, and end all sessions that were started with another password.

        Raises Invalid when the pool's policy refuses the password.
        """
        with _unavailable_when_busy():
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
                    raise weak_password() from None  # Cognito's message may repeat the password
                if error.response["Error"]["Code"] == "UserNotFoundException":
                    raise Unavailable() from error  # removed after `add`, which creates the user again
                raise

    def remove(self, username: str, sub: str) -> None:
        """Remove the user `sub`, if present, but not a user, perhaps of another tenant, who has taken the name since.

        A failure is logged and does no harm: a user who is not a member of a tenant has no access.
        """
        try:
            found = self._cognito().admin_get_user(UserPoolId=self._pool, Username=username)
            if _read_sub(found["UserAttributes"]) == sub:
                # By Cognito's internal name for the user. In a pool whose users sign in with an address it is the
                # `sub`, so it cannot name another user, however late this request arrives.
                self._cognito().admin_delete_user(UserPoolId=self._pool, Username=found["Username"])
        except (BotoCoreError, ClientError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            if code != "UserNotFoundException":
                observability.warn("a removed user is still in the pool", reason=code)

    def sign_in(self, username: str, password: str) -> Tokens:
        """Return tokens for a user name and password. Raises SignInRefused, the same for a wrong name and password."""
        return self._initiate_auth(
            "ADMIN_USER_PASSWORD_AUTH", {"USERNAME": username, "PASSWORD": prepare_password(password)}
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens for a refresh token. Raises SignInRefused."""
        return self._initiate_auth("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token})

    def _initiate_auth(self, flow: str, parameters: dict[str, str]) -> Tokens:
        with _unavailable_when_busy():
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
        claims = _read_claims(result["AccessToken"])
        return Tokens(
            subject=str(claims["sub"]),
            signed_in_at=int(claims["auth_time"]),
            access_token=result["AccessToken"],
            refresh_token=result.get("RefreshToken") or parameters.get("REFRESH_TOKEN", ""),
            expires_in=int(result["ExpiresIn"]),
        )


def _read_claims(access_token: str) -> dict[str, Any]:
    """Return the claims of a token that was just received from Cognito, so that its signature need not be checked."""
    claims = access_token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def _read_sub(attributes: list[dict[str, str]]) -> str:
    return next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub")


@contextmanager
def _unavailable_when_busy() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        is_its_fault = error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        if is_its_fault or error.response["Error"]["Code"] in _BUSY:
            raise Unavailable() from error
        raise
    except BotoCoreError as error:
        raise Unavailable() from error
