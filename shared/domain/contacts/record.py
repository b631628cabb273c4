"""The contact: a person a tenant knows, and its transitions.

Every change of state is a method that returns the new record and the event of the change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.contacts import custom_fields
from shared.domain.contacts.booked import Booked, BookedFields, UnnamedOrganizers
from shared.domain.contacts.communication import NO_COMMUNICATION, NO_PREFERENCE, Communication
from shared.domain.contacts.consent import Channel, ConsentEntry, ConsentInput
from shared.domain.contacts.custom_fields import CustomFields
from shared.domain.contacts.fields import MAX_GROUPS, LabelledFields
from shared.domain.contacts.other_phones import OtherPhone
from shared.domain.contacts.presence import PresenceFields
from shared.domain.contacts.status import (
    LifecycleStage,
    Move,
    RelationshipStatus,
    StatusFields,
    history_data,
    initial_status,
)
from shared.domain.errors import Conflict, Invalid
from shared.domain.events import (
    CONTACT_CONSENT_CHANGED,
    CONTACT_CREATED,
    CONTACT_UPDATED,
    Event,
    compare_fields,
)
from shared.domain.ids import milliseconds_of
from shared.domain.labels.record import Label, Labels
from shared.domain.records import BOOKKEEPING
from shared.domain.stamp import Stamp
from shared.domain.tenant import UniqueScope
from shared.domain.text import join_name
from shared.domain.timestamps import Timestamp, from_milliseconds

Source = Literal["api", "import", "booking", "merge"]

LABEL_ID_FIELDS = ("tag_ids", "type_ids", "group_ids")
"""The fields with the ids of a contact's labels."""


class Contact(BookedFields, StatusFields, PresenceFields):
    """A contact as it is stored and shown.

    `version` counts the changes, from 1. `source`: how the contact came into the system. `phone_raw` and
    `whatsapp_raw`: the numbers as they were typed, null if that was E.164. `unique_scope`: the setting under which
    it holds its locks. `duplicate_key`: of a contact that was read from a list, the custom field by which duplicates of
    it are found. `organizer_ids`: the users who organize its bookings; callers cannot set them. `merged_from`: the
    contacts that were merged into it, directly or through another one. `created_at`: with merged contacts, the earliest
    time among theirs.
    """

    entity: ClassVar[str] = "contact"

    id: str
    first_name: str
    last_name: str = ""
    full_name: str
    email: str | None = None
    other_emails: list[str] = []
    phone: str | None = None
    phone_raw: str | None = None
    whatsapp: str | None = None
    whatsapp_raw: str | None = None
    other_phones: list[OtherPhone] = []
    company: str = ""
    department: str = ""
    job_title: str = ""
    about: str = ""
    tags: list[str] = []
    types: list[str] = []
    groups: list[str] = []
    owner_id: str | None = None
    organizer_ids: list[str] = []
    customer_id: str | None = None
    is_primary: bool = False
    communication: Communication = NO_COMMUNICATION
    relationship_status: RelationshipStatus = "prospect"
    lifecycle_stage: LifecycleStage = "awareness"
    is_active: bool = True
    email_verified: bool = False
    custom_fields: CustomFields = {}
    source: Source = "api"
    total_bookings: int = 0
    last_booking_at: Timestamp | None = None
    last_contacted_at: Timestamp | None = None
    interaction_count: int = 0
    next_follow_up_at: Timestamp | None = None
    merged_from: list[str] = []
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    # Stored are the ids of labels; their names, above, are filled in when a contact is shown.
    tag_ids: Annotated[list[str], SkipJsonSchema(), Field(exclude=True)] = []
    type_ids: Annotated[list[str], SkipJsonSchema(), Field(exclude=True)] = []
    group_ids: Annotated[list[str], SkipJsonSchema(), Field(exclude=True)] = []
    interaction_counts: Annotated[dict[str, int], SkipJsonSchema(), Field(exclude=True)] = {}
    booking_counts: Annotated[dict[str, int], SkipJsonSchema(), Field(exclude=True)] = {}
    note_count: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    booked: Annotated[Booked, SkipJsonSchema(), Field(exclude=True)] = {}
    unnamed_organizers: Annotated[UnnamedOrganizers, SkipJsonSchema(), Field(exclude=True)] = {}
    status_changed_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    deleted_at: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    merged_into: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None
    locks_lost: Annotated[int, SkipJsonSchema(), Field(exclude=True)] = 0
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""
    unique_scope: Annotated[UniqueScope, SkipJsonSchema(), Field(exclude=True)] = "tenant"
    duplicate_key: Annotated[str | None, SkipJsonSchema(), Field(exclude=True)] = None

    @classmethod
    def create(
        cls,
        given: LabelledFields,
        *,
        contact_id: str,
        stamp: Stamp,
        source: Source,
        unique_scope: UniqueScope = "tenant",
        changed_by: str = "",
    ) -> tuple[Contact, Event]:
        """Return a new contact and its `contact.created`. A given status or lifecycle stage is the first entry of its
        history, with `changed_by`, the caller's name.

        `created_at` is the time in its id, so lists in the order of ids are in the order of creation, and a range of
        creation times is a range of ids. `stamp.at`, the time of writing, is later for a row of an import.
        """
        fields: dict[str, Any] = {**given}
        status = initial_status(
            fields.pop("relationship_status", None), fields.pop("lifecycle_stage", None), at=stamp.at
        )
        fields.setdefault("owner_id", stamp.caller.owner_of_new_contacts)
        preferred = fields.pop("preferred", NO_PREFERENCE)
        if preferred != NO_PREFERENCE:
            fields["communication"] = {**NO_COMMUNICATION, "preferred": preferred}
        if "custom_fields" in fields:
            fields["custom_fields"] = custom_fields.merge_custom_fields({}, fields["custom_fields"])
        if fields.get("other_emails"):
            fields["other_emails"] = _without(fields["other_emails"], fields.get("email"))
        if fields.get("is_primary") and fields.get("customer_id") is None:
            raise _no_customer()
        contact = cls._from_fields(
            id=contact_id,
            **stamp.creation_fields(created_at=from_milliseconds(milliseconds_of(contact_id))),
            full_name=join_name(given["first_name"], given.get("last_name", "")),
            source=source,
            unique_scope=unique_scope,
            **fields,
            **status,
        )
        event = contact._build_creation_event(CONTACT_CREATED, stamp.caller)
        event.groups_joined.extend(contact.group_ids)
        if status:
            event.data.update(history_data(None, contact, Move(changed_by=changed_by)))
        return contact, event

    def change(
        self, given: LabelledFields, *, whole: bool = False, stamp: Stamp
    ) -> tuple[Contact, Event] | None:
        """Return the contact with some fields changed, and its `contact.updated`; None when nothing changes.

        Custom fields are merged into the present ones, unless `given` replaces the `whole` contact. Raises Invalid
        for custom fields that are too many or too long, for an e-mail address marked verified that does not exist, and
        for a primary contact without a customer; Conflict when a primary contact is to be no longer primary.
        """
        changed = self._build_change(CONTACT_UPDATED, self._resolve(given, whole), stamp)
        return changed if changed[1].changes or changed[0].label_ids != self.label_ids else None

    def _resolve(self, given: LabelledFields, whole: bool) -> dict[str, Any]:
        """Return `given` together with the fields that follow from it and from the present values."""
        fields: dict[str, Any] = {**given}
        fields["full_name"] = join_name(
            given.get("first_name", self.first_name), given.get("last_name", self.last_name)
        )
        if "email" in given or "other_emails" in given:
            others = given.get("other_emails", self.other_emails)
            fields["other_emails"] = _without(others, given.get("email", self.email))
        email = given.get("email", self.email)
        if email != self.email:
            fields.setdefault("email_verified", False)
        if fields.get("email_verified") and not email:
            raise Invalid.field("email_verified", "no_email", "There is no e-mail address to be verified.")
        # The same number typed another way is no change.
        for name in ("phone", "whatsapp"):
            if name in given and given[name] == getattr(self, name):
                fields[f"{name}_raw"] = getattr(self, f"{name}_raw")
        if "other_phones" in given:
            typed = {phone["number"]: phone["raw"] for phone in self.other_phones}
            fields["other_phones"] = [
                {**phone, "raw": typed.get(phone["number"], phone["raw"])} for phone in given["other_phones"]
            ]
        if "preferred" in given:
            fields["communication"] = {**self.communication, "preferred": fields.pop("preferred")}
        fields["is_primary"] = self._resolve_primary(given)
        if "custom_fields" in given:
            present = {} if whole else self.custom_fields
            fields["custom_fields"] = custom_fields.merge_custom_fields(
                present, given["custom_fields"], had=self.custom_fields
            )
        return fields

    def _resolve_primary(self, given: LabelledFields) -> bool:
        """Return whether the contact is to be primary. It does not stay primary when it changes customers."""
        customer_id = given.get("customer_id", self.customer_id)
        stays = customer_id == self.customer_id
        is_primary = given.get("is_primary", self.is_primary and stays)
        if is_primary and customer_id is None:
            raise _no_customer()
        if self.is_primary and stays and not is_primary:
            raise Conflict(
                "A customer with contacts always has a primary one. Make another contact primary instead.",
                code="primary_needed",
            )
        return is_primary

    def join(self, group: Label, *, stamp: Stamp) -> tuple[Contact, Event] | None:
        """Return the contact as a member of a static group; None if it is one. Raises Invalid for too many groups."""
        if group.id in self.group_ids:
            return None
        if len(self.groups) >= MAX_GROUPS:
            raise Invalid.field("groups", "too_many_groups", f"A contact is in at most {MAX_GROUPS} groups.")
        given = {"group_ids": [*self.group_ids, group.id], "groups": [*self.groups, group.name]}
        return self._build_change(CONTACT_UPDATED, given, stamp)

    def leave(self, group: Label, *, stamp: Stamp) -> tuple[Contact, Event] | None:
        """Return the contact without its membership of a static group; None if it is no member."""
        if group.id not in self.group_ids:
            return None
        position = self.group_ids.index(group.id)  # of its name too, which may have changed
        given = {
            "group_ids": [group_id for group_id in self.group_ids if group_id != group.id],
            "groups": [*self.groups[:position], *self.groups[position + 1 :]],
        }
        return self._build_change(CONTACT_UPDATED, given, stamp)

    @property
    def label_ids(self) -> tuple[list[str], list[str], list[str]]:
        """The ids of its tags, its types and its groups."""
        return self.tag_ids, self.type_ids, self.group_ids

    @property
    def has_labels(self) -> bool:
        """Whether it has tags, types or groups."""
        return any(self.label_ids)

    def with_label_names(self, labels: Labels) -> Contact:
        """Return the contact with the names of its labels, without deleted labels."""
        if not self.has_labels:
            return self
        update: dict[str, list[str]] = {}
        for ids, names in (("tag_ids", "tags"), ("type_ids", "types"), ("group_ids", "groups")):
            if given := getattr(self, ids):
                update[ids] = labels.existing_or_recent(given)
                update[names] = labels.names(given)
        return self.with_fields(update)

    def toggle_active(self, *, stamp: Stamp) -> tuple[Contact, Event]:
        """Return the contact with `is_active` inverted."""
        return self._build_change(CONTACT_UPDATED, {"is_active": not self.is_active}, stamp)

    def record_consent(self, given: ConsentInput, *, stamp: Stamp) -> tuple[Contact, Event]:
        """Return the contact with a person's decision on a channel, and its `contact.consent_changed`.

        The same decision again is a further consent, with its own source and time.
        """
        opt_outs = {**self.communication["opt_outs"], given.channel: given.to_opt_out(stamp)}
        communication: Communication = {**self.communication, "opt_outs": opt_outs}
        contact, event = self._build_change(CONTACT_CONSENT_CHANGED, {"communication": communication}, stamp)
        event.data.update(channel=given.channel, opted_out=given.opted_out)
        return contact, event

    def consent_entry(self, channel: Channel) -> ConsentEntry:
        """Return the history entry of the contact's latest change, which was a consent on `channel`."""
        return ConsentEntry.of(self.last_event, channel, self.communication["opt_outs"][channel])

    def set_primary(self, is_primary: bool, *, stamp: Stamp) -> tuple[Contact, Event] | None:
        """Return the contact as primary or not primary; None when nothing changes."""
        if self.is_primary == is_primary:
            return None
        return self._build_change(CONTACT_UPDATED, {"is_primary": is_primary}, stamp)

    def with_customer(
        self, before: Contact | None, event: Event, *, customer_id: str | None, is_primary: bool
    ) -> tuple[Contact, Event]:
        """Return the contact, just created or changed from `before`, with its customer, and with `event` listing that
        change too.
        """
        contact = self.with_fields({"customer_id": customer_id, "is_primary": is_primary})
        changes = compare_fields(before._audited_fields() if before else {}, contact._audited_fields())
        if before is not None and "created_at" in event.changes:  # of a merge
            changes["created_at"] = event.changes["created_at"]
        return contact, replace(event, changes=changes)

    def _build_change(self, event_type: str, given: dict[str, Any], stamp: Stamp) -> tuple[Contact, Event]:
        """Return the next version and its event, which also has the ids of earlier labels and of changed groups."""
        after, event = super()._build_change(event_type, given, stamp)
        for name, old, new in zip(LABEL_ID_FIELDS, self.label_ids, after.label_ids, strict=True):
            if old != new:
                event.label_ids_before[name] = old
        event.groups_joined.extend(one for one in after.group_ids if one not in self.group_ids)
        event.groups_left.extend(one for one in self.group_ids if one not in after.group_ids)
        return after, event

    def _audited_fields(self) -> dict[str, Any]:
        """Return the fields whose changes events list: all but the bookkeeping of the change itself.

        The members of `custom_fields` and `communication` are listed one by one, so that an event is no longer than
        its change.
        """
        content = {
            name: value
            for name, value in self.__dict__.items()
            if name not in _NOT_AUDITED and (value or name == "is_active")
        }
        for name, value in self.custom_fields.items():
            content[f"custom_fields.{name}"] = value
        if self.communication["preferred"] != NO_PREFERENCE:
            content["communication.preferred"] = self.communication["preferred"]
        for channel, settled in self.communication["opt_outs"].items():
            content[f"communication.opt_outs.{channel}"] = settled
        return content


_NOT_AUDITED = BOOKKEEPING | {
    "deleted_at",
    "merged_into",
    "locks_lost",
    "unique_scope",
    "duplicate_key",
    "communication",
    "custom_fields",
    "interaction_counts",
    "booking_counts",
    "note_count",
    "booked",
    "unnamed_organizers",
    "status_changed_at",
    "tag_ids",
    "type_ids",
    "group_ids",
}


def _no_customer() -> Invalid:
    return Invalid.field(
        "is_primary", "no_customer", "Only a contact of a customer can be primary. Give a `customer_id`."
    )


def _without(emails: list[str], primary: str | None) -> list[str]:
    return [email for email in emails if email != primary]
