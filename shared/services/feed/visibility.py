"""The entries of the feed that a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from shared.domain.callers import Caller, OwnedContact
from shared.domain.errors import PermissionDenied
from shared.domain.event_rights import AUDIT, EventRight, right_in_feed
from shared.domain.feed import FeedEntry

ContactsById = Callable[[Collection[str]], Mapping[str, OwnedContact]]
"""Returns the contacts with some ids, live or deleted, without those that were purged."""


class VisibleEntries:
    """The entries that one caller may see: those of events that the rights in `shared.domain.event_rights` let them
    see.
    """

    def __init__(self, caller: Caller, contacts: ContactsById) -> None:
        self._caller = caller
        self._contacts = contacts
        self._rights: dict[str, EventRight | None] = {}

    @property
    def is_auditor(self) -> bool:
        """Whether the caller may read the audit log, and administrative entries."""
        return self._caller.level(AUDIT) == "all"

    def require_any(self) -> None:
        """Raises PermissionDenied if the caller may see no entry at all."""
        if not self.is_auditor:
            self._caller.require("contacts:read")

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
        owned = self._owned(
            entry.entity_id
            for entry, right in known
            if right.reach == "contact" and right.depends_on_record(self._caller)
        )
        return [entry for entry, right in known if self._may_see(entry, right, owned)]

    def _right(self, event_type: str) -> EventRight | None:
        """Return the right that entries of a type take if the caller holds its permissions, or else None."""
        if event_type not in self._rights:
            right = right_in_feed(event_type)
            is_missing = right is None or bool(right.missing_permissions(self._caller))
            self._rights[event_type] = None if is_missing else right
        return self._rights[event_type]

    def _owned(self, contact_ids: Iterable[str]) -> set[str]:
        """Return those of some contacts that are the caller's own."""
        wanted = list(dict.fromkeys(contact_ids))
        if not wanted:
            return set()
        contacts = self._contacts(wanted)
        return {contact_id for contact_id, contact in contacts.items() if self._caller.owns_contact(contact)}

    def _may_see(self, entry: FeedEntry, right: EventRight, owned: Collection[str]) -> bool:
        if not right.depends_on_record(self._caller):
            return True
        return entry.actor == self._caller.actor if right.reach == "creator" else entry.entity_id in owned
