"""The inputs that create and change tags and types, with the parts that groups share."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain.errors import Invalid
from shared.domain.labels.record import DEFAULT_COLOR, ContactType, Label, Tag
from shared.domain.text import LabelName, Line, ShortText

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def _check_color(text: str) -> str:
    if not _COLOR.fullmatch(text):
        raise PydanticCustomError("color", "This must be a color in the form #rrggbb, such as #0066cc.")
    return text.lower()


Color = Annotated[
    str,
    Field(json_schema_extra={"pattern": f"^{_COLOR.pattern}$", "maxLength": 7}),
    AfterValidator(_check_color),
]


class LabelInput(BaseModel):
    """The fields of a new label."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def given_fields(self) -> dict[str, Any]:
        """Return all fields in their stored form."""
        return dict(self.__dict__)


class LabelPatch(BaseModel):
    """A merge patch of a label; null resets a field to its default."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    label: ClassVar[type[Label]]

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given, in their stored form. Raises Invalid if the name is null."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if given.get("name", "") is None:
            raise Invalid.field("name", "required", "A name is required.")
        defaults = self.label.model_fields
        return {name: defaults[name].default if value is None else value for name, value in given.items()}


class TagInput(LabelInput):
    """The fields of a new tag."""

    name: LabelName = Field(examples=["VIP"])
    color: Color = DEFAULT_COLOR
    category: Line = Field("", examples=["loyalty"])


class TagPatch(LabelPatch):
    """A merge patch of a tag; null resets a field to its default."""

    label = Tag

    name: LabelName | None = None
    color: Color | None = None
    category: Line | None = None


class TypeInput(LabelInput):
    """The fields of a new contact type."""

    name: LabelName = Field(examples=["Supplier"])
    description: ShortText = Field("", examples=["Who we buy from"])


class TypePatch(LabelPatch):
    """A merge patch of a contact type; null resets a field to its default."""

    label = ContactType

    name: LabelName | None = None
    description: ShortText | None = None
