"""Opening and suspending tenants, and adding users and API clients; done by the operator, with the operator's
credentials.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from shared.domain.accounts.api_client import ApiClient, IssuedKey
from shared.domain.accounts.claims import CLOCK_SECONDS, MembershipClaim
from shared.domain.accounts.credentials import Membership
from shared.domain.accounts.user import User, normalize_sign_in_email
from shared.domain.callers import parse_grants, system_caller
from shared.domain.errors import Conflict, Invalid, NotFound, UserClaimed
from shared.domain.events import Event
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.accounts.claims import MembershipClaims, release_on, take
from shared.services.accounts.new_credentials import PoolAccounts
from shared.services.optimistic import retry_on_conflict


class Tenants(Protocol):
    """Tenant records."""

    def get(self, tenant_id: str) -> Tenant | None: ...

    def add(self, tenant: Tenant, event: Event) -> None: ...


class TenantChanges(Protocol):
    """The changes of one tenant; see `shared.table.accounts.settings.SettingsTable`."""

    def get(self) -> Tenant | None: ...

    def save_suspension(self, before: Tenant, after: Tenant, event: Event) -> None: ...


class Directory(Protocol):
    """The memberships that the authorizer looks up."""

    def user(self, sub: str, *, consistent: bool = False) -> Membership | None: ...


class ApiClients(Protocol):
    """The API clients of one tenant."""

    def add(self, client: ApiClient, event: Event) -> None: ...


class Users(Protocol):
    """The users of one tenant; see `shared.table.accounts.operator_users.OperatorUserTable`."""

    def start_counting(self) -> None: ...

    def get(self, user_id: str) -> User | None: ...

    def admit(
        self,
        user_id: str,
        make: Callable[[User | None], tuple[User, Event]],
        *,
        since: int,
        claim: MembershipClaim | None = None,
    ) -> None: ...

    def remove_by_id(self, user_id: str, stamp: Stamp) -> None: ...


class Onboarding:
    """Creates tenants, users and API clients, and suspends tenants.

    `changes`, `users` and `api_clients`: return the repositories of a tenant. `accounts`: the user pool in which users
    sign in with a password; None in a deployment with another issuer.
    """

    def __init__(
        self,
        tenants: Tenants,
        changes: Callable[[str], TenantChanges],
        directory: Directory,
        users: Callable[[str], Users],
        api_clients: Callable[[str], ApiClients],
        claims: MembershipClaims,
        accounts: PoolAccounts | None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._tenants = tenants
        self._changes = changes
        self._directory = directory
        self._users = users
        self._api_clients = api_clients
        self._claims = claims
        self._accounts = accounts
        self._now = now

    def open_tenant(self, tenant_id: str, name: str, settings: TenantSettings | None = None) -> Tenant:
        """Return a tenant, creating it if needed. An existing tenant is not changed."""

        def find_or_add() -> Tenant:
            tenant = self._tenants.get(tenant_id)
            if tenant is None:
                tenant, event = Tenant.open(tenant_id, name, settings, stamp=_stamp(tenant_id))
                self._users(tenant_id).start_counting()
                self._tenants.add(tenant, event)
            return tenant

        return retry_on_conflict(find_or_add, sleep=time.sleep)

    def suspend(self, tenant_id: str, *, is_suspended: bool = True) -> Tenant:
        """Return a tenant that is suspended from now on, or no longer. Raises NotFound."""
        changes = self._changes(tenant_id)

        def change() -> Tenant:
            before = changes.get()
            if before is None:
                raise NotFound("Tenant")
            changed = before.suspend(is_suspended=is_suspended, stamp=_stamp(tenant_id))
            if changed is None:
                return before
            changes.save_suspension(before, *changed)
            return changed[0]

        return retry_on_conflict(change, sleep=time.sleep)

    def add_user(self, email: str, password: str, tenant_id: str, role: str) -> Membership:
        """Add the owner of an e-mail address to a tenant as a user who signs in to the pool with `password`.

        The user leaves any other tenant. An earlier password and its sessions stop working, since another person may
        have registered the address. Raises the errors of `add_member`; Invalid for an invalid address or password; and
        UserClaimed while another caller registers the address or accepts an invitation to it. The call can be repeated
        after any interruption.
        """
        if self._accounts is None:
            raise ValueError("here people sign in with another issuer")
        _require_role(role)
        username = normalize_sign_in_email(email)
        sub = self._accounts.add(username)
        if self._find_member(sub, tenant_id) is not None:
            self._accounts.set_password(username, password)
            return self._admit(sub, tenant_id, role, username, None)
        self._remove_from_other_tenant(sub, tenant_id)
        # Until the membership exists, the claim keeps other callers from setting a password.
        claim = take(self._claims, sub, password, self._now())
        if claim is None:
            raise UserClaimed()
        with release_on(Invalid, Conflict, claims=self._claims, claim=claim, now=self._now):
            self._accounts.set_password(username, password)
            return self._admit(sub, tenant_id, role, username, claim)

    def add_member(self, sub: str, tenant_id: str, role: str, username: str) -> Membership:
        """Make the user with the token's `sub` a member of a tenant, as `admin` or `user`, and of no other tenant.

        `username`: the e-mail address. The call ignores limits. Earlier sessions of a new member in the user pool
        become invalid. Raises AddressInUse if another user of the tenant has the address, and UserClaimed as `add_user`
        does.
        """
        _require_role(role)
        self._remove_from_other_tenant(sub, tenant_id)
        return self._admit(sub, tenant_id, role, username, None)

    def _find_member(self, sub: str, tenant_id: str) -> Membership | None:
        member = self._directory.user(sub, consistent=True)
        return member if member is not None and member.tenant_id == tenant_id else None

    def _remove_from_other_tenant(self, sub: str, tenant_id: str) -> None:
        member = self._directory.user(sub, consistent=True)
        if member is not None and member.tenant_id != tenant_id:
            self._users(member.tenant_id).remove_by_id(sub, _stamp(member.tenant_id))

    def _admit(
        self, sub: str, tenant_id: str, role: str, username: str, claim: MembershipClaim | None
    ) -> Membership:
        before = self._find_member(sub, tenant_id)
        if claim is not None:
            since = claim.since
        elif before is not None:
            since = before.since
        else:
            since = int(self._now()) - CLOCK_SECONDS
        users = self._users(tenant_id)
        known = users.get(sub)
        email = username
        if known and known.email == email:  # keeps the username that the user chose
            username = known.username
        member = Membership(sub, tenant_id, role, username, since=since)
        if before == member and known and (known.role, known.email, known.is_active) == (role, email, True):
            return member
        given: dict[str, Any] = {"username": username, "email": email, "role": role}
        stamp = _stamp(tenant_id)

        def make(before: User | None) -> tuple[User, Event]:
            if before is not None:
                return before.admit(**given, stamp=stamp)
            user = User(id=sub, **given, **stamp.creation_fields())
            return user, user.creation_event(stamp.caller)

        users.admit(sub, make, since=since, claim=claim)
        return member

    def add_api_client(self, tenant_id: str, name: str, permissions: str) -> str:
        """Create an API client and return its key, `ck_<id>_<secret>`.

        `permissions`: such as `contacts:read:all,contacts:write:all`. Only a hash of the key is stored. Raises
        ValueError for unknown permissions, Conflict if the tenant has too many clients.
        """
        given = {"name": name, "permissions": parse_grants(permissions)}
        stamp = _stamp(tenant_id)
        key = IssuedKey.make(stamp.at)
        client, event = ApiClient.create(given, key.record, client_id=new_id(), stamp=stamp)
        self._api_clients(tenant_id).add(client, event)
        return key.text


def _stamp(tenant_id: str) -> Stamp:
    """Return the stamp of a change that the operator makes now."""
    return Stamp.now(system_caller(tenant_id, "operator", "system"))


def _require_role(role: str) -> None:
    if role not in ("admin", "user"):
        raise ValueError(f"not a role: {role!r}")
