"""The payloads of events of contacts and of the entries of their timelines."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from shared.domain.contacts.communication import Preference
from shared.domain.contacts.consent import Channel, OptOut
from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown
from shared.domain.contacts.status import LifecycleStage, RelationshipStatus
from shared.domain.imports.results import RowOutcome
from shared.domain.interactions.follow_up import FollowUp
from shared.domain.interactions.interaction import Interaction, InteractionType
from shared.domain.notes.finding import FindingKind
from shared.domain.notes.note import Note
from shared.domain.payloads.parts import Changes, Data, absent, fields_of
from shared.domain.timestamps import Timestamp

_CONTACT = Changes(
    "ContactChanges",
    {
        **fields_of(Contact, without={"communication", "custom_fields"}),
        "created_at": Timestamp,
        "communication.preferred": Preference,
        **{f"communication.opt_outs.{channel}": OptOut for channel in get_args(Channel)},
    },
    open_names={"custom_fields": {"type": ["string", "number", "boolean", "null"]}},
)
_INTERACTION = Changes("InteractionChanges", fields_of(Interaction, without={"contact_id", "follow_up_id"}))
_FOLLOW_UP = Changes("FollowUpChanges", fields_of(FollowUp, without={"contact_id", "notified_at"}))
_NOTE = Changes("NoteChanges", fields_of(Note, without={"contact_id", "found", "processed_at"}))


class KeptField(TypedDict):
    """A field that the undo of an import left as it is, and why."""

    field: str
    reason: str


class ContactData(Data):
    """The members of events of a contact."""

    object: Literal["contact"]
    changes: Annotated[Any, _CONTACT]
    import_id: str = absent("The import that made the change, or whose undo made it.")
    rows: dict[str, RowOutcome] = absent(
        "The outcomes of the rows of the import that were written with the change, by their numbers."
    )
    undo: str = absent("The undo of an import that made the change.")
    undone: list[str] = absent("The ids of the events that the undo took back.")
    kept: list[KeptField] = absent("The fields that the undo left as they are.")
    record: ContactShown = absent("With `include` `full`: the contact when the request was sent.")


class StatusData(ContactData):
    """The members of the creation of a contact with a status or a lifecycle stage."""

    old_status: None = absent()
    new_status: RelationshipStatus = absent()
    old_lifecycle_stage: None = absent()
    new_lifecycle_stage: LifecycleStage = absent()
    changed_by: str = absent()
    reason: str | None = absent()
    notes: str | None = absent()


class ContactCreated(StatusData):
    """A contact was created, from any source. If a status or lifecycle stage was given, `data` has the members of
    `contact.status_changed` too; the old values are null.
    """

    booking_id: str = absent("if a booking made it")


class ContactUpdated(ContactData):
    """A contact's fields changed, also `is_primary` because of another contact's change, and its booking figures
    because one of its bookings moved to another contact (then of a deleted contact too), or because the nightly recount
    corrected a figure (`source` is `system`). Also when other contacts were merged into it, and when that was undone:
    then `changes` may have `created_at`.
    """

    booking_id: str = absent("in the case of bookings")
    recounted: list[str] = absent(
        "in that of the recount: the names of the figures, some of which `changes` lacks"
    )
    merge_id: str = absent("the merge, in the case of a merge or of its undo")
    merged_ids: list[str] = absent("in the case of a merge: the contacts that were merged into it")
    unmerged_ids: list[str] = absent("in that of its undo: the contacts that are back")
    old_status: RelationshipStatus = absent(
        "this and the next ones if a merge or its undo moved the status: as in `contact.status_changed`"
    )
    new_status: RelationshipStatus = absent()
    old_lifecycle_stage: LifecycleStage = absent()
    new_lifecycle_stage: LifecycleStage = absent()
    changed_by: str = absent()
    reason: str | None = absent()
    notes: str | None = absent()


class ContactDeleted(ContactData):
    """A contact was deleted; it can be restored for 30 days."""


class ContactRestored(ContactData):
    """A deleted contact was restored."""


class ContactPurged(ContactData):
    """A contact deleted 30 days ago was removed for good: remove what you store of it too."""


class ContactMerged(ContactData):
    """A contact was merged into another one, which has its values, its addresses and its timeline from now on: treat it
    as deleted, and its id as a former id of the other contact. With `include` `full`, `record` is the other contact.
    """

    survivor_id: str = Field(description="the contact into which it was merged")
    merge_id: str = Field(description="the merge, which can be undone for 30 days")


class ContactUnmerged(ContactData):
    """A merge was undone, and the contact is there again with its own values, addresses and timeline."""

    survivor_id: str = Field(description="the contact into which it had been merged")
    merge_id: str = Field(description="the merge that was undone")


class ContactConsentChanged(ContactData):
    """A person opted out of a channel, or in again."""

    channel: Channel
    opted_out: bool


class ContactStatusChanged(ContactData):
    """A contact got another relationship status, another lifecycle stage or both."""

    old_status: RelationshipStatus
    new_status: RelationshipStatus
    old_lifecycle_stage: LifecycleStage
    new_lifecycle_stage: LifecycleStage
    changed_by: str = Field(description="the caller's name at that time")
    reason: str | None
    notes: str | None


class _InteractionData(ContactData):
    """The members of events of an interaction."""

    interaction_id: str
    interaction_type: InteractionType
    follow_up_id: str = absent("the follow-up that changes with it")


class InteractionCreated(_InteractionData):
    """An interaction was added to a contact's timeline. `changes` has its `tags` if a tag rule changed them."""

    booking_id: str = absent("for an interaction of a booking event")


class InteractionUpdated(_InteractionData):
    """An interaction that a user or API client recorded was changed."""

    interaction_changes: Annotated[Any, _INTERACTION] = Field(
        description="the interaction's fields with `old` and `new`"
    )


class InteractionDeleted(InteractionUpdated):
    """An interaction that a user or API client recorded was deleted."""


class _FollowUpData(ContactData):
    """The members of events of a follow-up."""

    follow_up_id: str
    interaction_id: str | None
    title: str
    due_at: Timestamp
    assignee_id: str | None


class FollowUpCreated(_FollowUpData):
    """A follow-up was scheduled without an interaction. One that an interaction schedules, moves or cancels has no
    event of its own: that of the interaction names it.
    """


class FollowUpUpdated(_FollowUpData):
    """A follow-up was changed."""

    follow_up_changes: Annotated[Any, _FOLLOW_UP] = Field(description="its fields with `old` and `new`")


class FollowUpCompleted(_FollowUpData):
    """A follow-up was done. An interaction that was recorded with it has its own `interaction.created`."""

    outcome: str


class FollowUpCancelled(_FollowUpData):
    """A follow-up was cancelled."""


class FollowUpDue(_FollowUpData):
    """An open follow-up is due: once for each time to which it was set, at most some two minutes later. Not while the
    tenant is suspended or the contact is deleted, but afterwards.
    """


class _NoteData(ContactData):
    """The members of events of a note."""

    note_id: str


class NoteCreated(_NoteData):
    """A note was written on a contact."""


class NoteUpdated(_NoteData):
    """A note was changed, pinned or unpinned, or is to be processed once more."""

    note_changes: Annotated[Any, _NOTE] = Field(
        description="the note's fields with `old` and `new`, the text too"
    )


class NoteDeleted(NoteUpdated):
    """A note was deleted."""


class NoteProcessed(_NoteData):
    """A note's text was tidied and searched, within seconds after it was written or changed."""

    found: dict[FindingKind, Annotated[int, Field(ge=1)]] = Field(
        description="the number of addresses, numbers, URLs and tags in it, by kind"
    )


class NoteProcessingFailed(_NoteData):
    """The processing of a note was given up."""

    reason: str
