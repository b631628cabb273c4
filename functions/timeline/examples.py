"""Examples of the timelines' routes; see `shared.http.examples`."""

from __future__ import annotations

from functions.timeline import (
    booking_examples,
    follow_up_examples,
    history_examples,
    interaction_examples,
    joined_examples,
    note_examples,
)
from shared.http.examples import ADA_ID, USER_ID

PARAMETERS = {
    **interaction_examples.PARAMETERS,
    **follow_up_examples.PARAMETERS,
    **note_examples.PARAMETERS,
    "contact_id": ADA_ID,
    "organizer_id": USER_ID,
    "search": "offer",
}

EXAMPLES = {
    **interaction_examples.EXAMPLES,
    **follow_up_examples.EXAMPLES,
    **note_examples.EXAMPLES,
    **booking_examples.EXAMPLES,
    **history_examples.EXAMPLES,
    **joined_examples.EXAMPLES,
}
