"""One HTTP call as a handler sees it: who calls, and what was sent."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

from shared.domain.callers import Caller, parse_grants
from shared.domain.errors import (
    FieldError,
    Invalid,
    PermissionDenied,
    RuleBroken,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from shared.domain.tenant import RateLimit
from shared.http.problems import from_validation
from shared.services.idempotency import Claim
from shared.services.reading_budget import Budget

MAX_BODY_BYTES = 1_000_000
MAX_OPEN_BODY_BYTES = 16_384
"""Of routes that anybody may call without signing in."""
FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 50

M = TypeVar("M", bound=BaseModel)

Further = Callable[["Call", Any], Iterable[FieldError]]
"""Finds the faults in a body, as it was parsed from JSON, that lie beyond its form."""

_MAX_CONDITION = 10_000
"""Characters of an `If-Match`: as many as API Gateway takes of all headers together."""
_ENTITY_TAG = re.compile(r'(?:W/)?"[!#-~\x80-\xff]*"')
_ENTITY_TAGS = re.compile(rf"[ \t,]*{_ENTITY_TAG.pattern}(?:[ \t]*,[ \t,]*{_ENTITY_TAG.pattern})*[ \t,]*")
"""A list of entity tags (RFC 9110, sections 5.6.1 and 8.8.3), of which empty members are passed over."""

_rate_limit = lru_cache(maxsize=1_000)(RateLimit.parse)  # a process sees the same few again and again


class Call:
    """A request from API Gateway (REST API, proxy event version 1.0)."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.event = event
        self.claim: Claim | None = None
        """The call's claim on its Idempotency-Key, if it has one: for the factories in `shared.wiring`."""

    @cached_property
    def budget(self) -> Budget:
        """The budget of what the call may read; rows beyond a page's worth are charged to its caller."""
        return Budget()

    @property
    def request_id(self) -> str:
        """The gateway's id of this request."""
        return str(self.event["requestContext"].get("requestId", ""))

    @property
    def is_signed_in(self) -> bool:
        """Whether an authorizer has passed the request: no route without sign-in has one."""
        return bool(self.event["requestContext"].get("authorizer"))

    def require_open_tenant(self) -> None:
        """Raises PermissionDenied when the authorizer has found the caller's tenant suspended."""
        if (self.event["requestContext"].get("authorizer") or {}).get("suspended"):
            raise PermissionDenied("This tenant is suspended. Ask the operator of this service.")

    @cached_property
    def caller(self) -> Caller:
        """Who calls, as the authorizer found. No header, query or body has a say in it.

        Raises Unauthenticated when no authorizer has passed the request.
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
        """The name under which a user signs in, as the authorizer found; None for other callers."""
        context = self.event["requestContext"].get("authorizer") or {}
        return context.get("username")

    @property
    def address(self) -> str:
        """The network address that the gateway was called from. No header has a say in it."""
        return str(self.event["requestContext"].get("identity", {}).get("sourceIp", ""))

    @property
    def rate_limit(self) -> RateLimit:
        """How often the caller may call, as the authorizer found in the tenant's settings."""
        written = (self.event["requestContext"].get("authorizer") or {}).get("rate_limit")
        return _rate_limit(written) if written else RateLimit()

    def header_values(self, name: str) -> list[str]:
        """All values of a header that was sent, whatever the case of its name."""
        for key, values in (self.event.get("multiValueHeaders") or {}).items():
            if key.lower() == name:
                return [str(value) for value in values]
        single = self.header(name)
        return [] if single is None else [single]

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of its name."""
        for key, value in (self.event.get("headers") or {}).items():
            if key.lower() == name:
                return str(value)
        return None

    def body(
        self,
        model: type[M],
        media_types: tuple[str, ...],
        further: Further | None = None,
        *,
        most: int = MAX_BODY_BYTES,
    ) -> M:
        """The body as a model: JSON, or a form where the route takes FORM. `further`: what else can be wrong with it,
        asked only when its form is refused. `most`: how many bytes it may have.

        Raises UnsupportedMediaType, TooLarge, RuleBroken for what is no JSON or no form or gives a name twice, Invalid
        for refused fields.
        """
        media_type, _, parameters = (self.header("content-type") or "application/json").partition(";")
        media_type = media_type.strip().lower()
        if media_type not in media_types:
            raise UnsupportedMediaType(f"This route reads {' or '.join(media_types)}.")
        if parameters and not _is_utf8(parameters):
            raise UnsupportedMediaType("Bodies are read as UTF-8. Send it in this encoding.")
        if (self.header("content-encoding") or "identity").lower() != "identity":
            raise UnsupportedMediaType("Compressed bodies are not read. Send the body as it is.")
        raw = self._raw_body(most)
        if media_type != FORM:
            _require_names_once(raw)
        try:
            return (
                model.model_validate(_form_of(raw)) if media_type == FORM else model.model_validate_json(raw)
            )
        except ValidationError as error:

            def others() -> Iterable[FieldError]:
                return further(self, _parsed(raw)) if further is not None else ()

            raise from_validation(error, model, others) from error

    def _raw_body(self, most: int) -> str:
        body: str | bytes = self.event.get("body") or ""
        too_large = TooLarge(f"The body of this route has at most {most:,} bytes.")
        if len(body) > -(-most // 3) * 4:  # in base64 or as text: it is not decoded to be counted
            raise too_large
        if self.event.get("isBase64Encoded"):
            try:
                body = base64.b64decode(body, validate=True)
            except (binascii.Error, ValueError) as error:
                raise RuleBroken("The body cannot be decoded.", code="malformed_json") from error
        if len(body if isinstance(body, bytes) else body.encode(errors="surrogatepass")) > most:
            raise too_large
        if not body:
            raise RuleBroken("A body is required.", code="malformed_json")
        return _utf8(body)

    def query(self, model: type[M]) -> M:
        """The query parameters as a model. Raises Invalid for refused ones, repeated ones among them."""
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
        """Whether `If-Match` (RFC 9110, section 13.1.1) holds for a version; None when it was not sent.

        Comparison is strong: a weak entity tag never matches. Raises RuleBroken for what is neither `*` nor a list of
        entity tags: compared all the same, it would look as if the record had changed.
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


def _is_utf8(parameters: str) -> bool:
    """Whether the parameters of a media type name no encoding but UTF-8, or US-ASCII, which is a part of it."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in ("utf-8", "utf8", "us-ascii", "ascii")
    return True


def _utf8(body: str | bytes) -> str:
    """A body as text. Raises RuleBroken when it is not UTF-8.

    API Gateway hands a body on as text, with U+FFFD for bytes that are none. That such a character was sent itself
    cannot be told from that; in JSON it can be given as an escape.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        if not text.isascii():
            text.encode()  # lone surrogates are in no UTF-8
    except UnicodeError as error:
        raise _not_utf8() from error
    if "\ufffd" in text:
        raise _not_utf8()
    return text


def _not_utf8() -> RuleBroken:
    return RuleBroken("The body is not UTF-8, or has the character U+FFFD in it.", code="not_utf8")


def _form_of(raw: str) -> dict[str, str]:
    """The fields of a form (WHATWG URL, section 5.1). One without a value counts as left out (RFC 6749, 3.2)."""
    try:
        fields = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise RuleBroken("The body is not a form that can be read.", code="malformed_form") from error
    given = dict(fields)
    if len(given) < len(fields):
        raise RuleBroken("A parameter was given more than once.", code="repeated")
    return {name: value for name, value in given.items() if value}


def _names_once(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) < len(members):
        raise RuleBroken("An object in the body has a name more than once.", code="malformed_json")


# Takes all that pydantic's reader takes, and more; numbers stay texts, since only names are looked at.
_READER = json.JSONDecoder(object_pairs_hook=_names_once, parse_int=str, parse_float=str, strict=False)


def _require_names_once(raw: str) -> None:
    """Raise RuleBroken for an object that has a name more than once, however deep it lies: readers differ in which of
    the values they take (RFC 8259, section 4), and pydantic's takes the last without a word.
    """
    with contextlib.suppress(ValueError, RecursionError):  # pydantic refuses what is not JSON
        _READER.decode(raw)


def _parsed(raw: str) -> Any:
    """A text that is JSON, parsed. An integer of more digits than any field takes is read as infinite."""
    return json.loads(
        raw, strict=False, parse_int=lambda digits: int(digits) if len(digits) < 30 else math.inf
    )


def etag(version: int) -> str:
    """A record's version as a strong entity tag."""
    return f'"{version}"'
