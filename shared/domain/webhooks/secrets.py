"""The secrets of a webhook: those that sign its requests, and the values of its own headers."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain import timestamps
from shared.domain.errors import Conflict, Invalid
from shared.domain.text import HEADER_NAME, HEADER_VALUE
from shared.domain.webhooks.redaction import hide_secrets

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix is no secret
_SECRET_BYTES = 32  # Standard Webhooks 1.0.0 asks for 24 to 64

MAX_SECRETS = 5
"""The most secrets that sign the requests of a webhook at the same time, while earlier ones are being replaced."""
MAX_OVERLAP_HOURS = 168
"""The most hours for which a replaced secret still signs."""
DEFAULT_OVERLAP_HOURS = 24
"""The hours for which a replaced secret still signs, unless the caller sets another number."""

MAX_HEADERS = 5
"""The most headers of its own that a webhook has."""
MAX_HEADER_NAME, MAX_HEADER_VALUE = 64, 1_000
"""The most characters of a header's name and of its value."""
_RESERVED = frozenset(
    {
        # Set by the sender, or by the rules of HTTP for every request.
        "accept-encoding", "date", "expect", "host", "user-agent",
        # For one connection and not for the receiver (RFC 9110, section 7.6.1).
        "connection", "http2-settings", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        # What proxies say about a request.
        "forwarded", "via",
    }
)  # fmt: skip
_RESERVED_PREFIXES = ("content-", "proxy-", "webhook-", "x-forwarded-")


def _check_header_name(name: str) -> str:
    lower = name.lower()
    if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
        raise PydanticCustomError("reserved_header", "This header is set by the sender or by proxies.")
    return name


_HeaderName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_HEADER_NAME, pattern=HEADER_NAME),
    AfterValidator(_check_header_name),
]
_HeaderValue = Annotated[str, Field(min_length=1, max_length=MAX_HEADER_VALUE, pattern=HEADER_VALUE)]
_MEMBERS = {"propertyNames": {"pattern": HEADER_NAME, "maxLength": MAX_HEADER_NAME}}

Headers = Annotated[
    dict[_HeaderName, _HeaderValue],
    Field(
        max_length=MAX_HEADERS,
        description="Headers that each request contains besides the usual ones. Their values are never shown again. "
        "Not allowed are Host, User-Agent, Content-*, Webhook-*, and those of connections and proxies.",
        examples=[{"Authorization": "Bearer 8fK2vTq"}],
        json_schema_extra=_MEMBERS,
    ),
]
"""The headers of a new webhook."""
HeaderChanges = Annotated[
    dict[_HeaderName, _HeaderValue | None],
    Field(
        max_length=2 * MAX_HEADERS,
        description="Headers to set, by name; null removes one. Headers that are not named stay.",
        examples=[{"Authorization": "Bearer 8fK2vTq", "X-Team": None}],
        json_schema_extra=_MEMBERS,
    ),
]
"""Changes to the headers of a webhook, as a merge patch (RFC 7396) with names in any case."""


class TooManySecrets(Conflict):
    """So many secrets of the webhook are valid that no further one can be."""

    code = "too_many_secrets"

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_SECRETS} secrets of this webhook are valid. Wait until one has ended, or end them now with "
            "overlap_hours 0."
        )


class SecretRotation(BaseModel):
    """The replacement of a signing secret."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    overlap_hours: int = Field(
        DEFAULT_OVERLAP_HOURS,
        ge=0,
        le=MAX_OVERLAP_HOURS,
        description="Hours for which earlier secrets sign too, while receivers change. With 0 they end now.",
    )


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret in the form of Standard Webhooks: `whsec_` and base64. `until`: when it ends; None for the latest."""

    secret: str = field(repr=False)
    until: str | None = None


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets of a webhook, the latest first, and its own headers with their values."""

    secrets: tuple[SigningSecret, ...]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def create(cls, headers: Mapping[str, str | None] | None = None) -> WebhookSecrets:
        """Return a new secret, and the headers of a new webhook. Raises Invalid for a header that is given twice."""
        return cls((SigningSecret(generate_secret()),)).change_headers(headers or {})

    @property
    def latest(self) -> str:
        """The secret that does not end."""
        return self.secrets[0].secret

    @property
    def previous_until(self) -> str | None:
        """The time at which the last of the earlier secrets ends; None when there is none."""
        return max((one.until for one in self.secrets if one.until is not None), default=None)

    @property
    def header_names(self) -> list[str]:
        """The names of the headers, as they were given, in alphabetical order."""
        return sort_names(self.headers)

    def valid_at(self, at: str) -> list[str]:
        """Return the secrets that sign a request at a time, the latest first."""
        return [one.secret for one in self.secrets if one.until is None or at < one.until]

    def redact(self, content: bytes) -> bytes:
        """Return content, such as a response, without the secrets and headers' values that it repeats; see
        `hide_secrets`.
        """
        signing = [one.secret for one in self.secrets]
        keys = [one.removeprefix(SECRET_PREFIX) for one in signing]
        return hide_secrets(content, [*signing, *keys, *self.headers.values()])

    def rotate(self, *, at: str, overlap_hours: int) -> WebhookSecrets:
        """Return the secrets with a new one. The earlier ones end `overlap_hours` after `at`, or when they were to end
        before that.

        Raises TooManySecrets when more than MAX_SECRETS would be valid at the same time.
        """
        end = timestamps.plus(at, overlap_hours * 3_600)
        ending = [replace(one, until=min(end, one.until or end)) for one in self.secrets]
        earlier = tuple(one for one in ending if one.until is not None and at < one.until)
        if len(earlier) >= MAX_SECRETS:
            raise TooManySecrets
        return replace(self, secrets=(SigningSecret(generate_secret()), *earlier))

    def change_headers(self, changes: Mapping[str, str | None]) -> WebhookSecrets:
        """Return the secrets with changed headers: a value of None removes the header. Names are compared without case.

        Raises Invalid, naming `headers`, when a name is given twice, and when there are more than MAX_HEADERS.
        """
        if len({name.lower() for name in changes}) < len(changes):
            raise Invalid.field("headers", "repeated", "A header was given twice: names have no case.")
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _lower(changes)}
        changed = kept | {name: value for name, value in changes.items() if value is not None}
        if len(changed) > MAX_HEADERS:
            raise Invalid.field(
                "headers", "too_long", f"A webhook has at most {MAX_HEADERS} headers of its own."
            )
        return replace(self, headers=changed)


def sort_names(headers: Iterable[str]) -> list[str]:
    """Return the names of headers in alphabetical order, in which case does not count."""
    return sorted(headers, key=str.lower)


def _lower(names: Mapping[str, str | None]) -> set[str]:
    return {name.lower() for name in names}


def generate_secret() -> str:
    """Return a new signing secret in the form of Standard Webhooks: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
