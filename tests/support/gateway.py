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
import gc
import importlib
import json
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, urlencode, urlparse

from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver, BaseRouter
from botocore.awsrequest import AWSResponse
from chalice.local import ARNMatcher, LambdaEventConverter, MatchResult, RouteMatcher
from requests.structures import CaseInsensitiveDict

from tests.support.gateway_responses import GatewayResponses
from tests.support.lambda_context import ACCOUNT, REGION, lambda_context
from tests.support.roles import roles_of, under_role
from tests.support.template import FALLBACK, Route, Template
from tests.support.tenant_guard import acting_for, inferring_tenant
from tests.support.transport import Attempt, Layer, Send, intercepting

API_ID = "harness123"
LARGEST_BODY = 10 * 1024 * 1024
DEFAULT_CACHE_SECONDS = 300
LONGEST_WAIT = 60
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


class _Routes(RouteMatcher):
    """chalice's matcher, except that it also returns captures of routes that did not match in the end."""

    def match_route(self, url: str) -> MatchResult:
        matched = super().match_route(url)
        names = [part[1:-1] for part in matched.route.split("/") if part.startswith("{")]
        captured = {name: matched.captured[name] for name in names}
        if "" in captured.values():
            raise ValueError(f"No matching route found for: {url}")
        return MatchResult(matched.route, captured, matched.query_params)


class _Fallback(RouteMatcher):
    """Matches every path but the root."""

    def __init__(self) -> None:
        super().__init__([FALLBACK])

    def match_route(self, url: str) -> MatchResult:
        parsed = urlparse(url)
        query = parse_qs(parsed.query, keep_blank_values=True)
        return MatchResult(FALLBACK, {"proxy": parsed.path.strip("/")}, query)


class _ProxyEvents(LambdaEventConverter):
    """Builds the whole REST proxy event (payload 1.0); chalice's has only the part that chalice reads."""

    def __init__(self, routes: RouteMatcher, stage: str, binary_types: Sequence[str]) -> None:
        super().__init__(routes, list(binary_types))
        self._stage = stage

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        event = super().create_lambda_event(method, path, headers, body)
        lists = event["multiValueQueryStringParameters"]
        request_id = str(uuid.uuid4())
        raw_path = path.split("?")[0]
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", errors="replace")
        now = time.time()
        sent = {
            "Host": f"{API_ID}.execute-api.{REGION}.amazonaws.com",
            "X-Forwarded-For": "198.51.100.7",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
            **headers,
        }
        event |= {
            "resource": event["requestContext"]["resourcePath"],
            "path": raw_path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": {name: values[-1] for name, values in lists.items()} if lists else None,
            "pathParameters": event["pathParameters"] or None,
            "stageVariables": None,
            "isBase64Encoded": event.get("isBase64Encoded", False),
        }
        event["requestContext"] |= {
            "resourceId": "harness",
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "stage": self._stage,
            "protocol": "HTTP/1.1",
            "path": f"/{self._stage}{raw_path}",
            "requestId": request_id,
            "extendedRequestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "domainName": sent["Host"],
            "identity": {"sourceIp": "198.51.100.7", "userAgent": headers.get("User-Agent")},
        }
        return event


class _RefusedError(Exception):
    """The gateway responds itself: `kind` is the gateway response type."""

    def __init__(self, kind: str, detail: str | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.detail = detail


@dataclass
class _Authorizer:
    """A TOKEN authorizer of the template."""

    function: str
    header: str
    validation: str | None
    cache_seconds: float
    cached: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)


class Turns:
    """Grants the right to run in order of arrival."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[int] = deque()
        self._holder: int | None = None

    def take(self) -> None:
        me = threading.get_ident()
        with self._changed:
            self._waiting.append(me)
            self._changed.wait_for(lambda: self._holder is None and self._waiting[0] == me)
            self._waiting.popleft()
            self._holder = me

    def give_up(self) -> None:
        with self._changed:
            self._holder = None
            self._changed.notify_all()

    @property
    def mine(self) -> bool:
        return self._holder == threading.get_ident()


class Steps:
    """Holds each of several threads at every step until all unfinished threads have reached one."""

    def __init__(self, parties: int) -> None:
        self._changed = threading.Condition()
        self._parties = parties
        self._arrived = 0
        self._step = 0

    def arrive(self) -> None:
        with self._changed:
            mine = self._step
            self._arrived += 1
            self._open_if_complete()
            if not self._changed.wait_for(lambda: self._step > mine, timeout=LONGEST_WAIT):
                raise AssertionError("requests sent together wait for one that neither calls AWS nor ends")

    def leave(self) -> None:
        with self._changed:
            self._parties -= 1
            self._open_if_complete()

    def _open_if_complete(self) -> None:
        if self._arrived >= self._parties:
            self._arrived = 0
            self._step += 1
            self._changed.notify_all()


class _ResolverState:
    """The state that powertools' resolvers keep of the current request."""

    def __init__(self) -> None:
        self._resolvers = [known for known in gc.get_objects() if issubclass(type(known), ApiGatewayResolver)]

    def put_aside(self) -> Callable[[], None]:
        """Take the state out, so that the next request finds an unused resolver; the result restores it."""
        event = BaseRouter.__dict__.get("current_event")
        context = BaseRouter.__dict__.get("lambda_context")
        kept = [(known, dict(known.context), list(known.processed_stack_frames)) for known in self._resolvers]
        for known in self._resolvers:
            known.context.clear()
            known.processed_stack_frames.clear()

        def bring_back() -> None:
            BaseRouter.current_event = event  # type: ignore[assignment]
            BaseRouter.lambda_context = context  # type: ignore[assignment]
            # In place: request objects keep a reference to the same dict.
            for known, contents, frames in kept:
                known.context.clear()
                known.context.update(contents)
                known.processed_stack_frames[:] = frames

        return bring_back


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
        self._events = _ProxyEvents(_Routes(list(self.routes)), self.stage, binary_types)
        self._fallback = {route.method: route for route in template.fallback()}
        self._fallback_events = _ProxyEvents(_Fallback(), self.stage, binary_types)
        self._responses = GatewayResponses(template)
        self._authorizers = _authorizers(template, api)
        self._turns = Turns()
        self._state: _ResolverState | None = None
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
        self, authorizer: _Authorizer, method: str, path: str, headers: dict[str, str]
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

    def _cached_answer(self, authorizer: _Authorizer, token: str) -> dict[str, Any] | None:
        until, found = authorizer.cached.get(token, (0.0, None))
        return found if self._cached and self._clock() < until else None

    def _ask(self, authorizer: _Authorizer, token: str, arn: str) -> dict[str, Any]:
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
            context = {name: _context_text(value) for name, value in (answer.get("context") or {}).items()}
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
                    self._state = _ResolverState()
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
        self._state = _ResolverState()
        try:
            with intercepting(Layer.SCHEDULER, self._pass_turn):
                yield
        finally:
            self._state = self._steps = None

    def _pass_turn(self, attempt: Attempt, send: Send) -> AWSResponse:
        if self._state is None or not self._turns.mine:
            return send(attempt)
        bring_back = self._state.put_aside()
        self._turns.give_up()
        try:
            if self._steps is not None:
                self._steps.arrive()
            return send(attempt)
        finally:
            self._turns.take()
            bring_back()


def allows(policy: dict[str, Any], arn: str) -> bool:
    """Whether an authorizer's policy allows invoking `arn`: an explicit Deny wins, and silence denies."""
    verdict = False
    for statement in policy["Statement"]:
        actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
        if not ARNMatcher("execute-api:Invoke").does_any_resource_match(actions):
            continue
        if ARNMatcher(arn).does_any_resource_match(resources):
            if statement["Effect"] == "Deny":
                return False
            verdict = verdict or statement["Effect"] == "Allow"
    return verdict


def _authorizers(template: Template, api: dict[str, Any]) -> dict[str, _Authorizer]:
    functions = template.resources("AWS::Serverless::Function")
    found = {}
    for name, settings in ((api.get("Auth") or {}).get("Authorizers") or {}).items():
        mentioned = [known for known in functions if known in _words_of(settings["FunctionArn"])]
        if len(mentioned) != 1:
            raise LookupError(
                f"authorizer {name} names no function of the template: {settings['FunctionArn']}"
            )
        if settings.get("FunctionPayloadType", "TOKEN") != "TOKEN":
            raise NotImplementedError(f"authorizer {name} is not a TOKEN authorizer")
        identity = template.resolve(settings.get("Identity") or {})
        found[name] = _Authorizer(
            mentioned[0],
            identity.get("Header", "Authorization"),
            identity.get("ValidationExpression"),
            float(identity.get("ReauthorizeEvery", DEFAULT_CACHE_SECONDS)),
        )
    return found


def _words_of(value: Any) -> set[str]:
    """Yield every logical id that an intrinsic function may name."""
    if isinstance(value, dict):
        return set().union(*(_words_of(entry) for entry in value.values()))
    if isinstance(value, list):
        return set().union(*(_words_of(entry) for entry in value))
    return set(re.findall(r"\w+", str(value)))


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _context_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("an authorizer's context may hold only strings, numbers and booleans")


def _outside_name(name: str) -> str:
    for known in REMAPPED:
        if name.lower() == known.lower():
            return f"x-amzn-Remapped-{known}"
    return name


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()
