"""API clients: programs that call the API with a key.

A key is `ck_<key id>_<secret>`. The secret is shown once and only its hash is stored. A client has one key, or two
for some time after a rotation. Its own id never changes, so records that name it and its Idempotency-Keys stay valid.
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
"""The largest number of API clients of a tenant."""
MAX_OVERLAP_SECONDS = 7 * 86_400
"""The longest time, in seconds, that a replaced key stays valid."""
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
    """A new API client. Without permissions it may do nothing."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GivenName = Field(examples=["Booking page"])
    description: ShortText = ""
    permissions: Annotated[dict[_Word, Level], _WORDS] = Field(default_factory=dict)

    def given_fields(self) -> dict[str, Any]:
        """Return all fields."""
        return dict(self.__dict__)


class ApiClientPatch(BaseModel):
    """A JSON merge patch (RFC 7396) of an API client: absent fields stay, null empties `description` and `permissions`.

    The same holds within `permissions`: permissions that are named are granted or, with null, revoked.
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GivenName | None = Field(None, examples=["Booking page, new"])
    description: ShortText | None = None
    permissions: Annotated[dict[_Word, Level | None], _WORDS] | None = None
    is_active: bool | None = Field(None, description="None of the keys of an inactive client are accepted.")

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that the patch names. Raises Invalid for null in a field that needs a value."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("name", "is_active"):  # null must not reactivate a client by accident
            if given.get(name, "") is None:
                raise Invalid.field(name, "required", "This cannot be without a value.")
        return given


class KeyRotation(BaseModel):
    """The options for replacing a client's key."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    overlap_seconds: int = Field(
        86_400,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        description="How long, in seconds, the current key stays valid beside the new one; 0 ends it at once.",
        examples=[3600],
    )


class ApiClientKey(BaseModel):
    """A key of an API client. The hash of its secret is stored but not shown.

    `valid_until`: null for the current key. A key is not accepted after this time.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    created_at: Timestamp
    valid_until: Timestamp | None = None

    secret_hash: Annotated[str, SkipJsonSchema(), Field(exclude=True, repr=False)]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `text`: the key that the program sends; it is not stored."""

    text: str
    record: ApiClientKey

    @classmethod
    def make(cls, at: str) -> IssuedKey:
        """Return a new key with a secret of 256 random bits."""
        key_id, secret = new_id().replace("-", ""), secrets.token_urlsafe(_SECRET_BYTES)
        record = ApiClientKey(id=key_id, created_at=at, secret_hash=hash_secret(secret))
        return cls(f"ck_{key_id}_{secret}", record)


class ApiClient(Recorded):
    """An API client.

    `keys`: oldest first; the last key is the current key. `version`: counts the changes of the client, from 1.
    `last_used_at`: up to five minutes behind; updating it does not count as a change.
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
        """Return a new API client with its first key, and its `api_client.created` event."""
        client = cls(id=client_id, keys=[key], **stamp.creation_fields(), **given)
        event = client._build_creation_event(API_CLIENT_CREATED, stamp.caller)
        event.data["key_id"] = key.id
        return client, event

    def change(self, given: dict[str, Any], *, stamp: Stamp) -> tuple[ApiClient, Event] | None:
        """Return the client with the fields of a merge patch, and its event; None if nothing changes."""
        fields = dict(given)
        if fields.get("description", "") is None:
            fields["description"] = ""
        if "permissions" in given:
            merged = {**self.permissions, **given["permissions"]} if given["permissions"] is not None else {}
            fields["permissions"] = {word: level for word, level in merged.items() if level is not None}
        changed = self._build_change(API_CLIENT_UPDATED, fields, stamp)
        return changed if changed[1].changes else None

    def rotate_key(self, key: ApiClientKey, *, overlap_seconds: int, stamp: Stamp) -> tuple[ApiClient, Event]:
        """Return the client with `key` as its current key, and its event.

        The present key stays valid for the overlap. A key that was replaced earlier ends at once, so that a client
        never has more than two.
        """
        until = plus(stamp.at, overlap_seconds)
        kept = [self.keys[-1].model_copy(update={"valid_until": until})] if overlap_seconds else []
        after, event = self._build_change(API_CLIENT_KEY_ROTATED, {"keys": [*kept, key]}, stamp)
        event.data.update(key_id=key.id, replaced_key_id=self.keys[-1].id, replaced_key_valid_until=until)
        return after, event

    def delete(self, *, stamp: Stamp) -> tuple[ApiClient, Event]:
        """Return the last version of the client, without keys, and its `api_client.deleted` event."""
        return self._build_removal(API_CLIENT_DELETED, {"keys": []}, stamp)

    def build_api_keys(self, tenant_id: str) -> dict[str, ApiKey]:
        """Return the records with which the authorizer looks the client up, by key id."""
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
        """Return the client with the text of its new key, to be shown once."""
        return NewApiClient.model_construct(**self.__dict__, key=text)

    def _audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes are listed in events, each permission as a field."""
        content = {"name": self.name, "is_active": self.is_active}
        if self.description:
            content["description"] = self.description
        return content | {f"permissions.{word}": level for word, level in self.permissions.items()}


class NewApiClient(ApiClient):
    """An API client with its key, which is shown only when it is created or rotated."""

    key: str = Field(
        repr=False, examples=["ck_01962e2998007e6194b30c5a7d8e1f29_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )
