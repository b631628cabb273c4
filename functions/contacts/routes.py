"""Routes of contacts."""

from __future__ import annotations

from functions.contacts import status
from functions.contacts.list_query import ContactListQuery, ContactQuery, ContactStats, CreationQuery
from shared.domain.contacts.consent import ConsentEntry, ConsentInput
from shared.domain.contacts.inputs import ContactInput, ContactPatch, ContactReplacement
from shared.domain.contacts.shown import ContactShown
from shared.domain.duplicates.views import CreatedContact
from shared.domain.errors import (
    ConcurrentChange,
    Conflict,
    Duplicate,
    FieldError,
    NotFound,
    RuleBroken,
    VersionMismatch,
)
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.contacts import (
    contact_changes,
    contact_filter,
    contact_history,
    contact_lists,
    contact_reading,
    contact_service,
    contact_writing,
    show_contacts,
)
from shared.wiring.duplicates import create_and_compare, show_created
from shared.wiring.interactions import interaction_statistics

routes = Routes("Contacts")
routes.include(status.routes)


def _find_faults(call: Call, given: object) -> tuple[FieldError, ...]:
    return contact_writing(call.caller).find_faults(given, whole=True)


def _find_faults_of_replacement(call: Call, given: object) -> tuple[FieldError, ...]:
    return contact_writing(call.caller).find_faults(given, whole=True, contact_id=call.path("contact_id"))


def _find_faults_of_patch(call: Call, given: object) -> tuple[FieldError, ...]:
    return contact_writing(call.caller).find_faults(given, whole=False, contact_id=call.path("contact_id"))


@routes.route(
    "GET",
    "/contacts",
    summary="List contacts",
    query=ContactListQuery,
    answer=ContactShown,
    show=show_contacts,
    paged=True,
)
def list_contacts(call: Call, query: ContactListQuery) -> Reply:
    caller = call.caller
    conditions = contact_filter(caller.tenant_id, query.__dict__)
    limit, skip = query.part
    page = contact_lists(caller, call.budget).list(
        conditions,
        sort=query.sort,
        limit=limit,
        cursor=query.cursor,
        skip=skip,
        include_total=query.include_total,
    )
    return Reply(page=page)


@routes.route(
    "POST",
    "/contacts",
    summary="Create a contact",
    body=ContactInput,
    query=CreationQuery,
    answer=CreatedContact,
    show=show_created,
    status=201,
    location="/contacts/{id}",
    errors=(Duplicate,),
    find_faults=_find_faults,
)
def create_contact(call: Call, body: ContactInput, query: CreationQuery) -> Reply:
    if query.check_duplicates:
        return Reply(record=create_and_compare(call.caller, call.claim, body, call.budget))
    return Reply(record=contact_service(call.caller, call.claim).create(body))


@routes.route(
    "GET", "/contacts/stats", summary="Read statistics of contacts", answer=ContactStats, errors=(RuleBroken,)
)
def contact_stats(call: Call) -> Reply:
    """Interactions in the last days include those of contacts that were deleted or purged since; all other figures
    are those of contacts that are not deleted.
    """
    recent = interaction_statistics(call.caller, call.budget).recent()
    return Reply(record=ContactStats(**contact_lists(call.caller, call.budget).stats(), **recent))


@routes.route(
    "GET",
    "/contacts/{contact_id}",
    summary="Read a contact",
    query=ContactQuery,
    answer=ContactShown,
    show=show_contacts,
    errors=(NotFound, RuleBroken),
)
def read_contact(call: Call, contact_id: str, query: ContactQuery) -> Reply:
    """An earlier version has the present names of labels that still exist, and of its customer and owner."""
    if query.version is not None:
        changes = contact_changes(call.caller, call.budget)
        return Reply(record=changes.read_version(contact_id, query.version))
    return Reply(record=contact_reading(call.caller).read(contact_id))


@routes.route(
    "PUT",
    "/contacts/{contact_id}",
    summary="Replace a contact",
    body=ContactReplacement,
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, Conflict, Duplicate, VersionMismatch),
    find_faults=_find_faults_of_replacement,
)
def replace_contact(call: Call, contact_id: str, body: ContactReplacement) -> Reply:
    return Reply(record=contact_service(call.caller).replace(contact_id, body, call.if_match))


@routes.route(
    "PATCH",
    "/contacts/{contact_id}",
    summary="Change fields of a contact (JSON merge patch)",
    body=ContactPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, Conflict, Duplicate, VersionMismatch),
    find_faults=_find_faults_of_patch,
)
def patch_contact(call: Call, contact_id: str, body: ContactPatch) -> Reply:
    return Reply(record=contact_service(call.caller).patch(contact_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/contacts/{contact_id}",
    summary="Delete a contact",
    status=204,
    conditional=True,
    errors=(NotFound, VersionMismatch),
)
def delete_contact(call: Call, contact_id: str) -> Reply:
    contact_service(call.caller).delete(contact_id, call.if_match)
    return Reply(204)


@routes.route(
    "POST",
    "/contacts/{contact_id}/toggle-status",
    summary="Toggle whether a contact is active",
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, ConcurrentChange, VersionMismatch),
)
def toggle_contact_status(call: Call, contact_id: str) -> Reply:
    return Reply(record=contact_service(call.caller, call.claim).toggle_active(contact_id, call.if_match))


@routes.route(
    "POST",
    "/contacts/{contact_id}/restore",
    summary="Restore a contact deleted within the last 30 days",
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, Conflict, Duplicate, VersionMismatch),
)
def restore_contact(call: Call, contact_id: str) -> Reply:
    return Reply(record=contact_service(call.caller, call.claim).restore(contact_id, call.if_match))


@routes.route(
    "POST",
    "/contacts/{contact_id}/set-primary",
    summary="Make a contact the primary contact of its customer",
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, Conflict, VersionMismatch),
)
def set_primary_contact(call: Call, contact_id: str) -> Reply:
    return Reply(record=contact_service(call.caller, call.claim).set_primary(contact_id, call.if_match))


@routes.route(
    "POST",
    "/contacts/{contact_id}/consent",
    summary="Opt a contact in or out of a channel",
    body=ConsentInput,
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, ConcurrentChange, VersionMismatch),
)
def give_consent(call: Call, contact_id: str, body: ConsentInput) -> Reply:
    return Reply(record=contact_service(call.caller, call.claim).consent(contact_id, body, call.if_match))


@routes.route(
    "GET",
    "/contacts/{contact_id}/consent",
    summary="List a contact's consents, newest first",
    query=ListQuery,
    answer=ConsentEntry,
    paged=True,
    errors=(NotFound,),
)
def list_consents(call: Call, contact_id: str, query: ListQuery) -> Reply:
    page = contact_history(call.caller).consents(contact_id, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)


@routes.route(
    "PUT",
    "/contacts/{contact_id}/groups/{group_id}",
    summary="Add a contact to a static group",
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, RuleBroken, ConcurrentChange, VersionMismatch),
)
def join_group(call: Call, contact_id: str, group_id: str) -> Reply:
    return Reply(record=contact_service(call.caller).join(contact_id, group_id, call.if_match))


@routes.route(
    "DELETE",
    "/contacts/{contact_id}/groups/{group_id}",
    summary="Remove a contact from a static group",
    answer=ContactShown,
    show=show_contacts,
    conditional=True,
    errors=(NotFound, RuleBroken, ConcurrentChange, VersionMismatch),
)
def leave_group(call: Call, contact_id: str, group_id: str) -> Reply:
    return Reply(record=contact_service(call.caller).leave(contact_id, group_id, call.if_match))
