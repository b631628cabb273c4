"""The harness's only hook into botocore.

Every attempt of every AWS call in this process, by any client, passes ``Endpoint._do_get_response``: retries are
decided above it, and moto (``before-send``) or the network respond below it. Interceptors installed here see the
request as it goes on the wire and can respond in its place; botocore parses and retries by what they return. botocore
treats exceptions raised by an interceptor as transport errors; a BaseException goes directly to the caller.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.endpoint import Endpoint
from botocore.hooks import first_non_none_response
from botocore.model import OperationModel


class Layer(IntEnum):
    """Order of interceptors, from the caller to the wire."""

    GUARD = 10
    SCHEDULER = 20
    FAULTS = 30
    METER = 40
    EMULATOR = 50


@dataclass
class Attempt:
    """An attempt on its way: a call of the program, or a retry of it by botocore."""

    operation_model: OperationModel
    request: AWSPreparedRequest

    @property
    def service(self) -> str:
        return str(self.operation_model.service_model.service_name)

    @property
    def operation(self) -> str:
        return str(self.operation_model.name)

    @property
    def protocol(self) -> str:
        return str(self.operation_model.service_model.resolved_protocol)

    @property
    def url(self) -> str:
        return str(self.request.url)

    @cached_property
    def params(self) -> dict[str, Any]:
        """The request's members as sent, for JSON services (DynamoDB, SQS, EventBridge…); otherwise empty."""
        if self.protocol != "json" or not self.request.body:
            return {}
        body = self.request.body
        parsed = json.loads(body if isinstance(body, (str, bytes, bytearray)) else body.read())
        assert isinstance(parsed, dict)
        return parsed

    def with_params(self, params: dict[str, Any]) -> Attempt:
        """Return the same request with other members. Its signature no longer matches: only for emulators."""
        body = json.dumps(params).encode()
        request = self.request.copy() if hasattr(self.request, "copy") else self.request
        request = AWSPreparedRequest(
            request.method, request.url, cast(Any, request.headers).copy(), body, request.stream_output
        )
        request.headers["Content-Length"] = str(len(body))
        return Attempt(self.operation_model, request)


Send = Callable[[Attempt], AWSResponse]
Interceptor = Callable[[Attempt, Send], AWSResponse]


class _Raw(io.BytesIO):
    """The part of urllib3's response that botocore reads."""

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        chunk = self.read()
        if chunk:
            yield chunk


def answer(attempt: Attempt, status: int, body: bytes, headers: dict[str, str] | None = None) -> AWSResponse:
    """Return an HTTP response made here, for botocore to parse as if the service had sent it."""
    found = {"x-amzn-RequestId": "INJECTED", "Content-Length": str(len(body)), **(headers or {})}
    return AWSResponse(attempt.url, status, cast(Any, found), _Raw(body))


def json_answer(attempt: Attempt, status: int, members: dict[str, Any]) -> AWSResponse:
    return answer(
        attempt, status, json.dumps(members).encode(), {"Content-Type": "application/x-amz-json-1.0"}
    )


def json_of(response: AWSResponse) -> dict[str, Any]:
    """Return the members of a JSON response (it remains readable for botocore)."""
    parsed = json.loads(response.content or b"{}")
    assert isinstance(parsed, dict)
    return parsed


@dataclass
class _Chain:
    entries: list[tuple[int, int, Interceptor]] = field(default_factory=list)
    added: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, layer: Layer, interceptor: Interceptor) -> tuple[int, int, Interceptor]:
        with self.lock:
            self.added += 1
            entry = (int(layer), self.added, interceptor)
            self.entries = sorted([*self.entries, entry], key=lambda known: known[:2])
        return entry

    def remove(self, entry: tuple[int, int, Interceptor]) -> None:
        with self.lock:
            self.entries = [known for known in self.entries if known is not entry]


_chain = _Chain()
_quiet = threading.local()
_original: Any = None


class _EmitterThroughChain:
    """Replaces an endpoint's event emitter during one attempt: `before-send` runs the chain."""

    def __init__(self, endpoint: Any, operation_model: OperationModel) -> None:
        self._endpoint = endpoint
        self._operation_model = operation_model

    def emit(self, event_name: str, **kwargs: Any) -> Any:
        if not event_name.startswith("before-send."):
            return self._endpoint._event_emitter.emit(event_name, **kwargs)

        def wire(attempt: Attempt) -> AWSResponse:
            responses = self._endpoint._event_emitter.emit(event_name, request=attempt.request)
            response = first_non_none_response(responses)
            sent: AWSResponse = self._endpoint._send(attempt.request) if response is None else response
            return sent

        send: Send = wire
        quiet = getattr(_quiet, "on", False)
        for layer, _, interceptor in reversed(_chain.entries):
            if quiet and layer < Layer.EMULATOR:
                continue
            send = _bound(interceptor, send)
        return [(None, send(Attempt(self._operation_model, kwargs["request"])))]


def _bound(interceptor: Interceptor, send: Send) -> Send:
    return lambda attempt: interceptor(attempt, send)


class _EndpointThroughChain:
    """An endpoint whose `before-send` runs the chain; everything else is the endpoint's own."""

    def __init__(self, endpoint: Any, operation_model: OperationModel) -> None:
        self._endpoint = endpoint
        self._event_emitter = _EmitterThroughChain(endpoint, operation_model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)


def install() -> None:
    """Install the chain in botocore, once for the process. Without interceptors it changes nothing."""
    global _original
    if _original is not None:
        return
    hooked: Any = Endpoint
    _original = hooked._do_get_response

    def do_get_response(self: Any, request: Any, operation_model: OperationModel, context: Any) -> Any:
        return _original(_EndpointThroughChain(self, operation_model), request, operation_model, context)

    hooked._do_get_response = do_get_response


@contextmanager
def intercepting(layer: Layer, interceptor: Interceptor) -> Iterator[None]:
    """Send every AWS attempt of the process through `interceptor` inside this block."""
    install()
    entry = _chain.add(layer, interceptor)
    try:
        yield
    finally:
        _chain.remove(entry)


@contextmanager
def unobserved() -> Iterator[None]:
    """Calls of this thread by the harness itself are neither guarded, nor failed, nor counted."""
    before = getattr(_quiet, "on", False)
    _quiet.on = True
    try:
        yield
    finally:
        _quiet.on = before
