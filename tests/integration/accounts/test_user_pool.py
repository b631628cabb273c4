"""The client of the user pool: the answers, refusals and outages of Cognito as results and errors of the domain."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from shared.domain.errors import DomainError, Invalid, SignInRefused, Unavailable
from shared.identity.user_pool import UserPool
from shared.wiring.accounts import user_pool
from tests.support.aws import Stack
from tests.support.faults import Fault, injecting, lost_answer, server_error, throttle, unreachable
from tests.support.transport import Attempt, Send, json_answer

NAME, PASSWORD = "ada@example.com", "Difference-Engine-1822"


@pytest.fixture
def pool(aws_stack: Stack) -> UserPool:
    made = user_pool()
    assert made is not None
    return made


@pytest.fixture
def member(pool: UserPool) -> str:
    """Add a user who can sign in; return the `sub`."""
    sub = pool.add(NAME)
    pool.set_password(NAME, PASSWORD)
    return sub


def answering(code: str) -> Fault:
    """Cognito refuses the next call with an error of this name."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        return json_answer(attempt, 400, {"__type": code, "message": f"about {NAME} and {PASSWORD}"})

    return Fault(code, act, times=None)


def test_a_user_is_made_once_and_found_from_then_on(pool: UserPool) -> None:
    sub = pool.add(NAME)
    assert pool.add(NAME) == sub
    assert pool.add("grace@example.com") != sub


def test_a_user_whose_creation_lost_its_answer_is_found(pool: UserPool) -> None:
    with injecting(lost_answer(at=1)):
        sub = pool.add(NAME)
    assert pool.add(NAME) == sub


def test_the_right_password_yields_tokens_of_its_user(pool: UserPool, member: str) -> None:
    tokens = pool.sign_in(NAME, PASSWORD)
    assert tokens.subject == member
    assert tokens.expires_in > 0 and tokens.refresh_token
    again = pool.refresh(tokens.refresh_token)
    assert again.subject == member and again.access_token
    assert again.refresh_token, "where Cognito gives no new one, the old one goes on to count"


def test_a_new_user_has_no_known_password(pool: UserPool) -> None:
    pool.add(NAME)
    for guess in ("", PASSWORD, NAME):
        with pytest.raises(SignInRefused):
            pool.sign_in(NAME, guess)


def test_a_changed_password_replaces_the_old_password(pool: UserPool, member: str) -> None:
    pool.set_password(NAME, "Analytical-Engine-1837")
    with pytest.raises(SignInRefused):
        pool.sign_in(NAME, PASSWORD)
    assert pool.sign_in(NAME, "Analytical-Engine-1837").subject == member


@pytest.mark.parametrize("code", ["InvalidPasswordException", "InvalidParameterException"])
def test_a_password_that_is_refused_is_not_repeated(pool: UserPool, member: str, code: str) -> None:
    with injecting(answering(code)), pytest.raises(Invalid) as refused:
        pool.set_password(NAME, PASSWORD)
    assert refused.value.errors[0].code == "weak_password"
    assert PASSWORD not in refused.value.detail
    assert refused.value.__cause__ is None, "nor is the cause, which repeats it, logged"


def test_setting_a_password_of_a_removed_user_can_be_retried(pool: UserPool) -> None:
    with pytest.raises(Unavailable):
        pool.set_password(NAME, PASSWORD)


def test_who_was_removed_is_gone_and_may_be_removed_again(pool: UserPool, member: str) -> None:
    pool.remove(NAME, member)
    pool.remove(NAME, member)
    with pytest.raises(SignInRefused):
        pool.sign_in(NAME, PASSWORD)
    assert pool.add(NAME) != member, "one who comes back is another"


def test_removing_an_earlier_owner_of_a_name_keeps_its_present_owner(pool: UserPool, member: str) -> None:
    pool.remove(NAME, "another's sub")
    assert pool.sign_in(NAME, PASSWORD).subject == member


def test_an_address_that_the_pool_takes_for_no_name_is_refused_and_not_repeated(pool: UserPool) -> None:
    with injecting(answering("InvalidParameterException")), pytest.raises(Invalid) as refused:
        pool.add(NAME)
    assert refused.value.errors[0].field == "email" and NAME not in refused.value.detail
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "fault",
    [unreachable(), server_error(times=None), answering("NotAuthorizedException")],
    ids=lambda one: one.name,
)
def test_who_cannot_be_removed_stays_and_the_log_says_so(
    pool: UserPool, member: str, fault: Fault, logs: io.StringIO
) -> None:
    with injecting(fault):
        pool.remove(NAME, member)
    assert pool.add(NAME) == member
    assert "a removed user is still in the pool" in logs.getvalue() and NAME not in logs.getvalue()


WRONG: dict[str, Callable[[UserPool], object]] = {
    "wrong password": lambda pool: pool.sign_in(NAME, "x"),
    "unknown user": lambda pool: pool.sign_in("grace@example.com", PASSWORD),
    "unknown refresh token": lambda pool: pool.refresh("x"),
    "an access token to refresh with": lambda pool: pool.refresh(pool.sign_in(NAME, PASSWORD).access_token),
    "NUL": lambda pool: pool.sign_in(NAME, "\x00"),
    "a hundred kilobytes": lambda pool: pool.sign_in(NAME, "x" * 100_000),
}


@pytest.mark.parametrize("what", WRONG)
def test_who_is_refused_is_refused_in_the_same_words(pool: UserPool, member: str, what: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        WRONG[what](pool)
    assert refused.value.detail == SignInRefused().detail


@pytest.mark.parametrize(
    "code",
    [
        "InvalidParameterException",
        "NotAuthorizedException",
        "PasswordResetRequiredException",
        "UserNotConfirmedException",
        "UserNotFoundException",
    ],
)
def test_each_of_cognito_s_refusals_is_the_same_to_the_caller(pool: UserPool, code: str) -> None:
    for attempt in (lambda: pool.sign_in(NAME, PASSWORD), lambda: pool.refresh("x")):
        with injecting(answering(code)), pytest.raises(SignInRefused) as refused:
            attempt()
        assert refused.value.detail == SignInRefused().detail


def test_who_has_to_take_a_further_step_is_refused(pool: UserPool) -> None:
    def challenge(attempt: Attempt, send: Send) -> AWSResponse:
        return json_answer(attempt, 200, {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "x"})

    with injecting(Fault("challenge", challenge)), pytest.raises(SignInRefused):
        pool.sign_in(NAME, PASSWORD)


CALLS: dict[str, Callable[[UserPool], object]] = {
    "add": lambda pool: pool.add("grace@example.com"),
    "find": lambda pool: pool.add(NAME),
    "set_password": lambda pool: pool.set_password(NAME, PASSWORD),
    "sign_in": lambda pool: pool.sign_in(NAME, PASSWORD),
}


@pytest.mark.parametrize("what", CALLS)
def test_while_cognito_is_away_or_busy_the_call_may_be_made_again(
    pool: UserPool, member: str, what: str
) -> None:
    """check 15, for the pool"""
    for fault in (
        unreachable(),
        server_error(times=None),
        answering("TooManyRequestsException"),
        answering("LimitExceededException"),
    ):
        with injecting(fault), pytest.raises(Unavailable):
            CALLS[what](pool)
    with injecting(throttle(times=2)):
        CALLS[what](pool)


def test_a_fault_of_ours_is_not_taken_for_a_refusal(pool: UserPool, member: str) -> None:
    with injecting(answering("ResourceNotFoundException")), pytest.raises(ClientError) as fault:
        pool.sign_in(NAME, PASSWORD)
    assert not isinstance(fault.value, DomainError)
