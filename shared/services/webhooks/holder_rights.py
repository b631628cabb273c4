"""The rights of webhooks' holders. A webhook receives only events that its holder may see at that moment."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Protocol

from shared.domain.accounts.api_client import ApiClient
from shared.domain.accounts.user import User
from shared.domain.callers import Caller, parse_grants, role_grants
from shared.domain.contacts.record import Contact
from shared.domain.event_rights import EVENT_RIGHTS
from shared.domain.events import WEBHOOK_TEST, Event, Notice
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

    def find_present(self, contact_id: str) -> Contact | None: ...


class EventReads:
    """An event and its contact, each read at most once, when first needed. Threads may share it."""

    def __init__(
        self, find_event: Callable[[], Event | None], find_contact: Callable[[], Contact | None]
    ) -> None:
        self._lock = Lock()
        self._find_event = cache(find_event)
        self._find_contact = cache(find_contact)

    def event(self) -> Event | None:
        """Return the event, or None when it has been removed."""
        with self._lock:  # else each of several threads would read
            return self._find_event()

    def contact(self) -> Contact | None:
        """Return the contact, also one that is deleted, or None when there is none; of a merged one, the survivor."""
        with self._lock:
            return self._find_contact()


class HolderRights:
    """The holders of webhooks, and the events that their rights let them see."""

    def __init__(
        self,
        users: Callable[[str], Users],
        api_clients: Callable[[str], ApiClients],
        contacts: Callable[[str], Contacts],
    ) -> None:
        self._users = users
        self._api_clients = api_clients
        self._contacts = contacts

    def holder_of(self, webhook: Webhook, tenant: Tenant) -> Caller | None:
        """Return the holder of a webhook with their present rights; None when they may no longer manage webhooks: they
        were removed, disabled, or lost the permission.
        """
        kind, _, identifier = webhook.acts_as.partition(":")
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

    def reads(self, notice: Notice, find_event: Callable[[], Event | None]) -> EventReads:
        """Return what `receives` reads for an event, for all subscriptions. `find_event` reads the event."""
        contacts = self._contacts(notice.tenant_id)
        return EventReads(find_event, lambda: contacts.find_present(notice.entity_id))

    def receives(self, webhook: Webhook, holder: Caller, notice: Notice, reads: EventReads) -> bool:
        """Whether a subscription receives an event that it may want (see `Webhook.may_want`): its holder may see the
        event, and the event passes the parts of the filter that the notice does not decide.

        The event and the contact are read only if needed.
        """
        event, contact = reads.event, reads.contact

        def actor() -> str | None:
            found = event()
            return found.actor if found else None

        if not self._may_see(holder, notice.type, actor, contact):
            return False
        wanted = webhook.filter
        if wanted.changed and notice.changed is None:
            found = event()
            if found is None or not wanted.has_changed_field(found.changed_names):
                return False
        if wanted.owner_id is None:
            return True
        owner_id = owned.owner_id if (owned := contact()) else None
        return wanted.passes_owner(owner_id, None) or (
            (notice.changed is None or "owner_id" in notice.changed)
            and wanted.passes_owner(owner_id, event())
        )

    def may_see(
        self, caller: Caller, event_type: str, entity_id: str, actor: Callable[[], str | None]
    ) -> bool:
        """Whether a caller may see an event about a record; `actor` looks up the actor that caused the event.

        A purged contact has no owner any more, so no caller at level `own` sees the event of its purge. A test event
        is about nothing else than the webhook.
        """
        contacts = self._contacts(caller.tenant_id)
        return self._may_see(caller, event_type, actor, lambda: contacts.find_present(entity_id))

    def _may_see(
        self,
        caller: Caller,
        event_type: str,
        actor: Callable[[], str | None],
        contact: Callable[[], Contact | None],
    ) -> bool:
        if event_type == WEBHOOK_TEST:
            return True
        right = EVENT_RIGHTS.get(event_type)
        if right is None or right.missing_permissions(caller):
            return False
        if not right.depends_on_record(caller):
            return True
        if right.reach == "creator":
            return actor() == caller.actor
        owned = contact()
        return owned is not None and caller.owns_contact(owned)
