"""Keeps coverage.py's tracer out of AWS calls, where botocore and moto run: that is most of what the tests do. It is
also kept out of tests that repeat in every order what others execute once.

Measured on CPython 3.11, where a tracer slows down all that runs in its thread: with it the tests take 60 % more CPU
time, and without it in AWS calls 5 % (217 tests of tests/integration and tests/gateway). Of the product,
`shared/table/answers.py` and what botocore calls of `shared/aws.py` run within these calls. The interleavings of
`tests/unit/projections` take twice as long with a tracer.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient


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
