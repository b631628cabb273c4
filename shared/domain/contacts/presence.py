"""Whether a contact is live, deleted or merged into another one, and what follows from that.

A merged contact counts as deleted in all lists, but cannot be restored and is not purged: only the undo of its merge
brings it back. Its record, its timeline and its locks stay as they are (decision 0057).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from shared.domain.contacts.part_figures import Figures, FigureTimes
from shared.domain.contacts.uniqueness import (
    Lock,
    locks_within_customer,
    locks_within_tenant,
    unique_addresses,
)
from shared.domain.errors import Merged
from shared.domain.events import (
    CONTACT_DELETED,
    CONTACT_MERGED,
    CONTACT_RESTORED,
    CONTACT_UNMERGED,
    CONTACT_UPDATED,
    Event,
)
from shared.domain.records import Recorded
from shared.domain.stamp import Stamp
from shared.domain.tenant import UniqueScope
from shared.domain.timestamps import plus

RESTORABLE_SECONDS = 30 * 86_400
"""How long a deleted contact can be restored before it is purged: 30 days."""


class PresenceFields(Recorded):
    """The part of a contact that deleting, restoring and merging change.

    `deleted_at`: when it was deleted or merged; None for a live contact. `merged_into`: the contact into which it was
    merged, which may have been merged itself since; None unless it is merged. `merged_from`: the contacts that were
    merged into it, directly or through another one, in the order of the merges.
    """

    if TYPE_CHECKING:
        email: str | None
        other_emails: list[str]
        phone: str | None
        whatsapp: str | None
        customer_id: str | None
        interaction_counts: dict[str, int]
        booking_counts: dict[str, int]
        note_count: int
        organizer_ids: list[str]
        unnamed_organizers: dict[str, int]
        last_booking_at: str | None
        last_contacted_at: str | None
        next_follow_up_at: str | None
        unique_scope: UniqueScope
        created_at: str
        deleted_at: str | None
        merged_into: str | None
        merged_from: list[str]

    @property
    def is_merged(self) -> bool:
        """Whether the contact was merged into another one."""
        return self.merged_into is not None

    @property
    def parts(self) -> tuple[str, ...]:
        """The ids of the contacts in whose partitions its timeline is: its own, and those merged into it."""
        return (self.id, *self.merged_from)

    @property
    def figures(self) -> Figures:
        """The figures of its timeline: of all its parts, or for a merged contact those of its own partition."""
        return Figures(
            interaction_counts=self.interaction_counts,
            booking_counts=self.booking_counts,
            note_count=self.note_count,
            times=FigureTimes(self.last_booking_at, self.last_contacted_at, self.next_follow_up_at),
        )

    @property
    def addresses(self) -> dict[str, str]:
        """The e-mail addresses that no other contact may have, each with its field; none once it is deleted."""
        return unique_addresses(self.email, self.other_emails) if self.deleted_at is None else {}

    @property
    def locks(self) -> dict[Lock, str]:
        """The locks on its unique values, each with the field; none once it is deleted.

        A merged contact keeps its locks, which then protect the values for the contact into which it was merged. So the
        locks of a contact into which others were merged may be in the names of those.
        """
        if self.deleted_at is not None and not self.is_merged:
            return {}
        addresses = unique_addresses(self.email, self.other_emails)
        if self.unique_scope == "tenant":
            return locks_within_tenant(addresses)
        return locks_within_customer(self.customer_id, addresses, self.phone, self.whatsapp)

    @property
    def member_of(self) -> str | None:
        """The customer the contact belongs to; None once it is deleted, though `customer_id` stays."""
        return self.customer_id if self.deleted_at is None else None

    @property
    def purge_at(self) -> str | None:
        """When a deleted contact can no longer be restored; None for a live contact and for a merged one."""
        if self.deleted_at is None or self.is_merged:
            return None
        return plus(self.deleted_at, RESTORABLE_SECONDS)

    def delete(self, *, stamp: Stamp) -> tuple[Self, Event]:
        """Return the contact as deleted. The record stays, so that it can be restored."""
        given = {"deleted_at": stamp.at, "is_primary": False}
        return self._build_change(CONTACT_DELETED, given, stamp)

    def restore(
        self, *, owner_id: str | None, unique_scope: UniqueScope = "tenant", stamp: Stamp
    ) -> tuple[Self, Event] | None:
        """Return a deleted contact restored, with the given owner and with locks under `unique_scope`; None for a live
        contact. Raises Merged for a merged one.
        """
        if self.merged_into is not None:
            raise Merged(self.id, self.merged_into)
        if self.deleted_at is None:
            return None
        given = {"deleted_at": None, "owner_id": owner_id, "unique_scope": unique_scope}
        return self._build_change(CONTACT_RESTORED, given, stamp)

    def merge(
        self, given: Mapping[str, Any], *, merge_id: str, merged_ids: Sequence[str], stamp: Stamp
    ) -> tuple[Self, Event]:
        """Return the contact after others were merged into it, and its `contact.updated`.

        `given`: the fields that change. `merged_ids`: the contacts that were merged.
        """
        return self._build_merging(given, {"merge_id": merge_id, "merged_ids": [*merged_ids]}, stamp)

    def separate(
        self, given: Mapping[str, Any], *, merge_id: str, unmerged_ids: Sequence[str], stamp: Stamp
    ) -> tuple[Self, Event]:
        """Return the contact after a merge into it was undone, and its `contact.updated`.

        `given`: the fields that change. `unmerged_ids`: the contacts that are back.
        """
        return self._build_merging(given, {"merge_id": merge_id, "unmerged_ids": [*unmerged_ids]}, stamp)

    def with_figures_of(self, changed: Self) -> Self:
        """Return a merged contact with the figures and the organizers of `changed`, which it would be after a change of
        its timeline: its survivor has the change's version and event.
        """
        given = {
            **changed.figures.fields,
            "organizer_ids": changed.organizer_ids,
            "unnamed_organizers": changed.unnamed_organizers,
        }
        return self.with_fields(given)

    def _build_merging(
        self, given: Mapping[str, Any], facts: dict[str, Any], stamp: Stamp
    ) -> tuple[Self, Event]:
        contact, event = self._build_change(CONTACT_UPDATED, dict(given), stamp)
        event.data.update(facts)
        if contact.created_at != self.created_at:  # no other change alters it
            event.changes["created_at"] = (self.created_at, contact.created_at)
        return contact, event

    def become_merged(
        self, survivor_id: str, *, merge_id: str, own: Figures | None = None, stamp: Stamp
    ) -> tuple[Self, Event]:
        """Return the contact as merged into another one, and its `contact.merged`.

        `own`: the figures of its own partition, if it holds those of merged contacts too.
        """
        given = {"merged_into": survivor_id, "deleted_at": stamp.at, "is_primary": False}
        contact, event = self._build_change(
            CONTACT_MERGED, {**given, **(own.fields if own is not None else {})}, stamp
        )
        event.data.update(survivor_id=survivor_id, merge_id=merge_id)
        return contact, event

    def unmerge(self, given: Mapping[str, Any], *, merge_id: str, stamp: Stamp) -> tuple[Self, Event]:
        """Return a merged contact as live again, and its `contact.unmerged`. `given`: further fields that change."""
        contact, event = self._build_change(
            CONTACT_UNMERGED, {**given, "merged_into": None, "deleted_at": None}, stamp
        )
        event.data.update(survivor_id=self.merged_into, merge_id=merge_id)
        return contact, event
