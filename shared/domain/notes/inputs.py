"""The inputs that create and change notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.inputs import MergePatch
from shared.domain.errors import FieldError, Invalid
from shared.domain.text import WrittenText

TEXT_NAMES = (
    "body",
    "content",
    "text",
    "note",
    "note_body",
    "note_text",
    "noteBody",
    "noteText",
)
"""The names under which senders give the text of a note."""
_SAME = "The same as `body`, for senders that use this name."
_PINNED = "Pinned notes come first in the list."


class _NoteTexts(BaseModel):
    """The text of a note, under any of its names."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    body: WrittenText | None = Field(
        None, examples=["Call back at 020 7946 0958. #offer"], description="The text of the note."
    )
    content: WrittenText | None = Field(None, description=_SAME)
    text: WrittenText | None = Field(None, description=_SAME)
    note: WrittenText | None = Field(None, description=_SAME)
    note_body: WrittenText | None = Field(None, description=_SAME)
    note_text: WrittenText | None = Field(None, description=_SAME)
    noteBody: WrittenText | None = Field(None, description=_SAME)  # noqa: N815 (as senders name it)
    noteText: WrittenText | None = Field(None, description=_SAME)  # noqa: N815


class NoteInput(_NoteTexts):
    """A whole note. The text is required, under one of its names; under several, they must be equal."""

    is_pinned: bool = Field(False, description=_PINNED)

    def given_fields(self) -> dict[str, Any]:
        """Return `body` and `is_pinned`. Raises Invalid without a text, and for two different ones."""
        text = _text_of(self.__dict__)
        if text is None:
            raise _missing()
        return {"body": text, "is_pinned": self.is_pinned}


class NotePatch(_NoteTexts, MergePatch):
    """A JSON merge patch (RFC 7396) of a note: fields left out stay as they are, null clears a field."""

    is_pinned: bool | None = Field(None, description=_PINNED)

    def given_fields(self) -> dict[str, Any]:
        """Return the fields that were given. Raises Invalid for a text of null, and for two different texts."""
        given = super().given_fields()
        fields: dict[str, Any] = {}
        if "is_pinned" in given:
            fields["is_pinned"] = bool(given["is_pinned"])
        if any(name in given for name in TEXT_NAMES):
            fields["body"] = _text_of(given)
            if fields["body"] is None:
                raise _missing()
        return fields


def find_differing_texts(given: Any) -> list[FieldError]:
    """Return a fault for each name of the text in a parsed body if two of them have different texts."""
    if not isinstance(given, Mapping):
        return []
    texts = {name: given[name] for name in TEXT_NAMES if isinstance(given.get(name), str)}
    if len(set(texts.values())) <= 1:
        return []
    names = " and ".join(f"`{name}`" for name in texts)
    message = f"{names} are names of the same text, but the texts differ. Give one of them."
    return [FieldError(name, "different_texts", message) for name in texts]


def _text_of(given: Mapping[str, Any]) -> str | None:
    """Return the text, whatever its name; None if there is none. Raises Invalid for two different ones."""
    if errors := find_differing_texts(given):
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
    return next((given[name] for name in TEXT_NAMES if given.get(name) is not None), None)


def _missing() -> Invalid:
    return Invalid.field("body", "missing", "This is required.")
