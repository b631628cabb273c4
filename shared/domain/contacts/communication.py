"""How a person wants to be reached, and by which channels not: preferences and opt-outs.

An opt-out wins. A consent alone (`ConsentInput`, with where it came from) opts a channel out or in again; no
other change of a contact, by whatever door, touches what consents have settled.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from shared.domain.text import GivenLine, Line
from shared.domain.timestamps import Timestamp

Channel = Literal["email", "phone", "sms", "whatsapp"]
Preference = Literal["email", "phone", "sms", "whatsapp", "none"]
NO_PREFERENCE: Preference = "none"


class OptOut(TypedDict):
    """What the latest consent settled for a channel: when, by whom, and on what ground."""

    opted_out: bool
    at: Timestamp
    by: str
    source: str
    reason: str | None


class Communication(TypedDict):
    """`preferred`: by which channel a person likes to be reached. `opt_outs`: each channel with a consent
    given or withdrawn."""

    preferred: Preference
    opt_outs: dict[Channel, OptOut]


NO_COMMUNICATION: Communication = {"preferred": NO_PREFERENCE, "opt_outs": {}}
"""That of a contact who has expressed nothing."""


class CommunicationInput(BaseModel):
    """What a caller may give of a contact's communication. Opt-outs are settled by consents alone."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    preferred: Preference = NO_PREFERENCE


class CommunicationPatch(BaseModel):
    """A merge patch of what a caller may give of a contact's communication."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    preferred: Preference | None = None


class ConsentInput(BaseModel):
    """A person's word on a channel: opted out of it, or in again."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    channel: Channel = Field(examples=["email"])
    opted_out: StrictBool = Field(examples=[True])
    source: GivenLine = Field(
        description="Where the person said so, such as a form, a call or a letter.",
        examples=["unsubscribe link"],
    )
    reason: Line | None = Field(None, examples=["too many messages"])


class ConsentEntry(BaseModel):
    """One entry of a contact's history of consents."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    channel: Channel
    opted_out: bool
    at: Timestamp
    by: str
    source: str
    reason: str | None = None
