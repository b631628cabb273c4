"""The inputs that create and change groups."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from shared.domain.contacts.bulk import MAX_TOGETHER
from shared.domain.contacts.conditions import ContactConditions
from shared.domain.groups.record import Group, GroupKind
from shared.domain.labels.inputs import Color, LabelInput, LabelPatch
from shared.domain.labels.record import DEFAULT_COLOR
from shared.domain.text import GroupName, ShortText


class GroupInput(LabelInput):
    """The fields of a new group. A dynamic group has a filter, a static group has none."""

    name: GroupName = Field(examples=["Spring campaign"])
    description: ShortText = Field("", examples=["Everybody who gets the spring letter"])
    color: Color = DEFAULT_COLOR
    kind: GroupKind = "static"
    filter: ContactConditions | None = Field(
        None,
        description="For a dynamic group: conditions as in the query of `GET /contacts`.",
        examples=[{"tags": "vip", "is_active": True}],
    )
    contact_ids: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=list,
        max_length=MAX_TOGETHER,
        description="For a static group: its first members. If one of them cannot join, no group is created.",
    )

    def given_fields(self) -> dict[str, Any]:
        return {**super().given_fields(), "filter": _conditions(self.filter)}


class GroupPatch(LabelPatch):
    """A merge patch of a group, whose kind cannot change; null resets a field to its default."""

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
