"""Rate limits in the table and in the API: many processes, faults, and unexpected items in the table."""

from __future__ import annotations

import io
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import RateLimited
from shared.domain.tenant import RateLimit, TenantSettings
from shared.http.routes import Reply, Routes
from shared.http.serving import MAX_PATH, lambda_handler
from shared.services.limits import rate_limits
from shared.services.limits.rate_limits import (
    FIRST_WAIT,
    SECOND,
    UNAVAILABLE_PAUSE,
    Bucket,
    RateLimits,
    microseconds,
)
from shared.table.keys import limits as limit_keys
from shared.table.limits import BucketTable
from shared.wiring.accounts import onboarding_service
from shared.wiring.base import store
from tests.buckets import START, Clock, Crowd, MemoryBucket, MemoryBuckets, most, never, processes
from tests.contract.answers import document, faults_of
from tests.contract.template.test_doors import METHODS
from tests.integration.world import World
from tests.support.aws import Stack, stack_in_moto
from tests.support.faults import (
    Killed,
    call,
    injecting,
    kill_after,
    kill_before,
    lost_answer,
    server_error,
    throttle,
    unreachable,
)
from tests.support.gateway import Response
from tests.support.lambda_context import lambda_context
from tests.support.meter import meter
from tests.support.template import Template
from tests.support.tenant_guard import acting_for, as_operator
from tests.support.tokens import TokenIssuer
from tests.tenants import EVERYTHING

CALLER = Caller("T1", "client", "c1", "client")
TAKES = call("dynamodb", "UpdateItem")
LIMIT = RateLimit(5, 10)


@pytest.fixture
def buckets(aws_stack: Stack) -> Iterator[BucketTable]:
    with acting_for("T1"):
        yield BucketTable(store())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def stored(stack: Stack, actor: str | None = CALLER.actor) -> dict[str, Any]:
    with as_operator():
        found = stack.client("dynamodb").get_item(
            TableName=stack.table_name, Key=limit_keys.calls("T1", actor)
        )
    item: dict[str, Any] = found.get("Item", {})
    return item


def put_bucket(stack: Stack, **attributes: dict[str, Any]) -> None:
    with as_operator():
        stack.client("dynamodb").put_item(
            TableName=stack.table_name, Item={**limit_keys.calls("T1", CALLER.actor), **attributes}
        )


def used_up(known: RateLimits, limit: RateLimit = LIMIT) -> RateLimited:
    """All tokens are used; the refusal that follows."""
    for _ in range(limit.burst * 3):
        if refusal := known.admit(CALLER, limit).refusal:
            return refusal
    raise AssertionError("no end of tokens")


# The bucket in the table


def test_a_bucket_in_the_table_answers_as_the_one_of_the_properties_tests_does(buckets: BucketTable) -> None:
    chosen = random.Random(4)
    now = microseconds(START)
    for actor in range(8):
        real: Bucket = buckets.of_caller("T1", f"client:{actor}")
        memory = MemoryBucket()
        for _ in range(40):
            now += chosen.choice([0, 1, 1_000, SECOND, 5 * SECOND, 400 * SECOND])
            state = memory.state
            match chosen.randrange(5):
                case 0 | 1:
                    latest = max(now, state.full_at) + chosen.choice([0, -1, 1, SECOND])
                    how = {
                        "now": now,
                        "latest": max(now, latest),
                        "horizon": 10 * SECOND,
                        "in_use": chosen.random() < 0.5,
                    }
                    assert real.take(SECOND, **how) == memory.take(SECOND, **how)  # type: ignore[arg-type]
                case 2:
                    until = now + chosen.choice([1, SECOND, 300 * SECOND, 500 * SECOND])
                    assert real.refuse(now, until, 7) == memory.refuse(now, until, 7)
                case 3:
                    until = chosen.choice([state.refused_until, now])
                    if state.refused_until:
                        real.lengthen(until, 9)
                        memory.lengthen(until, 9)
                case 4:
                    real.release(SECOND, now)
                    memory.release(SECOND, now)


def test_of_ten_bursts_by_32_clients_no_more_get_through_than_the_bucket_lets(
    buckets: BucketTable,
) -> None:
    """check 4: each client's requests come to processes of their own, and all at the same time."""
    limit = RateLimit()
    ticks = itertools.count()
    known = processes(buckets, lambda: START + next(ticks) / 2_000, 32)  # ten bursts within half a second
    together = threading.Barrier(32)

    def client(number: int) -> list[Any]:
        together.wait()
        return [known[number].admit(CALLER, limit) for _ in range(10 * limit.burst // 32 + 1)]

    with ThreadPoolExecutor(32) as pool:
        decided = [one for answers in pool.map(client, range(32)) for one in answers]
    accepted = [one for one in decided if one.refusal is None]
    refused = [one.refusal for one in decided if one.refusal is not None]
    assert len(decided) >= 10 * limit.burst
    assert limit.burst * 0.6 < len(accepted) <= most(limit, next(ticks) / 2_000) * 1.01
    assert {refusal.retry_after for refusal in refused} <= {1, 2, 3}


def test_32_clients_that_obey_all_finish(buckets: BucketTable, clock: Clock) -> None:
    """check 5: with the table's own buckets, in eight processes."""
    crowd = Crowd(CALLER, RateLimit(10, 20), requests=8)
    took = crowd.run(processes(buckets, clock, 8), clock, random.Random(5))
    assert len(crowd.accepted) == 32 * 8
    assert crowd.waits and set(crowd.waits) <= {1, 2}
    assert took < 60


def test_a_refusal_is_known_to_all_processes_and_costs_each_one_call(
    buckets: BucketTable, clock: Clock
) -> None:
    first, second = processes(buckets, clock, 2)
    assert used_up(first).retry_after == FIRST_WAIT // SECOND
    clock.now += 0.5
    with meter() as measured:
        refusals = [known.admit(CALLER, LIMIT).refusal for known in (second, second, first, second)]
    assert measured.calls == 1
    assert [refusal and refusal.retry_after for refusal in refusals] == [2, 2, 2, 2]
    clock.now += 1.5
    assert second.admit(CALLER, LIMIT).refusal is None


def test_an_idle_bucket_is_removed_but_none_that_still_tells_something(
    buckets: BucketTable, aws_stack: Stack, clock: Clock
) -> None:
    (known,) = processes(buckets, clock, 1)
    slow = RateLimit(1, 10_000)  # its bucket takes nearly three hours to fill
    known.admit(CALLER, slow)
    assert int(stored(aws_stack)["expires_at"]["N"]) > START + 10_000
    used_up(known)
    bucket = stored(aws_stack)
    assert int(bucket["expires_at"]["N"]) > int(bucket["refused_until"]["N"]) / SECOND + 2 * 300


@pytest.mark.parametrize(
    "nonsense",
    [
        {"full_at": {"S": "tomorrow"}},
        {"full_at": {"N": "-1"}},
        {"full_at": {"N": "9e15"}},
        {"full_at": {"N": "1e100"}, "refused_until": {"N": "1e100"}},
        {"full_at": {"M": {}}, "refused_until": {"S": "9999999999999999999"}, "next_wait": {"S": "x"}},
        {"refused_until": {"N": "9e15"}, "refused_at": {"BOOL": True}},
        {"refused_at": {"N": "9e15"}, "next_wait": {"N": "-5"}, "expires_at": {"S": ""}},
        {"full_at": {"NULL": True}, "tat": {"N": "1"}},
        {"refused_at": {"N": "-1e100"}, "next_wait": {"N": "1e100"}},
    ],
)
def test_a_bucket_that_holds_nonsense_is_a_full_one(
    buckets: BucketTable, aws_stack: Stack, clock: Clock, nonsense: dict[str, Any]
) -> None:
    put_bucket(aws_stack, **nonsense)
    known, other = processes(buckets, clock, 2)
    assert known.admit(CALLER, LIMIT) == (9, None)
    assert 1 <= (used_up(known).retry_after or 0) <= 300
    assert other.admit(CALLER, LIMIT).refusal is not None
    clock.now += 300
    assert other.admit(CALLER, LIMIT).refusal is None


def test_a_refusal_without_a_sound_beginning_ends_all_the_same(
    buckets: BucketTable, aws_stack: Stack, clock: Clock
) -> None:
    until = {"N": str(microseconds(START + 5))}
    put_bucket(aws_stack, refused_until=until, refused_at={"N": "-1e100"})
    (known,) = processes(buckets, clock, 1)
    refusal = known.admit(CALLER, LIMIT).refusal
    assert refusal is not None and refusal.retry_after == 5
    clock.now += 5
    assert known.admit(CALLER, LIMIT).refusal is None


def test_another_limit_counts_at_once(buckets: BucketTable, clock: Clock) -> None:
    (known,) = processes(buckets, clock, 1)
    slow = RateLimit(1, 600)
    used_up(known, slow)
    clock.now += 2.1
    # By the new figures all that was used is long since made good.
    assert known.admit(CALLER, RateLimit(50, 100)).refusal is None


@pytest.mark.parametrize("actor", ["x" * 1_200, "user:ä#☃/" * 20, "#", "", "a\x00b"])
def test_a_caller_of_any_name_is_counted_by_himself(buckets: BucketTable, clock: Clock, actor: str) -> None:
    (known,) = processes(buckets, clock, 1)
    used_up(known)
    assert known.admit(Caller("T1", "user", actor, "user"), LIMIT) == (9, None)


def test_a_name_that_no_key_can_hold_goes_uncounted(buckets: BucketTable, clock: Clock) -> None:
    reports = []
    known = RateLimits(buckets, report=lambda: reports.append(1), clock=clock)
    assert known.admit(Caller("T1", "user", "☃" * 2_000, "user"), LIMIT).refusal is None
    assert reports == [1]
    used_up(known)  # others are counted all the same


# Faults


@pytest.mark.parametrize(
    "fault", [lambda: throttle(TAKES, times=3), lambda: lost_answer(TAKES), lambda: server_error(TAKES)]
)
def test_a_fault_that_botocore_mends_costs_a_token_at_most(
    buckets: BucketTable, clock: Clock, waits: list[float], fault: Callable[[], Any]
) -> None:
    """checks 10 and 11"""
    (known,) = processes(buckets, clock, 1)
    with injecting(fault()):
        assert known.admit(CALLER, LIMIT).refusal is None
    accepted = 1
    while known.admit(CALLER, LIMIT).refusal is None:
        accepted += 1
    assert LIMIT.burst - 1 <= accepted <= LIMIT.burst


@pytest.mark.parametrize("kill", [kill_before, kill_after])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_process_that_dies_leaves_a_bucket_that_others_go_on_with(
    buckets: BucketTable, clock: Clock, kill: Any, at: int
) -> None:
    """check 13: while it takes tokens, starts a refusal or lengthens one."""
    dying, living = processes(buckets, clock, 2)
    limit = RateLimit(1, 1)

    def ignore_refusal() -> None:
        for _ in range(5):
            dying.admit(CALLER, limit)
            clock.now += 0.9

    with injecting(kill(TAKES, at=at)), pytest.raises(Killed):
        ignore_refusal()
    clock.now += 4
    assert living.admit(CALLER, limit).refusal is None
    assert living.admit(CALLER, limit).refusal is not None


def test_while_the_table_is_unavailable_calls_are_not_counted_and_a_report_follows_once_a_minute(
    buckets: BucketTable, clock: Clock, waits: list[float]
) -> None:
    reports = []
    known = RateLimits(buckets, report=lambda: reports.append(clock.now - START), clock=clock)
    away = unreachable(TAKES)
    with injecting(away):
        for _ in range(700):
            assert known.admit(CALLER, LIMIT).refusal is None
            clock.now += 0.1
    assert len(reports) == 2 and reports[1] - reports[0] >= 60
    assert away.seen <= 4 * (70 / (UNAVAILABLE_PAUSE / SECOND) + 1)
    clock.now += UNAVAILABLE_PAUSE / SECOND
    used_up(known)


def test_a_refusal_holds_even_if_it_could_not_be_written(
    buckets: BucketTable, clock: Clock, waits: list[float]
) -> None:
    """The table said that there is no token: that is no fault of the table."""
    first, second = processes(buckets, clock, 2)
    limit = RateLimit(1, 1)
    assert first.admit(CALLER, limit).refusal is None
    with injecting(unreachable(TAKES, at=2)):
        assert first.admit(CALLER, limit).refusal is not None
    assert first.admit(CALLER, limit).refusal is not None
    clock.now += 1.1
    assert second.admit(CALLER, limit).refusal is None


# At the door


@pytest.fixture
def limited(template: Template, token_issuer: TokenIssuer) -> Iterator[World]:
    """A stack with limits, and a tenant whose callers may send ten requests at once."""
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        yield World(stack, token_issuer, TenantSettings(rate_limit=LIMIT))


@pytest.fixture
def standstill(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Clock:
    """A clock for the limits that only moves when the test moves it."""
    monkeypatch.setattr(RateLimits.__init__, "__kwdefaults__", {"clock": clock})
    return clock


def get(world: World, token: str | None = None) -> Response:
    return world.send("GET", "/tags", token=token)


def test_every_answer_to_an_authenticated_caller_has_the_limit(limited: World, standstill: Clock) -> None:
    policy = '"caller";q=10;w=2, "tenant";q=1000;w=2'
    answers = [
        get(limited),
        limited.send("GET", "/contacts/none"),
        limited.send("POST", "/contacts", {"first_name": 1}),
        limited.send("POST", "/contacts", {"first_name": "A", "email": "a@example.com"}),
    ]
    assert [answer.status for answer in answers] == [200, 404, 422, 201]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {policy}
    assert [answer.headers["RateLimit"] for answer in answers] == [
        f'"caller";r={left};t=1' for left in (9, 8, 7, 6)
    ]
    open_answer = limited.gateway.request("GET", "/health")
    assert "RateLimit" not in open_answer.headers


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/contacts/" + "x" * MAX_PATH, id="too long"),
        pytest.param('/contacts/a"b', id="of a sign that no route takes"),
        pytest.param("/nothing", id="of no route"),
        pytest.param("/nothing/at/all", id="of no route, further down"),
        pytest.param("/contacts/stats/nothing", id="beneath a route"),
        pytest.param("/auth/token", id="of a route without this method"),
    ],
)
def test_who_is_signed_in_is_counted_on_paths_that_lead_nowhere_too(
    limited: World, standstill: Clock, path: str
) -> None:
    answers = [limited.send("GET", path) for _ in range(11)]
    assert [answer.status for answer in answers] == [404] * 10 + [429]
    assert {answer.json["detail"] for answer in answers[:10]} == {"Route not found."}
    assert answers[0].headers["RateLimit"] == '"caller";r=9;t=1'
    assert answers[10].headers["RateLimit"] == '"caller";r=0;t=2'
    assert answers[10].headers["Retry-After"] == "2"
    assert get(limited).status == 429


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_counted_on_paths_that_lead_nowhere(
    limited: World, standstill: Clock, method: str
) -> None:
    """check 98: the template sends them on with each method that API Gateway knows."""
    answer = limited.send(method, "/nothing")
    assert (answer.status, answer.headers["RateLimit"]) == (404, '"caller";r=9;t=1')
    assert limited.gateway.request(method, "/nothing").status == 401


def test_unauthenticated_calls_of_unknown_paths_are_not_counted() -> None:
    routes = Routes("tags")
    routes.route("GET", "/tags", summary="List tags")(lambda _: Reply())

    def counted() -> RateLimits:
        raise AssertionError("nobody to count")

    event = {"path": "/nothing", "httpMethod": "GET", "requestContext": {"requestId": "r"}}
    for context in ({}, {"authorizer": None}):
        asked = {**event, "requestContext": {**event["requestContext"], **context}}
        answer = lambda_handler(routes, rate_limits=counted)(asked, lambda_context("TagsFunction"))
        assert answer["statusCode"] == 404


def test_who_makes_too_many_requests_is_refused_with_a_problem_and_nothing_is_done(
    limited: World, standstill: Clock
) -> None:
    """check 4"""
    for number in range(10):
        limited.create(f"a{number}@example.com")
    answer = limited.send("POST", "/contacts", {"first_name": "A", "email": "last@example.com"})
    assert answer.status == 429
    assert faults_of("POST", "/contacts", answer) == []
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"
    assert answer.headers["RateLimit"] == '"caller";r=0;t=2'
    assert answer.headers["RateLimit-Policy"] == '"caller";q=10;w=2, "tenant";q=1000;w=2'
    assert {**answer.json, "request_id": ""} == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many requests. Try again in 2 s.",
        "code": "rate_limited",
        "request_id": "",
    }
    assert len(limited.content.contacts) == 10
    standstill.now += 2
    assert get(limited).status == 200


def test_the_document_has_429_with_its_headers_on_every_authenticated_route() -> None:
    for path, methods in document()["paths"].items():
        for method, told in methods.items():
            is_open = told.get("security") == []
            assert ("429" in told["responses"]) is not is_open, (method, path)
            if not is_open:
                headers = told["responses"]["429"]["headers"]
                assert headers["Retry-After"]["required"] is True
                for answer in [told["responses"]["429"], next(iter(told["responses"].values()))]:
                    assert {"RateLimit", "RateLimit-Policy"} <= set(answer["headers"]), (method, path)


def test_a_function_for_callers_cannot_forget_to_count_them() -> None:
    routes = Routes("tags")
    routes.route("GET", "/tags", summary="List tags")(lambda _: Reply())
    with pytest.raises(TypeError, match="rate_limits"):
        lambda_handler(routes)


def test_a_repeat_under_an_idempotency_key_is_a_request_too(limited: World, standstill: Clock) -> None:
    key = {"Idempotency-Key": "k"}
    body = {"first_name": "A", "email": "a@example.com"}
    answers = [limited.send("POST", "/contacts", body, headers=key) for _ in range(11)]
    assert [answer.status for answer in answers] == [201] * 10 + [429]
    # The rate limit headers are current, although the answer is a replay.
    assert answers[1].headers["RateLimit"] == '"caller";r=8;t=1'
    assert "Idempotency-Replayed" not in answers[10].headers
    standstill.now += 2
    again = limited.send("POST", "/contacts", body, headers=key)
    assert again.status == 201 and again.json == answers[0].json


def test_of_ten_bursts_at_the_door_the_rest_gets_429(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """check 4: 32 clients of a user, through gateway, authorizer and function."""
    ticks = itertools.count()
    monkeypatch.setattr(RateLimits.__init__, "__kwdefaults__", {"clock": lambda: START + next(ticks) / 1_000})

    def client() -> list[Response]:
        return [limited.racing.request("GET", "/tags", token=limited.t1.admin) for _ in range(4)]

    answers = [answer for some in limited.racing.together([client] * 32, in_step=False) for answer in some]
    counted = Counter(answer.status for answer in answers)
    assert set(counted) == {200, 429} and counted.total() == 128
    assert LIMIT.burst * 0.7 <= counted[200] <= most(LIMIT, next(ticks) / 1_000) * 1.01
    assert all(answer.headers["Retry-After"] in ("1", "2", "3") for answer in answers if answer.status == 429)


def test_a_throttled_tenant_or_caller_throttles_no_other(limited: World, standstill: Clock) -> None:
    """check 6"""
    t10 = limited.tenant("T10")  # its id starts with the same letters
    while get(limited).status != 429:
        pass
    for token in (limited.t1.user, limited.t1.program, t10.admin, t10.user, t10.program):
        answers = [get(limited, token) for _ in range(10)]
        assert {answer.status for answer in answers} == {200}
        assert (
            answers[9].headers["RateLimit"]
            == f'"caller";r={0 if token in vars(limited.t1).values() else 190};t=1'
        )
    assert get(limited).status == 429


def test_a_tenant_that_uses_its_own_up_is_refused_as_a_whole_and_others_are_not(
    limited: World, standstill: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check 6: with ever new API clients too."""
    tenants = rate_limits.Quota(SECOND // 50, 60)
    monkeypatch.setattr(rate_limits, "_TENANT", tenants)
    t10 = limited.tenant("T10")
    with as_operator():
        tokens = [onboarding_service().add_api_client("T1", f"c{number}", EVERYTHING) for number in range(12)]
    answers = [get(limited, token) for token in tokens for _ in range(10)]
    statuses = Counter(answer.status for answer in answers)
    assert statuses == {200: 100, 429: 20}  # noticed with the second batch of fifty
    assert answers[-1].headers["RateLimit"] == '"tenant";r=0;t=1'
    assert answers[-1].headers["Retry-After"] == "1"
    assert get(limited, t10.admin).status == 200
    standstill.now += 1
    assert get(limited, tokens[11]).status == 200


def test_a_setting_reaches_the_bucket_by_the_authorizer(
    template: Template, token_issuer: TokenIssuer, clock: Clock, standstill: Clock
) -> None:
    with stack_in_moto(template, token_issuer, RATE_LIMITS="on") as stack:
        world = World(stack, token_issuer, TenantSettings(rate_limit=RateLimit(3, 7)))
        assert get(world).headers["RateLimit-Policy"].startswith('"caller";q=7;w=3, ')
        other = world.tenant("T2")
        assert get(world, other.admin).headers["RateLimit-Policy"].startswith('"caller";q=200;w=2, ')


def test_where_limits_are_switched_off_nothing_is_counted(world: World) -> None:
    answers = [get(world) for _ in range(120)]
    assert {answer.status for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers
    assert stored(world.stack, "user:admin-of-T1") == stored(world.stack, None) == {}


def test_with_the_buckets_away_requests_are_answered_all_the_same(
    limited: World, standstill: Clock, waits: list[float], logs: io.StringIO
) -> None:
    """check 15: neither 429 nor 500, and the log says so once."""
    with injecting(unreachable(TAKES)):
        answers = [get(limited) for _ in range(15)]
    assert {answer.status for answer in answers} == {200}
    assert answers[0].headers["RateLimit-Policy"].startswith('"caller";q=10')
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["level"] for line in lines if "uncounted" in line["message"]] == ["WARNING"]


def test_with_the_whole_table_away_the_answer_is_503(limited: World, waits: list[float]) -> None:
    """check 15"""
    assert get(limited).status == 200  # so that the gateway knows the caller
    with injecting(unreachable(call("dynamodb"))):
        answer = limited.send("GET", "/contacts")
    assert answer.status == 503 and answer.headers["Retry-After"]


def test_throttled_buckets_make_no_429(limited: World, waits: list[float]) -> None:
    """check 10"""
    with injecting(throttle(TAKES, times=3)):
        assert get(limited).status == 200
    with injecting(throttle(TAKES, times=None)):
        assert get(limited).status == 200


@pytest.mark.parametrize("figures", [(0, 10), (10, 0), (-1, 10), (10, -1)])
def test_a_limit_that_lets_nothing_through_cannot_be_made(figures: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        RateLimit(*figures)
    with pytest.raises(ValueError):
        RateLimit.parse(":".join(map(str, figures)))


@pytest.mark.parametrize("limit", [RateLimit(), RateLimit(1, 1), RateLimit(500, 1_000)])
def test_a_limit_survives_the_way_through_the_authorizer(limit: RateLimit) -> None:
    assert RateLimit.parse(str(limit)) == limit


def test_many_callers_are_not_remembered_for_ever(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_MAX_REMEMBERED", 10)
    known = RateLimits(MemoryBuckets(), report=never, clock=clock)
    for number in range(35):
        known.admit(Caller(f"T{number}", "user", "u", "user"), LIMIT)
    assert len(known._callers) <= 10 and len(known._tenants) <= 10
