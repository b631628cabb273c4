"""The OpenAPI 3.1 document, built from the declared routes at build time. No function loads this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.domain import errors
from shared.http import oauth
from shared.http.examples import Example, dump_answer, dump_problem
from shared.http.idempotency import HEADER, PATTERN, REPLAYED
from shared.http.problem_document import OAuthError, Problem
from shared.http.problems import CONTENT_TYPE, status_of
from shared.http.rate_limits import LIMIT, POLICY
from shared.http.routes import CONTENT_LOCATION, JSON, STAGE, Operation

EXAMPLE_IN_WORDS = "For example"
_REF = "#/components/schemas/{model}"
_DESCRIPTION = """Contacts of businesses that take bookings.

Every record belongs to a tenant, which only the token or key determines. Records of other tenants answer like
missing records. Lists are read in pages with `next_cursor`, and follow changes within about a second. A record that is
read by its id is always current. Errors are problem documents (RFC 9457).

Requests are limited per second and in bursts. Every answer to a signed-in caller has the limits and what is left of
them in `RateLimit` and `RateLimit-Policy`. A request beyond them gets 429 with `Retry-After`, the seconds after which
requests are accepted again. They double, up to five minutes, while a caller retries too soon. A request that reads far
more than a page counts as several requests."""


def document(
    operations: Iterable[Operation],
    examples: Mapping[str, Example],
    *,
    version: str,
    payloads: Mapping[str, type[BaseModel]] | None = None,
) -> dict[str, Any]:
    """Return the OpenAPI document of `operations`. `version`: the API's version, such as `0.1.0`.

    `examples`: by the handlers' names. `payloads`: the models of the bodies of webhook requests, by event type. Raises
    KeyError for an example of a problem that its operation does not declare.
    """
    ordered = sorted(operations, key=lambda operation: (operation.path, operation.method))
    payloads = payloads or {}
    schemas, components = _schemas(ordered, payloads.values())
    paths: dict[str, Any] = {}
    for operation in ordered:
        example = examples.get(operation.handler.__name__, Example())
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, example
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Contacts", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": STAGE}],
        "security": [{"password": []}, {"bearer": []}],
        "tags": [
            {"name": tag}
            for tag in dict.fromkeys(
                [*(operation.tag for operation in ordered), *([_EVENTS] * bool(payloads))]
            )
        ],
        "paths": paths,
        "webhooks": {
            event_type: {"post": _webhook(event_type, model, schemas[model, "serialization"])}
            for event_type, model in payloads.items()
        },
        "components": {
            "schemas": components,
            "headers": _LIMIT_HEADERS,
            "parameters": _WEBHOOK_HEADERS,
            "responses": {name: {"description": meaning} for name, meaning in _WEBHOOK_ANSWERS.values()},
            "securitySchemes": {
                "password": {
                    "type": "oauth2",
                    "description": "Sign-in with user name and password. The rights of a user follow from their role.",
                    "flows": {"password": {"tokenUrl": f"{STAGE}/auth/token", "scopes": {}}},
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token, or an API key (`ck_…`).",
                },
            },
        },
    }


_EVENTS = "Events received by webhooks"
_WEBHOOK_HEADERS = {
    name: {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in (
        ("webhook-id", "The id of the event, the same at every attempt. Use it to ignore repeated events."),
        ("webhook-timestamp", "The time of the attempt, in Unix seconds."),
        (
            "webhook-signature",
            "Signatures separated by spaces, each `v1,` and the base64 of HMAC-SHA256 over "
            "`<webhook-id>.<webhook-timestamp>.<body>` (Standard Webhooks 1.0.0). One valid signature is enough.",
        ),
    )
}

_WEBHOOK_ANSWERS = {
    "2XX": ("EventReceived", "The event was received. Answer within 15 seconds."),
    "410": ("WebhookGone", "The webhook is disabled and receives no more events."),
    "default": ("EventRefused", "The event is sent again later, up to ten times in all."),
}

_Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(
    operations: list[Operation], payloads: Iterable[type[BaseModel]]
) -> tuple[_Schemas, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.oauth:
            wanted[OAuthError, "serialization"] = None
        if operation.body:
            wanted[operation.body, "validation"] = None
        if operation.answer:
            wanted[operation.answer, "serialization"] = None
        if operation.accepted:
            wanted[operation.accepted.answer, "serialization"] = None
        if operation.query:
            wanted[operation.query, "validation"] = None
    for payload in payloads:
        wanted[payload, "serialization"] = None
    schemas, definitions = models_json_schema(list(wanted), ref_template=_REF)
    components = definitions.get("$defs", {})
    for operation in operations:
        if operation.query:  # described as parameters, not as a schema
            name = schemas[operation.query, "validation"]["$ref"].rsplit("/", 1)[1]
            components.pop(name, None)
    found: Any = schemas
    return dict(found), dict(sorted(components.items()))


def _webhook(event_type: str, model: type[BaseModel], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the requests that a webhook receives for events of a type."""
    return {
        "operationId": f"receive_{event_type.replace('.', '_')}",
        "summary": f"Receive {event_type}",
        "description": model.__doc__,
        "tags": [_EVENTS],
        "security": [],
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in _WEBHOOK_HEADERS],
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {
            status: {"$ref": f"#/components/responses/{name}"}
            for status, (name, _) in _WEBHOOK_ANSWERS.items()
        },
    }


def _operation(operation: Operation, schemas: _Schemas, example: Example) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, example),
        "responses": _responses(operation, schemas, example),
    }
    if operation.handler.__doc__:
        described["description"] = " ".join(operation.handler.__doc__.split())
    if operation.body:
        body = {"schema": schemas[operation.body, "validation"]}
        if example.request is not None:
            body["example"] = example.request
        described["requestBody"] = {
            "required": not operation.body_optional,
            "content": dict.fromkeys(operation.media_types, body),
        }
    if operation.public:
        described["security"] = []
    return {key: value for key, value in described.items() if value or key == "security"}


def _parameters(operation: Operation, example: Example) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query:
        schema = operation.query.model_json_schema(mode="validation")
        for name, field in schema["properties"].items():
            parameter = {"name": name, "in": "query", "schema": field}
            if "description" in field:
                parameter["description"] = field.pop("description")
            parameters.append(parameter)
    for parameter in parameters:
        # Swagger UI fills in examples. Query parameters are conditions, with which the first try would find nothing.
        parameter["schema"].pop("examples", None)
        given = example.parameters.get(parameter["name"])
        if given is None:
            continue
        if parameter.get("required"):
            parameter["example"] = given
        else:
            description = parameter.get("description", "")
            parameter["description"] = f"{description} {EXAMPLE_IN_WORDS} `{given}`.".strip()
    if operation.conditional:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "description": "The ETag of the version to change. For another version the answer is 412.",
                "schema": {"type": "string"},
            }
        )
    if operation.takes_key:
        parameters.append(
            {
                "name": HEADER,
                "in": "header",
                "description": "For 24 hours, a repeated call with the same key gets the first answer, even a refusal, "
                f"and has no effect. The answer has `{REPLAYED}: true`. Each caller has keys of their own.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": PATTERN},
            }
        )
    return parameters


def _responses(operation: Operation, schemas: _Schemas, example: Example) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": operation.summary}
    if operation.answer:
        schema = schemas[operation.answer, "serialization"]
        if operation.paged:
            schema = _page(schema)
        content: dict[str, Any] = {"schema": schema}
        if example.answer is not None:
            content["example"] = dump_answer(example.answer)
        answer["content"] = {JSON: content}
        if not operation.paged and "version" in operation.answer.model_fields:
            answer["headers"] = {"ETag": _header("The record's version.")}
    elif operation.answer_type != JSON:
        text: dict[str, Any] = {"schema": {"type": "string"}}
        if example.answer is not None:
            text["example"] = dump_answer(example.answer)
        answer["content"] = {operation.answer_type.split(";")[0]: text}
    if operation.follows_merges:
        answer.setdefault("headers", {})[CONTENT_LOCATION] = _header(
            "The URL under the contact into which this contact was merged, whose record the answer has. Absent for "
            "other contacts.",
            required=False,
        )
    if 300 <= operation.status < 400:
        answer["headers"] = {"Location": _header("The URL of the redirect.")}
    if operation.location:
        answer.setdefault("headers", {})["Location"] = _header("The URL of the new record.")
    responses: dict[str, Any] = {str(operation.status): answer}
    if operation.accepted:
        schema = schemas[operation.accepted.answer, "serialization"]
        responses["202"] = {
            "description": "A background job carries out the call.",
            "content": {JSON: {"schema": schema}},
            "headers": {
                "ETag": _header("The record's version."),
                "Location": _header("The URL of the job."),
            },
        }
    problem = schemas[Problem, "serialization"]
    in_oauth = {error for error in _errors(operation) if operation.oauth and oauth.has_oauth_form(error)}
    for status, title in sorted({status_of(error) for error in _errors(operation) if error not in in_oauth}):
        responses[str(status)] = {"description": title, "content": {CONTENT_TYPE: {"schema": problem}}}
    if in_oauth:
        refusal: dict[str, Any] = {"schema": schemas[OAuthError, "serialization"]}
        if example.problems:
            refusal["example"] = oauth.build_members(example.problems[0])
        responses[str(oauth.STATUS)] = {"description": "Bad Request", "content": {JSON: refusal}}
    for error in (
        () if in_oauth else reversed(example.problems)
    ):  # reversed, so that the first of several with the same status remains
        status, _ = status_of(type(error))
        responses[str(status)]["content"][CONTENT_TYPE]["example"] = dump_problem(error)
    if not operation.public:
        for status_code in (str(operation.status), "429"):
            responses[status_code].setdefault("headers", {}).update(_LIMIT_REFERENCES)
        responses["429"]["headers"]["Retry-After"] = _header("The seconds after which to repeat the call.")
    if operation.takes_key:
        replayed = _header("`true` if this is the answer of an earlier call.", required=False)
        for status_code in responses:
            if status_code not in _NEVER_REPLAYED:
                responses[status_code].setdefault("headers", {})[REPLAYED] = replayed
        retry = _header("The seconds after which to repeat a call that is still running.", required=False)
        responses["409"]["headers"]["Retry-After"] = retry
    return responses


_NEVER_REPLAYED = ("401", "403", "429", "503")


_LIMIT_HEADERS = {
    name: {"description": description, "required": False, "schema": {"type": "string"}, "example": example}
    for name, description, example in (
        (LIMIT, "The requests that are left (`r`) for the next seconds (`t`).", '"caller";r=87;t=1'),
        (
            POLICY,
            "The requests that may be made at once (`q`), and the seconds in which they become available again (`w`): "
            "for the caller, and for all callers of the tenant together.",
            '"caller";q=100;w=2, "tenant";q=1000;w=2',
        ),
    )
}
_LIMIT_REFERENCES = {name: {"$ref": f"#/components/headers/{name}"} for name in _LIMIT_HEADERS}


def _header(description: str, *, required: bool = True) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string"}}


def _errors(operation: Operation) -> list[type[errors.DomainError]]:
    found = list(operation.errors)
    if not operation.public:
        found += [errors.Unauthenticated, errors.PermissionDenied, errors.RateLimited, errors.Unavailable]
    if operation.body:
        found += [errors.RuleBroken, errors.TooLarge, errors.UnsupportedMediaType, errors.Invalid]
    if operation.query:
        found += [errors.RuleBroken, errors.Invalid]
    if operation.is_of_contact and not operation.follows_merges:
        found.append(errors.Merged)
    if operation.takes_key:
        found += [errors.IdempotencyInFlight, errors.IdempotencyKeyReused]
    return found


def _page(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "next_cursor", "total"],
        "properties": {
            "items": {"type": "array", "items": entry},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; null on the last page. A page with a cursor may have "
                "fewer records than `limit`, or none, if finding or returning more would exceed the call's budget.",
            },
            "total": {
                "type": ["integer", "null"],
                "description": "The number of records in the list, where they are counted.",
            },
            "total_at_least": {
                "type": "integer",
                "description": "The number of records that were counted before the call's budget of rows and time was "
                "used up; `total` is null then. Otherwise absent.",
            },
        },
    }
