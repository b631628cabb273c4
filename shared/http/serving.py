"""Serves declared routes to API Gateway with powertools' resolver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlencode

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from shared import observability
from shared.domain.errors import DomainError, Merged, NotFound
from shared.http import problems
from shared.http.bodies import MAX_BODY_BYTES, MAX_PUBLIC_BODY_BYTES
from shared.http.call import Call, etag
from shared.http.idempotency import KeyedCallsOf, build_fingerprint, dump_response, load_response, read_key
from shared.http.listing import render_page
from shared.http.rate_limits import RateLimitsInForce, build_headers
from shared.http.routes import CONTACT, CONTENT_LOCATION, STAGE, Operation, Reply, Routes
from shared.services.idempotency import IdempotencyKeyClaim

MAX_PATH = 1_000
"""Characters of a path. A longer path matches no route."""
_IDS = ("id", "event_id")
"""The members of a record that its `Location` may name."""
NO_PATH = "/-"
"""A path that matches no route."""

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Gate(Protocol):
    """Limits the calls that come from an address; see `shared.services.limits.sign_in_gate`."""

    def count_request(self, address: str) -> None: ...


def lambda_handler(
    *resources: Routes,
    keyed_calls: KeyedCallsOf | None = None,
    rate_limits: RateLimitsInForce | None = None,
    gate: Callable[[], Gate] | None = None,
) -> LambdaHandler:
    """Return the Lambda handler that serves routes to API Gateway.

    `keyed_calls`: for Idempotency-Keys. Required by routes with POST.
    `rate_limits`: for the calls of callers. Required by routes that are not public.
    `gate`: limits public calls by their address, before their bodies are read. Required by public routes with a body.
    """
    resolver = APIGatewayRestResolver(strip_prefixes=[STAGE])
    for resource in resources:
        for operation in resource.operations:
            endpoint = _build_endpoint(resolver, operation, keyed_calls, rate_limits, gate)
            path = operation.path.replace("{", "<").replace("}", ">")
            resolver.route(path, method=operation.method)(endpoint)

    def respond_not_found(_: Exception) -> Response[str]:
        call = Call(resolver.current_event.raw_event)

        def refuse(error: DomainError) -> Response[str]:
            observability.log_refusal("ANY", "-", call.request_id, error)
            return problems.build_problem(error, call.request_id)

        def not_found() -> Response[str]:
            return problems.build_problem(NotFound("Route"), call.request_id)

        # Callers who are signed in are limited here too: otherwise they could request unknown paths without end.
        limits = rate_limits if call.is_signed_in else None
        return _respond_within_limits(call, "ANY", "-", limits, not_found, refuse)

    resolver.not_found(respond_not_found)

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = event.get("path") or "/"
        if len(path) > MAX_PATH:
            # The resolver searches an unknown path for route parameters in time quadratic in its length.
            return resolver.resolve({**event, "path": NO_PATH}, context)
        if len(path) > 1 and path.endswith("/"):
            event = {**event, "path": path.rstrip("/") or "/"}
        return resolver.resolve(event, context)

    return handle


def _build_endpoint(
    resolver: APIGatewayRestResolver,
    operation: Operation,
    keyed_calls: KeyedCallsOf | None,
    rate_limits: RateLimitsInForce | None,
    gate: Callable[[], Gate] | None,
) -> Callable[..., Response[str]]:
    route = f"{operation.method} {operation.path}"
    is_gated = operation.public and operation.body is not None
    if operation.takes_key and keyed_calls is None:
        raise TypeError(f"{route} takes an Idempotency-Key: give lambda_handler `keyed_calls`.")
    if not operation.public and rate_limits is None:
        raise TypeError(f"{route} is for callers: give lambda_handler `rate_limits`.")
    if is_gated and gate is None:
        raise TypeError(f"{route} takes a body without sign-in: give lambda_handler a `gate`.")
    limits = None if operation.public else rate_limits

    def serve(**path_parameters: Any) -> Response[str]:
        call = Call(resolver.current_event.raw_event)

        def act() -> Response[str]:
            if is_gated and gate is not None:
                gate().count_request(call.address)
            key = read_key(call) if operation.takes_key else None
            if key is None or keyed_calls is None:
                return _respond(operation, call, path_parameters)
            return _respond_once(operation, call, path_parameters, key, keyed_calls)

        def refuse(error: DomainError) -> Response[str]:
            return _respond_with_refusal(operation, call, error)

        response = _respond_within_limits(call, operation.method, operation.path, limits, act, refuse)
        if operation.oauth:
            from shared.http.oauth import NO_STORE

            response.headers.update(NO_STORE)
        return response

    return serve


def _respond_within_limits(
    call: Call,
    method: str,
    path: str,
    rate_limits: RateLimitsInForce | None,
    act: Callable[[], Response[str]],
    refuse: Callable[[DomainError], Response[str]],
) -> Response[str]:
    """Return the response of `act`, with the headers of the caller's limit; a refusal if there are too many calls.

    `rate_limits`: None where calls are not limited. `method` and `path`: the route, for the log.
    """
    headers: dict[str, str] = {}
    try:
        call.refuse_webhooks()
        call.require_open_tenant()
        limits = rate_limits() if rate_limits is not None else None
        if limits is not None:
            limit = call.rate_limit
            allowance = limits.admit(call.caller, limit)
            headers = build_headers(limit, allowance)
            if allowance.refusal is not None:
                raise allowance.refusal
        try:
            response = act()
        finally:
            if limits is not None and call.budget.rows_beyond_page:
                limits.charge(call.caller, call.rate_limit, call.budget.rows_beyond_page)
    except DomainError as error:
        response = refuse(error)
    except Exception:  # noqa: BLE001 (the caller gets a response, the log the trace)
        observability.log_failure(method, path, call.request_id)
        response = problems.internal_error(call.request_id)
    response.headers.update(headers)
    return response


def _respond(operation: Operation, call: Call, path_parameters: dict[str, Any]) -> Response[str]:
    """Return the response of the operation's handler."""
    arguments: dict[str, Any] = {name: unquote(value) for name, value in path_parameters.items()}
    if operation.body is not None:
        max_bytes = MAX_PUBLIC_BODY_BYTES if operation.public else MAX_BODY_BYTES
        if operation.body_optional and not call.event.get("body"):
            arguments["body"] = operation.body()
        else:
            arguments["body"] = call.body(
                operation.body, operation.media_types, operation.find_faults, max_bytes=max_bytes
            )
    if operation.query is not None:
        arguments["query"] = call.query(operation.query)
    return _render(operation, call, path_parameters, _handle(operation, call, path_parameters, arguments))


def _handle(
    operation: Operation, call: Call, path_parameters: dict[str, Any], arguments: dict[str, Any]
) -> Reply:
    """Return the reply of the operation's handler.

    A GET under a merged contact gets the reply under its survivor, with its URL in Content-Location (RFC 9110, section
    8.7).
    """
    headers: dict[str, str] = {}
    while True:
        try:
            reply = operation.handler(call, **arguments)
        except Merged as merged:
            if not operation.follows_merges or arguments[CONTACT] != merged.contact_id:
                raise
            arguments = {**arguments, CONTACT: merged.survivor_id}
            path = operation.path.format(**{**path_parameters, CONTACT: merged.survivor_id})
            query = call.event.get("multiValueQueryStringParameters")
            headers[CONTENT_LOCATION] = STAGE + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        else:
            return replace(reply, headers={**reply.headers, **headers}) if headers else reply


def _respond_once(
    operation: Operation, call: Call, path_parameters: dict[str, Any], key: str, keyed_calls: KeyedCallsOf
) -> Response[str]:
    """Return the response of the operation's handler, or the stored response of an earlier call with the key."""

    def act(claim: IdempotencyKeyClaim) -> str:
        call.claim = claim
        return dump_response(_respond(operation, call, path_parameters))

    answer = keyed_calls(call.caller).run(
        key,
        build_fingerprint(call, operation.method, operation.path, path_parameters),
        act,
        render=lambda record: dump_response(_render(operation, call, path_parameters, Reply(record=record))),
        refuse=lambda error: dump_response(_respond_with_refusal(operation, call, error)),
    )
    return load_response(answer.answer, replayed=answer.replayed)


def _respond_with_refusal(operation: Operation, call: Call, error: DomainError) -> Response[str]:
    observability.log_refusal(operation.method, operation.path, call.request_id, error)
    if operation.oauth:
        from shared.http import oauth

        if oauth.has_oauth_form(type(error)):
            return oauth.build_refusal(error)
    return problems.build_problem(error, call.request_id)


def _show(operation: Operation, call: Call, reply: Reply) -> Reply:
    """Return a reply with its records in the form in which the caller may see them."""
    if operation.show is None:
        return reply
    if reply.record is not None:
        is_written = operation.method != "GET"
        shown = operation.show(call.caller, [reply.record], is_written=is_written)
        return replace(reply, record=shown[0])
    if reply.page is not None:
        return replace(reply, page=replace(reply.page, items=operation.show(call.caller, reply.page.items)))
    return reply


def _render(operation: Operation, call: Call, path_parameters: dict[str, Any], reply: Reply) -> Response[str]:
    reply = _show(operation, call, reply)
    headers: dict[str, Any] = dict(reply.headers)
    status, location = reply.status or operation.status, operation.location
    if operation.accepted is not None and isinstance(reply.record, operation.accepted.answer):
        status, location = 202, operation.accepted.location
    body = ""
    if reply.record is not None:
        version = getattr(reply.record, "version", None)
        if version is not None:
            headers["ETag"] = etag(version)
        if location is not None:
            ids = {
                name: quote(value, safe="") for name in _IDS if (value := getattr(reply.record, name, None))
            }
            headers["Location"] = STAGE + location.format(**path_parameters, **ids)
        body = reply.record.model_dump_json()
    elif reply.page is not None:
        body = render_page(reply.page)
    elif reply.text is not None:
        body = reply.text
    return Response(
        status_code=status,
        content_type=operation.answer_type if body else None,
        body=body,
        headers=headers,
    )
