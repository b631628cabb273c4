"""The route by which an invited person becomes a user."""

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
    """Needs no sign-in, only the invitation's token. If the answer was lost, the call may be repeated with the same
    token. After the answer was received, the token is no longer valid. An access token that the API has refused before
    may be refused for a minute more; a new one is accepted at once.
    """
    return Reply(record=acceptance_service().accept(body))
