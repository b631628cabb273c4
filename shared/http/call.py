"""An HTTP call: its caller and its request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ValidationError

from shared.domain.callers import Caller, parse_grants
from shared.domain.errors import (
    FieldError,
    Invalid,
    PermissionDenied,
    RuleBroken,
    Unauthenticated,
    UnsupportedMediaType,
)
from shared.domain.tenant import RateLimit
from shared.domain.webhook_requests import is_webhook_request
from shared.http.bodies import (
    FORM,
    MAX_BODY_BYTES,
    decode_body,
    is_utf8,
    parse_form,
    parse_json,
    require_unique_names,
)
from shared.http.problems import from_validation
from shared.services.idempotency import IdempotencyKeyClaim
from shared.services.reading_budget import Budget

M = TypeVar("M", bound=BaseModel)

FindFaults = Callable[["Call", Any], Iterable[FieldError]]
"""Finds the errors in a parsed JSON body that its schema does not describe."""

_MAX_CONDITION = 10_000
"""Characters of an `If-Match`: as many as API Gateway accepts in all headers together."""
_ENTITY_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')
_ENTITY_TAGS = re.compile(rf"[ \t,]*{_ENTITY_TAG.pattern}(?:[ \t]*,[ \t,]*{_ENTITY_TAG.pattern})*[ \t,]*")
"""A list of entity tags (RFC 9110, sections 5.6.1 and 8.8.3); empty members are ignored."""

_rate_limit = lru_cache(maxsize=1_000)(RateLimit.parse)  # a process sees the same few limits in most calls


class Call:
    """A request from API Gateway (REST API, proxy event version 1.0)."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.event = event
        self.claim: IdempotencyKeyClaim | None = None
        """The claim on the call's Idempotency-Key, if it has one; for the factories in `shared.wiring`."""

    @cached_property
    def budget(self) -> Budget:
        """The reading budget of the call. Rows beyond a page are charged to the caller's rate limit."""
        return Budget()

    @property
    def request_id(self) -> str:
        """The id that API Gateway gave the request."""
        return str(self.event["requestContext"].get("requestId", ""))

    @property
    def is_signed_in(self) -> bool:
        """Whether an authorizer has admitted the request. Public routes have no authorizer."""
        return bool(self.event["requestContext"].get("authorizer"))

    def refuse_webhooks(self) -> None:
        """Raises PermissionDenied when a webhook sends the request: one event could cause others without end."""
        if is_webhook_request(self.event.get("headers") or {}):
            raise PermissionDenied(
                "Webhooks cannot call this API. Let a program of yours receive the event and make the call.",
                code="webhook_request",
            )

    def require_open_tenant(self) -> None:
        """Raises PermissionDenied when the authorizer found that the caller's tenant is suspended."""
        if (self.event["requestContext"].get("authorizer") or {}).get("suspended"):
            raise PermissionDenied("This tenant is suspended. Ask the operator of this service.")

    @cached_property
    def caller(self) -> Caller:
        """The caller, as the authorizer identified them. Headers, query and body have no influence on it.

        Raises Unauthenticated when no authorizer has admitted the request.
        """
        context = self.event["requestContext"].get("authorizer") or {}
        try:
            return Caller(
                tenant_id=context["tenant_id"],
                kind=context["caller_kind"],
                id=context["caller_id"],
                role=context["role"],
                granted=parse_grants(context["permissions"]),
            )
        except KeyError as error:
            raise Unauthenticated("Sign in first: this route needs a token or an API key.") from error

    @property
    def username(self) -> str | None:
        """The user name of a user, from the authorizer; None for other callers."""
        context = self.event["requestContext"].get("authorizer") or {}
        return context.get("username")

    @property
    def address(self) -> str:
        """The network address that called API Gateway. Headers have no influence on it."""
        return str(self.event["requestContext"].get("identity", {}).get("sourceIp", ""))

    @property
    def rate_limit(self) -> RateLimit:
        """The caller's rate limit, which the authorizer took from the tenant's settings."""
        written = (self.event["requestContext"].get("authorizer") or {}).get("rate_limit")
        return _rate_limit(written) if written else RateLimit()

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header. `name` is in lower case; the header's case does not matter."""
        for key, values in (self.event.get("multiValueHeaders") or {}).items():
            if key.lower() == name:
                return [str(value) for value in values]
        single = self.header(name)
        return [] if single is None else [single]

    def path(self, name: str) -> str:
        """Return a parameter of the path."""
        return unquote((self.event.get("pathParameters") or {}).get(name, ""))

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None. `name` is in lower case; the header's case does not matter."""
        for key, value in (self.event.get("headers") or {}).items():
            if key.lower() == name:
                return str(value)
        return None

    def body(
        self,
        model: type[M],
        media_types: tuple[str, ...],
        find_faults: FindFaults | None = None,
        *,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> M:
        """Return the body as a model, from JSON, or from a form where the route takes FORM.

        `find_faults`: finds more errors in the body; called only when pydantic has refused it.
        Raises UnsupportedMediaType, TooLarge, RuleBroken for a body that is malformed or repeats a name, and Invalid
        for refused fields.
        """
        media_type, _, parameters = (self.header("content-type") or "application/json").partition(";")
        media_type = media_type.strip().lower()
        if media_type not in media_types:
            raise UnsupportedMediaType(f"This route reads {' or '.join(media_types)}.")
        if parameters and not is_utf8(parameters):
            raise UnsupportedMediaType("Bodies are read as UTF-8. Send it in this encoding.")
        if (self.header("content-encoding") or "identity").lower() != "identity":
            raise UnsupportedMediaType("Compressed bodies are not read. Send the body as it is.")
        text = decode_body(
            self.event.get("body") or "",
            is_base64=bool(self.event.get("isBase64Encoded")),
            max_bytes=max_bytes,
        )
        if media_type != FORM:
            require_unique_names(text)
        try:
            if media_type == FORM:
                return model.model_validate(parse_form(text))
            return model.model_validate_json(text)
        except ValidationError as error:

            def find_others() -> Iterable[FieldError]:
                return find_faults(self, parse_json(text)) if find_faults is not None else ()

            raise from_validation(error, model, find_others) from error

    def query(self, model: type[M]) -> M:
        """Return the query parameters as a model. Raises Invalid for refused and for repeated parameters."""
        given = self.event.get("multiValueQueryStringParameters") or {}
        repeated = next((name for name, values in given.items() if len(values) > 1), None)
        if repeated is not None:
            raise Invalid.field(repeated[:200], "repeated", "This parameter was given more than once.")
        try:
            return model.model_validate(self.event.get("queryStringParameters") or {})
        except ValidationError as error:
            raise from_validation(error, model) from error

    @property
    def if_match(self) -> Callable[[int], bool] | None:
        """The condition of `If-Match` (RFC 9110, section 13.1.1) for a version; None without the header.

        Comparison is strong: a weak entity tag never matches. Raises RuleBroken for a value that is neither `*` nor a
        list of entity tags: if it were compared, the record would seem to have changed.
        """
        given = self.header_values("if-match")
        if not given:
            return None
        text = ", ".join(given).strip()
        if text == "*":
            return lambda _: True
        if len(text) > _MAX_CONDITION or not _ENTITY_TAGS.fullmatch(text):
            raise RuleBroken(
                'If-Match takes the ETag of an answer with its quotation marks, such as "7"; several, separated by '
                "commas; or * for whatever version there is.",
                code="malformed_if_match",
            )
        tags = set(_ENTITY_TAG.findall(text))
        return lambda version: etag(version) in tags


def etag(version: int) -> str:
    """Return a record's version as a strong entity tag."""
    return f'"{version}"'
