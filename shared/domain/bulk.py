"""What is done to many contacts at once: a change, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.communication import CommunicationPatch
from shared.domain.contact import Contact, clean
from shared.domain.custom_fields import CustomFieldsInput
from shared.domain.errors import DomainError, Invalid
from shared.domain.tenant import Settings
from shared.domain.text import GivenName, Line, LongText, Name, Tag, unique_tags

MAX_TOGETHER = 500
"""How many contacts one call makes, changes or deletes. More are a background job's."""

_Tags = Annotated[list[Tag], Field(max_length=100)]


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


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What a bulk update does to each contact. Done twice, it is the same as done once.

    `fields`: in their stored form. `remove_tags`: in lower case.
    """

    fields: dict[str, Any]
    add_tags: tuple[str, ...]
    remove_tags: frozenset[str]
    max_tags: int

    @classmethod
    def of(cls, given: BulkChangeInput, settings: Settings) -> BulkChange:
        """A change as it was given. Raises Invalid for refused fields, for none at all, and for a tag that is to be
        added and removed."""
        change = cls(
            fields=clean(given.set.as_given(), settings),
            add_tags=tuple(unique_tags(given.add_tags)),
            remove_tags=frozenset(tag.casefold() for tag in given.remove_tags),
            max_tags=settings.max_tags_per_contact,
        )
        if not (change.fields or change.add_tags or change.remove_tags):
            raise Invalid.field("set", "required", "Give at least one field, or tags to add or remove.")
        if any(tag.casefold() in change.remove_tags for tag in change.add_tags):
            raise Invalid.field("remove_tags", "contradiction", "A tag is to be added or removed, not both.")
        return change

    def fields_for(self, contact: Contact) -> dict[str, Any]:
        """The fields that the change gives a contact, for `Contact.change`. Raises Invalid for too many tags."""
        if not (self.add_tags or self.remove_tags):
            return self.fields
        tags = unique_tags([*self.fields.get("tags", contact.tags), *self.add_tags])
        tags = [tag for tag in tags if tag.casefold() not in self.remove_tags]
        if len(tags) > max(self.max_tags, len(contact.tags)):
            raise Invalid.field("tags", "too_many_tags", f"A contact has at most {self.max_tags} tags.")
        return {**self.fields, "tags": tags}
