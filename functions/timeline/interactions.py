"""Routes of interactions: of one contact, and of all."""

from __future__ import annotations

from pydantic import Field

from shared.domain.errors import ConcurrentChange, Conflict, NotFound, RuleBroken, VersionMismatch
from shared.domain.interactions.conditions import InteractionConditions
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import Interaction
from shared.http.call import Call
from shared.http.listing import NumberedListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.interactions import (
    interaction_filter,
    interaction_lists,
    interaction_service,
    tenant_interactions,
)


class InteractionListQuery(NumberedListQuery, InteractionConditions):
    """The interactions to list. All conditions must hold."""

    include_total: bool = Field(
        False,
        description="Count the interactions under other conditions than `type` too, within the request's budget of "
        "rows and time. If the budget does not suffice, `total` is null and `total_at_least` is the number counted so "
        "far.",
    )


routes = Routes("Interactions")


@routes.route(
    "GET",
    "/contacts/{contact_id}/interactions",
    summary="List a contact's interactions, newest first",
    query=InteractionListQuery,
    answer=Interaction,
    paged=True,
    errors=(NotFound, RuleBroken),
)
def list_interactions(call: Call, contact_id: str, query: InteractionListQuery) -> Reply:
    """`total` is always set without conditions, and with no condition but `type`."""
    limit, skip = query.part
    page = interaction_lists(call.caller, call.budget).of_contact(
        contact_id,
        interaction_filter(call.caller.tenant_id, query),
        limit=limit,
        cursor=query.cursor,
        skip=skip,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "GET",
    "/interactions",
    summary="List the interactions of all contacts, newest first",
    query=InteractionListQuery,
    answer=Interaction,
    paged=True,
    errors=(RuleBroken,),
)
def list_all_interactions(call: Call, query: InteractionListQuery) -> Reply:
    """Lists the interactions of the contacts that the caller may see. The list follows changes within about a second.
    `total` is set without conditions, and with no condition but `type`, for callers who may read all contacts.
    """
    limit, skip = query.part
    page = tenant_interactions(call.caller, call.budget).list(
        interaction_filter(call.caller.tenant_id, query),
        limit=limit,
        cursor=query.cursor,
        skip=skip,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/contacts/{contact_id}/interactions",
    summary="Record an interaction",
    body=InteractionInput,
    answer=Interaction,
    status=201,
    location="/contacts/{contact_id}/interactions/{id}",
    errors=(NotFound, ConcurrentChange),
)
def record_interaction(call: Call, contact_id: str, body: InteractionInput) -> Reply:
    """`performed_by` is the caller. The same transaction updates the contact's `interaction_count` and
    `last_contacted_at`, and applies the tenant's tag rules. A future interaction becomes the last contact when its time
    comes. `scheduled_follow_up` schedules a follow-up.
    """
    return Reply(record=interaction_service(call.caller, call.claim).create(contact_id, body))


@routes.route(
    "GET",
    "/contacts/{contact_id}/interactions/{interaction_id}",
    summary="Read an interaction",
    answer=Interaction,
    errors=(NotFound,),
)
def read_interaction(call: Call, contact_id: str, interaction_id: str) -> Reply:
    return Reply(record=interaction_service(call.caller).read(contact_id, interaction_id))


@routes.route(
    "PATCH",
    "/contacts/{contact_id}/interactions/{interaction_id}",
    summary="Change an interaction (JSON merge patch)",
    body=InteractionPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Interaction,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def patch_interaction(call: Call, contact_id: str, interaction_id: str, body: InteractionPatch) -> Reply:
    """Interactions of booking events cannot be changed. The same transaction updates the contact's figures."""
    record = interaction_service(call.caller).change(contact_id, interaction_id, body, call.if_match)
    return Reply(record=record)


@routes.route(
    "DELETE",
    "/contacts/{contact_id}/interactions/{interaction_id}",
    summary="Delete an interaction",
    status=204,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def delete_interaction(call: Call, contact_id: str, interaction_id: str) -> Reply:
    """Interactions of booking events cannot be deleted. The same transaction updates the contact's figures, and cancels
    an open follow-up that the interaction scheduled.
    """
    interaction_service(call.caller).delete(contact_id, interaction_id, call.if_match)
    return Reply(204)
