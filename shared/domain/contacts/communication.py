"""How a person wants to be reached: the preferred channel, and the channels they opted out of.

An opt-out overrides the preference.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from shared.domain.contacts.consent import Channel, OptOut

Preference = Literal["email", "phone", "sms", "whatsapp", "none"]
NO_PREFERENCE: Preference = "none"


class Communication(TypedDict):
    """`preferred`: the channel a person prefers. `opt_outs`: the state of each channel on which there was a consent."""

    preferred: Preference
    opt_outs: dict[Channel, OptOut]


NO_COMMUNICATION: Communication = {"preferred": NO_PREFERENCE, "opt_outs": {}}
"""The communication of a contact who has expressed nothing."""


class CommunicationInput(BaseModel):
    """The part of a contact's communication that a caller may set. Only consents change opt-outs."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    preferred: Preference = NO_PREFERENCE


class CommunicationPatch(BaseModel):
    """A merge patch of what a caller may set of a contact's communication."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    preferred: Preference | None = None
