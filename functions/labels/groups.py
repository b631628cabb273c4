"""Routes of groups."""

from __future__ import annotations

from typing import Any

from functions.labels.group_bodies import GroupMembersInput
from functions.labels.kinds import label_routes
from functions.labels.label_query import GroupContactsQuery
from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import ConcurrentChange, NotFound, RuleBroken
from shared.domain.groups.inputs import GroupInput, GroupPatch
from shared.domain.groups.record import Group
from shared.http.bulk import BulkAnswer, build_answer
from shared.http.call import Call
from shared.http.routes import Reply
from shared.wiring.contacts import contact_lists, show_contacts
from shared.wiring.groups import group_creation, group_members, group_service


def _create(call: Call, given: dict[str, Any]) -> Group:
    contact_ids = given.pop("contact_ids")
    if contact_ids:
        return group_creation(call.caller, call.claim).create(given, contact_ids)
    return group_service(call.caller, call.claim).create(given)


routes = label_routes(
    Group,
    GroupInput,
    GroupPatch,
    lambda call: group_service(call.caller, call.claim),
    list_description="Static groups have the number of their contacts.",
    create=_create,
)


@routes.route(
    "GET",
    "/groups/{group_id}/contacts",
    summary="List a group's contacts",
    query=GroupContactsQuery,
    answer=ContactShown,
    show=show_contacts,
    paged=True,
    errors=(NotFound,),
)
def list_group_contacts(call: Call, group_id: str, query: GroupContactsQuery) -> Reply:
    """The contacts that joined a static group, or that the filter of a dynamic group finds."""
    page = contact_lists(call.caller, call.budget).list(
        group_service(call.caller).filter_of(group_id),
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/groups/{group_id}/contacts",
    summary="Add up to 500 contacts to a static group",
    body=GroupMembersInput,
    answer=BulkAnswer,
    status=207,
    errors=(NotFound, RuleBroken, ConcurrentChange),
)
def add_group_contacts(call: Call, group_id: str, body: GroupMembersInput) -> Reply:
    """The answer has an entry for each contact, in order, with the status and the error of the call for one contact."""
    outcomes = group_members(call.caller, call.claim).add(group_id, body.contact_ids)
    return Reply(record=build_answer(outcomes, done=200, request_id=call.request_id))


@routes.route(
    "DELETE",
    "/groups/{group_id}/contacts",
    summary="Remove up to 500 contacts from a static group",
    body=GroupMembersInput,
    answer=BulkAnswer,
    status=207,
    errors=(NotFound, RuleBroken, ConcurrentChange),
)
def remove_group_contacts(call: Call, group_id: str, body: GroupMembersInput) -> Reply:
    """Like the route that adds contacts. A contact that is not in the group is not changed."""
    outcomes = group_members(call.caller).remove(group_id, body.contact_ids)
    return Reply(record=build_answer(outcomes, done=200, request_id=call.request_id))
