"""Routes of a contact's history: its changes, and its return to an earlier version."""

from __future__ import annotations

from shared.domain.contacts.history import HistoryEntry
from shared.domain.contacts.revert import Reverted, RevertInput
from shared.domain.errors import Conflict, Duplicate, NotFound, RuleBroken, VersionMismatch
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.contacts import contact_changes, contact_revert, show_reverted

routes = Routes("History")


@routes.route(
    "GET",
    "/contacts/{contact_id}/history",
    summary="List a contact's changes, newest first",
    query=ListQuery,
    answer=HistoryEntry,
    paged=True,
    errors=(NotFound,),
)
def list_history(call: Call, contact_id: str, query: ListQuery) -> Reply:
    """Lists one entry for each version of the contact, in the descending order of the versions."""
    changes = contact_changes(call.caller, call.budget)
    return Reply(page=changes.list_changes(contact_id, limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/contacts/{contact_id}/revert",
    summary="Revert a contact's fields to an earlier version",
    body=RevertInput,
    answer=Reverted,
    show=show_reverted,
    conditional=True,
    errors=(NotFound, RuleBroken, Conflict, Duplicate, VersionMismatch),
)
def revert_contact(call: Call, contact_id: str, body: RevertInput) -> Reply:
    """Makes a new change, under the present rules: it is refused as a patch with the same values would be. Tags, types,
    groups and customers that no longer exist are left out. Status, consents, the owner and whether the contact is
    primary stay as they are. `not_reverted` lists what still differs from the version.
    """
    service = contact_revert(call.caller, call.claim, call.budget)
    return Reply(record=service.revert(contact_id, body.version, call.if_match))
