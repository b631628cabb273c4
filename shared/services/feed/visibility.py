"""The entries of the feed that a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.domain.callers import Caller, ContactOwners
from shared.domain.errors import PermissionDenied
from shared.domain.event_rights import AUDIT, EventRight, right_in_feed
from shared.domain.feed import FeedEntry

ContactsById = Callable[[Sequence[str]], Mapping[str, ContactOwners]]
"""Returns the owners of the contacts with some ids, live or deleted, without those that were purged."""


class VisibleEntries:
    """The entries that one caller may see: those of events that the rights in `shared.domain.event_rights` let them
    see.
    """

    def __init__(self, caller: Caller, contacts: ContactsById) -> None:
        self._caller = caller
        self._contacts = contacts
        self._rights: dict[str, EventRight | None] = {}
        self._is_owned: dict[str, bool] = {}

    @property
    def is_auditor(self) -> bool:
        """Whether the caller may read the audit log, and administrative entries."""
        return self._caller.level(AUDIT) == "all"

    def require_any(self) -> None:
        """Raises PermissionDenied if the caller may see no entry at all."""
        if not self.is_auditor and self._caller.level("contacts:read") is None:
            raise PermissionDenied.lacking(f"contacts:read or {AUDIT}")

    def require_auditor(self) -> None:
        """Raises PermissionDenied if the caller may not read the audit log."""
        if not self.is_auditor:
            raise PermissionDenied.lacking(AUDIT)

    def select(self, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
        """Return the entries that the caller may see.

        At level `own`, reads the contacts that entries are about, each once. A purged contact has no owner, so a caller
        at level `own` does not see its entries.
        """
        known = [(entry, right) for entry in entries if (right := self._right(entry.type)) is not None]
        self._look_up(
            entry.entity_id
            for entry, right in known
            if right.reach == "contact" and right.depends_on_record(self._caller)
        )
        return [entry for entry, right in known if self._may_see(entry, right)]

    def _right(self, event_type: str) -> EventRight | None:
        """Return the right that entries of a type take if the caller holds its permissions, or else None."""
        if event_type not in self._rights:
            right = right_in_feed(event_type)
            is_missing = right is None or bool(right.missing_permissions(self._caller))
            self._rights[event_type] = None if is_missing else right
        return self._rights[event_type]

    def _look_up(self, contact_ids: Iterable[str]) -> None:
        """Find out which of some contacts are the caller's own."""
        wanted = [one for one in dict.fromkeys(contact_ids) if one not in self._is_owned]
        if wanted:
            contacts = self._contacts(wanted)
            for one in wanted:
                self._is_owned[one] = one in contacts and self._caller.owns_contact(contacts[one])

    def _may_see(self, entry: FeedEntry, right: EventRight) -> bool:
        if not right.depends_on_record(self._caller):
            return True
        if right.reach == "creator":
            return entry.actor == self._caller.actor
        return self._is_owned[entry.entity_id]
