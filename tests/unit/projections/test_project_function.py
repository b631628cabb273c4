"""The answers of the function that projects the stream."""

from __future__ import annotations

from typing import Any

import pytest

from functions.changes import on_stream_project
from shared.domain.errors import Unavailable
from tests.support.lambda_context import lambda_context


class Failing:
    """Projections that fail for one tenant."""

    def __init__(self, tenant_id: str) -> None:
        self._tenant = tenant_id

    def project_each_tenant(self, images: Any, *, replaced: Any) -> dict[str, Exception]:
        return {self._tenant: Unavailable()}


def record(tenant_id: str, number: int) -> dict[str, Any]:
    keys = {"PK": {"S": f"T#{tenant_id}#C#{number}"}, "SK": {"S": "CONTACT"}}
    image = {**keys, "version": {"N": "1"}}
    return {"dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": str(number)}}


def handle(monkeypatch: pytest.MonkeyPatch, failing: str, *tenants: str) -> dict[str, Any]:
    monkeypatch.setattr(on_stream_project, "projection", lambda: Failing(failing))
    records = [record(tenant_id, number) for number, tenant_id in enumerate(tenants)]
    return on_stream_project.handler({"Records": records}, lambda_context("project"))


def test_a_failure_behind_others_is_answered_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = handle(monkeypatch, "t2", "t1", "t1", "t2", "t1", "t2")
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


def test_a_failure_at_the_beginning_raises_so_that_lambda_halves_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unavailable):
        handle(monkeypatch, "t2", "t2", "t1", "t2")
