"""The world of the tests of accounts."""

from __future__ import annotations

import pytest

from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.gateway import Gateway
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    """A stack with the tenant T1 in it, whose gateway asks the authorizer at each request: rights change meanwhile."""
    made = World(aws_stack, token_issuer)
    made.gateway = Gateway(aws_stack.template)
    return made
