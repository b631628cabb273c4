"""Examples of accepting an invitation; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.errors import AlreadyAccepted, Conflict, Invalid, NotFound
from shared.http.examples import INVITATION, INVITED, Example

PARAMETERS: dict[str, str] = {}

EXAMPLES = {
    "accept_invitation": Example(
        request={"token": INVITATION.token, "password": "correct Horse 7 battery"},
        answer=INVITED,
        problems=(
            AlreadyAccepted(),
            Conflict("This invitation has expired. Ask for a new one.", code="invitation_expired"),
            NotFound("Invitation"),
            Invalid.field(
                "password",
                "weak_password",
                "A password has 12 to 256 characters, lower-case and upper-case letters and digits among them.",
            ),
        ),
        parameters={"token": INVITATION.token},
    )
}
