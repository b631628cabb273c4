"""Examples of registration, acceptance of invitations and sign-in; see `shared.http.examples`."""

from __future__ import annotations

from functions.auth.bodies import Registered, RegisteredTenant, RegisteredUser, TokenAnswer
from shared.domain.accounts.passwords import weak_password
from shared.domain.errors import AlreadyAccepted, AlreadyRegistered, Conflict, NotFound, SignInRefused
from shared.http.examples import INVITATION, INVITED, USER_ID, Example

_TENANT_ID = "01960a6f-79c0-7b11-8c02-3b5c7d9e0f66"
_PASSWORD = "Difference-Engine-1822"  # noqa: S105 (made up)

PARAMETERS: dict[str, str] = {}

EXAMPLES = {
    "register": Example(
        request={
            "tenant_name": "Analytical Engines",
            "username": "ada.lovelace",
            "email": "ada@example.com",
            "password": _PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
        },
        answer=Registered(
            tenant=RegisteredTenant(id=_TENANT_ID, name="Analytical Engines"),
            user=RegisteredUser(id=USER_ID, username="ada.lovelace"),
        ),
        problems=(AlreadyRegistered(), weak_password()),
    ),
    "token": Example(
        request={"grant_type": "password", "username": "ada@example.com", "password": _PASSWORD},
        answer=TokenAnswer(
            access_token="eyJraWQiOiJ…",  # noqa: S106 (made up)
            expires_in=3600,
            refresh_token="eyJjdHkiOiJ…",  # noqa: S106 (made up)
        ),
        problems=(SignInRefused(),),
    ),
    "accept_invitation": Example(
        request={"token": INVITATION.token, "password": "correct Horse 7 battery"},
        answer=INVITED,
        problems=(
            AlreadyAccepted(),
            Conflict("This invitation has expired. Ask for a new one.", code="invitation_expired"),
            NotFound("Invitation"),
            weak_password(),
        ),
        parameters={"token": INVITATION.token},
    ),
}
