"""The LeadingKeys guard: the check that `dynamodb:LeadingKeys` makes on AWS and that no emulator makes.

While `guarding()` is active, every DynamoDB request of this process is checked as it goes on the wire. Each partition
key that it names (of an item, of every item of a batch or transaction, or bound in a Query's key condition, on the
table or an index) must begin with ``T#<tenant>#`` of the tenant that the running code acts for, or with a prefix that
its scope declares. Scan, PartiQL and operations unknown here are always refused. The closing ``#`` is part of the
comparison, so tenant 1 is refused tenant 10's keys.

A refusal raises `LeadingKeyViolation`, a BaseException that no ``except Exception`` swallows, and is recorded, so that
the fixture fails the test even where it was swallowed.

Scopes say which tenant code acts for. They nest, the innermost counts, and threads started inside a scope (also through
a ThreadPoolExecutor) share it: `acting_for`, `acting_for_system`, `inferring_tenant`, `as_operator`.
"""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.awsrequest import AWSResponse

from tests.support.table_schema import tables
from tests.support.transport import Attempt, Layer, Send, intercepting

TENANT_KEY = re.compile(r"T#([^#]+)#")

# The calls that the set-up of a test may make; none of them reads or writes an item.
CONTROL_PLANE = frozenset(
    {
        "CreateTable",
        "DeleteTable",
        "DescribeContinuousBackups",
        "DescribeEndpoints",
        "DescribeLimits",
        "DescribeTable",
        "DescribeTimeToLive",
        "ListTables",
        "ListTagsOfResource",
        "TagResource",
        "UpdateContinuousBackups",
        "UpdateTable",
        "UpdateTimeToLive",
    }
)


class LeadingKeyViolation(BaseException):
    """A DynamoDB call outside the tenant that the code acts for."""


@dataclass
class Scope:
    """The keys that may be touched.

    `tenants`: tenant ids; `prefixes`: other beginnings of partition keys; `infers`: the first tenant touched becomes
    the only one; `operator`: anything, including scans.
    """

    tenants: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    infers: bool = False
    operator: bool = False
    inferred: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def allows(self, key: str) -> bool:
        if key.startswith(self.prefixes):
            return True
        found = TENANT_KEY.match(key)
        if found is None:
            return False
        tenant = found[1]
        if tenant in self.tenants:
            return True
        if not self.infers:
            return False
        with self._lock:
            if self.inferred is None:
                self.inferred = tenant
            return self.inferred == tenant

    def __str__(self) -> str:
        if self.infers:
            whom = f"the one tenant {self.inferred}" if self.inferred else "one tenant, none touched yet"
        else:
            whom = f"tenants {sorted(self.tenants)}"
        return f"{whom}, prefixes {list(self.prefixes)}"


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("tenant_guard_scope", default=None)
_NOBODY = Scope()


def current_scope() -> Scope:
    return _scope.get() or _NOBODY


@contextmanager
def _within(scope: Scope) -> Iterator[Scope]:
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


@contextmanager
def acting_for(*tenants: str, prefixes: Iterable[str] = ()) -> Iterator[Scope]:
    """Code inside may touch these tenants' keys (usually one tenant's), and keys that begin with `prefixes`."""
    with _within(Scope(frozenset(tenants), tuple(prefixes))) as scope:
        yield scope


@contextmanager
def acting_for_system(*prefixes: str) -> Iterator[Scope]:
    """Code inside belongs to no tenant: it may touch only keys with these beginnings (``U#``, ``DUE#``; ``T#`` for
    every tenant).
    """
    with _within(Scope(prefixes=prefixes)) as scope:
        yield scope


@contextmanager
def inferring_tenant(*prefixes: str) -> Iterator[Scope]:
    """An invocation whose tenant is not known beforehand: the first tenant that it touches is the only one."""
    with _within(Scope(prefixes=prefixes, infers=True)) as scope:
        yield scope


@contextmanager
def as_operator() -> Iterator[Scope]:
    """The test itself reads or prepares the whole table, as an operator's credentials would allow."""
    with _within(Scope(operator=True)) as scope:
        yield scope


class TenantGuard:
    """The active guard. `violations`: the refused calls, in words."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        if attempt.service == "dynamodb":
            scope = current_scope()
            if not scope.operator:
                self._check(attempt, scope)
        return send(attempt)

    def _check(self, attempt: Attempt, scope: Scope) -> None:
        if attempt.operation in CONTROL_PLANE:
            return
        if attempt.operation not in _READERS:
            self._refuse(f"{attempt.operation} is never allowed to a function")
            return
        for table, key in named_keys(attempt):
            if not isinstance(key, str):
                self._refuse(f"{attempt.operation} on {table}: no partition key could be made out ({key!r})")
            elif not scope.allows(key):
                self._refuse(f"{attempt.operation} on {table}: key {key!r} while acting for {scope}")

    def _refuse(self, what: str) -> None:
        self.violations.append(what)
        raise LeadingKeyViolation(what)

    def verify(self) -> None:
        """Raise AssertionError if any call was refused, even where the refusal itself was not noticed."""
        if self.violations:
            raise AssertionError("outside the caller's tenant:\n" + "\n".join(self.violations))

    @contextmanager
    def expecting_violations(self) -> Iterator[list[str]]:
        """For tests of the guard: return what is refused inside instead of failing the test."""
        before = len(self.violations)
        seen: list[str] = []
        try:
            yield seen
        finally:
            seen.extend(self.violations[before:])
            del self.violations[before:]


_Keys = Iterator[tuple[str, Any]]


def _string(value: Any) -> Any:
    return value.get("S") if isinstance(value, dict) else value


def _item_key(attempt: Attempt, table: str, item: dict[str, Any]) -> tuple[str, Any]:
    return table, _string(item.get(tables.schema(attempt, table).partition_key))


def _single(member: str) -> Callable[[Attempt], _Keys]:
    def read(attempt: Attempt) -> _Keys:
        yield _item_key(attempt, attempt.params["TableName"], attempt.params[member])

    return read


def _batch_get(attempt: Attempt) -> _Keys:
    for table, request in attempt.params["RequestItems"].items():
        for key in request["Keys"]:
            yield _item_key(attempt, table, key)


def _batch_write(attempt: Attempt) -> _Keys:
    for table, requests in attempt.params["RequestItems"].items():
        for request in requests:
            for action in request.values():
                yield _item_key(attempt, table, action.get("Item") or action["Key"])


def _transaction(attempt: Attempt) -> _Keys:
    for entry in attempt.params["TransactItems"]:
        for action in entry.values():
            yield _item_key(attempt, action["TableName"], action.get("Item") or action["Key"])


def _query(attempt: Attempt) -> _Keys:
    params = attempt.params
    table = params["TableName"]
    schema = tables.schema(attempt, table)
    where = table
    partition_key = schema.partition_key
    if index_name := params.get("IndexName"):
        where = f"{table}/{index_name}"
        if index_name not in schema.indexes:
            yield where, None
            return
        partition_key = schema.indexes[index_name].partition_key
    yield where, bound_partition_key(params, partition_key)


def bound_partition_key(params: dict[str, Any], partition_key: str) -> Any:
    """Return the value that a Query's key condition binds to `partition_key`, or None if it cannot be determined.

    >>> bound_partition_key({"KeyConditionExpression": "#p = :p", "ExpressionAttributeNames": {"#p": "PK"},
    ...     "ExpressionAttributeValues": {":p": {"S": "T#t#FEED"}}}, "PK")
    'T#t#FEED'
    """
    if "KeyConditions" in params:
        condition = params["KeyConditions"].get(partition_key, {})
        values = condition.get("AttributeValueList", [])
        return (
            _string(values[0]) if condition.get("ComparisonOperator") == "EQ" and len(values) == 1 else None
        )
    names = params.get("ExpressionAttributeNames", {})
    values = params.get("ExpressionAttributeValues", {})
    bound = []
    for left, right in _EQUALITY.findall(params.get("KeyConditionExpression", "")):
        # DynamoDB accepts an equality in either order.
        name, placeholder = (left, right) if right.startswith(":") else (right, left)
        if names.get(name, name) == partition_key:
            bound.append(_string(values.get(placeholder)))
    return bound[0] if len(bound) == 1 else None


# A single "=" (not part of "<=", ">=", "<>") between two words, each a name, a #name or a :value.
_EQUALITY = re.compile(r"([#:]?[\w.-]+)\s*(?<![<>])=\s*([#:]?[\w.-]+)")

_READERS: dict[str, Callable[[Attempt], _Keys]] = {
    "GetItem": _single("Key"),
    "PutItem": _single("Item"),
    "UpdateItem": _single("Key"),
    "DeleteItem": _single("Key"),
    "Query": _query,
    "BatchGetItem": _batch_get,
    "BatchWriteItem": _batch_write,
    "TransactGetItems": _transaction,
    "TransactWriteItems": _transaction,
}


def named_keys(attempt: Attempt) -> Iterator[tuple[str, Any]]:
    """Return the table, or the index, and the partition key of each part of a request, in its order."""
    return _READERS[attempt.operation](attempt)


@contextmanager
def guarding() -> Iterator[TenantGuard]:
    """Guard every DynamoDB call of the process, in all threads, until the block ends."""
    guard = TenantGuard()
    with _scopes_follow_threads(), intercepting(Layer.GUARD, guard):
        yield guard


_T = TypeVar("_T")


@contextmanager
def _scopes_follow_threads() -> Iterator[None]:
    """Run a new thread, and each task given to an executor, in the context of the thread that started it."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def start_in_context(self: threading.Thread) -> None:
        context, run = contextvars.copy_context(), self.run
        self.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(self)

    def submit_in_context(
        self: ThreadPoolExecutor, fn: Callable[..., _T], /, *args: Any, **kwargs: Any
    ) -> Future[_T]:
        return submit(self, contextvars.copy_context().run, fn, *args, **kwargs)

    threading.Thread.start = start_in_context  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_in_context  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]
