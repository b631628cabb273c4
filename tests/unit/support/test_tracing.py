"""A tracer sees what calls AWS and what follows, and nothing of the call itself."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.aws import Stack
from tests.support.cpu_time import cpu_seconds
from tests.support.tracing import aws_calls_untraced


@pytest.fixture
def traced() -> Iterator[list[str]]:
    """The names of the files whose functions a tracer sees called, while a test runs."""
    files: list[str] = []
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        files.append(Path(frame.f_code.co_filename).name)

    sys.settrace(trace)
    yield files
    sys.settrace(before)


def test_an_aws_call_is_not_traced_and_what_follows_it_is(stack: Stack, traced: list[str]) -> None:
    client = stack.client("sqs")
    with aws_calls_untraced():
        client.list_queues()
        with pytest.raises(client.exceptions.QueueDoesNotExist):
            client.get_queue_url(QueueName="none")
    assert "tracing.py" in traced
    assert "endpoint.py" not in traced
    traced.clear()
    stack.ref("after")
    assert traced == ["aws.py"]


def test_a_call_whose_time_is_measured_is_not_traced(traced: list[str]) -> None:
    cpu_seconds(lambda: textwrap.dedent("a"))
    assert "textwrap.py" not in traced
    textwrap.dedent("a")
    assert "textwrap.py" in traced
