"""Bodies of bulk calls."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from shared.domain.contacts.bulk import MAX_TOGETHER, BulkChangeInput
from shared.domain.contacts.conditions import ContactConditions
from shared.domain.contacts.inputs import ContactInput

# Each entry is validated separately, so that an invalid entry does not fail the others.
_Entry = Annotated[Any, PlainValidator(lambda given: given, json_schema_input_type=ContactInput)]
_Ids = Annotated[
    list[Annotated[str, Field(max_length=100)]] | None,
    Field(
        min_length=1,
        max_length=MAX_TOGETHER,
        description="The ids of the contacts. Give either these or `filter`.",
        examples=[["0190a8b0-0000-7000-8000-00000000000c"]],
    ),
]
_Filter = Annotated[
    ContactConditions | None,
    Field(
        description="Selects all contacts that match; at least one condition. "
        f"If more than {MAX_TOGETHER} match, a background job carries out the call."
    ),
]


class BulkCreateInput(BaseModel):
    """Contacts to create."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    contacts: list[_Entry] = Field(
        min_length=1,
        max_length=MAX_TOGETHER,
        examples=[[{"first_name": "Ada", "email": "ada@example.org"}]],
    )


class BulkUpdateInput(BulkChangeInput):
    """A change of many contacts."""

    contact_ids: _Ids = None
    filter: _Filter = None


class BulkDeleteInput(BaseModel):
    """Contacts to delete."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    contact_ids: _Ids = None
    filter: _Filter = None
