"""Routes of invitations, for who manages the tenant. Accepting one is a function of its own, without sign-in."""

from __future__ import annotations

from shared.domain.accounts.invitation import Invitation, InvitationInput, IssuedInvitation
from shared.domain.errors import AddressInUse, AlreadyAccepted, Conflict, NotFound
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.accounts import invitation_service

routes = Routes("Invitations")


@routes.route(
    "GET",
    "/users/invitations",
    summary="List invitations, newest first",
    query=ListQuery,
    answer=Invitation,
    paged=True,
)
def list_invitations(call: Call, query: ListQuery) -> Reply:
    """Those that were accepted stay for a month."""
    return Reply(page=invitation_service(call.caller).list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/users/invitations",
    summary="Invite somebody; the answer holds the token, this once",
    body=InvitationInput,
    answer=IssuedInvitation,
    status=201,
    location="/users/invitations/{id}",
    errors=(AddressInUse, Conflict),
)
def create_invitation(call: Call, body: InvitationInput) -> Reply:
    """The token is good for seven days. It is e-mailed where the deployment has a sender; where `emailed` is false,
    hand it on.
    """
    return Reply(record=invitation_service(call.caller, call.claim).create(body))


@routes.route(
    "GET",
    "/users/invitations/{invitation_id}",
    summary="Read an invitation",
    answer=Invitation,
    errors=(NotFound,),
)
def read_invitation(call: Call, invitation_id: str) -> Reply:
    return Reply(record=invitation_service(call.caller).read(invitation_id))


@routes.route(
    "DELETE",
    "/users/invitations/{invitation_id}",
    summary="Revoke an invitation",
    status=204,
    errors=(NotFound, AlreadyAccepted),
)
def revoke_invitation(call: Call, invitation_id: str) -> Reply:
    invitation_service(call.caller).revoke(invitation_id)
    return Reply(204)


@routes.route(
    "POST",
    "/users/invitations/{invitation_id}/resend",
    summary="Give an invitation another token; the answer holds it, this once",
    answer=IssuedInvitation,
    errors=(NotFound, AlreadyAccepted),
)
def resend_invitation(call: Call, invitation_id: str) -> Reply:
    """The token before is dead; the new one is good for seven days, and e-mailed as the first one was."""
    return Reply(record=invitation_service(call.caller, call.claim).resend(invitation_id))
