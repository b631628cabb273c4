"""The filter of a webhook subscription: which of the events of its types it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.domain.events import Event, Notice
from shared.domain.text import VISIBLE_ASCII, GivenLine
from shared.domain.webhooks.changed_fields import explain_unknown_field, is_changed_field

Source = Literal["api", "import", "booking", "system"]
"""The channels from which changes come; see `shared.domain.callers.Caller.origin`."""

MAX_FIELDS = 50
"""The most names of fields in a filter."""


def _check_field(name: str) -> str:
    if not is_changed_field(name):
        raise PydanticCustomError("unknown_field", explain_unknown_field(name))
    return name


_Field = Annotated[GivenLine, AfterValidator(_check_field)]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=VISIBLE_ASCII)]

_CHANGED = (
    "Only events that change one of these fields. `custom_fields` includes all fields within it, and "
    "`custom_fields.visits` is one of them."
)
_SOURCE = "Only events of changes from these channels."
_OWNER_ID = "Only events about contacts of this owner."
_ENTITY_ID = "Only events about the record with this id."


class WebhookFilterInput(BaseModel):
    """The conditions of a filter. Null, or an empty list, is no condition."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    changed: list[_Field] | None = Field(
        None, max_length=MAX_FIELDS, description=_CHANGED, examples=[["email", "phone"]]
    )
    source: list[Source] | None = Field(None, max_length=4, description=_SOURCE, examples=[["booking"]])
    owner_id: _Id | None = Field(None, description=_OWNER_ID)
    entity_id: _Id | None = Field(None, description=_ENTITY_ID)

    def given_members(self) -> dict[str, Any]:
        """Return the members that are named, in the form in which a filter has them."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for name in ("changed", "source"):
            if name in given:
                given[name] = list(dict.fromkeys(given[name] or ()))
        return given


class WebhookFilter(BaseModel):
    """The filter of a subscription. An event must meet all conditions; an empty list or null is no condition."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    changed: list[str] = Field(default=[], description=_CHANGED)
    source: list[Source] = Field(default=[], description=_SOURCE)
    owner_id: str | None = Field(default=None, description=_OWNER_ID)
    entity_id: str | None = Field(default=None, description=_ENTITY_ID)

    def patch(self, given: WebhookFilterInput | None) -> WebhookFilter:
        """Return the filter with the members that a merge patch (RFC 7396) names; without conditions for null."""
        if given is None:
            return WebhookFilter.model_construct()
        return self.model_copy(update=given.given_members())

    @property
    def conditions(self) -> dict[str, Any]:
        """The members that are conditions."""
        return {name: value for name, value in self.__dict__.items() if value}

    def may_pass(self, notice: Notice) -> bool:
        """Whether an event passes as far as its notice tells.

        The owner of the contact has to be read, and so have the changed fields when the notice does not name them.
        """
        return (
            (not self.source or notice.origin in self.source)
            and self.entity_id in (None, notice.subject_id)
            and (self.owner_id is None or notice.entity == "contact")
            and (notice.changed is None or self.has_changed_field(notice.changed))
        )

    def has_changed_field(self, names: Iterable[str]) -> bool:
        """Whether one of the changed fields is in the filter; True if the filter names no fields."""
        return not self.changed or any(
            name == field or name.startswith(f"{field}.") for field in self.changed for name in names
        )

    def passes_owner(self, owner_id: str | None, event: Event | None) -> bool:
        """Whether the owner of an event's contact is the one in the filter: now, or before a change by the event."""
        if self.owner_id is None or owner_id == self.owner_id:
            return True
        return event is not None and self.owner_id in event.changes.get("owner_id", ())
