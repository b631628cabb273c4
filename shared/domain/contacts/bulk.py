"""What is done to many contacts at once: a change, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.communication import CommunicationPatch
from shared.domain.contacts.custom_fields import CustomFieldsInput
from shared.domain.contacts.record import MAX_GROUPS, MAX_TYPES, Contact
from shared.domain.errors import DomainError, Invalid
from shared.domain.labels.record import Label, Labels
from shared.domain.text import GivenName, LabelName, Line, LongText, Name, folded

MAX_TOGETHER = 500
"""How many contacts one call makes, changes or deletes. More are a background job's."""

_Tags = Annotated[list[LabelName], Field(max_length=100)]
_Types = Annotated[list[LabelName], Field(max_length=MAX_TYPES)]
_Groups = Annotated[
    list[Annotated[str, Field(max_length=100)]],
    Field(max_length=MAX_GROUPS, description="Names or ids of static groups."),
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entry: the contact it made or names, and why it was refused, or None when it was not."""

    contact_id: str | None
    refusal: DomainError | None = None


class BulkFields(BaseModel):
    """A merge patch (RFC 7396) of the fields that many contacts can have alike."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    first_name: GivenName | None = None
    last_name: Name | None = None
    company: Line | None = None
    department: Line | None = None
    job_title: Line | None = None
    about: LongText | None = None
    tags: _Tags | None = None
    types: _Types | None = None
    is_active: bool | None = None
    owner_id: str | None = Field(
        None, max_length=64, description="The user the contacts belong to. Takes contacts:write:all."
    )
    communication: CommunicationPatch | None = None
    custom_fields: CustomFieldsInput | None = Field(
        None, description="Changes the fields it names; null removes one."
    )

    def as_given(self) -> dict[str, Any]:
        """The fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class BulkChangeInput(BaseModel):
    """What is to be changed of each contact."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    set: BulkFields = Field(
        default_factory=BulkFields.model_construct, examples=[{"company": "Analytical Engines"}]
    )
    add_tags: _Tags = Field(default_factory=list, examples=[["vip"]])
    remove_tags: _Tags = Field(default_factory=list, examples=[["lead"]])
    join_groups: _Groups = Field(default_factory=list)
    leave_groups: _Groups = Field(default_factory=list)

    def check(self) -> None:
        """Raises Invalid for a change of nothing, and for a tag that is to be added and removed."""
        labels = (self.add_tags, self.remove_tags, self.join_groups, self.leave_groups)
        if not (self.set.model_fields_set or any(labels)):
            raise Invalid.field("set", "required", "Give at least one field, tag or group to change.")
        if set(map(folded, self.add_tags)) & set(map(folded, self.remove_tags)):
            raise Invalid.field("remove_tags", "contradiction", "A tag is to be added or removed, not both.")


Named = tuple[str, str]
"""A label's id and name."""


def named(labels: Sequence[Label]) -> tuple[Named, ...]:
    """The ids and names of labels, each once."""
    return tuple({label.id: (label.id, label.name) for label in labels}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChange:
    """What a bulk update does to each contact. Done twice, it is the same as done once.

    `fields`: in their stored form, with the ids of labels. `max_tags`: how many tags a contact may come to have.
    Raises Invalid when a group is to be joined and left.
    """

    fields: dict[str, Any]
    add_tags: tuple[Named, ...] = ()
    remove_tags: tuple[Named, ...] = ()
    join_groups: tuple[Named, ...] = ()
    leave_groups: tuple[Named, ...] = ()
    max_tags: int = 100

    def __post_init__(self) -> None:
        if set(self.join_groups) & set(self.leave_groups):
            raise Invalid.field("leave_groups", "contradiction", "A group is to be joined or left, not both.")

    def fields_for(self, contact: Contact) -> dict[str, Any]:
        """The fields that the change gives a contact, for `Contact.change`. Raises Invalid for too many labels."""
        fields = dict(self.fields)
        if self.add_tags or self.remove_tags:
            present = _paired(fields.get("tag_ids", contact.tag_ids), fields.get("tags", contact.tags))
            fields |= _changed("tag", present, self.add_tags, self.remove_tags)
            if len(fields["tag_ids"]) > max(self.max_tags, len(contact.tag_ids)):
                raise Invalid.field("tags", "too_many_tags", f"A contact has at most {self.max_tags} tags.")
        if self.join_groups or self.leave_groups:
            present = _paired(contact.group_ids, contact.groups)
            fields |= _changed("group", present, self.join_groups, self.leave_groups)
            if len(fields["group_ids"]) > max(MAX_GROUPS, len(contact.group_ids)):
                raise Invalid.field(
                    "groups", "too_many_groups", f"A contact is in at most {MAX_GROUPS} groups."
                )
        return fields

    def under(self, labels: Labels) -> BulkChange:
        """The change as it is meant later: with the labels that there still are, under their names of then."""

        def present(given: Sequence[Named]) -> tuple[Named, ...]:
            return named([labels.by_id[one] for one, _ in given if one in labels.by_id])

        fields = dict(self.fields)
        for ids, names in (("tag_ids", "tags"), ("type_ids", "types")):
            if ids in fields:
                kept = [one for one in fields[ids] if one in labels.by_id]
                fields |= {ids: kept, names: labels.names(kept)}
        return replace(
            self,
            fields=fields,
            add_tags=present(self.add_tags),
            remove_tags=present(self.remove_tags),
            join_groups=present(self.join_groups),
            leave_groups=present(self.leave_groups),
        )

    def to_json(self) -> str:
        """The change as a job keeps it."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> BulkChange:
        """The change that `to_json` wrote."""
        members = json.loads(text)
        lists = ("add_tags", "remove_tags", "join_groups", "leave_groups")
        return cls(**{**members, **{name: tuple(map(tuple, members[name])) for name in lists}})


def _paired(ids: list[str], names: list[str]) -> dict[str, str | None]:
    """The names of labels by their ids; those that are not known yet come last and have none."""
    return dict(zip_longest(ids, names))


def _changed(
    kind: str, present: dict[str, str | None], given: Sequence[Named], taken: Sequence[Named]
) -> dict[str, Any]:
    taken_ids = {label_id for label_id, _ in taken}
    # A name that is known of the contact is newer than the one that was given.
    kept = {one: name for one, name in {**present, **dict(given), **present}.items() if one not in taken_ids}
    known = {one: name for one, name in kept.items() if name is not None}
    return {f"{kind}_ids": [*known, *(kept.keys() - known.keys())], f"{kind}s": list(known.values())}
