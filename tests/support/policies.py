"""The permissions of an IAM policy, evaluated as IAM does for the parts that infra/template.yaml uses.

According to "Policy evaluation logic" and "Creating a condition with multiple keys or values" of the AWS IAM User
Guide: silence denies, a Deny wins, all conditions of a statement must hold, `ForAllValues` holds for an absent key, and
`Null` tests whether it is absent. Anything else raises NotImplementedError: a guess might allow too much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Statement = Mapping[str, Any]
LEADING_KEYS = "dynamodb:LeadingKeys"


@dataclass(frozen=True)
class Request:
    """A request to IAM. `context`: condition keys with their values; absent keys are not in it."""

    action: str
    resource: str
    context: Mapping[str, Sequence[str]]


def allows(statements: Iterable[Statement], request: Request) -> bool:
    """Whether statements (with evaluated intrinsic functions) allow a request."""
    effects = {one["Effect"] for one in statements if _applies(one, request)}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Statement, request: Request) -> bool:
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"statements with {sorted(unknown)}")
    return (
        any(is_like(one.lower(), request.action.lower()) for one in _listed(statement["Action"]))
        and any(is_like(one, request.resource) for one in _listed(statement["Resource"]))
        and all(
            _OPERATORS[operator](request.context.get(key), _listed(wanted))
            for operator, conditions in (statement.get("Condition") or {}).items()
            for key, wanted in conditions.items()
        )
    )


def is_like(pattern: str, value: str) -> bool:
    """Match IAM's wildcards: `*` is any run of characters, including `#` and `/`, `?` any single one."""
    return _expression(pattern).fullmatch(value) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if part == "*" else "." if part == "?" else re.escape(part)
        for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _for_all_like(values: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    return all(any(is_like(pattern, value) for pattern in wanted) for value in values or ())


def _is_null(values: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    (absent,) = wanted
    return (not values) == {"true": True, "false": False}[str(absent).lower()]


def _for_all_equal(values: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    return all(value in wanted for value in values or ())


class _Known(dict[str, Callable[[Sequence[str] | None, Sequence[str]], bool]]):
    def __missing__(self, operator: str) -> Callable[[Sequence[str] | None, Sequence[str]], bool]:
        raise NotImplementedError(f"the condition operator {operator}")


_OPERATORS = _Known(
    {
        "ForAllValues:StringEquals": _for_all_equal,
        "ForAllValues:StringLike": _for_all_like,
        "Null": _is_null,
    }
)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/contacts"
INDEX = f"{TABLE}/index/work"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0190a8b0"

# By operation, the actions that IAM checks, each with the leading keys of its part of the request ("IAM with
# DynamoDB transactions" and "IAM security policies with PartiQL" in the Amazon DynamoDB Developer Guide).
_WHOLE: dict[str, tuple[str, str]] = {
    "GetItem": ("GetItem", TABLE),
    "PutItem": ("PutItem", TABLE),
    "UpdateItem": ("UpdateItem", TABLE),
    "DeleteItem": ("DeleteItem", TABLE),
    "Query": ("Query", TABLE),
    "Query index": ("Query", INDEX),
    "BatchGetItem": ("BatchGetItem", TABLE),
    "BatchWriteItem": ("BatchWriteItem", TABLE),
    "Scan": ("Scan", TABLE),
    "Scan index": ("Scan", INDEX),
    "ExecuteStatement": ("PartiQLSelect", TABLE),
    "BatchExecuteStatement": ("PartiQLUpdate", TABLE),
    "ExecuteTransaction": ("PartiQLInsert", TABLE),
}
_BY_PART: dict[str, tuple[str, ...]] = {
    "TransactGetItems": ("GetItem",),
    "TransactWriteItems": ("PutItem", "DeleteItem"),
    "ConditionCheck": ("ConditionCheckItem",),
}
OPERATIONS = (*_WHOLE, *_BY_PART)
PARTS = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""Return the parts of a transaction, each with the action that IAM checks for it."""


def asks_of_transaction(parts: Iterable[tuple[str, str]]) -> list[Request]:
    """Return the requests that IAM checks for the parts of a transaction, each with its partition key."""
    return [Request(f"dynamodb:{PARTS[part]}", TABLE, context_of([key])) for part, key in parts]


def asks(operation: str, keys: Sequence[str]) -> list[Request]:
    """Return the requests that IAM checks when an operation names partition keys; all must be allowed."""
    if operation in _WHOLE:
        action, resource = _WHOLE[operation]
        return [Request(f"dynamodb:{action}", resource, context_of(keys))]
    return [
        Request(f"dynamodb:{action}", TABLE, context_of(part))
        for action in _BY_PART[operation]
        for part in ([[key] for key in keys] or [[]])
    ]


def asks_of_key_service(operation: str, encryption_context: Mapping[str, str]) -> Request:
    """Return the request that IAM checks for an operation of KMS ("Condition keys for AWS KMS" in the AWS KMS Developer
    Guide).
    """
    context: dict[str, Sequence[str]] = {
        f"kms:EncryptionContext:{name}": [value] for name, value in encryption_context.items()
    }
    if encryption_context:
        context["kms:EncryptionContextKeys"] = list(encryption_context)
    return Request(f"kms:{operation}", KEY, context)


def context_of(keys: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return the condition keys of a request that names these partition keys."""
    return {LEADING_KEYS: keys} if keys else {}
