"""The owners of the contacts that bookings and imports create, and of contacts whose owner was removed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from shared.domain.accounts.user import User, is_user_id
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid


class Users(Protocol):
    """The users of one tenant; see `shared.table.accounts.users.UserTable`."""

    def get(self, user_id: str) -> User | None: ...

    def is_api_client(self, owner_id: str) -> bool: ...

    def successor(self, user_id: str) -> str | None: ...

    def organizer(self, organizer_id: str | None, email: str | None) -> User | None: ...

    def by_emails(self, emails: Iterable[str]) -> dict[str, User]: ...


MAX_SUCCESSIONS = 10
"""The maximum number of successors that are followed when each of them was removed too."""


@dataclass(frozen=True, slots=True)
class Organizer:
    """The users that a contact gets from a booking: ids, or None.

    `organizer_id`: the user who may see the contact from now on. `owner_id`: the user who owns it, if it has no owner.
    """

    organizer_id: str | None = None
    owner_id: str | None = None


NO_ORGANIZER = Organizer()


class Owners:
    """Looks up the users who may become owners. Only active users do: a user may have been disabled or removed since
    they were named.
    """

    def __init__(self, users: Users) -> None:
        self._users = users

    def first_active(self, *user_ids: str | None) -> str | None:
        """Return the first id that belongs to an active user, or None."""
        for user_id in user_ids:
            user = self._users.get(user_id) if user_id and is_user_id(user_id) else None
            if user is not None and user.is_active:
                return user.id
        return None

    def successor_of(self, user_id: str) -> str | None:
        """Return the active user who succeeds a removed user, or None. Follows successors who were removed too."""
        removed_id = user_id
        for _ in range(MAX_SUCCESSIONS):
            successor_id = self._users.successor(removed_id)
            if successor_id is None:
                return None
            user = self._users.get(successor_id)
            if user is not None:
                return user.id if user.is_active else None
            removed_id = successor_id
        return None

    def present_owner(self, owner_id: str, default_owner_id: str | None) -> str | None:
        """Return the owner of a contact whose owner may have been removed.

        It is the owner, if they are still a user, active or not, or an API client. Otherwise it is their successor,
        otherwise the tenant's default owner, if that is an active user, otherwise None.
        """
        if self._users.get(owner_id) is not None or self._users.is_api_client(owner_id):
            return owner_id
        return self.successor_of(owner_id) or self.first_active(default_owner_id)

    def find_organizer(
        self, organizer_id: str | None, organizer_email: str | None, default_owner_id: str | None
    ) -> Organizer:
        """Return the user who organizes a booking: the user with this id, else with this `scheduling_id`, else with the
        e-mail address. A disabled organizer may see the contact but does not become its owner.
        """
        email = _address(organizer_email)
        user = self._users.organizer(organizer_id, email) if organizer_id or email else None
        if user is not None and user.is_active:
            return Organizer(user.id, user.id)
        return Organizer(user.id if user else None, self.first_active(default_owner_id))

    def find_by_addresses(self, addresses: Iterable[str]) -> dict[str, str]:
        """Return the ids of the active users who have e-mail addresses, by the addresses as they were given."""
        normal = {address: email for address in addresses if (email := _address(address))}
        users = self._users.by_emails(set(normal.values())) if normal else {}
        return {
            address: users[email].id
            for address, email in normal.items()
            if email in users and users[email].is_active
        }


def _address(text: str | None) -> str | None:
    try:
        return normalize_email(text) if text else None
    except Invalid:
        return None
