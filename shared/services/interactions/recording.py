"""The recording of an interaction: the record, the follow-up that it schedules, and the contact after both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.domain import timestamps
from shared.domain.contacts.record import Contact
from shared.domain.events import Event
from shared.domain.ids import new_id, new_id_at
from shared.domain.interactions.interaction import Interaction
from shared.domain.stamp import Stamp
from shared.services.contacts.tag_rules import TagRules
from shared.services.interactions.scheduling import FirstDue, FollowUpChange, follow_up_of


@dataclass(frozen=True, slots=True)
class Recording:
    """A new interaction, with the contact after it, the event, and the follow-up that it schedules, if any."""

    interaction: Interaction
    contact: Contact
    event: Event
    follow_up: FollowUpChange | None


def record_interaction(
    contact: Contact,
    fields: dict[str, Any],
    performer: Callable[[], str],
    tag_rules: TagRules,
    first_due: FirstDue,
    *,
    stamp: Stamp,
) -> Recording:
    """Return the recording of an interaction that the stamp's caller performed.

    `fields`: those of an `InteractionInput`. It occurred now unless another time is given. `tag_rules` are applied to
    the contact. Raises Invalid for metadata that are too long.
    """
    occurred_at = fields["occurred_at"] or stamp.at
    interaction = Interaction.create(
        {
            **fields,
            "occurred_at": occurred_at,
            "follow_up_id": new_id() if fields["scheduled_follow_up"] else None,
            "performed_by": performer(),
            "performed_by_id": stamp.caller.id,
        },
        interaction_id=new_id_at(timestamps.to_milliseconds(occurred_at)),
        contact_id=contact.id,
        stamp=stamp,
    )
    scheduled = follow_up_of(interaction, contact, stamp=stamp)
    change = FollowUpChange(None, scheduled) if scheduled else None
    contact, tagged = tag_rules.apply(contact, interaction=interaction.type)
    after, event = contact.record_interaction(
        interaction_id=interaction.id,
        type=interaction.type,
        occurred_at=occurred_at,
        by_system=False,
        further=tagged,
        follow_up=change.figures(contact, first_due) if change else None,
        stamp=stamp,
    )
    return Recording(interaction, after, event, change)
