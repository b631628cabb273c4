"""Routes of follow-ups."""

from __future__ import annotations

from pydantic import Field

from shared.domain.errors import (
    ConcurrentChange,
    Conflict,
    NotFound,
    RuleBroken,
    VersionMismatch,
)
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.follow_up_filter import FollowUpConditions
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.interactions import (
    follow_up_filter,
    follow_up_lists,
    follow_up_service,
    tenant_follow_ups,
)


class FollowUpListQuery(ListQuery, FollowUpConditions):
    """The follow-ups to list. All conditions must hold."""


class TenantFollowUpListQuery(FollowUpListQuery):
    """The follow-ups of all contacts to list. All conditions must hold."""

    owner_id: str | None = Field(
        None, min_length=1, max_length=100, description="The user to whom the contact belongs."
    )
    include_total: bool = Field(
        False,
        description="Count the follow-ups within the request's budget of rows and time. If the budget does not "
        "suffice, `total` is null and `total_at_least` is the number counted so far.",
    )


routes = Routes("Follow-ups")


@routes.route(
    "GET",
    "/follow-ups",
    summary="List the follow-ups of all contacts",
    query=TenantFollowUpListQuery,
    answer=FollowUp,
    paged=True,
    errors=(RuleBroken,),
)
def list_follow_ups(call: Call, query: TenantFollowUpListQuery) -> Reply:
    """Lists the follow-ups of the contacts that the caller may see: by default open ones, earliest due first. The list
    follows changes within about a second.
    """
    page = tenant_follow_ups(call.caller, call.budget).list(
        follow_up_filter(call.caller.tenant_id, query, query.owner_id),
        limit=query.limit,
        cursor=query.cursor,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "GET",
    "/contacts/{contact_id}/follow-ups",
    summary="List a contact's follow-ups",
    query=FollowUpListQuery,
    answer=FollowUp,
    paged=True,
    errors=(NotFound,),
)
def list_contact_follow_ups(call: Call, contact_id: str, query: FollowUpListQuery) -> Reply:
    """Lists open follow-ups by default, earliest due first."""
    page = follow_up_lists(call.caller, call.budget).of_contact(
        contact_id,
        follow_up_filter(call.caller.tenant_id, query),
        limit=query.limit,
        cursor=query.cursor,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/contacts/{contact_id}/follow-ups",
    summary="Schedule a follow-up",
    body=FollowUpInput,
    answer=FollowUp,
    status=201,
    location="/follow-ups/{id}",
    errors=(NotFound, ConcurrentChange),
)
def schedule_follow_up(call: Call, contact_id: str, body: FollowUpInput) -> Reply:
    """An interaction with `scheduled_follow_up` schedules one too. When a follow-up is due, `follow_up.due` is emitted
    once.
    """
    return Reply(record=follow_up_service(call.caller, call.claim).create(contact_id, body))


@routes.route(
    "GET",
    "/follow-ups/{follow_up_id}",
    summary="Read a follow-up",
    answer=FollowUp,
    errors=(NotFound,),
)
def read_follow_up(call: Call, follow_up_id: str) -> Reply:
    return Reply(record=follow_up_service(call.caller).read(follow_up_id))


@routes.route(
    "PATCH",
    "/follow-ups/{follow_up_id}",
    summary="Change an open follow-up (JSON merge patch)",
    body=FollowUpPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=FollowUp,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def patch_follow_up(call: Call, follow_up_id: str, body: FollowUpPatch) -> Reply:
    """With a new `due_at`, the follow-up becomes due again. The interaction that scheduled it stays as it is."""
    return Reply(record=follow_up_service(call.caller).change(follow_up_id, body, call.if_match))


@routes.route(
    "POST",
    "/follow-ups/{follow_up_id}/complete",
    summary="Complete a follow-up",
    body=FollowUpCompletion,
    answer=FollowUp,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def complete_follow_up(call: Call, follow_up_id: str, body: FollowUpCompletion) -> Reply:
    """The given interaction is recorded in the same transaction, and may schedule the next follow-up."""
    service = follow_up_service(call.caller, call.claim)
    return Reply(record=service.complete(follow_up_id, body, call.if_match))


@routes.route(
    "POST",
    "/follow-ups/{follow_up_id}/cancel",
    summary="Cancel a follow-up",
    answer=FollowUp,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def cancel_follow_up(call: Call, follow_up_id: str) -> Reply:
    return Reply(record=follow_up_service(call.caller, call.claim).cancel(follow_up_id, call.if_match))
