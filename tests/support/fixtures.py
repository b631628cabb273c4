"""The harness as pytest fixtures; a conftest takes them with ``from tests.support.fixtures import *``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws import Stack, stack_in_moto
from tests.support.gateway import Gateway
from tests.support.receiver import Receiver
from tests.support.roles import RoleGuard, holding_to_roles
from tests.support.template import Template
from tests.support.tenant_guard import TenantGuard, guarding
from tests.support.tokens import TokenIssuer
from tests.support.tracing import nothing_traced

__all__ = [
    "aws_stack",
    "gateway",
    "racing_gateway",
    "receiver",
    "role_guard",
    "template",
    "tenant_guard",
    "token_issuer",
    "untraced",
]


@pytest.fixture(autouse=True)
def tenant_guard() -> Iterator[TenantGuard]:
    """The guard, active in every test. A refused call fails the test, even where the refusal was swallowed."""
    with guarding() as guard:
        yield guard
    guard.verify()


@pytest.fixture(autouse=True)
def role_guard(tenant_guard: TenantGuard) -> Iterator[RoleGuard]:
    """The roles, active in every test, which fail it likewise."""
    with holding_to_roles() as guard:
        yield guard
    guard.verify()


@pytest.fixture(scope="session")
def template() -> Template:
    return Template.load()


@pytest.fixture(scope="session")
def token_issuer() -> Iterator[TokenIssuer]:
    with TokenIssuer().serving() as issuer:
        yield issuer


@pytest.fixture
def aws_stack(template: Template, token_issuer: TokenIssuer) -> Iterator[Stack]:
    with stack_in_moto(template, token_issuer, WEBHOOK_LOOPBACK="1") as stack:
        yield stack


@pytest.fixture
def gateway(aws_stack: Stack) -> Gateway:
    return Gateway(aws_stack.template)


@pytest.fixture
def racing_gateway(aws_stack: Stack) -> Gateway:
    """A gateway for concurrent requests: `together` switches between them at every AWS call."""
    return Gateway(aws_stack.template, isolation="interleaved")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as listening:
        yield listening


@pytest.fixture
def untraced() -> Iterator[None]:
    """For tests that repeat what others execute once: coverage.py does not see them."""
    with nothing_traced():
        yield
