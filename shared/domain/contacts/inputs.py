"""The inputs for a contact: a new one, a replacement, or a patch. They are made from the table in `fields.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model

from shared.domain.contacts.fields import REQUIRED, SETTABLE, STAYING, Settable
from shared.domain.contacts.status import LifecycleStage, RelationshipStatus

M = TypeVar("M", bound=BaseModel)

_BY_STATUS_ROUTE = dict.fromkeys(
    ("relationship_status", "lifecycle_stage"), "`PUT /contacts/{contact_id}/status` changes it."
)


def with_fields(fields: Mapping[str, Any]) -> Callable[[type[M]], type[M]]:
    """Return a decorator that adds fields, each a type and its `Field`, to a model."""

    def add(model: type[M]) -> type[M]:
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **fields
        )

    return add


def whole_field(how: Settable, type: Any) -> tuple[Any, Any]:
    """Return the type and `Field` of a field of a whole contact, which accepts `type`."""
    stays = "A replacement that omits it keeps the present value." if how.stays else ""
    about = _documentation(
        how.description, how.creation_note, stays, _change_note(how, type), examples=how.examples
    )
    if how.empty is REQUIRED:
        return type, Field(**about) if about else ...
    if how.empty is list:
        return type, Field(default_factory=list, **about)
    return type if how.empty is not None else type | None, _field(how.empty, about)


def patch_field(how: Settable, type: Any, examples: list[Any] | None = None) -> tuple[Any, Any]:
    """Return the type and `Field` of a field of a merge patch, which accepts `type`."""
    about = _documentation(how.description, how.patch_note, _change_note(how, type), examples=examples)
    return (how.patch_type or type) | None, _field(None, about)


def _change_note(how: Settable, type: Any) -> str:
    return how.change_note if type is how.change_type else ""


def _field(default: object, about: dict[str, Any]) -> Any:
    """Return a `Field`, or only its default where that is enough: pydantic is quicker with it on a cold start."""
    return Field(default, **about) if about else default


def _documentation(*sentences: str, examples: list[Any] | None) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if description := " ".join(filter(None, sentences)):
        about["description"] = description
    if examples:
        about["examples"] = examples
    return about


@with_fields(
    {name: whole_field(how, how.change_type or how.type) for name, how in SETTABLE.items() if how.in_creation}
)
class ContactReplacement(BaseModel):
    """The fields of a contact that is replaced as a whole."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    set_elsewhere: ClassVar[Mapping[str, str]] = _BY_STATUS_ROUTE

    def given_fields(self) -> dict[str, Any]:
        """Return all fields, those left out with their empty value; but those that stay only when they were given."""
        absent = STAYING - self.model_fields_set
        if not absent:
            return self.__dict__
        return {name: value for name, value in self.__dict__.items() if name not in absent}


@with_fields({name: whole_field(how, how.type) for name, how in SETTABLE.items() if how.change_type})
class ContactInput(ContactReplacement):
    """The fields of a new contact."""

    relationship_status: RelationshipStatus | None = Field(
        None, description="Default: `prospect`. If it is given, it is the first entry of the status history."
    )
    lifecycle_stage: LifecycleStage | None = Field(
        None, description="Default: the stage that follows from the status."
    )


class MergePatch(BaseModel):
    """A JSON merge patch (RFC 7396): fields left out stay as they are, null clears a field."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given."""
        return {name: getattr(self, name) for name in self.model_fields_set}


@with_fields(
    {
        name: patch_field(how, how.change_type or how.type, how.patch_examples)
        for name, how in SETTABLE.items()
    }
)
class ContactPatch(MergePatch):
    """A JSON merge patch (RFC 7396) of a contact: fields left out stay as they are, null clears a field."""

    set_elsewhere: ClassVar[Mapping[str, str]] = _BY_STATUS_ROUTE
