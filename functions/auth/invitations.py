"""The route by which somebody who was invited becomes a user."""

from __future__ import annotations

from shared.domain.accounts.invitation import Acceptance
from shared.domain.accounts.user import User
from shared.domain.errors import AlreadyAccepted, Conflict, NotFound, Unavailable
from shared.http.call import Call
from shared.http.routes import Reply, Routes
from shared.wiring.accounts import acceptance_service

routes = Routes("Invitations")


@routes.route(
    "POST",
    "/users/invitations/accept",
    summary="Accept an invitation and choose a password",
    body=Acceptance,
    answer=User,
    status=201,
    location="/users/{id}",
    public=True,
    errors=(NotFound, AlreadyAccepted, Conflict, Unavailable),
)
def accept_invitation(call: Call, body: Acceptance) -> Reply:
    """Takes no sign-in but the token of the invitation. A call whose answer got lost may be made again with the same
    token; once it has been answered the token is dead.
    """
    return Reply(record=acceptance_service().accept(body))
