"""The route that returns the caller's identity and permissions."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.callers import PERMISSIONS, Level
from shared.http.call import Call
from shared.http.routes import Reply, Routes
from shared.wiring.tenants import find_tenant

routes = Routes("Me")


class MyTenant(BaseModel):
    """The tenant for which the caller acts."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    name: str


class Me(BaseModel):
    """The caller and their permissions."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: Literal["user", "client"]
    id: str = Field(description="The id by which records name the caller, after the kind: `user:<id>`.")
    username: str | None = Field(
        None, description="The username that a user chose, or their e-mail address. Null for an API client."
    )
    role: Literal["admin", "user", "client"]
    permissions: dict[str, Level] = Field(
        description="Permissions and their levels, `all` or `own`. Permissions that are not named are not held."
    )
    tenant: MyTenant


@routes.route("GET", "/me", summary="Read the caller's identity and permissions", answer=Me)
def read_me(call: Call) -> Reply:
    """Needs no permission. A change of the caller's rights takes effect within a minute."""
    caller = call.caller
    tenant = find_tenant(caller.tenant_id)
    levels = {word: level for word in PERMISSIONS if (level := caller.level(word))}
    me = Me.model_validate(
        {
            "kind": caller.kind,
            "id": caller.id,
            "username": call.username,
            "role": caller.role,
            "permissions": levels,
            "tenant": MyTenant(id=caller.tenant_id, name=tenant.name if tenant else ""),
        }
    )
    return Reply(record=me)
