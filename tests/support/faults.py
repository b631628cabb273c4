"""A fault injector for AWS calls, at the level of HTTP attempts.

Faults are inserted between botocore's retry logic and the service (moto or a real endpoint), so botocore sees a
throttle or a lost response exactly as on AWS, and decides itself whether to send the request again. Calls are counted
as attempts: a retry is a further one.

    with injecting(lost_answer(call("dynamodb", "TransactWriteItems"))):
        service.create_contact(...)
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

import botocore.endpoint
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.support.tracing import nothing_traced
from tests.support.transport import Attempt, Layer, Send, answer, intercepting, json_answer, json_of

Matcher = Callable[[Attempt], bool]


class Killed(BaseException):
    """The process was killed here. A BaseException: no ``except Exception`` may continue after it."""


def any_call(attempt: Attempt) -> bool:
    return True


def call(service: str, *operations: str) -> Matcher:
    """Calls of `service` ("dynamodb", "sqs", "sns", "s3"…): the named operations, or all of them."""
    return lambda attempt: attempt.service == service and (not operations or attempt.operation in operations)


@dataclass
class Fault:
    """The effect on matching attempts number `at` to `at + times - 1` (counted from 1; times None: without end)."""

    name: str
    act: Callable[[Attempt, Send], AWSResponse]
    matching: Matcher = any_call
    at: int = 1
    times: int | None = 1
    seen: int = 0
    fired: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        if not self.matching(attempt):
            return send(attempt)
        with self._lock:
            self.seen += 1
            due = self.seen >= self.at and (self.times is None or self.seen < self.at + self.times)
            self.fired += due
        return self.act(attempt, send) if due else send(attempt)


def throttle(matching: Matcher = any_call, *, at: int = 1, times: int | None = 3) -> Fault:
    """The service refuses for lack of capacity, with the error code of its kind, and carries nothing out."""
    return Fault("throttle", lambda attempt, send: _throttled(attempt), matching, at, times)


def lost_answer(
    matching: Matcher = any_call, *, at: int = 1, times: int | None = 1, timeout: bool = False
) -> Fault:
    """The call is carried out, then the connection breaks (or times out) before the response arrives."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        send(attempt)
        if timeout:
            raise ReadTimeoutError(endpoint_url=attempt.url, error="injected")
        raise ConnectionClosedError(endpoint_url=attempt.url, error="injected")

    return Fault("lost answer", act, matching, at, times)


def unreachable(matching: Matcher = any_call, *, at: int = 1, times: int | None = None) -> Fault:
    """The service cannot be reached, and nothing is carried out. Without end unless `times` is given."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        raise EndpointConnectionError(endpoint_url=attempt.url, error="injected")

    return Fault("unreachable", act, matching, at, times)


def server_error(
    matching: Matcher = any_call, *, at: int = 1, times: int | None = 1, status: int = 500
) -> Fault:
    """The service responds with 5xx, and nothing is carried out."""
    return Fault(
        "server error",
        lambda attempt, send: _error(attempt, status, "InternalServerError"),
        matching,
        at,
        times,
    )


def transaction_conflict(*, at: int = 1, times: int | None = 1) -> Fault:
    """TransactWriteItems is cancelled because another transaction holds its first item (no emulator does that)."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        others = len(attempt.params["TransactItems"]) - 1
        reasons = [{"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}]
        reasons += [{"Code": "None"}] * others
        codes = ", ".join(reason["Code"] for reason in reasons)
        members = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": f"Transaction cancelled, please refer cancellation reasons [{codes}]",
            "CancellationReasons": reasons,
        }
        return json_answer(attempt, 400, members)

    return Fault("transaction conflict", act, call("dynamodb", "TransactWriteItems"), at, times)


def kill_before(matching: Matcher = any_call, *, at: int) -> Fault:
    """The process is killed just before the `at`-th call is sent."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        raise Killed(f"before {attempt.service}.{attempt.operation}")

    return Fault("kill before", act, matching, at, 1)


def kill_after(matching: Matcher = any_call, *, at: int) -> Fault:
    """The `at`-th call is carried out; the process is killed before it sees the response."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        send(attempt)
        raise Killed(f"after {attempt.service}.{attempt.operation}")

    return Fault("kill after", act, matching, at, 1)


def unprocessed(
    matching: Matcher | None = None, *, at: int = 1, times: int | None = 1, done: int = 1
) -> Fault:
    """BatchWriteItem and BatchGetItem carry out only the first `done` entries and return the others as unprocessed."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        writes = attempt.operation == "BatchWriteItem"
        rest_name = "UnprocessedItems" if writes else "UnprocessedKeys"
        kept, rest = _split_batch(attempt.params["RequestItems"], done, writes)
        if not kept:
            members: dict[str, Any] = {} if writes else {"Responses": {}}
        else:
            response = send(attempt.with_params({**attempt.params, "RequestItems": kept}))
            if response.status_code != 200:
                return response
            members = json_of(response)
        return json_answer(attempt, 200, {**members, rest_name: rest})

    batches = matching or call("dynamodb", "BatchWriteItem", "BatchGetItem")
    return Fault("unprocessed", act, batches, at, times)


def _split_batch(tables: dict[str, Any], done: int, writes: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    kept: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for table, asked in tables.items():
        entries = asked if writes else asked["Keys"]
        taken, left = entries[:done], entries[done:]
        done -= len(taken)
        for target, part in ((kept, taken), (rest, left)):
            if part:
                target[table] = part if writes else {**asked, "Keys": part}
    return kept, rest


def _throttled(attempt: Attempt) -> AWSResponse:
    if attempt.service == "dynamodb":
        return _error(attempt, 400, "ProvisionedThroughputExceededException")
    if attempt.service == "s3":
        return _error(attempt, 503, "SlowDown")
    return _error(attempt, 400, "Throttling" if attempt.protocol == "query" else "ThrottlingException")


def _error(attempt: Attempt, status: int, code: str) -> AWSResponse:
    """Return an error response in the service's own protocol."""
    if attempt.protocol == "query":
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>injected</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>INJECTED</RequestId></ErrorResponse>"
        return answer(attempt, status, body.encode(), {"Content-Type": "text/xml"})
    if attempt.protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>injected</Message><RequestId>INJECTED</RequestId></Error>"
        return answer(attempt, status, body.encode(), {"Content-Type": "application/xml"})
    body = json.dumps({"__type": code, "message": "injected"})
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
    return answer(attempt, status, body.encode(), headers)


class Injector:
    """The active faults. `calls`: every attempt, as "service.Operation", in order."""

    def __init__(self, faults: tuple[Fault, ...], matching: Matcher = any_call) -> None:
        self.faults = faults
        self.calls: list[str] = []
        self._matching = matching

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        if self._matching(attempt):
            self.calls.append(f"{attempt.service}.{attempt.operation}")
        for fault in reversed(self.faults):
            send = _through(fault, send)
        return send(attempt)


def _through(fault: Fault, send: Send) -> Send:
    return lambda attempt: fault(attempt, send)


@contextmanager
def injecting(*faults: Fault) -> Iterator[Injector]:
    """Apply faults to every AWS call of the process.

    A fault that never took effect is an error of the test (it proved nothing) and raised at the end.
    """
    injector = Injector(faults)
    with intercepting(Layer.FAULTS, injector):
        yield injector
    idle = [fault.name for fault in faults if not fault.fired]
    if idle:
        raise AssertionError(f"injected faults that no call met: {', '.join(idle)}; calls: {injector.calls}")


@contextmanager
def without_pauses() -> Iterator[None]:
    """Let botocore repeat failed calls at once."""
    module: Any = botocore.endpoint  # uses `time` only for the pause before a retry
    before = module.time
    module.time = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    try:
        yield
    finally:
        module.time = before


def calls_of(run: Callable[[], object], matching: Matcher = any_call) -> list[str]:
    """Return the AWS calls that `run` makes, as "service.Operation", in order."""
    injector = Injector((), matching)
    with intercepting(Layer.FAULTS, injector):
        run()
    return injector.calls


@dataclass(frozen=True)
class KillPoint:
    """A boundary between two AWS calls of a run: just before or just after call `number` (from 1)."""

    number: int
    after: bool
    call: str
    matching: Matcher = any_call

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} call {self.number} ({self.call})"

    def kill(self, run: Callable[[], object]) -> bool:
        """Run until killed here; return True if it was killed, False if it ended before."""
        make = kill_after if self.after else kill_before
        fault = make(self.matching, at=self.number)
        with intercepting(Layer.FAULTS, fault):
            try:
                run()
            except Killed:
                return True
        return False


def kill_points(
    run: Callable[[], object], *, matching: Matcher = any_call, both_sides: bool = False
) -> list[KillPoint]:
    """Run `run` once and return every boundary between its AWS calls.

    Before each call and after the last; with `both_sides` after each call too, which differs where the code does
    something besides AWS calls (an HTTP request, a file) between two of them.
    """
    names = calls_of(run, matching)
    points = []
    for number, name in enumerate(names, start=1):
        points.append(KillPoint(number, False, name, matching))
        if both_sides or number == len(names):
            points.append(KillPoint(number, True, name, matching))
    return points


W = TypeVar("W")


def assert_same_after_kills(
    world: Callable[[], AbstractContextManager[W]],
    deliver: Callable[[W], object],
    state: Callable[[W], object],
    *,
    matching: Matcher = any_call,
    both_sides: bool = False,
    is_atomic: bool = False,
    sample: Callable[[list[KillPoint]], list[KillPoint]] = lambda points: points,
) -> int:
    """Check that a worker killed at every boundary between AWS calls, and then run again, leaves the state of an
    undisturbed run.

    `world` creates a new world, `deliver` does the work once, `state` returns what must be equal (leave out new ids and
    times). `is_atomic`: before it is run again, the work must be done as a whole or not at all. Returns how many
    boundaries were tried; `sample` may choose among them.
    """
    with world() as unharmed:
        before = state(unharmed) if is_atomic else None
        points = kill_points(lambda: deliver(unharmed), matching=matching, both_sides=both_sides)
        expected = state(unharmed)
    chosen = sample(points)
    for point in chosen:
        with ExitStack() as stack:
            with nothing_traced():
                killed = stack.enter_context(world())
                died = point.kill(partial(deliver, killed))
                assert died, f"the run did not come to {point}"
                left = state(killed) if is_atomic else None
            assert not is_atomic or left in (before, expected), f"killed {point}: {left!r}"
            deliver(killed)
            with nothing_traced():
                found = state(killed)
        assert found == expected, f"killed {point} and redelivered: {found!r} instead of {expected!r}"
    return len(chosen)


def assert_same_under_throttling(
    world: Callable[[], AbstractContextManager[W]],
    deliver: Callable[[W], object],
    state: Callable[[W], object],
    *,
    matching: Matcher = any_call,
    times: int = 3,
    sample: Callable[[list[tuple[int, str]]], list[tuple[int, str]]] = lambda calls: calls,
) -> int:
    """Check that work that is throttled `times` times at each of its AWS calls in turn ends in the same state.

    Returns how many calls were throttled; `sample` may choose among them, by number (from 1) and name.
    """
    with world() as unharmed:
        names = calls_of(lambda: deliver(unharmed), matching)
        expected = state(unharmed)
    chosen = sample([*enumerate(names, start=1)])
    for number, name in chosen:
        with nothing_traced(), world() as throttled:
            with injecting(throttle(matching, at=number, times=times)):
                deliver(throttled)
            found = state(throttled)
        assert found == expected, f"call {number} ({name}) throttled: {found!r} instead of {expected!r}"
    return len(chosen)
