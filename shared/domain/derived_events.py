"""Events that follow from others: a contact joined or left a static group.

A change of a contact is one event, however many groups the contact joins or leaves with it. Webhooks can also receive
an event for each of these groups. Its id follows from those of the contact's event and of the group, so that it is the
same at every attempt, and nothing is stored for it.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.events import GROUP_MEMBER_ADDED, GROUP_MEMBER_REMOVED, Event, Notice
from shared.domain.ids import derived_id, milliseconds_of


def derive_events(event: Event) -> list[Event]:
    """Return the events that follow from an event of a contact, those of joined groups first.

    `version`: of the contact, which orders the events of one contact and one group.
    """
    return [
        _member_event(event, event_type, group_id)
        for event_type, group_ids in (
            (GROUP_MEMBER_ADDED, event.groups_joined),
            (GROUP_MEMBER_REMOVED, event.groups_left),
        )
        for group_id in group_ids
    ]


def derive_notices(source: Notice, event: Event) -> list[Notice]:
    """Return the notices of the events that follow from `event`, which `source` announces."""
    return [
        replace(
            source,
            id=one.id,
            type=one.type,
            changed=(),
            source_id=source.id,
            group_id=one.entity_id,
            note_id=None,
        )
        for one in derive_events(event)
    ]


def may_have_derived(notice: Notice) -> bool:
    """Whether events may follow from the one that a notice announces."""
    return (
        notice.entity == "contact"
        and notice.source_id is None
        and (notice.changed is None or "groups" in notice.changed)
    )


def _member_event(event: Event, event_type: str, group_id: str) -> Event:
    data = {"contact_id": event.entity_id}
    if "job_id" in event.data:
        data["job_id"] = event.data["job_id"]
    return Event(
        id=derived_id(milliseconds_of(event.id), event_type, event.id, group_id),
        type=event_type,
        entity="group",
        entity_id=group_id,
        at=event.at,
        actor=event.actor,
        origin=event.origin,
        version=event.version,
        data=data,
    )
