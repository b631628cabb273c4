"""The parts that the payloads of events are made of.

The models describe what webhooks receive: `docs/events/` has their JSON Schemas, and the OpenAPI document its section
`webhooks`. No function loads them. `shared.publishing.contracts` makes the payloads from events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.domain.records import BOOKKEEPING, Recorded


def absent(description: str | None = None) -> Any:
    """Return the default of a member that some events lack."""
    return Field(None, description=description)


def drop_titles(schema: JsonSchemaValue) -> None:
    """Remove the titles and defaults that pydantic adds to the members of a model's schema."""
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
        member.pop("default", None)


class Part(BaseModel):
    """The base of the models. The schemas allow further members, which later versions may add."""

    model_config = ConfigDict(json_schema_extra=drop_titles, defer_build=True)


class _OldAndNew:
    """The schema of a change: an object with the members `old` and `new`."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        value: JsonSchemaValue = handler(core_schema)["additionalProperties"]
        return _change_of(value)


def _change(annotation: Any) -> Any:
    """Return the type of a change of a field with a type."""
    members = dict[str, annotation | None]
    return Annotated[members, _OldAndNew()]


def _change_of(value: JsonSchemaValue) -> JsonSchemaValue:
    alternatives = value.get("anyOf", ())
    if alternatives and all(set(one) == {"type"} for one in alternatives):
        value = {"type": [one["type"] for one in alternatives]}
    return {"type": "object", "properties": {"old": value, "new": value}, "required": ["old", "new"]}


class Changes:
    """The type of an event's `changes`: for each field that changed its old and its new value; null means no value.

    `name`: of the schema. `fields`: the type of each field; names may have dots. `open_names`: fields whose members
    have any name, such as `custom_fields.visits`, with the schema of a value.
    """

    def __init__(
        self, name: str, fields: Mapping[str, Any], *, open_names: Mapping[str, JsonSchemaValue] | None = None
    ) -> None:
        self._name = name
        self._fields = fields
        self._patterns = {rf"^{field}\.": _change_of(value) for field, value in (open_names or {}).items()}
        self._model: type[BaseModel] | None = None

    @property
    def model(self) -> type[BaseModel]:
        """The model with a member for each field."""
        if self._model is None:
            members: dict[str, Any] = {
                name.replace(".", "_"): (_change(annotation), Field(None, alias=name))
                for name, annotation in self._fields.items()
            }
            config = ConfigDict(json_schema_extra=self._finish, defer_build=True)
            doc = "The fields that changed, each with its old and its new value; null means no value."
            self._model = create_model(self._name, __config__=config, __doc__=doc, **members)
        return self._model

    def _finish(self, schema: JsonSchemaValue) -> None:
        drop_titles(schema)
        if self._patterns:
            schema["patternProperties"] = self._patterns

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.model)


def fields_of(record: type[Recorded], *, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the types of the fields of a record that events list."""
    types = get_type_hints(record, include_extras=True)
    return {
        name: types[name]
        for name, field in record.model_fields.items()
        if name not in BOOKKEEPING and name not in without and not field.exclude
    }


class Data(Part):
    """The members of `data` that every event has."""

    object: str = Field(description="The kind of the record it happened to.")
    id: str = Field(description="The id of the record.")
    version: int = Field(
        ge=1,
        description="The record's version after the change. Of two events of one record, the higher version is later.",
    )
    source: Literal["api", "import", "booking", "system"] = Field(description="Where the change came from.")
    changes: Any
    job_id: str = absent("The bulk job that made the change.")
