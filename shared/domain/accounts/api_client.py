"""The API client: a program that calls the API with a key, and what may be done to it.

A key is `ck_<key id>_<secret>`. The secret is shown once and only its hash is kept. A client has one key, and for a
while two when its key was rotated; its own id stays, so records that name it and its Idempotency-Keys do too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.accounts.credentials import ApiKey, hash_secret
from shared.domain.callers import PERMISSIONS, Level, format_grants
from shared.domain.errors import Invalid
from shared.domain.events import (
    API_CLIENT_CREATED,
    API_CLIENT_DELETED,
    API_CLIENT_KEY_ROTATED,
    API_CLIENT_UPDATED,
    Event,
)
from shared.domain.ids import new_id
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.text import GivenName, ShortText
from shared.domain.timestamps import Timestamp, plus

MAX_API_CLIENTS = 100
"""How many API clients a tenant has at the most."""
MAX_OVERLAP_SECONDS = 7 * 86_400
"""How long a key that was replaced stays good at the most."""
_SECRET_BYTES = 32


def _known(word: str) -> str:
    if word not in PERMISSIONS:
        raise PydanticCustomError("unknown_permission", "There is no such permission.")
    return word


_Word = Annotated[str, AfterValidator(_known)]


_WORDS = Field(
    json_schema_extra={"propertyNames": {"enum": list(PERMISSIONS)}},
    examples=[{"contacts:read": "all", "contacts:write": "own"}],
)


class ApiClientInput(BaseModel):
    """What a caller gives to make an API client. Without permissions it may do nothing."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GivenName = Field(examples=["Booking page"])
    description: ShortText = ""
    permissions: Annotated[dict[_Word, Level], _WORDS] = Field(default_factory=dict)

    def as_given(self) -> dict[str, Any]:
        """All fields."""
        return dict(self.__dict__)


class ApiClientPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of an API client: what is absent stays, null gives a field its default.

    Within `permissions` too: those it names are given or, by null, taken away.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GivenName | None = Field(None, examples=["Booking page, new"])
    description: ShortText | None = None
    permissions: Annotated[dict[_Word, Level | None], _WORDS] | None = None
    is_active: bool | None = Field(
        None, description="A client that is not active is let in by none of its keys."
    )

    def as_given(self) -> dict[str, Any]:
        """The fields that were given. Raises Invalid for a null that is none of a field's values."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("name", "is_active"):  # a client that was shut out is not let in again in passing
            if given.get(name, "") is None:
                raise Invalid.field(name, "required", "This cannot be without a value.")
        return given


class KeyRotation(BaseModel):
    """How a client's key is replaced."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    overlap_seconds: int = Field(
        86_400,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        description="How long the present key stays good beside the new one; 0 ends it at once.",
        examples=[3600],
    )


class ApiClientKey(BaseModel):
    """A key of an API client, as it is kept; its secret's hash is not shown.

    `valid_until`: null for the present key. One whose time is over lets nobody in.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    created_at: Timestamp
    valid_until: Timestamp | None = None

    secret_hash: Annotated[str, SkipJsonSchema(), Field(exclude=True, repr=False)]


@dataclass(frozen=True, slots=True)
class FreshKey:
    """A key that was just made: `text` is what the program sends and is kept nowhere."""

    text: str
    kept: ApiClientKey

    @classmethod
    def make(cls, at: str) -> FreshKey:
        """A key with a secret of 256 random bits."""
        key_id, secret = new_id().replace("-", ""), secrets.token_urlsafe(_SECRET_BYTES)
        kept = ApiClientKey(id=key_id, created_at=at, secret_hash=hash_secret(secret))
        return cls(f"ck_{key_id}_{secret}", kept)


class ApiClient(Recorded):
    """An API client as it is kept and shown.

    `keys`: the oldest first; the last one is the present key. `last_used_at` lags by up to five minutes, and noting
    it is no change: it leaves `version`, which counts those from 1.
    """

    entity: ClassVar[str] = "api_client"

    id: str
    name: str
    description: str = ""
    permissions: dict[str, Level] = {}
    is_active: bool = True
    keys: list[ApiClientKey]
    last_used_at: Timestamp | None = None
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(
        cls,
        given: dict[str, Any],
        key: ApiClientKey,
        *,
        client_id: str,
        stamp: Stamp,
    ) -> tuple[ApiClient, Event]:
        """A new API client with its first key, and its `api_client.created`."""
        client = cls(id=client_id, keys=[key], **stamp.creation_fields(), **given)
        event = client._build_creation_event(API_CLIENT_CREATED, stamp.caller)
        event.data["key_id"] = key.id
        return client, event

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[ApiClient, Event] | None:
        """The client with a merge patch's fields, and its event; None when they change nothing."""
        fields = dict(given)
        for name, default in (("description", ""), ("is_active", True)):
            if fields.get(name, default) is None:
                fields[name] = default
        if "permissions" in given:
            merged = {**self.permissions, **given["permissions"]} if given["permissions"] is not None else {}
            fields["permissions"] = {word: level for word, level in merged.items() if level is not None}
        changed = self._build_change(API_CLIENT_UPDATED, fields, stamp)
        return changed if changed[1].changes else None

    def rotate_key(self, key: ApiClientKey, *, overlap_seconds: int, stamp: Stamp) -> tuple[ApiClient, Event]:
        """The client with another key, and its event. The present one stays good for the overlap; one that was
        replaced before ends at once, so that there are never more than two.
        """
        until = plus(stamp.at, overlap_seconds)
        kept = [self.keys[-1].model_copy(update={"valid_until": until})] if overlap_seconds else []
        after, event = self._build_change(API_CLIENT_KEY_ROTATED, {"keys": [*kept, key]}, stamp)
        event.data.update(key_id=key.id, replaced_key_id=self.keys[-1].id, replaced_key_valid_until=until)
        return after, event

    def delete(self, *, stamp: Stamp) -> tuple[ApiClient, Event]:
        """The client without keys, as it was last, and the event of its going."""
        return self._build_removal(API_CLIENT_DELETED, {"keys": []}, stamp)

    def look_ups(self, tenant_id: str) -> dict[str, ApiKey]:
        """What the authorizer finds of the client, by key id."""
        return {
            key.id: ApiKey(
                key_id=key.id,
                tenant_id=tenant_id,
                client_id=self.id,
                secret_hash=key.secret_hash,
                permissions=format_grants(self.permissions),
                disabled=not self.is_active,
                valid_until=key.valid_until,
            )
            for key in self.keys
        }

    def with_key(self, text: str) -> NewApiClient:
        """The client as it is shown to who made its key, this once."""
        return NewApiClient.model_construct(**self.__dict__, key=text)

    def _audited_fields(self) -> dict[str, Any]:
        """The fields whose changes are told, each permission by itself."""
        content = {"name": self.name, "is_active": self.is_active}
        if self.description:
            content["description"] = self.description
        return content | {f"permissions.{word}": level for word, level in self.permissions.items()}


class NewApiClient(ApiClient):
    """An API client with its key, which is shown when it is made or rotated and never again."""

    key: str = Field(
        repr=False, examples=["ck_01962e2998007e6194b30c5a7d8e1f29_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
