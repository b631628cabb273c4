"""API Gateway in this process: the routes, authorizer and gateway responses of infra/template.yaml, with real handlers.

Built from chalice's local gateway: it uses its route matcher, event converter, policy matcher and Lambda context. It
does not use its `handle_request`, which knows only chalice's own applications: views instead of proxy handlers, 405 for
a method that AWS treats as a missing route, OPTIONS handled by itself, no explicit Deny, no authorizer cache, no
gateway responses. `Gateway.handle_request` does these as AWS does.

Concurrency. On AWS each concurrent request has a process of its own. Here they share one process, and a powertools
resolver keeps its current event on a class, so two requests at once would be mixed up. There are two ways, both sound:

* ``isolation="serial"``: one request at a time
* ``isolation="interleaved"``: the Python code of one request runs at a time, and the next request in line continues
  at every AWS call. The resolvers' per-request state is saved and restored with the request. This loses nothing:
  separate processes, too, interact only through what they call. Requests sent by `Gateway.together` advance in step:
  none makes its next call before all have reached one, so all have read before the first one writes, which is the
  worst order for code that reads first. Caches of a warm process are shared here and separate on AWS.

Every handler runs within the LeadingKeys guard's scope for the tenant in the authorizer's context. The authorizer may
read ``U#`` and ``K#`` and rows of one tenant. Handlers without an authorizer may read nothing, or one tenant if the
template lets them reach look-ups by which a tenant is found. A handler's role in the template says which look-ups it
may reach besides its tenant.
"""

from __future__ import annotations

import base64
import importlib
import json
import math
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from unittest import mock
from urllib.parse import urlencode

from botocore.awsrequest import AWSResponse
from requests.structures import CaseInsensitiveDict

from shared.services.backoff import RetryPolicy
from tests.support.gateway_authorizers import Authorizer, allows, context_text, read_authorizers
from tests.support.gateway_events import API_ID, Fallback, ProxyEvents, Routes
from tests.support.gateway_responses import GatewayResponses
from tests.support.gateway_turns import LONGEST_WAIT, STEP_SECONDS, ResolverState, Steps, Turns
from tests.support.lambda_context import ACCOUNT, REGION, lambda_context
from tests.support.roles import roles_of, under_role
from tests.support.template import Route, Template
from tests.support.tenant_guard import acting_for, inferring_tenant
from tests.support.transport import Attempt, Layer, Send, intercepting

LARGEST_BODY = 10 * 1024 * 1024
AUTHORIZER_PREFIXES = ("U#", "K#")

# API Gateway returns these under another name when a function sets them.
REMAPPED = ("Connection", "Content-Length", "Date", "Host", "Server", "WWW-Authenticate")

T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    status: int
    headers: CaseInsensitiveDict[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The parsed body; None when there is none."""
        return json.loads(self.body) if self.body else None


class _RefusedError(Exception):
    """The gateway responds itself: `kind` is the gateway response type."""

    def __init__(self, kind: str, detail: str | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail


_one_at_a_time = threading.RLock()


class Gateway:
    """The API of a template. `failures`: exceptions that functions raised (the client received a 502 for them).

    `cached`: keep the authorizer's response per token for as long as the template says, by `clock`. `handlers`:
    functions by logical id that replace those of the template, for tests of the harness.
    """

    def __init__(
        self,
        template: Template,
        *,
        isolation: Literal["serial", "interleaved"] = "serial",
        cached: bool = False,
        clock: Callable[[], float] = time.monotonic,
        handlers: dict[str, Callable[[Any, Any], Any]] | None = None,
    ) -> None:
        self.template = template
        self.failures: list[Exception] = []
        self._isolation = isolation
        self._cached = cached
        self._clock = clock
        self._handlers = dict(handlers or {})
        self._roles = roles_of(template)
        api = template.api()
        self.stage = str(template.resolve(api["StageName"]))
        self.routes: dict[str, dict[str, Route]] = {}
        for route in template.routes():
            self._add(route)
        binary = template.resolve(api.get("BinaryMediaTypes") or [])
        # SAM spells "/" as "~1" here.
        binary_types = [kind.replace("~1", "/") for kind in binary]
        self._events = ProxyEvents(Routes(list(self.routes)), self.stage, binary_types)
        self._fallback = {route.method: route for route in template.fallback()}
        self._fallback_events = ProxyEvents(Fallback(), self.stage, binary_types)
        self._responses = GatewayResponses(template)
        self._authorizers = read_authorizers(template, api)
        self._turns = Turns()
        self._state: ResolverState | None = None
        self._steps: Steps | None = None
        self._import_lock = threading.Lock()

    def _add(self, route: Route) -> None:
        if "+" in route.path or route.method in ("ANY", "*"):
            raise ValueError(
                f"the template must name paths and methods one by one: {route.method} {route.path}"
            )
        methods = self.routes.setdefault(route.path, {})
        if route.method in methods:
            raise ValueError(f"two functions for {route.method} {route.path}")
        methods[route.method] = route

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | str | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Response:
        """Send a request. `path` with or without the stage; `json` or `body`; `token` is sent as Bearer."""
        sent = {"User-Agent": "harness", "Accept": "application/json", **(headers or {})}
        if json is not None:
            body = _json_bytes(json)
            sent.setdefault("Content-Type", "application/json")
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if query:
            path = f"{path}?{urlencode(query, doseq=True)}"
        raw = body.encode() if isinstance(body, str) else body
        return self.handle_request(method.upper(), path.removeprefix(f"/{self.stage}") or "/", sent, raw)

    def handle_request(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send one request through route, authorizer and function, as API Gateway does."""
        request_id = str(uuid.uuid4())
        try:
            event, route = self._routed(method, path, headers, body)
            request_id = event["requestContext"]["requestId"]
            if route.authorizer is None:
                return self._answered(self._invoke(route.function, event, tenant=None))
            context = self._authorized(self._authorizers[route.authorizer], method, path, headers)
            event["requestContext"]["authorizer"] = context
            return self._answered(self._invoke(route.function, event, tenant=context.get("tenant_id")))
        except _RefusedError as refused:
            made = self._responses.answer(refused.kind, request_id, refused.detail)
            return Response(made.status, CaseInsensitiveDict(made.headers), made.body)

    def together(self, requests: Sequence[Callable[[], T]], *, in_step: bool = True) -> list[T]:
        """Run the callables (each sending requests) in threads that start at the same moment.

        The responses are in the order of the callables. With "interleaved" isolation the threads advance in step from
        AWS call to AWS call, or, unless `in_step`, as threads happen to be scheduled.
        """
        barrier = threading.Barrier(len(requests))
        self._steps = Steps(len(requests)) if in_step and self._isolation == "interleaved" else None

        def run(request: Callable[[], T]) -> T:
            barrier.wait(timeout=LONGEST_WAIT)
            try:
                return request()
            finally:
                if self._steps is not None:
                    self._steps.leave()

        with ThreadPoolExecutor(len(requests)) as pool, self._passing_turns():
            return list(pool.map(run, requests))

    def _routed(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[dict[str, Any], Route]:
        try:
            event = self._events.create_lambda_event(method, path, headers, body)
            route = self.routes[event["resource"]].get(method)
        except ValueError:
            route = None
        if route is None:
            event, route = self._routed_by_none(method, path, headers, body)
        if body is not None and len(body) > LARGEST_BODY:
            raise _RefusedError("REQUEST_TOO_LARGE")
        return event, route

    def _routed_by_none(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[dict[str, Any], Route]:
        """The fallback for a path that no route has, or not with this method; it matches every path but the root."""
        route = self._fallback.get(method)
        if route is None or not path.split("?")[0].strip("/"):
            # The gateway treats the header as a signature of AWS's own, and rejects it.
            signed = "Authorization" in CaseInsensitiveDict(headers)
            raise _RefusedError("INVALID_SIGNATURE" if signed else "MISSING_AUTHENTICATION_TOKEN")
        return self._fallback_events.create_lambda_event(method, path, headers, body), route

    def _authorized(
        self, authorizer: Authorizer, method: str, path: str, headers: dict[str, str]
    ) -> dict[str, str]:
        """Return the context that the authorizer gives for this caller; raises when it refuses."""
        token = CaseInsensitiveDict(headers).get(authorizer.header)
        if not token or (authorizer.validation and not re.fullmatch(authorizer.validation, token)):
            raise _RefusedError("UNAUTHORIZED")
        raw_path = path.split("?")[0]
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API_ID}/{self.stage}/{method}{raw_path}"
        found = self._cached_answer(authorizer, token)
        if found is None:
            found = self._ask(authorizer, token, arn)
            if self._cached and authorizer.cache_seconds:
                authorizer.cached[token] = (self._clock() + authorizer.cache_seconds, found)
        if not allows(found["policyDocument"], arn):
            raise _RefusedError("ACCESS_DENIED")
        return {**found["context"], "principalId": found["principalId"], "integrationLatency": "1"}

    def _cached_answer(self, authorizer: Authorizer, token: str) -> dict[str, Any] | None:
        until, found = authorizer.cached.get(token, (0.0, None))
        return found if self._cached and self._clock() < until else None

    def _ask(self, authorizer: Authorizer, token: str, arn: str) -> dict[str, Any]:
        event = {"type": "TOKEN", "methodArn": arn, "authorizationToken": token}
        handler = self._handler(authorizer.function)
        try:
            with self._alone(), inferring_tenant(*AUTHORIZER_PREFIXES), self._under_role(authorizer.function):
                answer = handler(event, lambda_context(authorizer.function))
        except Exception as error:
            if str(error) == "Unauthorized":
                raise _RefusedError("UNAUTHORIZED") from error
            self.failures.append(error)
            raise _RefusedError("AUTHORIZER_FAILURE") from error
        try:
            # Serialized and parsed: what is not JSON is not a response.
            answer = json.loads(json.dumps(answer))
            principal, policy = str(answer["principalId"]), answer["policyDocument"]
            context = {name: context_text(value) for name, value in (answer.get("context") or {}).items()}
            assert isinstance(policy["Statement"], list)
        except (TypeError, KeyError, ValueError, AssertionError) as error:
            self.failures.append(error if isinstance(error, Exception) else ValueError(str(error)))
            raise _RefusedError("AUTHORIZER_CONFIGURATION_ERROR") from error
        return {"principalId": principal, "policyDocument": policy, "context": context}

    def _invoke(self, function: str, event: dict[str, Any], tenant: str | None) -> Any:
        handler = self._handler(function)
        # Lambda receives JSON, not Python objects.
        event = json.loads(json.dumps(event))
        prefixes = self.template.look_ups(function)
        if tenant is not None:
            scope = acting_for(tenant, prefixes=prefixes)
        else:
            scope = inferring_tenant(*prefixes) if prefixes else acting_for()
        try:
            with self._alone(), scope, self._under_role(function):
                return handler(event, lambda_context(function))
        except Exception as error:
            self.failures.append(error)
            raise _RefusedError("DEFAULT_5XX") from error

    def _under_role(self, function: str) -> AbstractContextManager[None]:
        return under_role(self._roles.get(self.template.role(function) or ""))

    def _answered(self, answer: Any) -> Response:
        """Return a function's proxy response as the client sees it; any other shape is a 502."""
        try:
            status = int(answer["statusCode"])
            headers: CaseInsensitiveDict[str] = CaseInsensitiveDict({"Content-Type": "application/json"})
            for name, value in (answer.get("headers") or {}).items():
                headers[_outside_name(name)] = str(value)
            for name, values in (answer.get("multiValueHeaders") or {}).items():
                headers[_outside_name(name)] = ",".join(map(str, values))
            text = answer.get("body") or ""
            body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            self.failures.append(error)
            raise _RefusedError("DEFAULT_5XX", "Internal server error") from error
        return Response(status, headers, body)

    def _handler(self, function: str) -> Callable[[Any, Any], Any]:
        with self._import_lock:
            if function not in self._handlers:
                module, _, name = self.template.handler(function).rpartition(".")
                self._handlers[function] = getattr(importlib.import_module(module), name)
                if self._state is not None:
                    # The import created a resolver that is not known yet.
                    self._state = ResolverState()
            return self._handlers[function]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._isolation == "serial":
            with _one_at_a_time:
                yield
            return
        self._turns.take()
        try:
            yield
        finally:
            self._turns.give_up()

    @contextmanager
    def _passing_turns(self) -> Iterator[None]:
        if self._isolation == "serial":
            yield
            return
        self._state = ResolverState()
        wait_after = RetryPolicy.wait_after

        def pass_turns(policy: RetryPolicy, attempt: int) -> float:
            return self._wait(wait_after(policy, attempt))

        try:
            with (
                intercepting(Layer.SCHEDULER, self._pass_turn),
                mock.patch.object(RetryPolicy, "wait_after", pass_turns),
            ):
                yield
        finally:
            self._state = self._steps = None

    def _pass_turn(self, attempt: Attempt, send: Send) -> AWSResponse:
        if self._state is None or not self._turns.mine:
            return send(attempt)
        with self._given_up_turn(self._state):
            if self._steps is not None:
                self._steps.arrive()
            return send(attempt)

    def _wait(self, seconds: float) -> float:
        """Let the other requests go on while this one would wait between two attempts; return what is left to wait.

        In step, a wait is a number of steps, since the other requests take no time.
        """
        if self._state is None or self._steps is None or not self._turns.mine:
            return seconds
        with self._given_up_turn(self._state):
            for _ in range(math.ceil(seconds / STEP_SECONDS)):
                self._steps.arrive()
        return 0.0

    @contextmanager
    def _given_up_turn(self, state: ResolverState) -> Iterator[None]:
        bring_back = state.put_aside()
        self._turns.give_up()
        try:
            yield
        finally:
            self._turns.take()
            bring_back()


def _outside_name(name: str) -> str:
    for known in REMAPPED:
        if name.lower() == known.lower():
            return f"x-amzn-Remapped-{known}"
    return name


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
