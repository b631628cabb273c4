"""Notes: longer free texts on a contact, which callers edit and which are processed after each change of the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from shared.domain.errors import Conflict
from shared.domain.events import Changes, compare_fields
from shared.domain.notes.finding import Finding
from shared.domain.records import BOOKKEEPING, Recorded
from shared.domain.stamp import Stamp
from shared.domain.timestamps import Timestamp

ProcessingState = Literal["pending", "processed", "failed"]


class Note(Recorded):
    """A note on a contact.

    `body`: the text; after processing in Unicode NFC, with line ends and white space tidied. `original`: the text as
    it was sent; null while `body` equals it. `found`: what processing found in `body`, in the order of the positions.
    `failure_reason`: why processing was given up. `version` counts the changes that callers make; processing keeps it,
    so an ETag from before it still matches.
    """

    entity: ClassVar[str] = "note"

    id: str
    contact_id: str
    body: str
    original: str | None = None
    is_pinned: bool = False
    processing_state: ProcessingState = "pending"
    failure_reason: str | None = None
    processed_at: Timestamp | None = None
    found: list[Finding] = []
    version: int = 1
    created_at: Timestamp
    created_by: str
    updated_at: Timestamp
    updated_by: str

    # The event that asked for the processing of the present text.
    requested_by: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""
    last_event: Annotated[str, SkipJsonSchema(), Field(exclude=True)] = ""

    @classmethod
    def create(cls, fields: dict[str, Any], *, note_id: str, contact_id: str, stamp: Stamp) -> Note:
        """Return a new note of a contact, to be processed. `fields`: `body` and `is_pinned`."""
        return cls._from_fields(
            id=note_id,
            contact_id=contact_id,
            requested_by=stamp.event_id,
            **fields,
            **stamp.creation_fields(),
        )

    def change(self, fields: dict[str, Any], *, stamp: Stamp) -> tuple[Note, Changes] | None:
        """Return the note with some fields changed, and the changes; None when nothing changes.

        A changed text is to be processed. The same text again, as it was sent or as it is shown, is no change.
        """
        given = dict(fields)
        if given.get("body", self.body) in (self.body, self.original):
            given.pop("body", None)
        else:
            given.update(
                _TO_BE_PROCESSED, original=None, processed_at=None, found=[], requested_by=stamp.event_id
            )
        return self._changed(given, stamp)

    def request_processing(self, *, stamp: Stamp) -> tuple[Note, Changes]:
        """Return the note to be processed once more, and the changes.

        A pending note may have lost its message, so it is requested again. Raises Conflict for a processed note.
        """
        if self.processing_state == "processed":
            raise Conflict("This note has been processed.", code="already_processed")
        after = self._next_version({**_TO_BE_PROCESSED, "requested_by": stamp.event_id}, stamp)
        return after, compare_fields(self._audited_fields(), after._audited_fields())

    def complete(self, body: str, found: Sequence[Finding], *, stamp: Stamp) -> Note:
        """Return the note after its processing: with the tidied text, and with what was found in it."""
        return self.with_fields(
            {
                "body": body,
                "original": self.sent if self.sent != body else None,
                "processing_state": "processed",
                "failure_reason": None,
                "processed_at": stamp.at,
                "found": list(found),
                "last_event": stamp.event_id,
            }
        )

    def fail(self, reason: str, *, stamp: Stamp) -> Note:
        """Return the note after its processing was given up."""
        return self.with_fields(
            {"processing_state": "failed", "failure_reason": reason, "last_event": stamp.event_id}
        )

    @property
    def sent(self) -> str:
        """The text as it was sent."""
        return self.body if self.original is None else self.original

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings of each kind."""
        return dict(sorted(Counter(one["kind"] for one in self.found).items()))

    def list_removed_fields(self) -> Changes:
        """Return the changes of a deletion: all fields, as removed."""
        return compare_fields(self._audited_fields(), {})

    def _changed(self, given: dict[str, Any], stamp: Stamp) -> tuple[Note, Changes] | None:
        after = self._next_version(given, stamp)
        changes = compare_fields(self._audited_fields(), after._audited_fields())
        return (after, changes) if changes else None

    def _audited_fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in _NOT_AUDITED and value}


_TO_BE_PROCESSED: dict[str, Any] = {"processing_state": "pending", "failure_reason": None}
_NOT_AUDITED = BOOKKEEPING | {"contact_id", "requested_by", "found", "processed_at"}
