"""Fixtures of the tests through the gateway."""

from __future__ import annotations

import pytest

from tests.integration.conftest import logs, waits
from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy

__all__ = ["logs", "t1", "t10", "waits", "world"]


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    """A stack with the tenant T1 in it."""
    return World(aws_stack, token_issuer)


@pytest.fixture
def t1(world: World) -> Tenancy:
    return world.t1


@pytest.fixture
def t10(world: World) -> Tenancy:
    return world.tenant("T10")
