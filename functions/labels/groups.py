"""Routes of groups."""

from __future__ import annotations

from functions.labels.group_bodies import GroupMembersInput
from functions.labels.label_query import GroupContactsQuery, LabelListQuery
from shared import wiring
from shared.domain.contact import Contact
from shared.domain.errors import ConcurrentChange, NameTaken, NotFound, RuleBroken, VersionMismatch
from shared.domain.label_inputs import GroupInput, GroupPatch
from shared.domain.labels import Group
from shared.http.bulk import BulkAnswer, answer_of
from shared.http.call import Call
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes

routes = Routes("Groups")


@routes.route(
    "GET",
    "/groups",
    summary="List groups in the order of their names",
    query=LabelListQuery,
    answer=Group,
    paged=True,
)
def list_groups(call: Call, query: LabelListQuery) -> Reply:
    """Static groups with how many contacts are in each."""
    page = wiring.groups(call.caller).list(prefix=query.prefix, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)


@routes.route(
    "POST",
    "/groups",
    summary="Make a group",
    body=GroupInput,
    answer=Group,
    status=201,
    location="/groups/{id}",
    errors=(NameTaken,),
)
def create_group(call: Call, body: GroupInput) -> Reply:
    return Reply(record=wiring.groups(call.caller, call.claim).create(body.as_given()))


@routes.route("GET", "/groups/{group_id}", summary="Read a group", answer=Group, errors=(NotFound,))
def read_group(call: Call, group_id: str) -> Reply:
    return Reply(record=wiring.groups(call.caller).read(group_id))


@routes.route(
    "PATCH",
    "/groups/{group_id}",
    summary="Change a group (JSON merge patch)",
    body=GroupPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=Group,
    conditional=True,
    errors=(NotFound, NameTaken, VersionMismatch),
)
def patch_group(call: Call, group_id: str, body: GroupPatch) -> Reply:
    """A new name or colour is seen with all its contacts at once."""
    return Reply(record=wiring.groups(call.caller).change(group_id, body.as_given(), call.if_match))


@routes.route(
    "DELETE",
    "/groups/{group_id}",
    summary="Delete a group",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_group(call: Call, group_id: str) -> Reply:
    """Contacts that have it are without it at once."""
    wiring.groups(call.caller).delete(group_id, call.if_match)
    return Reply(204)


@routes.route(
    "GET",
    "/groups/{group_id}/contacts",
    summary="List a group's contacts",
    query=GroupContactsQuery,
    answer=Contact,
    paged=True,
    errors=(NotFound,),
)
def list_group_contacts(call: Call, group_id: str, query: GroupContactsQuery) -> Reply:
    """Who joined a static group; whom the filter of a dynamic one finds."""
    page = wiring.contact_lists(call.caller).list(
        wiring.groups(call.caller).filter_of(group_id),
        sort=query.sort,
        limit=query.limit,
        cursor=query.cursor,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/groups/{group_id}/contacts",
    summary="Put up to 500 contacts in a static group",
    body=GroupMembersInput,
    answer=BulkAnswer,
    status=207,
    errors=(NotFound, RuleBroken, ConcurrentChange),
)
def add_group_contacts(call: Call, group_id: str, body: GroupMembersInput) -> Reply:
    """An entry for each contact, in order, with the status and the error that the single call would have."""
    outcomes = wiring.bulk_contacts(call.caller, call.claim).join_many(group_id, body.contact_ids)
    return Reply(record=answer_of(outcomes, done=200, request_id=call.request_id))


@routes.route(
    "DELETE",
    "/groups/{group_id}/contacts",
    summary="Take up to 500 contacts out of a static group",
    body=GroupMembersInput,
    answer=BulkAnswer,
    status=207,
    errors=(NotFound, RuleBroken, ConcurrentChange),
)
def remove_group_contacts(call: Call, group_id: str, body: GroupMembersInput) -> Reply:
    """As they were put in. A contact that is not in the group stays as it is."""
    outcomes = wiring.bulk_contacts(call.caller).leave_many(group_id, body.contact_ids)
    return Reply(record=answer_of(outcomes, done=200, request_id=call.request_id))
