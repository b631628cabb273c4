"""Routes of users."""

from __future__ import annotations

from pydantic import Field

from functions.users import invitations
from shared.domain.accounts.removal import OwnsContacts, RemovalQuery
from shared.domain.accounts.user import User, UserPatch, UserRole
from shared.domain.errors import LastAdmin, NotFound, SchedulingIdTaken, VersionMismatch
from shared.domain.jobs.bulk import BulkJob
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import JSON, MERGE_PATCH, Accepted, Reply, Routes
from shared.wiring.accounts import user_service


class UserListQuery(ListQuery):
    """The users to list."""

    role: UserRole | None = Field(None, description="Only users with this role.")
    is_active: bool | None = Field(None, description="Only users who can sign in, or only users who cannot.")


routes = Routes("Users")
routes.include(invitations.routes)


@routes.route("GET", "/users", summary="List users", query=UserListQuery, answer=User, paged=True)
def list_users(call: Call, query: UserListQuery) -> Reply:
    """Users are sorted by id."""
    page = user_service(call.caller).list(
        role=query.role, is_active=query.is_active, limit=query.limit, cursor=query.cursor
    )
    return Reply(page=page)


@routes.route("GET", "/users/{user_id}", summary="Read a user", answer=User, errors=(NotFound,))
def read_user(call: Call, user_id: str) -> Reply:
    return Reply(record=user_service(call.caller).read(user_id))


@routes.route(
    "PATCH",
    "/users/{user_id}",
    summary="Change a user (JSON merge patch)",
    body=UserPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=User,
    conditional=True,
    errors=(NotFound, LastAdmin, SchedulingIdTaken, VersionMismatch),
)
def patch_user(call: Call, user_id: str, body: UserPatch) -> Reply:
    """Needs `tenant:admin`, except that users may change their own names. Rights change within a minute."""
    return Reply(record=user_service(call.caller).change(user_id, body, call.if_match))


@routes.route(
    "DELETE",
    "/users/{user_id}",
    summary="Remove a user",
    query=RemovalQuery,
    status=204,
    accepted=Accepted(BulkJob, "/contacts/bulk-jobs/{id}"),
    conditional=True,
    errors=(NotFound, LastAdmin, OwnsContacts, VersionMismatch),
)
def delete_user(call: Call, user_id: str, query: RemovalQuery) -> Reply:
    """Needs `tenant:admin`, and `contacts:write` if the user owns contacts. The user is signed out within a minute.
    A user who owns contacts, or is the default owner of new contacts, is removed only with `successor_id` or
    `contacts=release`. The answer is then 202 with the bulk job that changes the owner of the contacts. The job starts
    when the user's tokens have ended, after three minutes. It also gives the user's open follow-ups to the next owner
    of the contacts, or leaves them without an assignee.
    """
    job = user_service(call.caller).delete(user_id, call.if_match, query)
    return Reply(record=job) if job else Reply(204)
