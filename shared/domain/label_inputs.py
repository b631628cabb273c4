"""What callers give to make and to change labels."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.domain.contact_conditions import ContactConditions
from shared.domain.errors import Invalid
from shared.domain.labels import DEFAULT_COLOR, ContactType, Group, GroupKind, Label, Tag
from shared.domain.text import GroupName, LabelName, Line, ShortText

Color = Annotated[
    str,
    StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", max_length=7),
    AfterValidator(str.lower),
]


class TagInput(BaseModel):
    """What a caller gives to make a tag."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: LabelName = Field(examples=["VIP"])
    color: Color = DEFAULT_COLOR
    category: Line = Field("", examples=["loyalty"])


class TagPatch(BaseModel):
    """A merge patch of a tag; null gives a field its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: LabelName | None = None
    color: Color | None = None
    category: Line | None = None

    def as_given(self) -> dict[str, Any]:
        """The fields that were given, in their stored form."""
        return _with_defaults(self, Tag)


class TypeInput(BaseModel):
    """What a caller gives to make a contact type."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: LabelName = Field(examples=["Supplier"])
    description: ShortText = Field("", examples=["Who we buy from"])


class TypePatch(BaseModel):
    """A merge patch of a contact type; null gives a field its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: LabelName | None = None
    description: ShortText | None = None

    def as_given(self) -> dict[str, Any]:
        """The fields that were given, in their stored form."""
        return _with_defaults(self, ContactType)


class GroupInput(BaseModel):
    """What a caller gives to make a group. A dynamic one has a filter, a static one has none."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GroupName = Field(examples=["Spring campaign"])
    description: ShortText = Field("", examples=["Everybody who gets the spring letter"])
    color: Color = DEFAULT_COLOR
    kind: GroupKind = "static"
    filter: ContactConditions | None = Field(
        None,
        description="For a dynamic group: the conditions of `GET /contacts`, by the same names.",
        examples=[{"tags": "vip", "is_active": True}],
    )

    def as_given(self) -> dict[str, Any]:
        """All fields, in their stored form."""
        return {**self.__dict__, "filter": _conditions(self.filter)}


class GroupPatch(BaseModel):
    """A merge patch of a group. Its kind stays; null gives a field its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    name: GroupName | None = None
    description: ShortText | None = None
    color: Color | None = None
    filter: ContactConditions | None = None

    def as_given(self) -> dict[str, Any]:
        """The fields that were given, in their stored form."""
        given = _with_defaults(self, Group)
        return given | {"filter": _conditions(self.filter)} if "filter" in given else given


def _with_defaults(patch: BaseModel, label: type[Label]) -> dict[str, Any]:
    given = {name: getattr(patch, name) for name in patch.model_fields_set}
    if given.get("name", "") is None:
        raise Invalid.field("name", "required", "A name is required.")
    return {
        name: label.model_fields[name].default if value is None else value for name, value in given.items()
    }


def _conditions(given: ContactConditions | None) -> dict[str, Any] | None:
    return given.model_dump(exclude_none=True) if given is not None else None
