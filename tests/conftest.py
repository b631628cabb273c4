"""The harness for every test, and two tenants for those that ask for them."""

from __future__ import annotations

import pytest

from tests.support.aws import Stack
from tests.support.fixtures import *  # noqa: F403
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy, settle


@pytest.fixture
def t1(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T1")


@pytest.fixture
def t10(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T10")
