"""What callers give to make and to change labels."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain.contacts.bulk import MAX_TOGETHER
from shared.domain.contacts.conditions import ContactConditions
from shared.domain.errors import Invalid
from shared.domain.labels.record import DEFAULT_COLOR, ContactType, Group, GroupKind, Label, Tag
from shared.domain.text import GroupName, LabelName, Line, ShortText

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def _color(text: str) -> str:
    if not _COLOR.fullmatch(text):
        raise PydanticCustomError("color", "This must be a color in the form #rrggbb, such as #0066cc.")
    return text.lower()


Color = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{_COLOR.pattern}$", "maxLength": 7}),
    AfterValidator(_color),
]


class LabelInput(BaseModel):
    """What a caller gives to make a label."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def given_fields(self) -> dict[str, Any]:
        """All fields, in their stored form."""
        return dict(self.__dict__)


class LabelPatch(BaseModel):
    """A merge patch of a label; null gives a field its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    label: ClassVar[type[Label]]

    def given_fields(self) -> dict[str, Any]:
        """The fields that were given, in their stored form. Raises Invalid for a null in place of the name."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("name", "") is None:
            raise Invalid.field("name", "required", "A name is required.")
        defaults = self.label.model_fields
        return {name: defaults[name].default if value is None else value for name, value in given.items()}


class TagInput(LabelInput):
    """What a caller gives to make a tag."""

    name: LabelName = Field(examples=["VIP"])
    color: Color = DEFAULT_COLOR
    category: Line = Field("", examples=["loyalty"])


class TagPatch(LabelPatch):
    """A merge patch of a tag; null gives a field its default."""

    label = Tag

    name: LabelName | None = None
    color: Color | None = None
    category: Line | None = None


class TypeInput(LabelInput):
    """What a caller gives to make a contact type."""

    name: LabelName = Field(examples=["Supplier"])
    description: ShortText = Field("", examples=["Who we buy from"])


class TypePatch(LabelPatch):
    """A merge patch of a contact type; null gives a field its default."""

    label = ContactType

    name: LabelName | None = None
    description: ShortText | None = None


class GroupInput(LabelInput):
    """What a caller gives to make a group. A dynamic one has a filter, a static one has none."""

    name: GroupName = Field(examples=["Spring campaign"])
    description: ShortText = Field("", examples=["Everybody who gets the spring letter"])
    color: Color = DEFAULT_COLOR
    kind: GroupKind = "static"
    filter: ContactConditions | None = Field(
        None,
        description="For a dynamic group: the conditions of `GET /contacts`, by the same names.",
        examples=[{"tags": "vip", "is_active": True}],
    )
    contact_ids: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=list,
        max_length=MAX_TOGETHER,
        description="For a static group: the contacts that are in it from the start. One that cannot join refuses "
        "the whole call.",
    )

    def given_fields(self) -> dict[str, Any]:
        return {**super().given_fields(), "filter": _conditions(self.filter)}


class GroupPatch(LabelPatch):
    """A merge patch of a group. Its kind stays; null gives a field its default."""

    label = Group

    name: GroupName | None = None
    description: ShortText | None = None
    color: Color | None = None
    filter: ContactConditions | None = None

    def given_fields(self) -> dict[str, Any]:
        given = super().given_fields()
        return given | {"filter": _conditions(self.filter)} if "filter" in given else given


def _conditions(given: ContactConditions | None) -> dict[str, Any] | None:
    return given.model_dump(exclude_none=True) if given is not None else None
