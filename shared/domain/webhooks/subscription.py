"""The webhook subscription: events of a tenant that are sent to a URL."""

from __future__ import annotations

import base64
import secrets
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.callers import Caller
from shared.domain.events import EVENT_TYPES
from shared.domain.text import Line
from shared.domain.timestamps import Timestamp
from shared.domain.webhooks.addresses import MAX_URL_LENGTH, parse_target

MAX_WEBHOOKS = 50
"""The most subscriptions of a tenant, and so the most requests that follow from one event."""

MANAGE_WEBHOOKS = "webhooks:manage"
"""The permission that callers need at level `all` to create webhooks, and to keep receiving events through them."""

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix is no secret
_SECRET_BYTES = 32  # Standard Webhooks 1.0.0 asks for 24 to 64


def _check_event_type(event_type: str) -> str:
    if event_type not in EVENT_TYPES:
        raise PydanticCustomError("unknown_event_type", "There is no such event type.")
    return event_type


EventType = Annotated[
    str,
    Field(max_length=100, json_schema_extra={"enum": list(EVENT_TYPES)}),
    AfterValidator(_check_event_type),
]


class WebhookInput(BaseModel):
    """The fields of a new subscription."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    url: str = Field(
        min_length=1,
        max_length=MAX_URL_LENGTH,
        description="An https URL on port 443, 4443, 8443 or 9443 of a public host.",
        examples=["https://hooks.example.com/contacts"],
    )
    events: list[EventType] = Field(
        min_length=1,
        max_length=100,
        description="The event types that are sent.",
        examples=[["contact.created"]],
    )
    description: Line = ""


class Webhook(BaseModel):
    """A webhook subscription of a tenant.

    `version` counts the changes, from 1. `disabled_reason` says why `is_active` is false: `gone` when the receiver
    answered 410.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    url: str
    events: list[str]
    description: str = ""
    is_active: bool = True
    disabled_reason: str | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    secret: Annotated[str, SkipJsonSchema(), Field(exclude=True, repr=False)]

    @classmethod
    def create(
        cls, given: WebhookInput, *, webhook_id: str, at: str, caller: Caller, loopback: bool
    ) -> Webhook:
        """Return a new subscription with a new secret. Raises Invalid for a URL that webhooks may not use."""
        parse_target(given.url, loopback=loopback)
        return cls.model_construct(
            id=webhook_id,
            url=given.url,
            events=list(dict.fromkeys(given.events)),
            description=given.description,
            secret=generate_secret(),
            created_at=at,
            created_by=caller.actor,
            updated_at=at,
            updated_by=caller.actor,
        )

    def wants(self, event_type: str) -> bool:
        """Whether events of a type are to be sent."""
        return self.is_active and event_type in self.events

    def disable(self, reason: str, *, at: str, caller: Caller) -> Webhook:
        """Return the subscription, disabled: it receives no more events."""
        return self.model_copy(
            update={
                "is_active": False,
                "disabled_reason": reason,
                "version": self.version + 1,
                "updated_at": at,
                "updated_by": caller.actor,
            }
        )

    def with_secret(self) -> NewWebhook:
        """Return the subscription with its secret, as it is shown only when it is created."""
        return NewWebhook.model_construct(**self.__dict__)


class NewWebhook(Webhook):
    """A new subscription with its secret, which is not shown again."""

    secret: str = Field(repr=False, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


def generate_secret() -> str:
    """Return a new signing secret in the form of Standard Webhooks: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
