"""Merges as callers request them and as the API answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.history import FieldChange
from shared.domain.contacts.record import Contact
from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import FieldError, Invalid
from shared.domain.events import Event
from shared.domain.merges.record import Merge, Undo
from shared.domain.timestamps import Timestamp

MAX_AT_ONCE = 20
"""The maximum number of contacts that one call merges into another one."""
_ContactId = Annotated[str, Field(min_length=1, max_length=100)]


class MergeInput(BaseModel):
    """A merge of contacts into another one."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    survivor_id: _ContactId = Field(
        description="The contact that stays.", examples=["0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d10"]
    )
    merged_ids: list[_ContactId] = Field(
        min_length=1,
        max_length=MAX_AT_ONCE,
        description="The contacts that are merged into it. Of several values of a field, the first one counts.",
        examples=[["0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d11"]],
    )
    choices: dict[Annotated[str, Field(max_length=100)], _ContactId] = Field(
        default={},
        max_length=200,
        description="For a field, the contact whose value it gets: `name`, `email`, `phone`, `whatsapp`, `company`, "
        "`department`, `job_title`, `about`, `owner_id`, `customer_id`, `preferred`, `is_active`, "
        "`relationship_status`, `lifecycle_stage`, or `custom_fields.` with the name of a custom field. Other fields "
        "keep the survivor's value, and get that of the first merged contact where the survivor has none.",
        examples=[{"company": "0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d11"}],
    )
    dry_run: bool = Field(False, description="Show what the merge would do, without doing it.")

    def check_ids(self) -> None:
        """Raise Invalid for a contact that is named twice."""
        seen, errors = {self.survivor_id}, list[FieldError]()
        for number, one in enumerate(self.merged_ids):
            if one in seen:
                message = "This contact is named twice: as the survivor, or as another merged contact."
                errors.append(FieldError(f"merged_ids.{number}", "named_twice", message))
            seen.add(one)
        if errors:
            raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))


class MergeResult(BaseModel):
    """A merge, with what it did to its survivor.

    `id`: null for a dry run, which shows the other fields as the merge would have them. `contact`: the survivor after
    the call, null if it is deleted. `changes`: the fields of the survivor that the call changed. The other fields: see
    `Merge`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str | None
    survivor_id: str
    merged_ids: list[str]
    state: Literal["done", "undone"]
    choices: dict[str, str] = Field(examples=[{"company": "0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d11"}])
    by: str
    at: Timestamp
    undo_until: Timestamp
    undo: Undo | None
    job_id: str | None
    dry_run: bool
    contact: ContactShown | None
    changes: dict[str, FieldChange]

    @classmethod
    def of(
        cls, merge: Merge, contact: Contact | None, event: Event | None, *, dry_run: bool = False
    ) -> MergeResult:
        """Return the answer to a call. `event`: that of the survivor's change; None if the call changed nothing.

        The contact has no names of its owner and customer yet.
        """
        members: Mapping[str, Any] = {**merge.__dict__, **({"id": None} if dry_run else {})}
        shown = None if contact is None else ContactShown._from_fields(**contact.__dict__)
        changes = event.changes if event is not None else {}
        return cls.model_construct(
            **members,
            dry_run=dry_run,
            contact=shown,
            changes={name: FieldChange(old=old, new=new) for name, (old, new) in changes.items()},
        )
