"""A tracer sees what calls AWS and what follows, and nothing of the call itself."""

from __future__ import annotations

import sys
import textwrap
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.aws import Stack
from tests.support.cpu_time import cpu_seconds
from tests.support.tracing import aws_calls_untraced, is_repetition, note_repetitions, nothing_traced


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


@dataclass
class _Item:
    """A collected test, as far as its repetition depends on it."""

    nodeid: str
    stash: pytest.Stash = field(default_factory=pytest.Stash)


def test_properties_and_the_third_case_of_a_test_are_repetitions_and_no_unit_test_is() -> None:
    names = {
        "tests/properties/feed/test_replica.py::test_a_replica_is_whole": True,
        "tests/integration/test_history.py::test_a_history[one]": False,
        "tests/integration/test_history.py::test_a_history[two]": False,
        "tests/integration/test_history.py::test_a_history[three]": True,
        "tests/integration/test_load.py::test_a_history[one]": False,
        "tests/unit/notes/test_texts.py::test_texts[1]": False,
        "tests/unit/notes/test_texts.py::test_texts[2]": False,
        "tests/unit/notes/test_texts.py::test_texts[3]": False,
    }
    items: Any = [_Item(name) for name in names]
    note_repetitions(items)
    assert {item.nodeid: item.stash[is_repetition] for item in items} == names


def test_what_is_traced_again_after_a_repetition_is_seen(traced: list[str]) -> None:
    with nothing_traced():
        textwrap.dedent("a")
        thread = threading.Thread(target=textwrap.dedent, args=("a",))
        thread.start()
        thread.join()
    assert "textwrap.py" not in traced
    textwrap.dedent("a")
    assert "textwrap.py" in traced
