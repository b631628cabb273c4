"""Routes: declared once, served by powertools' resolver, and described in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from pydantic import BaseModel

from shared import observability
from shared.domain.callers import Caller
from shared.domain.errors import DomainError, NotFound
from shared.http import problems
from shared.http.call import MAX_BODY_BYTES, MAX_OPEN_BODY_BYTES, Call, Further, etag
from shared.http.idempotency import Keyed, fingerprint_of, key_of, to_answer, to_response
from shared.http.listing import body_of
from shared.http.rate_limits import Limited, fields_of
from shared.services.idempotency import Answer, Claim
from shared.services.paging import Page

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
STAGE = "/v1"
"""The stage's name. It is part of `path` behind a custom domain's base path, and not else."""
MAX_PATH = 1_000
"""Characters of a path; longer ones lead nowhere."""
NO_PATH = "/-"
"""A path of no route."""

Handler = Callable[..., "Reply"]


class Gate(Protocol):
    """Counts the calls that come from an address; see `shared.services.limits.sign_in_gate`."""

    def arrive(self, address: str) -> None: ...


Gated = Callable[[], Gate]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]
Show = Callable[[Caller, Sequence[Any]], Sequence[BaseModel]]
"""Records as a caller is shown them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers. `record`, `page` or `text` is the body; a record with a version carries its ETag.

    `status`: None for the route's own.
    """

    status: int | None = None
    record: BaseModel | None = None
    page: Page[Any] | None = None
    text: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """That a route may answer 202 instead, with the record of what goes on in the background, and where that is
    found."""

    answer: type[BaseModel]
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A route as the resolver serves it and the OpenAPI document tells of it.

    `errors`: the refusals that are this route's own, beyond those that every route has.
    `location`: where what the route makes is found, such as `/contacts/{id}`; `{id}` is the record's id,
    other names are the path's parameters.
    `accepted`: what the route answers when the work goes on in the background.
    `answer_type`: the media type of what it answers; any other than JSON is a text.
    `show`: how the records it answers with are shown.
    `oauth`: its refusals are told as OAuth 2 wants them (`shared.http.oauth`).
    `further`: finds faults in a body beyond its form, so that a body refused for its form is refused for all at once.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    tag: str
    status: int
    answer: type[BaseModel] | None
    paged: bool
    body: type[BaseModel] | None
    media_types: tuple[str, ...]
    query: type[BaseModel] | None
    conditional: bool
    public: bool
    location: str | None
    accepted: Accepted | None
    errors: tuple[type[DomainError], ...]
    answer_type: str
    show: Show | None
    oauth: bool
    further: Further | None

    @property
    def keyed(self) -> bool:
        """Whether the route takes an Idempotency-Key. One belongs to a caller, so public routes take none."""
        return self.method == "POST" and not self.public


class Routes:
    """The routes of one resource."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def include(self, *others: Routes) -> None:
        """Serve the routes of others too, each under its own tag."""
        for other in others:
            self.operations += other.operations

    def route(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        status: int = 200,
        answer: type[BaseModel] | None = None,
        paged: bool = False,
        body: type[BaseModel] | None = None,
        media_types: tuple[str, ...] = (JSON,),
        query: type[BaseModel] | None = None,
        conditional: bool = False,
        public: bool = False,
        location: str | None = None,
        accepted: Accepted | None = None,
        errors: tuple[type[DomainError], ...] = (),
        answer_type: str = JSON,
        show: Show | None = None,
        oauth: bool = False,
        further: Further | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare a route. Its handler gets the Call, then by name the path's parameters, `body` and `query`."""

        def declare(handler: Handler) -> Handler:
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    summary=summary,
                    handler=handler,
                    tag=self.tag,
                    status=status,
                    answer=answer,
                    paged=paged,
                    body=body,
                    media_types=media_types,
                    query=query,
                    conditional=conditional,
                    public=public,
                    location=location,
                    accepted=accepted,
                    errors=errors,
                    answer_type=answer_type,
                    show=show,
                    oauth=oauth,
                    further=further,
                )
            )
            return handler

        return declare


def lambda_handler(
    *resources: Routes,
    keyed: Keyed | None = None,
    limited: Limited | None = None,
    gated: Gated | None = None,
) -> LambdaHandler:
    """The Lambda handler that serves routes to API Gateway.

    `keyed` keeps the Idempotency-Keys; functions with a POST must give it. `limited` counts the callers' calls;
    functions with a route that is not public must give it. `gated` counts calls of nobody by their addresses, before
    their bodies are read; functions with a public route that takes one must give it.
    """
    resolver = APIGatewayRestResolver(strip_prefixes=[STAGE])
    for resource in resources:
        for operation in resource.operations:
            path = operation.path.replace("{", "<").replace("}", ">")
            resolver.route(path, method=operation.method)(_served(resolver, operation, keyed, limited, gated))

    def no_route(_: Exception) -> Response[str]:
        call = Call(resolver.current_event.raw_event)

        def refuse(error: DomainError) -> Response[str]:
            observability.refused("ANY", "-", call.request_id, error)
            return problems.problem(error, call.request_id)

        def tell() -> Response[str]:
            return problems.problem(NotFound("Route"), call.request_id)

        # Who is signed in is counted here too: else paths that lead nowhere could be asked for without end.
        return _answered(call, "ANY", "-", limited if call.is_signed_in else None, tell, refuse)

    resolver.not_found(no_route)

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = event.get("path") or "/"
        if len(path) > MAX_PATH:
            # The resolver looks for route parameters in a path it does not know, in the square of its length.
            return resolver.resolve({**event, "path": NO_PATH}, context)
        if len(path) > 1 and path.endswith("/"):
            event = {**event, "path": path.rstrip("/") or "/"}
        return resolver.resolve(event, context)

    return handle


def _served(
    resolver: APIGatewayRestResolver,
    operation: Operation,
    keyed: Keyed | None,
    limited: Limited | None,
    gated: Gated | None,
) -> Callable[..., Response[str]]:
    if operation.keyed and keyed is None:
        raise TypeError(
            f"{operation.method} {operation.path} takes an Idempotency-Key: give lambda_handler `keyed`."
        )
    if not operation.public and limited is None:
        raise TypeError(f"{operation.method} {operation.path} is for callers: give lambda_handler `limited`.")

    if operation.public and operation.body is not None and gated is None:
        raise TypeError(
            f"{operation.method} {operation.path} takes anybody's body: give lambda_handler `gated`."
        )

    counted = None if operation.public else limited

    def serve(**parameters: Any) -> Response[str]:
        call = Call(resolver.current_event.raw_event)

        def carry_out() -> Response[str]:
            if operation.public and operation.body is not None and gated is not None:
                gated().arrive(call.address)
            key = key_of(call) if operation.keyed else None
            if key is None or keyed is None:
                return _carried_out(operation, call, parameters)
            return _carried_out_once(operation, call, parameters, key, keyed)

        response = _answered(
            call,
            operation.method,
            operation.path,
            counted,
            carry_out,
            lambda error: _refused(operation, call, error),
        )
        if operation.oauth:
            from shared.http.oauth import NO_STORE

            response.headers.update(NO_STORE)
        return response

    return serve


def _answered(
    call: Call,
    method: str,
    path: str,
    counted: Limited | None,
    act: Callable[[], Response[str]],
    refuse: Callable[[DomainError], Response[str]],
) -> Response[str]:
    """What `act` answers, unless the caller makes too many calls; and beside it the fields about the caller's limit.

    `counted`: None where calls are not. `method` and `path`: the route, for the log.
    """
    told: dict[str, str] = {}
    try:
        call.require_open_tenant()
        limits = counted() if counted is not None else None
        if limits is not None:
            limit = call.rate_limit
            allowance = limits.admit(call.caller, limit)
            told = fields_of(limit, allowance)
            if allowance.refusal is not None:
                raise allowance.refusal
        try:
            response = act()
        finally:
            if limits is not None and call.budget.beyond_a_page:
                limits.charge(call.caller, call.rate_limit, call.budget.beyond_a_page)
    except DomainError as error:
        response = refuse(error)
    except Exception:  # noqa: BLE001 (a caller gets an answer, the log the trace)
        observability.failed(method, path, call.request_id)
        response = problems.internal_error(call.request_id)
    response.headers.update(told)
    return response


def _carried_out(operation: Operation, call: Call, path: dict[str, Any]) -> Response[str]:
    parameters: dict[str, Any] = {name: unquote(value) for name, value in path.items()}
    if operation.body is not None:
        most = MAX_OPEN_BODY_BYTES if operation.public else MAX_BODY_BYTES
        parameters["body"] = call.body(operation.body, operation.media_types, operation.further, most=most)
    if operation.query is not None:
        parameters["query"] = call.query(operation.query)
    return _rendered(operation, call, path, operation.handler(call, **parameters))


def _carried_out_once(
    operation: Operation, call: Call, path: dict[str, Any], key: str, keyed: Keyed
) -> Response[str]:
    def act(claim: Claim) -> Answer:
        call.claim = claim
        return to_answer(_carried_out(operation, call, path))

    outcome = keyed(call.caller).carry_out(
        key,
        fingerprint_of(call, operation.method, operation.path, path),
        act,
        render=lambda record: to_answer(_rendered(operation, call, path, Reply(record=record))),
        refuse=lambda error: to_answer(_refused(operation, call, error)),
    )
    return to_response(outcome.answer, replayed=outcome.replayed)


def _refused(operation: Operation, call: Call, error: DomainError) -> Response[str]:
    observability.refused(operation.method, operation.path, call.request_id, error)
    if operation.oauth:
        from shared.http import oauth

        if oauth.is_told(type(error)):
            return oauth.refusal(error)
    return problems.problem(error, call.request_id)


def _shown(operation: Operation, call: Call, reply: Reply) -> Reply:
    """A reply with its records as the caller is shown them."""
    if operation.show is None:
        return reply
    if reply.record is not None:
        return replace(reply, record=operation.show(call.caller, [reply.record])[0])
    if reply.page is not None:
        return replace(reply, page=replace(reply.page, items=operation.show(call.caller, reply.page.items)))
    return reply


def _rendered(operation: Operation, call: Call, path: dict[str, Any], reply: Reply) -> Response[str]:
    reply = _shown(operation, call, reply)
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
            headers["Location"] = STAGE + location.format(
                **path, id=quote(getattr(reply.record, "id", ""), safe="")
            )
        body = reply.record.model_dump_json()
    elif reply.page is not None:
        body = body_of(reply.page)
    elif reply.text is not None:
        body = reply.text
    return Response(
        status_code=status,
        content_type=operation.answer_type if body else None,
        body=body,
        headers=headers,
    )
