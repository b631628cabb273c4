"""Booking events in the format of the scheduling product. All four kinds have the same fields."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from shared.domain import timestamps
from shared.domain.characters import one_line
from shared.domain.ids import derived_id
from shared.domain.timestamps import normalize

BookingState = Literal["created", "rescheduled", "completed", "cancelled"]
"""The state of a booking, named after the latest event."""
STATES: dict[str, BookingState] = {
    "BookingCreated": "created",
    "BookingRescheduled": "rescheduled",
    "BookingCompleted": "completed",
    "BookingCancelled": "cancelled",
}
"""The `detail-type` of each kind of booking event, and the state in which it leaves its booking."""
MAX_TEXT = 1_000
"""The most characters of a title or a name; longer ones are cut."""
_MAX_VERSION = 2**53 - 1


def _as_text(given: Any) -> Any:
    """Return a number as text, and other values unchanged. Senders differ in how they write ids."""
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    return str(given) if isinstance(given, int | float) and not isinstance(given, bool) else given


def _as_line(given: Any) -> Any:
    given = _as_text(given)
    return one_line(given) if isinstance(given, str) else given


def _as_cut_line(given: Any) -> str:
    """Return one line of at most MAX_TEXT characters; empty for a value that is not text. Drops NUL and surrogates."""
    text = _as_text(given)
    if not isinstance(text, str):
        return ""
    # Only as much is cleaned as may be kept: a sender's text has no other limit.
    plain = text[: 4 * MAX_TEXT].replace("\0", "").encode("utf-8", "ignore").decode()
    return one_line(plain)[:MAX_TEXT].rstrip()


def _as_moment(given: Any) -> Any:
    """Return a time from any notation of ISO 8601 with an offset, such as `20310308T150000+02`."""
    if not isinstance(given, str):
        return given
    text = one_line(given).upper()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _or_none(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Return None for an invalid value of an optional field, so that the event is still processed."""
    try:
        return check(given)
    except ValidationError:
        return None


def _or_first(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Return 1 for an invalid version."""
    try:
        return 1 if isinstance(given, bool) else check(given)
    except ValidationError:
        return 1


def _or_empty(given: Any) -> Any:
    return given if isinstance(given, dict) else {}


# Ids of the scheduling product: printable ASCII without spaces.
ForeignId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$"), BeforeValidator(_as_line)
]
Moment = Annotated[datetime, AfterValidator(normalize), BeforeValidator(_as_moment)]
_Line = Annotated[str, BeforeValidator(_as_cut_line)]


Order = tuple[int, str, str]
"""The position of an event among the events of its booking: its version, `occurred_at` and id. The highest one
determines the state of the booking. If the scheduling product sends no versions, all are 1 and the time decides.
"""


class BookingEvent(BaseModel):
    """An event of an appointment: it was made, moved, held or cancelled. Unknown fields are accepted and ignored.

    The ids, the times and the invitee's address are required. In all other fields, null and invalid values count as
    absent, numbers are accepted as text, and long texts are cut. `occurred_at`, `starts_at` and `ends_at` become
    timestamps of `shared.domain.timestamps`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)

    state: BookingState
    event_id: ForeignId
    occurred_at: Moment
    tenant_id: ForeignId
    booking_id: ForeignId
    organizer_id: Annotated[ForeignId | None, WrapValidator(_or_none)] = None
    organizer_email: _Line = ""
    invitee_name: _Line = ""
    invitee_email: Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_as_text)]
    invitee_phone: _Line = ""
    starts_at: Moment
    ends_at: Annotated[Moment | None, WrapValidator(_or_none)] = None
    title: _Line = ""
    metadata: Annotated[dict[str, Any], BeforeValidator(_or_empty)] = Field(default_factory=dict)
    version: Annotated[int, Field(ge=0, le=_MAX_VERSION), WrapValidator(_or_first)] = 1

    @classmethod
    def parse(cls, state: BookingState, detail: Any) -> BookingEvent:
        """Return the event with a `detail` (parsed JSON) that leaves its booking in `state`.

        Raises ValidationError for a detail that is not an object, and for required fields that are missing or invalid.
        """
        return cls.model_validate({**detail, "state": state} if isinstance(detail, dict) else detail)

    @property
    def order(self) -> Order:
        """The event's position among the events of its booking."""
        return self.version, str(self.occurred_at), self.event_id

    @property
    def interaction_id(self) -> str:
        """The id of the interaction that the event becomes."""
        return interaction_id_of(self.tenant_id, self.booking_id, self.event_id, str(self.occurred_at))


def interaction_id_of(tenant_id: str, booking_id: str, event_id: str, occurred_at: str) -> str:
    """Return the id of the interaction of a booking event: the same at each delivery, and sorted by `occurred_at`."""
    return derived_id(timestamps.to_milliseconds(occurred_at), tenant_id, booking_id, event_id)
