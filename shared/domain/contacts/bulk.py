"""Changes of many contacts at once, and their results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Annotated, ClassVar

from pydantic import Field

from shared.domain.contacts.fields import MAX_GROUPS, SETTABLE, LabelledFields, TagNames
from shared.domain.contacts.inputs import MergePatch, patch_field, with_fields
from shared.domain.contacts.record import Contact
from shared.domain.contacts.status import LifecycleStage, Move, RelationshipStatus, StatusInput
from shared.domain.errors import DomainError, Invalid
from shared.domain.labels.record import Label, Labels
from shared.domain.text import fold_name

MAX_TOGETHER = 500
"""How many contacts one call creates, changes or deletes at most. A background job does more."""

_Groups = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(max_length=MAX_GROUPS, description="Names or ids of static groups."),
]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """The result of one entry: the contact it created or names, and the refusal, or None if it succeeded."""

    contact_id: str | None
    refusal: DomainError | None = None


@with_fields({name: patch_field(how, how.type) for name, how in SETTABLE.items() if how.in_bulk})
class BulkFields(MergePatch):
    """A merge patch (RFC 7396) of the fields of which many contacts can have the same value."""

    set_elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("relationship_status", "lifecycle_stage"), "Give it beside `set`."
    )


class BulkChangeInput(StatusInput):
    """A change to make to each contact."""

    set: BulkFields = Field(
        default_factory=BulkFields.model_construct, examples=[{"company": "Analytical Engines"}]
    )
    add_tags: TagNames = Field(default_factory=list, examples=[["vip"]])
    remove_tags: TagNames = Field(default_factory=list, examples=[["lead"]])
    join_groups: _Groups = Field(default_factory=list)
    leave_groups: _Groups = Field(default_factory=list)

    def check(self) -> None:
        """Raise Invalid for an empty change, for a reason or notes without a status, and for a tag that is both added
        and removed.
        """
        labels = (self.add_tags, self.remove_tags, self.join_groups, self.leave_groups)
        if not (self.set.model_fields_set or any(labels) or self.has_status):
            raise Invalid.field("set", "required", "Give at least one field, status, tag or group to change.")
        if self.reason or self.notes:
            super().check()
        if set(map(fold_name, self.add_tags)) & set(map(fold_name, self.remove_tags)):
            raise Invalid.field("remove_tags", "contradiction", "A tag is to be added or removed, not both.")


LabelRef = tuple[str, str]
"""The id and the name of a label."""


def label_refs(labels: Sequence[Label]) -> tuple[LabelRef, ...]:
    """Return the ids and names of labels, each label once."""
    return tuple({label.id: (label.id, label.name) for label in labels}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChange:
    """The change that a bulk update makes to each contact. It is idempotent.

    `max_tags`: how many tags a contact may have after it. `reason`, `notes`: of the move to another status or stage.
    `former_assignee_id`: a removed user whose open follow-ups get the new owner of the contacts as their assignee;
    empty for none.
    Raises Invalid for a group that is both joined and left.
    """

    fields: LabelledFields
    add_tags: tuple[LabelRef, ...] = ()
    remove_tags: tuple[LabelRef, ...] = ()
    join_groups: tuple[LabelRef, ...] = ()
    leave_groups: tuple[LabelRef, ...] = ()
    max_tags: int = 100
    relationship_status: RelationshipStatus | None = None
    lifecycle_stage: LifecycleStage | None = None
    reason: str = ""
    notes: str = ""
    former_assignee_id: str = ""

    def __post_init__(self) -> None:
        if set(self.join_groups) & set(self.leave_groups):
            raise Invalid.field("leave_groups", "contradiction", "A group is to be joined or left, not both.")

    @property
    def has_status(self) -> bool:
        """Whether there is a status or a stage to set."""
        return self.relationship_status is not None or self.lifecycle_stage is not None

    def move(self, changed_by: str) -> Move:
        """Return the circumstances of the move to another status. `changed_by`: the caller's name."""
        return Move(stage=self.lifecycle_stage, reason=self.reason, notes=self.notes, changed_by=changed_by)

    def fields_for(self, contact: Contact) -> LabelledFields:
        """Return the fields to set on a contact with `Contact.change`. Raises Invalid for too many labels."""
        fields = self.fields.copy()
        if self.add_tags or self.remove_tags:
            present = _names_by_id(fields.get("tag_ids", contact.tag_ids), fields.get("tags", contact.tags))
            fields["tag_ids"], fields["tags"] = _add_and_remove(present, self.add_tags, self.remove_tags)
            if len(fields["tag_ids"]) > max(self.max_tags, len(contact.tag_ids)):
                raise Invalid.field("tags", "too_many_tags", f"A contact has at most {self.max_tags} tags.")
        if self.join_groups or self.leave_groups:
            present = _names_by_id(contact.group_ids, contact.groups)
            fields["group_ids"], fields["groups"] = _add_and_remove(
                present, self.join_groups, self.leave_groups
            )
            if len(fields["group_ids"]) > max(MAX_GROUPS, len(contact.group_ids)):
                raise Invalid.field(
                    "groups", "too_many_groups", f"A contact is in at most {MAX_GROUPS} groups."
                )
        return fields

    def with_current_labels(self, labels: Labels) -> BulkChange:
        """Return the change without labels that were deleted since, and with the present names of the others."""

        def present(given: Sequence[LabelRef]) -> tuple[LabelRef, ...]:
            return label_refs([labels.by_id[label_id] for label_id, _ in given if label_id in labels.by_id])

        fields = self.fields.copy()
        if "tag_ids" in fields:
            fields["tag_ids"] = labels.existing(fields["tag_ids"])
            fields["tags"] = labels.names(fields["tag_ids"])
        if "type_ids" in fields:
            fields["type_ids"] = labels.existing(fields["type_ids"])
            fields["types"] = labels.names(fields["type_ids"])
        return replace(
            self,
            fields=fields,
            add_tags=present(self.add_tags),
            remove_tags=present(self.remove_tags),
            join_groups=present(self.join_groups),
            leave_groups=present(self.leave_groups),
        )

    def to_json(self) -> str:
        """Return the change as a job stores it, without a status that is not given."""
        members = {name: value for name, value in asdict(self).items() if value not in (None, "")}
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> BulkChange:
        """Return the change that `to_json` wrote."""
        members = json.loads(text)
        lists = ("add_tags", "remove_tags", "join_groups", "leave_groups")
        return cls(**{**members, **{name: tuple(map(tuple, members[name])) for name in lists}})


def _names_by_id(ids: list[str], names: list[str]) -> dict[str, str | None]:
    """Return the names of labels by their ids. Ids whose names are not known yet come last, with None."""
    return dict(zip_longest(ids, names))


def _add_and_remove(
    present: dict[str, str | None], added: Sequence[LabelRef], removed: Sequence[LabelRef]
) -> tuple[list[str], list[str]]:
    """Return the ids and names of a contact's labels after some were added and removed."""
    removed_ids = {label_id for label_id, _ in removed}
    # A name the contact has is newer than the name in the change.
    kept = {
        label_id: name
        for label_id, name in {**present, **dict(added), **present}.items()
        if label_id not in removed_ids
    }
    with_name = {label_id: name for label_id, name in kept.items() if name is not None}
    return [*with_name, *(label_id for label_id in kept if label_id not in with_name)], list(
        with_name.values()
    )
