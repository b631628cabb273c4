"""The route that says who calls."""

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
    """Who calls, and what that caller may do."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: Literal["user", "client"]
    id: str = Field(description="By which records name the caller, behind its kind: `user:<id>`.")
    username: str | None = Field(
        None, description="Of a user: as it was chosen, else the e-mail address. Null for an API client."
    )
    role: Literal["admin", "user", "client"]
    permissions: dict[str, Level] = Field(
        description="The permissions there are, each at level `all` or `own`; those not named are not held."
    )
    tenant: MyTenant


@routes.route("GET", "/me", summary="Say who calls, and what that caller may do", answer=Me)
def read_me(call: Call) -> Reply:
    """Takes no permission. Rights follow a change of them within a minute."""
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
