"""Consents: a person opts out of a channel, or in again.

Only a consent changes an opt-out; no other change of a contact does, whatever its source. Every consent is an entry of
the contact's history.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from shared.domain.stamp import Stamp
from shared.domain.text import GivenLine, Line
from shared.domain.timestamps import Timestamp

Channel = Literal["email", "phone", "sms", "whatsapp"]


class OptOut(TypedDict):
    """The result of the latest consent on a channel: its time, the actor who recorded it, and its source."""

    opted_out: bool
    at: Timestamp
    by: str
    source: str
    reason: str | None


class ConsentInput(BaseModel):
    """A person's decision on a channel: to opt out of it, or in again."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    channel: Channel = Field(examples=["email"])
    opted_out: StrictBool = Field(examples=[True])
    source: GivenLine = Field(
        description="How the person expressed it, such as a form, a call or a letter.",
        examples=["unsubscribe link"],
    )
    reason: Line | None = Field(None, examples=["too many messages"])

    def to_opt_out(self, stamp: Stamp) -> OptOut:
        """Return the state of the channel after this consent."""
        return {
            "opted_out": self.opted_out,
            "at": stamp.at,
            "by": stamp.caller.actor,
            "source": self.source,
            "reason": self.reason or None,
        }


class ConsentEntry(BaseModel):
    """An entry of a contact's history of consents."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    channel: Channel
    opted_out: bool
    at: Timestamp
    by: str
    source: str
    reason: str | None = None

    @classmethod
    def of(cls, entry_id: str, channel: Channel, opt_out: OptOut) -> ConsentEntry:
        """Return the entry of a consent that led to the given state of a channel."""
        return cls.model_construct(id=entry_id, channel=channel, **opt_out)
