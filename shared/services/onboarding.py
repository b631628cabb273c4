"""Opening a tenant and letting users and programs in; done by the operator, with the operator's credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from shared.domain import timestamps
from shared.domain.api_client import ApiClient, FreshKey
from shared.domain.callers import parse_grants, system
from shared.domain.credentials import Membership
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.tenant import Settings, Tenant
from shared.domain.user import User, UserRole

_OPERATOR = "system:operator"


class Tenants(Protocol):
    """Tenant records."""

    def get(self, tenant_id: str) -> Tenant | None: ...

    def put(self, tenant: Tenant) -> None: ...


class Directory(Protocol):
    """Whom the authorizer looks up."""

    def user(self, sub: str) -> Membership | None: ...


class ApiClients(Protocol):
    """The API clients of one tenant."""

    def add(self, client: ApiClient, event: Event) -> None: ...


class Users(Protocol):
    """The users of one tenant; see `shared.table.users.UserTable`."""

    def begin(self) -> None: ...

    def get(self, user_id: str) -> User | None: ...

    def admit(self, user: User) -> None: ...

    def dismiss(self, user_id: str) -> None: ...


class Onboarding:
    """Makes tenants, users and API clients; `users` and `api_clients` give those of a tenant."""

    def __init__(
        self,
        tenants: Tenants,
        directory: Directory,
        users: Callable[[str], Users],
        api_clients: Callable[[str], ApiClients],
    ) -> None:
        self._tenants = tenants
        self._directory = directory
        self._users = users
        self._api_clients = api_clients

    def open_tenant(self, tenant_id: str, name: str, settings: Settings | None = None) -> Tenant:
        """A tenant; one that is there already stays as it is."""
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = Tenant(tenant_id, name, timestamps.now(), settings=settings or Settings())
            self._users(tenant_id).begin()
            self._tenants.put(tenant)
        return tenant

    def add_member(self, sub: str, tenant_id: str, role: str, username: str) -> Membership:
        """Let the user with the token's `sub` act for a tenant, as `admin` or `user`, and for no other any longer.

        `username`: the e-mail address. No event tells of it, and no limit stops it. Raises AddressInUse when another
        user of the tenant has the address.
        """
        if role not in ("admin", "user"):
            raise ValueError(f"not a role: {role!r}")
        member = Membership(sub, tenant_id, role, username)
        before = self._directory.user(sub)
        if before is not None and before.tenant_id != tenant_id:
            self._users(before.tenant_id).dismiss(sub)
        users, now = self._users(tenant_id), timestamps.now()
        known = users.get(sub)
        if (
            before == member
            and known
            and (known.role, known.email, known.is_active) == (role, username, True)
        ):
            return member
        users.admit(
            User(
                id=sub,
                username=username,
                email=username,
                first_name=known.first_name if known else "",
                last_name=known.last_name if known else "",
                role=cast(UserRole, role),
                version=known.version + 1 if known else 1,
                created_at=known.created_at if known else now,
                created_by=known.created_by if known else _OPERATOR,
                updated_at=now,
                updated_by=_OPERATOR,
            )
        )
        return member

    def add_api_client(self, tenant_id: str, name: str, permissions: str) -> str:
        """A new API client's key, `ck_<id>_<secret>`, with permissions such as `contacts:read:all,contacts:write:all`.

        The key is shown this once; what is kept is a hash. Raises ValueError for unknown permissions, Conflict when the
        tenant has too many clients.
        """
        given = {"name": name, "permissions": parse_grants(permissions)}
        at = timestamps.now()
        key = FreshKey.make(at)
        client, event = ApiClient.create(
            given,
            key.kept,
            client_id=new_id(),
            event_id=new_id(),
            at=at,
            caller=system(tenant_id, "operator", "system"),
        )
        self._api_clients(tenant_id).add(client, event)
        return key.text
