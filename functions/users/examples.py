"""Examples of the routes of users and invitations; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.accounts.invitation import Invitation
from shared.domain.accounts.removal import OwnsContacts
from shared.domain.accounts.user import User
from shared.domain.errors import (
    AddressInUse,
    AlreadyAccepted,
    LastAdmin,
    NotFound,
    PermissionDenied,
    SchedulingIdTaken,
    VersionMismatch,
)
from shared.http.examples import INVITATION, INVITATION_ID, INVITED, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_LATER = "2025-04-14T10:00:00.000Z"
_ADMIN = User(
    id=USER_ID,
    username="ada@example.com",
    email="ada@example.com",
    first_name="Ada",
    last_name="Lovelace",
    role="admin",
    created_at="2025-04-06T09:00:00.000Z",
    created_by=f"user:{USER_ID}",
    updated_at="2025-04-06T09:00:00.000Z",
    updated_by=f"user:{USER_ID}",
)
_SHOWN = Invitation(**{name: getattr(INVITATION, name) for name in Invitation.model_fields})
_GIVEN: dict[str, Any] = {
    "email": "grace@example.com",
    "role": "user",
    "first_name": "Grace",
    "last_name": "Hopper",
}

PARAMETERS = {
    "user_id": INVITED.id,
    "invitation_id": INVITATION_ID,
    "successor_id": USER_ID,
    "contacts": "release",
}

EXAMPLES = {
    "list_users": Example(answer=Page([INVITED, _ADMIN], None), problems=(LIMIT_REFUSED,)),
    "read_user": Example(answer=INVITED, problems=(NotFound("User"),)),
    "patch_user": Example(
        request={"role": "admin"},
        answer=INVITED.model_copy(
            update={"role": "admin", "version": 2, "updated_at": _LATER, "updated_by": f"user:{USER_ID}"}
        ),
        problems=(
            LastAdmin(),
            SchedulingIdTaken(USER_ID),
            PermissionDenied.lacking("tenant:admin"),
            VersionMismatch(),
            NotFound("User"),
        ),
    ),
    "delete_user": Example(
        problems=(LastAdmin(), OwnsContacts(12, is_default_owner=False), NotFound("User"))
    ),
    "list_invitations": Example(answer=Page([_SHOWN], None), problems=(LIMIT_REFUSED,)),
    "create_invitation": Example(
        request=_GIVEN, answer=INVITATION, problems=(AddressInUse(user_id=INVITED.id),)
    ),
    "read_invitation": Example(answer=_SHOWN, problems=(NotFound("Invitation"),)),
    "revoke_invitation": Example(problems=(AlreadyAccepted(), NotFound("Invitation"))),
    "resend_invitation": Example(
        answer=INVITATION.model_copy(
            update={"version": 2, "updated_at": _LATER, "expires_at": "2025-04-21T10:00:00.000Z"}
        ),
        problems=(AlreadyAccepted(), NotFound("Invitation")),
    ),
}
