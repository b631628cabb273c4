"""Single follow-ups: users and API clients schedule, move, complete and cancel them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from shared.domain import events
from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Invalid, NotFound
from shared.domain.events import Event
from shared.domain.ids import is_id, new_id
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.services.backoff import HOT
from shared.services.contacts.parts import PartChange, TimelineChange, of_contact
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.idempotency import Announce, no_key
from shared.services.interactions.recording import record_interaction
from shared.services.interactions.scheduling import FollowUpChange, default_assignee
from shared.services.optimistic import IfMatch, require_match, retry_on_conflict

_PERMISSION = "interactions:write"


class FollowUpRepository(Protocol):
    """The follow-ups of one tenant; see `shared.table.interactions.follow_ups.FollowUpTable`."""

    def contact(self, contact_id: str) -> Contact | None: ...

    def find(self, follow_up_id: str) -> tuple[Contact | None, FollowUp | None]: ...

    def part(self, contact: Contact, follow_up: FollowUp) -> Contact | None: ...

    def first_due(self, contact: Contact, without: str, part: Contact | None = None) -> str | None: ...

    def write(
        self,
        before: Contact,
        after: Contact,
        events: Sequence[Event],
        changes: Sequence[FollowUpChange],
        interaction: Interaction | None = None,
        part: PartChange | None = None,
    ) -> None: ...


class FollowUpService:
    """Follow-ups, as one caller may see and change them. One of a contact that the caller may not see raises NotFound.

    `performer`: returns the name of the caller. `tag_rules`: those of the caller's tenant, for the interactions that
    complete follow-ups. `is_active_user`: whether an id is that of a user who may be assigned. Every write also moves
    the figures of the contact, under the contact's version. A follow-up in the partition of a merged contact stays
    there, and moves the figures of that contact too.
    """

    def __init__(
        self,
        caller: Caller,
        reading: ContactReading,
        follow_ups: FollowUpRepository,
        performer: Callable[[], str],
        tag_rules: TagRules,
        *,
        is_active_user: Callable[[str], bool],
        sleep: Callable[[float], None] = time.sleep,
        announce: Announce = no_key,
    ) -> None:
        self._caller = caller
        self._reading = reading
        self._follow_ups = follow_ups
        self._performer = performer
        self._tag_rules = tag_rules
        self._is_active_user = is_active_user
        self._sleep = sleep
        self._announce = announce

    def create(self, contact_id: str, given: FollowUpInput) -> FollowUp:
        """Schedule a follow-up of a contact without an interaction."""
        self._caller.require(_PERMISSION)
        self._check_assignee(given.assignee_id)

        def attempt() -> FollowUp:
            contact = self._reading.read(contact_id, find=self._follow_ups.contact)
            self._require_right(contact)
            stamp = Stamp.now(self._caller)
            follow_up = FollowUp.schedule(
                follow_up_id=new_id(),
                contact_id=contact.id,
                title=given.title,
                due_at=given.due_at,
                assignee_id=given.assignee_id or default_assignee(contact, self._caller),
                stamp=stamp,
            )
            return self._write(contact, FollowUpChange(None, follow_up), events.FOLLOW_UP_CREATED, stamp)

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def read(self, follow_up_id: str) -> FollowUp:
        """Return a follow-up."""
        contact, follow_up = retry_on_conflict(
            lambda: self._find(follow_up_id), sleep=self._sleep, policy=HOT
        )
        return of_contact(follow_up, contact.id)

    def change(self, follow_up_id: str, given: FollowUpPatch, if_match: IfMatch | None) -> FollowUp:
        """Change the given fields of an open follow-up (RFC 7396). A new due time makes it due again."""
        self._caller.require(_PERMISSION)
        fields = given.given_fields()
        assignee_id = fields.get("assignee_id")

        def attempt() -> FollowUp:
            contact, before = self._find_changeable(follow_up_id, if_match)
            if assignee_id != before.assignee_id:
                self._check_assignee(assignee_id)
            return self._update(contact, before, fields)

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def reassign(self, follow_up_id: str, former_id: str, assignee_id: str | None) -> None:
        """Assign an open follow-up of one user to another, or to no one.

        Does nothing if it is closed, has another assignee or does not exist.
        """
        self._caller.require(_PERMISSION)

        def attempt() -> None:
            with suppress(NotFound):
                contact, before = self._find_changeable(follow_up_id, None)
                if before.is_open and before.assignee_id == former_id:
                    self._update(contact, before, {"assignee_id": assignee_id})

        retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def complete(self, follow_up_id: str, given: FollowUpCompletion, if_match: IfMatch | None) -> FollowUp:
        """Complete an open follow-up, and record the given interaction in the same transaction.

        The interaction is a further change of the contact, with an event of its own.
        """
        self._caller.require(_PERMISSION)

        def attempt() -> FollowUp:
            contact, before = self._find_changeable(follow_up_id, if_match)
            stamp = Stamp.now(self._caller)
            if given.interaction is None:
                done = before.complete(given.outcome, stamp=stamp)
                facts: dict[str, Any] = {"outcome": done.outcome}
                change = FollowUpChange(before, done)
                return self._write(contact, change, events.FOLLOW_UP_COMPLETED, stamp, facts)
            return self._complete_with(contact, before, given.outcome, given.interaction.given_fields())

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def cancel(self, follow_up_id: str, if_match: IfMatch | None) -> FollowUp:
        """Cancel an open follow-up."""
        self._caller.require(_PERMISSION)

        def attempt() -> FollowUp:
            contact, before = self._find_changeable(follow_up_id, if_match)
            stamp = Stamp.now(self._caller)
            change = FollowUpChange(before, before.cancel(stamp=stamp))
            return self._write(contact, change, events.FOLLOW_UP_CANCELLED, stamp)

        return retry_on_conflict(attempt, sleep=self._sleep, policy=HOT)

    def _complete_with(
        self, contact: Contact, before: FollowUp, outcome: str, fields: dict[str, Any]
    ) -> FollowUp:
        first_due = self._follow_ups.first_due
        # Events sort by their ids, so that of the first change must have the smaller one.
        stamp, stamp_after = (
            Stamp.now(self._caller, event_id=event_id) for event_id in sorted((new_id(), new_id()))
        )
        # The closing does not depend on the id of the interaction, which is made afterwards.
        closing = FollowUpChange(before, before.complete(outcome, stamp=stamp))
        facts = {**closing.after.facts(), "outcome": outcome}

        def close(record: Contact, part: Contact | None) -> tuple[Contact, Event]:
            figures = closing.figures(record, first_due, part)
            return record.record_follow_up(events.FOLLOW_UP_COMPLETED, figures, facts, stamp=stamp)

        closed = TimelineChange.of(contact, self._follow_ups.part(contact, before), close)

        def first_without(contact: Contact, _: str, part: Contact | None) -> str | None:
            return first_due(contact, before.id, part)

        made = record_interaction(
            closed.after, fields, self._performer, self._tag_rules, first_without, stamp=stamp_after
        )
        done = closing.after.with_fields({"outcome_interaction_id": made.interaction.id})
        changes = [FollowUpChange(before, done), *([made.follow_up] if made.follow_up else ())]
        shown = of_contact(done, contact.id)
        self._announce(shown)
        self._follow_ups.write(
            contact, made.contact, [closed.event, made.event], changes, made.interaction, closed.part
        )
        return shown

    def _update(self, contact: Contact, before: FollowUp, fields: dict[str, Any]) -> FollowUp:
        stamp = Stamp.now(self._caller)
        changed = before.change(fields, stamp=stamp)
        if changed is None:
            return of_contact(before, contact.id)
        after, changes = changed
        facts = {
            "follow_up_changes": {name: {"old": old, "new": new} for name, (old, new) in changes.items()}
        }
        return self._write(contact, FollowUpChange(before, after), events.FOLLOW_UP_UPDATED, stamp, facts)

    def _write(
        self,
        contact: Contact,
        change: FollowUpChange,
        event_type: str,
        stamp: Stamp,
        facts: dict[str, Any] | None = None,
    ) -> FollowUp:
        data = {**change.after.facts(), **(facts or {})}

        def decide(record: Contact, part: Contact | None) -> tuple[Contact, Event]:
            figures = change.figures(record, self._follow_ups.first_due, part)
            return record.record_follow_up(event_type, figures, data, stamp=stamp)

        made = TimelineChange.of(contact, self._follow_ups.part(contact, change.after), decide)
        shown = of_contact(change.after, contact.id)
        self._announce(shown)
        self._follow_ups.write(contact, made.after, [made.event], [change], part=made.part)
        return shown

    def _find(self, follow_up_id: str) -> tuple[Contact, FollowUp]:
        self._caller.require("contacts:read")
        contact, follow_up = self._follow_ups.find(follow_up_id) if is_id(follow_up_id) else (None, None)
        if contact is None or follow_up is None:
            raise NotFound("Follow-up")
        self._caller.require_visible(contact.owner_id, "Follow-up", contact.organizer_ids)
        return contact, follow_up

    def _find_changeable(self, follow_up_id: str, if_match: IfMatch | None) -> tuple[Contact, FollowUp]:
        contact, follow_up = self._find(follow_up_id)
        self._require_right(contact)
        require_match(if_match, follow_up.version)
        return contact, follow_up

    def _require_right(self, contact: Contact) -> None:
        self._caller.require_on(_PERMISSION, contact.owner_id, contact.organizer_ids)

    def _check_assignee(self, assignee_id: str | None) -> None:
        is_caller = self._caller.kind == "user" and assignee_id == self._caller.id
        if assignee_id is not None and not is_caller and not self._is_active_user(assignee_id):
            raise Invalid.field("assignee_id", "unknown_user", "This is not the id of an active user.")
