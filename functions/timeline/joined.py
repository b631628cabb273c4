"""The route of a contact's timeline: entries of all kinds in one list."""

from __future__ import annotations

from pydantic import Field

from shared.domain.errors import NotFound
from shared.domain.timeline.entry import KINDS, GivenKinds, TimelineEntry, parse_kinds
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.timeline import contact_timeline

routes = Routes("Timeline")


class TimelineQuery(ListQuery):
    """The entries of a timeline to list."""

    kind: GivenKinds | None = Field(
        None,
        description=f"Only entries of these kinds, separated by commas: {', '.join(KINDS)}. Default: all kinds.",
    )


@routes.route(
    "GET",
    "/contacts/{contact_id}/timeline",
    summary="List the entries of a contact's timeline, latest first",
    query=TimelineQuery,
    answer=TimelineEntry,
    paged=True,
    errors=(NotFound,),
)
def list_timeline(call: Call, contact_id: str, query: TimelineQuery) -> Reply:
    """Interactions are at the time at which they occurred, bookings at their start, so that coming ones are first;
    interactions show what happened to a booking. Changes are those of the contact's fields that no other entry shows.
    """
    page = contact_timeline(call.caller, call.budget).list(
        contact_id, parse_kinds(query.kind), limit=query.limit, cursor=query.cursor
    )
    return Reply(page=page)
