"""The harness for every test, and two tenants for those that ask for them."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import botocore.session
import pytest

from tests.support.aws import Stack
from tests.support.fixtures import *  # noqa: F403
from tests.support.tokens import TokenIssuer
from tests.tenants import Tenancy, settle


@pytest.fixture(scope="session", autouse=True)
def service_models_read_once() -> Iterator[None]:
    """botocore's descriptions of services are read from disk once, though each test starts with a cold process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture
def t1(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T1")


@pytest.fixture
def t10(aws_stack: Stack, token_issuer: TokenIssuer) -> Tenancy:
    return settle(token_issuer, "T10")
