"""Routes of a contact's interactions."""

from __future__ import annotations

from shared.domain.errors import NotFound
from shared.domain.timeline.interaction import Interaction
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.timeline import interaction_lists

routes = Routes("Interactions")


@routes.route(
    "GET",
    "/contacts/{contact_id}/interactions",
    summary="List a contact's interactions, newest first",
    query=ListQuery,
    answer=Interaction,
    paged=True,
    errors=(NotFound,),
)
def list_interactions(call: Call, contact_id: str, query: ListQuery) -> Reply:
    page = interaction_lists(call.caller).of_contact(contact_id, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)
