"""Request bodies: from the event to text, and from text to JSON or form fields."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
from typing import Any
from urllib.parse import parse_qsl

from shared.domain.errors import RuleBroken, TooLarge

MAX_BODY_BYTES = 1_000_000
"""Bytes of a body."""
MAX_PUBLIC_BODY_BYTES = 16_384
"""Bytes of a body, on routes that can be called without sign-in."""
FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 50
"""Fields of a form."""


def decode_body(body: str, *, is_base64: bool, max_bytes: int) -> str:
    """Return a body as text.

    Raises TooLarge for more than `max_bytes` bytes, and RuleBroken for a body that is empty, not base64 or not UTF-8.
    """
    too_large = TooLarge(f"The body of this route has at most {max_bytes:,} bytes.")
    if len(body) > -(-max_bytes // 3) * 4:  # too long both as base64 and as text, so it need not be decoded
        raise too_large
    decoded: str | bytes = body
    if is_base64:
        try:
            decoded = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RuleBroken("The body cannot be decoded.", code="malformed_json") from error
    if len(decoded if isinstance(decoded, bytes) else decoded.encode(errors="surrogatepass")) > max_bytes:
        raise too_large
    if not decoded:
        raise RuleBroken("A body is required.", code="malformed_json")
    return _decode_utf8(decoded)


def _decode_utf8(body: str | bytes) -> str:
    """Return a body as text. Raises RuleBroken when it is not UTF-8.

    API Gateway passes a body on as text, with U+FFFD for bytes that are not UTF-8. Such a character cannot be told
    apart from U+FFFD in the body itself, so both are refused; JSON can contain it as an escape.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        if not text.isascii():
            text.encode()  # raises on lone surrogates, which UTF-8 does not have
    except UnicodeError as error:
        raise _not_utf8() from error
    if "\ufffd" in text:
        raise _not_utf8()
    return text


def _not_utf8() -> RuleBroken:
    return RuleBroken("The body is not UTF-8, or has the character U+FFFD in it.", code="not_utf8")


def is_utf8(parameters: str) -> bool:
    """Whether the parameters of a media type name UTF-8 or its subset US-ASCII, or no encoding."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower() in ("utf-8", "utf8", "us-ascii", "ascii")
    return True


def parse_form(text: str) -> dict[str, str]:
    """Return the fields of a form (WHATWG URL, section 5.1). A field without a value counts as absent (RFC 6749, 3.2).

    Raises RuleBroken for a malformed form and for repeated fields.
    """
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise RuleBroken("The body is not a form that can be read.", code="malformed_form") from error
    given = dict(fields)
    if len(given) < len(fields):
        raise RuleBroken("A parameter was given more than once.", code="repeated")
    return {name: value for name, value in given.items() if value}


def _refuse_repeated_names(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) < len(members):
        raise RuleBroken("An object in the body has a name more than once.", code="malformed_json")


# Accepts everything that pydantic's parser accepts, and more. Numbers stay texts, because only names are examined.
_NAMES_DECODER = json.JSONDecoder(
    object_pairs_hook=_refuse_repeated_names, parse_int=str, parse_float=str, strict=False
)


def require_unique_names(text: str) -> None:
    """Raises RuleBroken for a JSON object, at any depth, that has a name more than once.

    Parsers differ in which of the values they take (RFC 8259, section 4); pydantic's takes the last without an error.
    """
    with contextlib.suppress(ValueError, RecursionError):  # pydantic refuses malformed JSON
        _NAMES_DECODER.decode(text)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. An integer of more digits than any field allows is read as infinity."""
    return json.loads(
        text, strict=False, parse_int=lambda digits: int(digits) if len(digits) < 30 else math.inf
    )
