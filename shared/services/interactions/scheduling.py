"""The effects of changes of follow-ups on the figures of their contact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.callers import Caller
from shared.domain.contacts.figures import FollowUpFigures
from shared.domain.contacts.record import Contact
from shared.domain.ids import new_id
from shared.domain.interactions.follow_up import FollowUp, earliest, title_of
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp

FirstDue = Callable[[Contact, str, Contact | None], str | None]
"""Returns when the first of the open follow-ups of a contact is due, except one; takes the contact, its id, and a
contact merged into it as it will be, if one changes too.
"""


@dataclass(frozen=True, slots=True)
class FollowUpChange:
    """A follow-up before and after a change. `before`: None for a new one."""

    before: FollowUp | None
    after: FollowUp

    def figures(self, contact: Contact, first_due: FirstDue, part: Contact | None = None) -> FollowUpFigures:
        """Return what the change does to the contact. Reads the other follow-ups only if this one was the first, and
        is closed or due later after it. `part`: the contact merged into it that has the follow-up, as it will be.
        """
        others = contact.next_follow_up_at
        due_at = self.after.due_at if self.after.is_open else None
        before = self.before.due_at if self.before is not None and self.before.is_open else None
        if before is not None and before == others and (due_at is None or due_at > before):
            others = first_due(contact, self.after.id, part)
        return FollowUpFigures(self.after.id, earliest(others, due_at))


def default_assignee(contact: Contact, caller: Caller) -> str | None:
    """Return the default assignee of a follow-up: the caller if that is a user, else the contact's owner."""
    return caller.id if caller.kind == "user" else contact.owner_id


def follow_up_of(interaction: Interaction, contact: Contact, *, stamp: Stamp) -> FollowUp | None:
    """Return the new follow-up that an interaction schedules, None if it schedules none. Both are in one partition."""
    if interaction.scheduled_follow_up is None:
        return None
    return FollowUp.schedule(
        follow_up_id=interaction.follow_up_id or new_id(),
        contact_id=interaction.contact_id,
        interaction_id=interaction.id,
        title=title_of(interaction.next_action, interaction.description),
        due_at=interaction.scheduled_follow_up,
        assignee_id=default_assignee(contact, stamp.caller),
        stamp=stamp,
    )
