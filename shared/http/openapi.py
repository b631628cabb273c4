"""The OpenAPI 3.1 document, from the routes as they are declared. Made at build time; no function loads this."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.domain import errors
from shared.http import oauth
from shared.http.examples import Example, refused, shown
from shared.http.idempotency import HEADER, PATTERN, REPLAYED
from shared.http.problem_document import OAuthError, Problem
from shared.http.problems import CONTENT_TYPE, status_of
from shared.http.rate_limits import LIMIT, POLICY
from shared.http.routes import JSON, STAGE, Operation

EXAMPLE_IN_WORDS = "For example"
_REF = "#/components/schemas/{model}"
_DESCRIPTION = """Contacts of businesses that take bookings.

Every record belongs to one tenant, which follows from the token or key alone. Records of others answer like
missing ones. Lists are read in pages by `next_cursor`, and follow changes within about a second; a record read
by its id is right at once. Errors are problem documents (RFC 9457).

Requests are limited by the second and in bursts. `RateLimit` and `RateLimit-Policy` show the limits and what is left,
in every answer to a caller who is signed in. A request beyond them is 429 with `Retry-After`, the wait after which
requests are accepted again. It doubles, up to five minutes, while a caller keeps asking sooner. Reading far beyond a
page's worth in one request counts as several."""


def document(
    operations: Iterable[Operation], examples: Mapping[str, Example], *, version: str
) -> dict[str, Any]:
    """The OpenAPI document of `operations`. `version` is the API's own, such as `0.1.0`.

    `examples`: by the handlers' names. Raises KeyError for one of a problem that its operation does not tell of.
    """
    ordered = sorted(operations, key=lambda one: (one.path, one.method))
    schemas, components = _schemas(ordered)
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
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in ordered)],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": _LIMIT_HEADERS,
            "securitySchemes": {
                "password": {
                    "type": "oauth2",
                    "description": "With user name and password. The rights of a user follow from their role.",
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


_Schemas = dict[tuple[type[BaseModel], JsonSchemaMode], dict[str, Any]]


def _schemas(operations: list[Operation]) -> tuple[_Schemas, dict[str, Any]]:
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
    schemas, definitions = models_json_schema(list(wanted), ref_template=_REF)
    components = definitions.get("$defs", {})
    for operation in operations:
        if operation.query:  # told as parameters, not as a schema of its own
            name = schemas[operation.query, "validation"]["$ref"].rsplit("/", 1)[1]
            components.pop(name, None)
    found: Any = schemas
    return dict(found), dict(sorted(components.items()))


def _operation(operation: Operation, schemas: _Schemas, example: Example) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, example),
        "responses": _responses(operation, schemas, example),
    }
    if operation.handler.__doc__:
        told["description"] = " ".join(operation.handler.__doc__.split())
    if operation.body:
        body = {"schema": schemas[operation.body, "validation"]}
        if example.request is not None:
            body["example"] = example.request
        told["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(operation.media_types, body),
        }
    if operation.public:
        told["security"] = []
    return {key: value for key, value in told.items() if value or key == "security"}


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
        # Swagger UI fills examples in. Where they are conditions, the first attempt would find nothing.
        parameter["schema"].pop("examples", None)
        given = example.parameters.get(parameter["name"])
        if given is None:
            continue
        if parameter.get("required"):
            parameter["example"] = given
        else:
            told = parameter.get("description", "")
            parameter["description"] = f"{told} {EXAMPLE_IN_WORDS} `{given}`.".strip()
    if operation.conditional:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "description": "The ETag of the state the change is meant for; another answers 412.",
                "schema": {"type": "string"},
            }
        )
    if operation.keyed:
        parameters.append(
            {
                "name": HEADER,
                "in": "header",
                "description": "For 24 hours a repeat with the same key gets the first answer, a refusal too, and "
                f"has no effect; it carries `{REPLAYED}: true`. Keys are the caller's own.",
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
            content["example"] = shown(example.answer)
        answer["content"] = {JSON: content}
        if not operation.paged and "version" in operation.answer.model_fields:
            answer["headers"] = {"ETag": _header("The record's version.")}
    elif operation.answer_type != JSON:
        text: dict[str, Any] = {"schema": {"type": "string"}}
        if example.answer is not None:
            text["example"] = shown(example.answer)
        answer["content"] = {operation.answer_type.split(";")[0]: text}
    if 300 <= operation.status < 400:
        answer["headers"] = {"Location": _header("Where it leads.")}
    if operation.location:
        answer.setdefault("headers", {})["Location"] = _header("Where the new record is found.")
    responses: dict[str, Any] = {str(operation.status): answer}
    if operation.accepted:
        schema = schemas[operation.accepted.answer, "serialization"]
        responses["202"] = {
            "description": "A background job does it.",
            "content": {JSON: {"schema": schema}},
            "headers": {
                "ETag": _header("The record's version."),
                "Location": _header("Where the job is found."),
            },
        }
    problem = schemas[Problem, "serialization"]
    in_oauth = {error for error in _errors(operation) if operation.oauth and oauth.has_oauth_form(error)}
    for status, title in sorted({status_of(error) for error in _errors(operation) if error not in in_oauth}):
        responses[str(status)] = {"description": title, "content": {CONTENT_TYPE: {"schema": problem}}}
    if in_oauth:
        refusal: dict[str, Any] = {"schema": schemas[OAuthError, "serialization"]}
        if example.problems:
            refusal["example"] = oauth.members_of(example.problems[0])
        responses[str(oauth.STATUS)] = {"description": "Bad Request", "content": {JSON: refusal}}
    for error in (
        () if in_oauth else reversed(example.problems)
    ):  # so that of two of one status the first is shown
        status, _ = status_of(type(error))
        responses[str(status)]["content"][CONTENT_TYPE]["example"] = refused(error)
    if not operation.public:
        for told in (str(operation.status), "429"):
            responses[told].setdefault("headers", {}).update(_LIMIT_REFERENCES)
        responses["429"]["headers"]["Retry-After"] = _header("After how many seconds to send the call again.")
    if operation.keyed:
        replayed = _header("`true` when this is an earlier call's answer.", required=False)
        for told in responses:
            if told not in _NEVER_REPLAYED:
                responses[told].setdefault("headers", {})[REPLAYED] = replayed
        retry = _header("After how many seconds to send a call again whose first is at work.", required=False)
        responses["409"]["headers"]["Retry-After"] = retry
    return responses


_NEVER_REPLAYED = ("401", "403", "429", "503")


_LIMIT_HEADERS = {
    name: {"description": description, "required": False, "schema": {"type": "string"}, "example": example}
    for name, description, example in (
        (LIMIT, "How many requests are left (`r`) for the next seconds (`t`).", '"caller";r=87;t=1'),
        (
            POLICY,
            "How many requests may be made at once (`q`), and in how many seconds (`w`) they come back: of the caller, "
            "and of all the tenant's callers together.",
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
    if operation.keyed:
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
                "description": "For the next page; null on the last. A page may have fewer records than `limit`, or "
                "none, and a cursor, where finding or showing more would go over the call's budget.",
            },
            "total": {
                "type": ["integer", "null"],
                "description": "How many there are, where that is counted.",
            },
            "total_at_least": {
                "type": "integer",
                "description": "How many were counted before the call's budget of rows and time was spent; `total` is "
                "null then. Else absent.",
            },
        },
    }
