"""The conditions on bookings, in the form that lists check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.bookings.booking import Booking
from shared.domain.bookings.event import BookingState


@dataclass(frozen=True, slots=True)
class BookingFilter:
    """The bookings to list. `first` and `last`: the bounds of `starts_at`, both included, as timestamps.

    `is_cancelled`: only bookings that are cancelled, or only those that are not.
    """

    state: BookingState | None = None
    is_cancelled: bool | None = None
    first: str | None = None
    last: str | None = None
    organizer_id: str | None = None

    @property
    def ranges(self) -> tuple[bool, ...]:
        """The ranges of bookings that may have matches, each named by whether its bookings are cancelled."""
        by_state = None if self.state is None else self.state == "cancelled"
        wanted = {by_state, self.is_cancelled} - {None}
        return tuple(one for one in (False, True) if wanted <= {one})

    @property
    def is_by_state_only(self) -> bool:
        """Whether it has no condition, or only ones of the state."""
        return not (self.first or self.last or self.organizer_id)

    def count(self, by_state: Mapping[str, int]) -> int:
        """Return how many bookings match, if it is by state only, from the number of bookings in each state."""
        return sum(
            amount
            for state, amount in by_state.items()
            if self.state in (None, state) and (state == "cancelled") in self.ranges
        )

    @property
    def is_selective(self) -> bool:
        """Whether it may exclude bookings within its ranges and the bounds of time."""
        return self.state not in (None, "cancelled") or self.organizer_id is not None

    def matches(self, booking: Booking) -> bool:
        """Whether a booking within the ranges and the bounds of time meets all other conditions."""
        return self.state in (None, booking.state) and self.organizer_id in (None, booking.organizer_id)
