"""Single interactions: users and API clients record, change and delete them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from shared.domain.callers import Caller, system_caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict, NotFound
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.services.backoff import HOT
from shared.services.contacts.parts import PartChange, TimelineChange, of_contact
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.idempotency import Announce, no_key
from shared.services.interactions.recording import record_interaction
from shared.services.interactions.scheduling import FollowUpChange, follow_up_of
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict

_PERMISSION = "interactions:write"


class InteractionRepository(Protocol):
    """The interactions of one tenant; see `shared.table.interactions.repository.InteractionTable`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def find(
        self, contact_id: str, interaction_id: str, *, of_deleted: bool = False
    ) -> tuple[Contact | None, Interaction | None]: ...

    def part(self, contact: Contact, interaction: Interaction) -> Contact | None: ...

    def latest(
        self, contact: Contact, *, until: str, without: str | None = None, part: Contact | None = None
    ) -> str | None: ...

    def add(
        self,
        before: Contact,
        after: Contact,
        interaction: Interaction,
        event: Event,
        follow_up: FollowUpChange | None = None,
    ) -> None: ...

    def replace(
        self,
        change: TimelineChange,
        old: Interaction,
        new: Interaction,
        follow_up: FollowUpChange | None = None,
    ) -> None: ...

    def remove(
        self, change: TimelineChange, interaction: Interaction, follow_up: FollowUpChange | None = None
    ) -> None: ...

    def settle(
        self,
        before: Contact,
        changed: tuple[Contact, Event] | None,
        interaction: Interaction,
        part: PartChange | None = None,
    ) -> None: ...


class ScheduledFollowUps(Protocol):
    """The follow-ups of one tenant; see `shared.table.interactions.follow_ups.FollowUpTable`."""

    def get(self, follow_up_id: str) -> FollowUp | None: ...

    def first_due(self, contact: Contact, without: str, part: Contact | None = None) -> str | None: ...


class InteractionService:
    """Interactions, as one caller may see and change them. A contact that the caller may not see raises NotFound.

    `performer`: returns the name of the caller. `tag_rules`: those of the caller's tenant. Every write also moves the
    figures of the contact, under the contact's version: what a figure needs is read after the contact, so it is exact.
    An interaction in the partition of a merged contact stays there, and moves the figures of that contact too.
    An interaction's `scheduled_follow_up` is scheduled, moved or cancelled in the same transaction; a follow-up that is
    closed stays as it is.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        interactions: InteractionRepository,
        follow_ups: ScheduledFollowUps,
        performer: Callable[[], str],
        tag_rules: TagRules,
        *,
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._interactions = interactions
        self._follow_ups = follow_ups
        self._performer = performer
        self._tag_rules = tag_rules
        self._sleep = sleep
        self._announce = announce

    def create(self, contact_id: str, given: InteractionInput) -> Interaction:
        """Record an interaction, which the caller performed. It occurred now unless another time is given.

        Applies the tenant's tag rules for its type.
        """
        self._caller.require(_PERMISSION)
        fields = given.given_fields()

        def attempt() -> Interaction:
            contact = self._reading.read(contact_id, find=self._interactions.contact)
            self._require_right(contact)
            made = record_interaction(
                contact,
                fields,
                self._performer,
                self._tag_rules,
                self._follow_ups.first_due,
                stamp=Stamp.now(self._caller),
            )
            self._announce(made.interaction)
            self._interactions.add(contact, made.contact, made.interaction, made.event, made.follow_up)
            return made.interaction

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def read(self, contact_id: str, interaction_id: str) -> Interaction:
        """Return an interaction. Raises NotFound if the contact or the interaction does not exist."""
        contact, interaction = retry_on_conflict(
            lambda: self._find(contact_id, interaction_id), sleep=self._sleep, policy=HOT
        )
        return of_contact(interaction, contact.id)

    def change(
        self, contact_id: str, interaction_id: str, given: InteractionPatch, if_match: IfMatch | None
    ) -> Interaction:
        """Change the given fields of an interaction that a user or API client recorded (RFC 7396)."""
        self._caller.require(_PERMISSION)
        fields = given.given_fields()

        def attempt() -> Interaction:
            contact, before = self._find_changeable(contact_id, interaction_id, if_match)
            stamp = Stamp.now(self._caller)
            follow_up = self._find_follow_up(before) if "scheduled_follow_up" in fields else None
            changed = before.change(self._with_follow_up(before, fields, follow_up), stamp=stamp)
            if changed is None:
                return of_contact(before, contact.id)
            after, changes = changed
            move = _move(contact, before, after, follow_up, stamp)

            def decide(record: Contact, part: Contact | None) -> tuple[Contact, Event]:
                return record.change_interaction(
                    interaction_id=after.id,
                    type=after.type,
                    type_before=before.type,
                    last_contacted_at=self._last_contact(record, before, after.occurred_at, stamp.at, part),
                    changes=changes,
                    follow_up=move.figures(record, self._follow_ups.first_due, part) if move else None,
                    stamp=stamp,
                )

            change = TimelineChange.of(contact, self._interactions.part(contact, before), decide)
            self._interactions.replace(change, before, after, move)
            return of_contact(after, contact.id)

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def delete(self, contact_id: str, interaction_id: str, if_match: IfMatch | None) -> None:
        """Delete an interaction that a user or API client recorded."""
        self._caller.require(_PERMISSION)

        def attempt() -> None:
            contact, interaction = self._find_changeable(contact_id, interaction_id, if_match)
            stamp = Stamp.now(self._caller)
            follow_up = self._find_follow_up(interaction)
            cancelled = FollowUpChange(follow_up, follow_up.cancel(stamp=stamp)) if follow_up else None

            def decide(record: Contact, part: Contact | None) -> tuple[Contact, Event]:
                first_due = self._follow_ups.first_due
                return record.remove_interaction(
                    interaction_id=interaction.id,
                    type=interaction.type,
                    last_contacted_at=self._last_contact(record, interaction, None, stamp.at, part),
                    changes=interaction.list_removed_fields(),
                    follow_up=cancelled.figures(record, first_due, part) if cancelled else None,
                    stamp=stamp,
                )

            change = TimelineChange.of(contact, self._interactions.part(contact, interaction), decide)
            self._interactions.remove(change, interaction, cancelled)

        retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def _find(self, contact_id: str, interaction_id: str) -> tuple[Contact, Interaction]:
        found: list[Interaction | None] = []

        def find(known_id: str) -> Contact | None:
            contact, interaction = self._interactions.find(known_id, interaction_id)
            found.append(interaction)
            return contact

        if not is_id(interaction_id):
            self._reading.read(contact_id, find=self._interactions.contact)
            raise NotFound("Interaction")
        contact = self._reading.read(contact_id, find=find)
        (interaction,) = found
        if interaction is None:
            raise NotFound("Interaction")
        return contact, interaction

    def _find_changeable(
        self, contact_id: str, interaction_id: str, if_match: IfMatch | None
    ) -> tuple[Contact, Interaction]:
        contact, interaction = self._find(contact_id, interaction_id)
        self._require_right(contact)
        require_match(if_match, interaction.version)
        if interaction.is_by_system:
            raise Conflict(
                "This interaction is an event of a booking. The system keeps it: it can be neither changed nor "
                "deleted.",
                code="kept_by_system",
            )
        return contact, interaction

    def _find_follow_up(self, interaction: Interaction) -> FollowUp | None:
        """Return the open follow-up that an interaction scheduled, or None."""
        found = self._follow_ups.get(interaction.follow_up_id) if interaction.follow_up_id else None
        return found if found is not None and found.is_open else None

    def _with_follow_up(
        self, before: Interaction, fields: dict[str, Any], follow_up: FollowUp | None
    ) -> dict[str, Any]:
        """Return fields to change, with the id of the new follow-up if they schedule one and there is none to move."""
        at = fields.get("scheduled_follow_up")
        if at is None or at == before.scheduled_follow_up or follow_up is not None:
            return fields
        return {**fields, "follow_up_id": new_id()}

    def _require_right(self, contact: Contact) -> None:
        self._caller.require_on(_PERMISSION, contact.owner_id, contact.organizer_ids)

    def _last_contact(
        self,
        contact: Contact,
        interaction: Interaction,
        occurred_at: str | None,
        at: str,
        part: Contact | None,
    ) -> str | None:
        """Return a contact's last contact after an interaction moves to `occurred_at`, or is deleted (None).

        `part`: the contact merged into it that has the interaction, as it will be.
        """
        if occurred_at == interaction.occurred_at:
            # Its time may have come since it was recorded. Then it counts from now on, and is no longer due.
            return (
                contact.last_contacted_at
                if occurred_at > at
                else max(contact.last_contacted_at or "", occurred_at)
            )
        others = contact.last_contacted_at
        if interaction.occurred_at == others:
            others = self._interactions.latest(contact, until=at, without=interaction.id, part=part)
        if occurred_at is None or occurred_at > at:
            return others
        return max(others or "", occurred_at)


def _move(
    contact: Contact, before: Interaction, after: Interaction, follow_up: FollowUp | None, stamp: Stamp
) -> FollowUpChange | None:
    """Return the change of a follow-up that follows from the change of its interaction, if any.

    `follow_up`: the open one that the interaction scheduled before. It does not change if it is due at that time
    already.
    """
    at = after.scheduled_follow_up
    if at == before.scheduled_follow_up:
        return None
    if follow_up is None:
        scheduled = follow_up_of(after, contact, stamp=stamp)
        return FollowUpChange(None, scheduled) if scheduled else None
    if at == follow_up.due_at:
        return None
    moved = follow_up.cancel(stamp=stamp) if at is None else follow_up.reschedule(at, stamp=stamp)
    return FollowUpChange(follow_up, moved)


class DueInteractions:
    """The interactions of a tenant whose time has come: each becomes its contact's last contact."""

    def __init__(
        self,
        tenant_id: str,
        interactions: InteractionRepository,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._caller = system_caller(tenant_id, "timeline", "system")
        self._interactions = interactions
        self._sleep = sleep

    def settle(self, contact_id: str, interaction_id: str) -> bool:
        """Compute a contact's last contact again, and remove the interaction from the index of work.

        A deleted contact changes too, since it can be restored. Returns False, and changes nothing, for an interaction
        that was deleted or postponed meanwhile, and for a contact whose purge has begun. Repeating it is harmless.
        """

        def attempt() -> bool:
            contact, interaction = self._interactions.find(contact_id, interaction_id, of_deleted=True)
            stamp = Stamp.now(self._caller)
            if contact is None or interaction is None or interaction.occurred_at > stamp.at:
                return False
            # Another machine's clock may be ahead: the last contact never moves back with time.
            until = max(stamp.at, contact.last_contacted_at or "")
            part, moved = self._interactions.part(contact, interaction), None
            if part is not None:
                latest = self._interactions.latest(part, until=until)
                changed = part.set_last_contact(latest, stamp=stamp)
                moved = part, part.with_figures_of(changed[0] if changed else part)
            latest = self._interactions.latest(contact, until=until, part=moved[1] if moved else None)
            changed = contact.set_last_contact(latest, stamp=stamp)
            self._interactions.settle(contact, changed, interaction, moved)
            return True

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)
