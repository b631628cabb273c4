"""Routes of invitations, for admins. Acceptance needs no sign-in, and is in a function of its own."""

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
    """Accepted invitations are listed for a month."""
    return Reply(page=invitation_service(call.caller).list(limit=query.limit, cursor=query.cursor))


@routes.route(
    "POST",
    "/users/invitations",
    summary="Create an invitation; only this answer contains its token",
    body=InvitationInput,
    answer=IssuedInvitation,
    status=201,
    location="/users/invitations/{id}",
    errors=(AddressInUse, Conflict),
)
def create_invitation(call: Call, body: InvitationInput) -> Reply:
    """The token is valid for seven days. It is e-mailed if the deployment has a sender. If `emailed` is false, pass it
    on to the invited person.
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
    summary="Replace an invitation's token; only this answer contains the new token",
    answer=IssuedInvitation,
    errors=(NotFound, AlreadyAccepted),
)
def resend_invitation(call: Call, invitation_id: str) -> Reply:
    """The previous token is no longer valid. The new token is valid for seven days, and is e-mailed like the first."""
    return Reply(record=invitation_service(call.caller, call.claim).resend(invitation_id))
