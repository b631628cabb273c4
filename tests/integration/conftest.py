"""Fixtures of the tests against moto."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter

from shared import observability
from shared.services import backoff
from tests.integration.world import World
from tests.integration.worlds import Worlds
from tests.support.aws import Stack
from tests.support.template import Template
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    """A stack with the tenant T1 in it."""
    return World(aws_stack, token_issuer)


@pytest.fixture
def worlds(template: Template, token_issuer: TokenIssuer) -> Worlds:
    """A maker of fresh worlds, for tests that need one for each place where something may break."""
    return Worlds(template, token_issuer)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses between attempts take no time; the longest each could have been is noted here, in seconds."""
    noted: list[float] = []

    class Shortest(float):
        """A fraction of nothing, which notes what it is taken of."""

        def __mul__(self, longest: float) -> float:
            noted.append(longest)
            return 0.0

    monkeypatch.setattr(backoff, "fraction", Shortest)
    return noted


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, down to DEBUG, as text."""
    text = io.StringIO()
    service = logging.getLogger("contacts")
    observability.logger()
    handler = logging.StreamHandler(text)
    handler.setLevel(logging.DEBUG)
    formatters = [
        known.formatter for known in service.handlers if isinstance(known.formatter, BasePowertoolsFormatter)
    ]
    handler.setFormatter(formatters[0])
    level = service.level
    service.addHandler(handler)
    service.setLevel(logging.DEBUG)
    yield text
    service.removeHandler(handler)
    service.setLevel(level)
