"""The roles of functions: the permissions that IAM would give each in the table and in KMS, checked before every call
of a function.

No emulator sets `dynamodb:LeadingKeys`, so a role that is too narrow would be noticed only on AWS, and one that is too
wide nowhere. While code runs `under_role`, every request to DynamoDB and KMS is checked against that role's statements
in infra/template.yaml, part by part as IAM does (`policies`). A request that they do not allow raises `AccessRefused`,
a BaseException that no ``except Exception`` swallows, and is recorded, so that the fixture fails the test even where it
was swallowed.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from botocore.awsrequest import AWSResponse

from tests.support.policies import (
    INDEX,
    KEY,
    TABLE,
    Request,
    Statement,
    allows,
    asks_of_key_service,
    asks_of_transaction,
    context_of,
)
from tests.support.template import NoNames, Template
from tests.support.tenant_guard import CONTROL_PLANE, current_scope, named_keys
from tests.support.transport import Attempt, Layer, Send, intercepting


class AccessRefused(BaseException):
    """A call of DynamoDB or KMS that the function's role does not allow."""


@dataclass(frozen=True)
class Role:
    """A role of the template, with evaluated intrinsic functions."""

    name: str
    statements: Sequence[Statement]


class _Arns(NoNames):
    def attribute(self, logical_id: str, attribute: str) -> str:
        known = {
            ("Table", "Arn"): TABLE,
            ("Table", "StreamArn"): f"{TABLE}/stream/2026",
            ("SecretsKey", "Arn"): KEY,
        }
        return known.get((logical_id, attribute), f"arn:aws:other:::{logical_id}/{attribute}")

    def ref(self, logical_id: str) -> str:
        return logical_id


@cache
def roles_of(template: Template) -> Mapping[str, Role]:
    """Return every role of a template that has policies of its own, as functions' roles have, by its logical id."""
    return {
        name: Role(
            name,
            [
                statement
                for policy in template.resolve(role["Policies"], _Arns())
                for statement in policy["PolicyDocument"]["Statement"]
            ],
        )
        for name, role in template.resources("AWS::IAM::Role").items()
        if "Policies" in role
    }


def role_of(template: Template, function: str) -> Role | None:
    """Return the role of a function; None when its template names none."""
    name = template.role(function)
    return roles_of(template)[name] if name else None


_role: contextvars.ContextVar[Role | None] = contextvars.ContextVar("role", default=None)


@contextmanager
def under_role(role: Role | None) -> Iterator[None]:
    """Code inside has the permissions of a role in the table; with None all permissions."""
    token = _role.set(role)
    try:
        yield
    finally:
        _role.reset(token)


@dataclass
class RoleGuard:
    """The active guard. `violations`: the refused calls, in words."""

    violations: list[str] = field(default_factory=list)

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        role = _role.get()
        if role and attempt.service in ("dynamodb", "kms") and not current_scope().operator:
            for request in requests_of(attempt):
                if not allows(role.statements, request):
                    self._refuse(f"{role.name} does not allow {request.action} with {dict(request.context)}")
        return send(attempt)

    def _refuse(self, what: str) -> None:
        self.violations.append(what)
        raise AccessRefused(what)

    def verify(self) -> None:
        """Raise AssertionError if any call was refused, even where the refusal itself was not noticed."""
        if self.violations:
            raise AssertionError("not allowed by the function's role:\n" + "\n".join(self.violations))


def requests_of(attempt: Attempt) -> Iterator[Request]:
    """Return the requests that IAM checks for a request to DynamoDB or KMS."""
    if attempt.service == "kms":
        yield asks_of_key_service(attempt.operation, attempt.params.get("EncryptionContext") or {})
        return
    if attempt.operation in CONTROL_PLANE:
        return
    keys = [key for _, key in named_keys(attempt)]
    if attempt.operation.startswith("Transact"):
        parts = [part for entry in attempt.params["TransactItems"] for part in entry]
        yield from asks_of_transaction(zip(parts, keys, strict=True))
    else:
        resource = INDEX if attempt.params.get("IndexName") else TABLE
        yield Request(f"dynamodb:{attempt.operation}", resource, context_of(keys))


@contextmanager
def holding_to_roles() -> Iterator[RoleGuard]:
    """Check every call of DynamoDB and KMS made under a role, in all threads, until the block ends."""
    guard = RoleGuard()
    with intercepting(Layer.GUARD, guard):
        yield guard
