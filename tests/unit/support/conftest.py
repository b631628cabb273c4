"""A small stack of its own, so that the harness is tested independently of the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws import Stack, stack_in_moto
from tests.support.fixtures import receiver, tenant_guard, token_issuer
from tests.support.template import Template

__all__ = ["receiver", "tenant_guard", "token_issuer"]

SAMPLE = Path(__file__).with_name("sample.yaml")


@pytest.fixture(scope="session")
def sample() -> Template:
    return Template.load(SAMPLE)


@pytest.fixture
def stack(sample: Template) -> Iterator[Stack]:
    with stack_in_moto(sample) as made:
        yield made


@pytest.fixture
def dynamodb(stack: Stack) -> Any:
    return stack.client("dynamodb")


@pytest.fixture
def item(stack: Stack) -> Callable[..., dict[str, Any]]:
    """Return the arguments of a PutItem for a row of tenant t1, with changes."""

    def make(pk: str = "T#t1#C#1", sk: str = "CONTACT", **attributes: Any) -> dict[str, Any]:
        return {"TableName": stack.table_name, "Item": {"PK": {"S": pk}, "SK": {"S": sk}, **attributes}}

    return make
