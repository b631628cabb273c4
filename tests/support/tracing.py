"""Keeps coverage.py's tracer out of AWS calls, where botocore and moto run, and out of what repeats with other values
or in another order what other tests execute.

On CPython 3.11 a tracer slows down all Python code that runs in its thread: the properties of the feed take 60 % more
CPU time with it, the unit tests of webhooks and the interleavings of projections twice as much. So the coverage that
`make coverage` prints is what the traced tests execute; all tests together execute at least as much. Not traced are:

* AWS calls. Of the product, `shared/table/answers.py` and what botocore calls of `shared/aws.py` run within them
* the properties, which repeat with drawn values what unit tests execute
* of a test with many cases, the cases after the first two, except in the unit tests, whose cases are the branches of a
  rule
* runs that are killed or throttled at one call after the other (`faults`), except for those that follow a kill
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

ONLY_REPEATS = "tests/properties/"
ALL_CASES = "tests/unit/"
TRACED_CASES = 2

is_repetition = pytest.StashKey[bool]()
"""Whether a test repeats what others execute, in its stash."""


def note_repetitions(items: Iterable[pytest.Item]) -> None:
    """Note in each test whether it repeats what others execute. The result depends only on the tests collected."""
    cases = Counter[str]()
    for item in items:
        function = item.nodeid.partition("[")[0]
        cases[function] += 1
        item.stash[is_repetition] = item.nodeid.startswith(ONLY_REPEATS) or (
            cases[function] > TRACED_CASES and not item.nodeid.startswith(ALL_CASES)
        )


@contextmanager
def aws_calls_untraced() -> Iterator[None]:
    """Switch the tracer off in each call of an AWS client, until the block ends."""
    hooked: Any = BaseClient
    whole = hooked._make_api_call

    def call(self: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
        trace = sys.gettrace()
        if trace is None:
            return whole(self, operation_name, api_params)
        sys.settrace(None)
        try:
            return whole(self, operation_name, api_params)
        finally:
            sys.settrace(trace)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hooked, "_make_api_call", call)
        yield


@contextmanager
def nothing_traced() -> Iterator[None]:
    """Switch the tracer off in this thread, and in threads that it starts, until the block ends."""
    trace, trace_of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(trace_of_threads)
        sys.settrace(trace)
