"""The webhook subscription: events of a tenant that are sent to a URL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.callers import system_caller
from shared.domain.errors import Invalid
from shared.domain.event_patterns import PATTERNS, covers, explain_unknown, find_types
from shared.domain.event_rights import require_event_rights
from shared.domain.events import (
    EVENT_TYPES,
    WEBHOOK_CREATED,
    WEBHOOK_DELETED,
    WEBHOOK_DISABLED,
    WEBHOOK_ENABLED,
    WEBHOOK_SECRET_ROTATED,
    WEBHOOK_UPDATED,
    Event,
    Notice,
)
from shared.domain.ids import new_id
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import Line
from shared.domain.timestamps import Timestamp
from shared.domain.webhooks.addresses import MAX_URL_LENGTH, parse_target
from shared.domain.webhooks.filters import WebhookFilter, WebhookFilterInput
from shared.domain.webhooks.secrets import HeaderChanges, Headers, sort_names

MAX_WEBHOOKS = 50
"""The most subscriptions of a tenant, and so the most requests that follow from one event."""

MANAGE_WEBHOOKS = "webhooks:manage"
"""The permission that callers need at level `all` to manage webhooks, and to keep receiving events through them."""

REQUESTED = "requested"
"""The reason of a webhook that a caller has disabled."""
HOLDER_LOST_RIGHTS = "holder_lost_rights"
"""The reason of a webhook whose holder is gone or may no longer manage webhooks."""
GONE = "gone"
"""The reason of a webhook whose receiver answered 410."""
FAILING = "failing"
"""The reason of a webhook to which nothing could be delivered for MAX_FAILING_SECONDS."""

Include = Literal["thin", "full"]
"""What an event is sent with: what changed (`thin`), or the record too (`full`)."""


def _check_event_type(event_type: str) -> str:
    if not find_types(event_type):
        raise PydanticCustomError("unknown_event_type", explain_unknown(event_type))
    return event_type


EventType = Annotated[
    str,
    Field(max_length=100, json_schema_extra={"enum": [*PATTERNS, *EVENT_TYPES]}),
    AfterValidator(_check_event_type),
]

_URL = "An https URL on port 443, 4443, 8443 or 9443 of a public host."
_EVENTS = (
    "The event types that are sent. `contact.*` covers all types of contacts and `*` all types, also those that later "
    "releases add."
)
_INCLUDE = "`thin`: what changed. `full`: also the record, as it is when the event is sent."


class WebhookInput(BaseModel):
    """The fields of a new subscription."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    url: str = Field(
        min_length=1,
        max_length=MAX_URL_LENGTH,
        description=_URL,
        examples=["https://hooks.example.com/contacts"],
    )
    events: list[EventType] = Field(
        min_length=1, max_length=100, description=_EVENTS, examples=[["contact.created"]]
    )
    filter: WebhookFilterInput | None = None
    include: Include = Field("thin", description=_INCLUDE)
    description: Line = ""
    headers: Headers = {}


class WebhookPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of a subscription: absent fields stay.

    Null empties `description`, `filter` and `headers`, and makes `include` `thin`; `url` and `events` need a value.
    Within `filter` and `headers`, null removes a condition or a header.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)
    set_elsewhere: ClassVar[Mapping[str, str]] = {
        "is_active": "`POST …/enable` and `POST …/disable` change it.",
        "secret": "`POST …/rotate-secret` replaces it.",
    }

    url: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_URL_LENGTH,
        description=_URL,
        examples=["https://hooks.example.com/contacts"],
    )
    events: list[EventType] | None = Field(
        None, min_length=1, max_length=100, description=_EVENTS, examples=[["contact.*"]]
    )
    filter: WebhookFilterInput | None = None
    include: Include | None = Field(None, description=_INCLUDE)
    description: Line | None = None
    headers: HeaderChanges | None = None

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that the patch names. Raises Invalid for null in a field that needs a value."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("url", "events"):
            if given.get(name, "") is None:
                raise Invalid.field(name, "required", "This cannot be without a value.")
        for name, empty in (("include", "thin"), ("description", "")):
            if given.get(name, "") is None:
                given[name] = empty
        return given


_BY_HOLDER = frozenset({"url", "events", "filter", "include", "sealed"})
"""The fields that decide what is sent where. `sealed` contains the headers. The caller who changes one becomes the
holder.
"""


class Webhook(Recorded):
    """A webhook subscription of a tenant.

    `version` counts the changes, from 1. `acts_as`: the holder, a caller such as `user:0190…` with whose rights the
    webhook receives events: its creator, or the caller who last changed `url`, `events`, `filter`, `include` or a
    header or enabled it. `header_names`: its own headers, whose values are not shown. `rotation_ends_at`: until when
    secrets that were replaced sign too. `disabled_reason` says why `is_active` is false: `requested` by a caller,
    `gone` when the receiver answered 410, `holder_lost_rights` when the holder is gone or may no longer manage
    webhooks, `failing` when every attempt failed for five days. `failing_since`: since when every attempt has failed;
    null if the latest one succeeded.
    """

    entity: ClassVar[str] = "webhook"

    id: str
    url: str
    events: list[str]
    filter: WebhookFilter = WebhookFilter.model_construct()
    include: Include = "thin"
    description: str = ""
    header_names: list[str] = []
    rotation_ends_at: Timestamp | None = None
    is_active: bool = True
    disabled_reason: str | None = None
    failing_since: Timestamp | None = None
    acts_as: str
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    # Not shown. `slow_until`: until when few attempts are made at once. `slow_milliseconds`: how long an attempt took
    # lately, if it is slow. `paused_until`: until when the receiver asked not to be called. `last_failed_at`: when the
    # latest failure was noted. `receiver_event`: the id of the event with which the URL was last changed, or the
    # webhook enabled. `held_since`: when the holder became the holder. `sealed`: the secrets and the headers' values,
    # encrypted (`shared.services.webhooks.vault`).
    held_since: Annotated[str, SkipJsonSchema(), Field(exclude=True)]
    receiver_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""
    slow_until: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    slow_milliseconds: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 15_000
    paused_until: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    last_failed_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    sealed: Annotated[bytes, SkipJsonSchema(), Field(exclude=True, repr=False)] = b""
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(
        cls, given: WebhookInput, *, webhook_id: str, stamp: Stamp, loopback: bool
    ) -> tuple[Webhook, Event]:
        """Return a new subscription, whose secrets are still to be sealed, and its `webhook.created` event.

        Raises PermissionDenied when the caller may not see events of all its types, and Invalid for a URL that webhooks
        may not use.
        """
        require_event_rights(stamp.caller, given.events)
        parse_target(given.url, loopback=loopback)
        webhook = cls._from_fields(
            id=webhook_id,
            url=given.url,
            events=list(dict.fromkeys(given.events)),
            filter=WebhookFilter.model_construct().patch(given.filter),
            include=given.include,
            description=given.description,
            acts_as=stamp.caller.actor,
            held_since=stamp.at,
            receiver_event=stamp.event_id,
            header_names=sort_names(given.headers),
            **stamp.creation_fields(),
        )
        return webhook, webhook._build_creation_event(WEBHOOK_CREATED, stamp.caller)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The event types that `events` covers now."""
        return tuple(dict.fromkeys(one for pattern in self.events for one in find_types(pattern)))

    def was_held_by(self, actor: str, *, since: str) -> bool:
        """Whether an actor is the holder, and there has been no other holder since a time."""
        return self.acts_as == actor and self.held_since <= max(since, self.created_at)

    def wants_type(self, event_type: str) -> bool:
        """Whether events of a type are to be sent, as far as the filter allows."""
        return self.is_active and any(covers(pattern, event_type) for pattern in self.events)

    def has_receiver_of(self, earlier: Webhook) -> bool:
        """Whether what a receiver said to the subscription as it was still applies: the URL has not been changed since,
        and the subscription has not been enabled again.
        """
        return (self.url, self.receiver_event) == (earlier.url, earlier.receiver_event)

    def is_slow(self, at: str) -> bool:
        """Whether the receiver has lately taken long to answer, so that few attempts are made at once."""
        return self.slow_until is not None and self.slow_until > at

    def is_paused(self, at: str) -> bool:
        """Whether the receiver has asked not to be called now."""
        return self.paused_until is not None and self.paused_until > at

    def may_want(self, notice: Notice) -> bool:
        """Whether an event is to be sent as far as its notice tells; see `WebhookFilter.may_pass`."""
        return self.wants_type(notice.type) and self.filter.may_pass(notice)

    def change(
        self, given: dict[str, Any], *, headers_given: Collection[str] = (), stamp: Stamp, loopback: bool
    ) -> tuple[Webhook, Event] | None:
        """Return the subscription with the fields of a merge patch, and its event; None if nothing changes.

        `headers_given`: the names of the headers that the patch sets or removes. The caller becomes the holder if what
        is sent where changes. Raises PermissionDenied and Invalid as `create`, and Invalid for another URL if a header
        would be sent there that the patch does not name.
        """
        fields = dict(given)
        if "url" in fields:
            parse_target(fields["url"], loopback=loopback)
            self._require_headers_again(fields["url"], headers_given)
        if "events" in fields:
            fields["events"] = list(dict.fromkeys(fields["events"]))
        if "filter" in fields:
            fields["filter"] = self.filter.patch(fields["filter"])
        changed = {name: value for name, value in fields.items() if value != getattr(self, name)}
        if not changed:
            return None
        if not _BY_HOLDER.isdisjoint(changed):
            changed |= self._hand_over(changed.get("events", self.events), stamp)
        if "url" in changed:
            changed |= {**_new_receiver(stamp), "slow_until": None}
        after, event = self._build_change(WEBHOOK_UPDATED, changed, stamp)
        if "url" in changed:  # also when only its path or query has changed, which events do not show
            event.changes["url"] = (self.shown_url, after.shown_url)
        return after, event

    def enable(self, *, stamp: Stamp) -> tuple[Webhook, Event] | None:
        """Return the subscription, enabled and held by the caller, and its event; None if nothing changes.

        Raises PermissionDenied when the caller may not see events of all its types.
        """
        held = self._hand_over(self.events, stamp)
        if self.is_active:
            return self._build_change(WEBHOOK_UPDATED, held, stamp) if held else None
        return self._build_change(
            WEBHOOK_ENABLED,
            {"is_active": True, "disabled_reason": None, **_new_receiver(stamp), **held},
            stamp,
        )

    def disable(self, reason: str, *, stamp: Stamp) -> tuple[Webhook, Event] | None:
        """Return the subscription, disabled for a reason, and its event; None if it is disabled already.

        It receives no more events, and deliveries that wait are given up.
        """
        if not self.is_active:
            return None
        after, event = self._build_change(
            WEBHOOK_DISABLED, {"is_active": False, "disabled_reason": reason}, stamp
        )
        event.data["reason"] = reason
        return after, event

    def delete(self, *, stamp: Stamp) -> tuple[Webhook, Event]:
        """Return the last version of the subscription, and its `webhook.deleted` event."""
        return self._build_removal(WEBHOOK_DELETED, {}, stamp)

    def rotate_secret(
        self, *, sealed: bytes, rotation_ends_at: str | None, stamp: Stamp
    ) -> tuple[Webhook, Event]:
        """Return the subscription with other secrets, which are `sealed`, and its event."""
        fields = {"sealed": sealed, "rotation_ends_at": rotation_ends_at}
        after, event = self._build_change(WEBHOOK_SECRET_ROTATED, fields, stamp)
        event.data["previous_secret_valid_until"] = rotation_ends_at
        return after, event

    @property
    def shown_url(self) -> str:
        """The scheme, host and port of the URL. Its path and query may be secrets, as with services whose URLs need no
        other credentials.
        """
        target = urlsplit(self.url)
        return f"{target.scheme}://{target.netloc.rpartition('@')[2]}"

    def without_path(self) -> Webhook:
        """Return the subscription as it is sent to webhooks: with `shown_url` as its URL."""
        return self.with_fields({"url": self.shown_url})

    def with_secret(self, secret: str) -> NewWebhook:
        """Return the subscription with its secret, as it is shown only when the secret is created."""
        return NewWebhook.model_construct(**self.__dict__, secret=secret)

    def _require_headers_again(self, url: str, headers_given: Collection[str]) -> None:
        """Raise Invalid if the headers' values would reach another URL without a caller who knows them.

        Another path or query counts, since it may be another customer's on the host of a service that many use.
        """
        known = {name.lower() for name in headers_given}
        kept = [name for name in self.header_names if name.lower() not in known]
        if kept and url != self.url:
            raise Invalid.field(
                "headers",
                "required",
                f"The URL changes. Send the values of the headers again, or null: {', '.join(kept)}.",
            )

    def _hand_over(self, events: list[str], stamp: Stamp) -> dict[str, Any]:
        """Return the fields that change when the caller becomes the holder; none if the caller is the holder.

        Raises PermissionDenied when the caller may not see events of all the types of `events`.
        """
        require_event_rights(stamp.caller, events)
        if self.acts_as == stamp.caller.actor:
            return {}
        return {"acts_as": stamp.caller.actor, "held_since": stamp.at}

    def _audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes are listed in events."""
        fields = {
            "url": self.shown_url,
            "events": self.events,
            "include": self.include,
            "header_names": self.header_names or None,
            "description": self.description or None,
            "is_active": self.is_active,
            "disabled_reason": self.disabled_reason,
            "acts_as": self.acts_as,
            "filter": self.filter.conditions or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


class NewWebhook(Webhook):
    """A subscription with its new secret, which is not shown again."""

    shows_secret: ClassVar[bool] = True
    """Whether an answer with this record is encrypted where it is stored under an Idempotency-Key."""

    secret: str = Field(repr=False, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


def _new_receiver(stamp: Stamp) -> dict[str, Any]:
    """Return the fields that change when other requests begin: to another URL, or after the webhook was disabled."""
    return {
        "receiver_event": stamp.event_id,
        "failing_since": None,
        "last_failed_at": None,
        "paused_until": None,
    }


def system_stamp(tenant_id: str, at: str) -> Stamp:
    """Return the stamp of a change of a subscription that the system makes."""
    return Stamp(new_id(), at, system_caller(tenant_id, "webhooks", "system"))
