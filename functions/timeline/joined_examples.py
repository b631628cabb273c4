"""Examples of the route of joined timelines; see `shared.http.examples`."""

from __future__ import annotations

from functions.timeline.booking_examples import RESCHEDULED
from functions.timeline.interaction_examples import CALL
from shared.domain.errors import NotFound
from shared.domain.timeline.entry import TimelineBooking, TimelineEntry, TimelineInteraction
from shared.http.examples import Example
from shared.services.paging import Page

_EARLIER = CALL.model_copy(update={"occurred_at": "2025-04-07T15:00:00.000Z", "booking_id": None})

EXAMPLES = {
    "list_timeline": Example(
        answer=Page(
            [
                TimelineEntry(
                    TimelineBooking(id=RESCHEDULED.id, at=RESCHEDULED.starts_at, booking=RESCHEDULED)
                ),
                TimelineEntry(TimelineInteraction(id=CALL.id, at=_EARLIER.occurred_at, interaction=_EARLIER)),
            ],
            None,
        ),
        problems=(NotFound("Contact"),),
        parameters={"kind": "interaction,booking"},
    ),
}
