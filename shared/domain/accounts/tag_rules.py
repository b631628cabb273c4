"""The tag rules of a tenant, as the API shows and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from shared.domain.bookings.event import BookingState
from shared.domain.field_names import nearest
from shared.domain.interactions.interaction import GivenType
from shared.domain.tag_rules import (
    MAX_BYTES_TOGETHER,
    MAX_NAMES,
    MAX_NAMES_TOGETHER,
    MAX_RULES,
    TagRule,
    TagTrigger,
)
from shared.domain.text import LabelName, fold_name


def _known(code: str, what: str, known: Sequence[str]) -> BeforeValidator:
    """Return a validator that refuses a text that is not in `known`, and names the nearest that is."""

    def validate(given: Any) -> Any:
        if not isinstance(given, str) or given in known:
            return given
        meant = nearest(given, known)
        advice = f"Did you mean `{meant}`?" if meant else f"Use one of {', '.join(known)}."
        raise PydanticCustomError(code, "{message}", {"message": f"This is not {what}. {advice}"})

    return BeforeValidator(validate)


_InteractionType = Annotated[
    GivenType, _known("unknown_interaction_type", "a type of interaction", get_args(GivenType))
]
_BookingState = Annotated[
    BookingState, _known("unknown_booking_state", "a state of bookings", get_args(BookingState))
]
_Names = Annotated[list[LabelName], Field(max_length=MAX_NAMES)]


class TagTriggerBody(BaseModel):
    """The occasion of a rule: exactly one of the two."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    interaction: _InteractionType | None = Field(
        None, description="A user or API client records an interaction of this type.", examples=["meeting"]
    )
    booking: _BookingState | None = Field(
        None, description="A booking event leaves its booking in this state.", validate_default=True
    )

    @field_validator("booking")
    @classmethod
    def _is_only_one(cls, booking: str | None, info: ValidationInfo) -> str | None:
        if "interaction" in info.data and (booking is None) == (info.data["interaction"] is None):
            raise PydanticCustomError("one_occasion", "Give either `interaction` or `booking`.")
        return booking


class TagRuleBody(BaseModel):
    """A rule that adds tags to a contact and removes tags from it, on an occasion."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    on: TagTriggerBody
    add: _Names = Field(
        default_factory=list,
        description="Names or ids of tags. A tag that does not exist is created under its name; an id of no tag is "
        "ignored.",
        examples=[["met"]],
    )
    remove: _Names = Field(
        default_factory=list,
        description="Names or ids of tags; those that the contact does not have are ignored. Removed before others are "
        "added.",
        examples=[["lead"]],
        validate_default=True,
    )

    @field_validator("remove")
    @classmethod
    def _changes_something(cls, remove: list[str], info: ValidationInfo) -> list[str]:
        if "add" not in info.data:
            return remove
        if not remove and not info.data["add"]:
            raise PydanticCustomError("no_tags", "Name a tag in `add` or in `remove`.")
        if {fold_name(name) for name in remove} & {fold_name(name) for name in info.data["add"]}:
            raise PydanticCustomError("added_and_removed", "A rule cannot both add and remove a tag.")
        return remove

    @classmethod
    def of(cls, rule: TagRule) -> TagRuleBody:
        """Return a stored rule, as it is shown."""
        on = TagTriggerBody.model_construct(interaction=rule.on.interaction, booking=rule.on.booking)
        return cls.model_construct(on=on, add=list(rule.add), remove=list(rule.remove))

    def to_rule(self) -> TagRule:
        """Return the rule as it is stored."""
        return TagRule(
            on=TagTrigger(interaction=self.on.interaction, booking=self.on.booking),
            add=tuple(self.add),
            remove=tuple(self.remove),
        )


def _of_bounded_size(rules: list[TagRuleBody]) -> list[TagRuleBody]:
    names = [name for rule in rules for name in (*rule.add, *rule.remove)]
    if len(names) > MAX_NAMES_TOGETHER:
        message = f"All rules together name at most {MAX_NAMES_TOGETHER} tags."
        raise PydanticCustomError("too_many_names", "{message}", {"message": message})
    if sum(len(name.encode()) for name in names) > MAX_BYTES_TOGETHER:
        message = f"The names in all rules together have at most {MAX_BYTES_TOGETHER:,} bytes in UTF-8."
        raise PydanticCustomError("names_too_long", "{message}", {"message": message})
    return rules


TagRules = Annotated[list[TagRuleBody], Field(max_length=MAX_RULES), AfterValidator(_of_bounded_size)]
