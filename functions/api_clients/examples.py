"""Examples of the API clients' routes; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.accounts.api_client import MAX_API_CLIENTS, ApiClient, ApiClientKey, NewApiClient
from shared.domain.errors import Conflict, Invalid, NotFound, VersionMismatch
from shared.http.examples import LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_ID = "01962e29-9800-7e61-94b3-0c5a7d8e1f88"
_AT, _LATER = "2025-04-13T08:00:00.000Z", "2025-05-02T14:05:00.000Z"
_KEY_ID, _NEW_KEY_ID = "01962e29980077aa8c0191d2e3f40516", "0196913ad28077aa8c0191d2e3f40617"
_SECRET = "_" + "of-nobody-" * 4 + "000"
_KEY = ApiClientKey(id=_KEY_ID, created_at=_AT, secret_hash="")
_GIVEN: dict[str, Any] = {
    "name": "Booking page",
    "description": "Creates contacts for people who book",
    "permissions": {"contacts:read": "all", "contacts:write": "own"},
}
_SHOWN = ApiClient(
    id=_ID,
    **_GIVEN,
    keys=[_KEY],
    last_used_at=_LATER,
    created_at=_AT,
    created_by=f"user:{USER_ID}",
    updated_at=_AT,
    updated_by=f"user:{USER_ID}",
)
_CREATED = NewApiClient(**{**_SHOWN.__dict__, "last_used_at": None}, key=f"ck_{_KEY_ID}{_SECRET}")
_CHANGED = {"version": 2, "updated_at": _LATER}
_ROTATED = NewApiClient(
    **{
        **_SHOWN.__dict__,
        **_CHANGED,
        "keys": [
            _KEY.model_copy(update={"valid_until": "2025-05-02T15:05:00.000Z"}),
            ApiClientKey(id=_NEW_KEY_ID, created_at=_LATER, secret_hash=""),
        ],
    },
    key=f"ck_{_NEW_KEY_ID}{_SECRET}",
)
_MISSING = NotFound("API client")

PARAMETERS = {"client_id": _ID}

EXAMPLES = {
    "list_api_clients": Example(answer=Page([_SHOWN], None), problems=(LIMIT_REFUSED,)),
    "create_api_client": Example(
        request=_GIVEN,
        answer=_CREATED,
        problems=(
            Invalid.field("permissions.contacts:fly", "unknown_permission", "There is no such permission."),
            Conflict(
                f"A tenant has at most {MAX_API_CLIENTS} API clients. Delete one that is no longer needed.",
                code="too_many_api_clients",
            ),
        ),
    ),
    "read_api_client": Example(answer=_SHOWN, problems=(_MISSING,)),
    "patch_api_client": Example(
        request={"permissions": {"contacts:write": None}},
        answer=_SHOWN.model_copy(update={**_CHANGED, "permissions": {"contacts:read": "all"}}),
        problems=(VersionMismatch(), _MISSING),
    ),
    "delete_api_client": Example(problems=(_MISSING, VersionMismatch())),
    "rotate_api_key": Example(
        request={"overlap_seconds": 3600}, answer=_ROTATED, problems=(_MISSING, VersionMismatch())
    ),
}
