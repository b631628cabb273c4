"""The history of a contact: the changes of its fields, and the contact as it was before each of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from shared.domain.contacts.communication import NO_PREFERENCE
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.events import Event
from shared.domain.labels.record import Labels
from shared.domain.records import blank_fields
from shared.domain.timestamps import Timestamp

MAX_VERSIONS_BACK = 500
"""How many changes back a contact can be read as it was."""

_LABELS = dict(zip(LABEL_ID_FIELDS, ("tags", "types", "groups"), strict=True))
_DOORS = ("booking_id", "import_id", "job_id")


class FieldChange(TypedDict):
    """The values of a field before and after a change; null for no value."""

    old: Any
    new: Any


class HistoryEntry(BaseModel):
    """A change of a contact, which led to `version`.

    `type`: the event that was sent for it. `source`: where it came from: api, import, booking or system. `changes`: the
    changed fields; custom fields and the state of a channel are named one by one. Adding,
    changing or removing an entry, such as a note, changes the contact too, if only its version; `data` then names it.
    `contact_id` and `version` are those of the merged contact for a change of one.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    version: int
    type: str
    at: Timestamp
    actor: str = Field(
        description="Who made the change, such as `user:0190…`, `client:0190…` or `system:booking`."
    )
    actor_name: str | None = Field(
        None,
        description="The present name of the user or API client; null for the system and for a removed one.",
    )
    source: str
    contact_id: str | None = Field(
        default=None,
        description="The contact that changed, if it was merged into this one; null for a change of this one.",
    )
    import_id: str | None = Field(default=None, description="The import that made the change.")
    booking_id: str | None = Field(default=None, description="The booking whose event made the change.")
    job_id: str | None = Field(default=None, description="The bulk job that made the change.")
    changes: dict[str, FieldChange] = {}
    data: dict[str, Any] = Field(
        default={}, description="Further facts, as in the event that webhooks receive."
    )

    @classmethod
    def of(
        cls, event: Event, actor_name: str | None = None, *, contact_id: str | None = None
    ) -> HistoryEntry:
        """Return the entry of an event. `contact_id`: the merged contact of an event of one."""
        data = dict(event.data)
        doors = {name: data.pop(name, None) for name in _DOORS}
        doors["import_id"] = event.import_id
        return cls.model_construct(
            id=event.id,
            version=event.version,
            type=event.type,
            at=event.at,
            actor=event.actor,
            actor_name=actor_name,
            source=event.origin,
            contact_id=contact_id,
            **doors,
            changes={name: FieldChange(old=old, new=new) for name, (old, new) in event.changes.items()},
            data=data,
        )


def undo(contact: Contact, event: Event) -> Contact:
    """Return a contact as it was before its latest change, which `event` describes.

    Its fields are those that are shown, and the ids of its labels. The fields of the change itself (`version`,
    `updated_at` and so on) are those of the change before, which `made_by` sets.
    """
    blank = blank_fields(Contact)
    fields: dict[str, Any] = {}
    custom_fields, communication = dict(contact.custom_fields), dict(contact.communication)
    opt_outs: dict[str, Any] = {
        str(channel): opt_out for channel, opt_out in contact.communication["opt_outs"].items()
    }
    for name, (old, _) in event.changes.items():
        field, _, member = name.partition(".")
        if field == "custom_fields":
            _put(custom_fields, member, old)
        elif name == "communication.preferred":
            communication["preferred"] = old or NO_PREFERENCE
        elif field == "communication":
            _put(opt_outs, member.partition(".")[2], old)
        else:
            fields[name] = blank.get(name) if old is None else old
    return contact.with_fields(
        {
            **fields,
            **event.label_ids_before,
            "custom_fields": custom_fields,
            "communication": {**communication, "opt_outs": opt_outs},
            "version": event.version - 1,
        }
    )


def made_by(contact: Contact, event: Event) -> Contact:
    """Return a contact with the fields of its latest change, which `event` describes."""
    return contact.with_fields(
        {"version": event.version, "updated_at": event.at, "updated_by": event.actor, "last_event": event.id}
    )


def with_present_names(contact: Contact, labels: Labels) -> Contact:
    """Return a contact as it was, with the present names of its labels. Deleted labels keep the name that they had."""
    return contact.with_fields(
        {field: list(label_names(contact, field, labels).values()) for field in _LABELS.values()}
    )


def label_names(contact: Contact, field: str, labels: Labels) -> dict[str, str]:
    """Return the names of the labels in a field of a contact as it was, by id.

    They are the present names, and for a deleted label the name that it had, if an event has it.
    """
    ids = getattr(contact, next(ids for ids, names in _LABELS.items() if names == field))
    # A label that was created a moment before its event may have no name there. Such labels are the last ones.
    then: dict[str, str] = dict(zip(ids, getattr(contact, field), strict=False))
    present = {label_id: labels.by_id[label_id].name for label_id in ids if label_id in labels.by_id}
    return {
        label_id: (then | present)[label_id] for label_id in ids if label_id in then or label_id in present
    }


def _put(members: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value
