"""The rights of webhooks' creators. A webhook receives only events that its creator may see at that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.domain.accounts.api_client import ApiClient
from shared.domain.accounts.user import User
from shared.domain.callers import Caller, parse_grants, role_grants
from shared.domain.contacts.record import Contact
from shared.domain.event_rights import EVENT_RIGHTS
from shared.domain.tenant import Tenant
from shared.domain.webhooks.subscription import MANAGE_WEBHOOKS, Webhook


class Users(Protocol):
    """The users of one tenant; see `shared.table.accounts.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...


class ApiClients(Protocol):
    """The API clients of one tenant; see `shared.table.accounts.api_clients.ApiClientTable`."""

    def get(self, client_id: str) -> ApiClient | None: ...


class Contacts(Protocol):
    """The contacts of one tenant; see `shared.table.contacts.repository.ContactTable`."""

    def get_with_deleted(self, contact_id: str) -> Contact | None: ...


class CreatorRights:
    """The creators of webhooks, and the events that their rights let them see."""

    def __init__(
        self,
        users: Callable[[str], Users],
        api_clients: Callable[[str], ApiClients],
        contacts: Callable[[str], Contacts],
    ) -> None:
        self._users = users
        self._api_clients = api_clients
        self._contacts = contacts

    def creator_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None:
        """Return the creator of a webhook with their present rights; None when they may no longer manage webhooks: they
        were removed, disabled, or lost the permission.
        """
        kind, _, identifier = webhook.created_by.partition(":")
        caller = None
        if kind == "user":
            user = self._users(tenant.id).get(identifier)
            if user is not None and user.is_active:
                granted = parse_grants(role_grants(user.role, tenant.settings.visibility))
                caller = Caller(tenant.id, "user", user.id, user.role, granted)
        elif kind == "client":
            client = self._api_clients(tenant.id).get(identifier)
            if client is not None and client.is_active:
                caller = Caller(tenant.id, "client", client.id, "client", dict(client.permissions))
        return caller if caller is not None and caller.level(MANAGE_WEBHOOKS) == "all" else None

    def may_see(
        self, caller: Caller | None, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool:
        """Whether a caller may see an event about a record; `actor` looks up the actor that caused the event.

        A purged contact has no owner any more, so no caller at level `own` sees the event of its purge.
        """
        right = EVENT_RIGHTS.get(event_type)
        if caller is None or right is None or right.missing_permissions(caller):
            return False
        if not right.depends_on_record(caller):
            return True
        if right.reach == "creator":
            return actor() == caller.actor
        contact = self._contacts(caller.tenant_id).get_with_deleted(entity_id)
        return contact is not None and caller.owns_contact(contact)
