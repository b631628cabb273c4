"""Routes of a contact's status and lifecycle stage."""

from __future__ import annotations

from shared.domain.contacts.status import StatusChange, StatusEntry, StatusInput
from shared.domain.errors import ConcurrentChange, NotFound, RuleBroken, VersionMismatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.contacts import contact_statuses

routes = Routes("Contacts")


@routes.route(
    "PUT",
    "/contacts/{contact_id}/status",
    summary="Set a contact's relationship status or lifecycle stage",
    body=StatusInput,
    answer=StatusChange,
    conditional=True,
    errors=(NotFound, RuleBroken, ConcurrentChange, VersionMismatch),
)
def set_contact_status(call: Call, contact_id: str, body: StatusInput) -> Reply:
    """A status moves from `prospect` to `qualified_lead`, `opportunity`, `active_client` and `past_client`, one step at
    a time, and from any status to `lost_lead` and `inactive`. `past_client`, `lost_lead` and `inactive` move to
    `prospect`, with a `reason`. Setting the present status again changes nothing. Any lifecycle stage can be set.
    `is_active` stays as it is.
    """
    return Reply(record=contact_statuses(call.caller).change(contact_id, body, call.if_match))


@routes.route(
    "GET",
    "/contacts/{contact_id}/status-history",
    summary="List the changes of a contact's status and lifecycle stage, newest first",
    query=ListQuery,
    answer=StatusEntry,
    paged=True,
    errors=(NotFound,),
)
def list_statuses(call: Call, contact_id: str, query: ListQuery) -> Reply:
    """A contact that was created without a status and a stage has no entry for its creation."""
    page = contact_statuses(call.caller).list(contact_id, limit=query.limit, cursor=query.cursor)
    return Reply(page=page)
