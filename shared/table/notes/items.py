"""The items of notes."""

from __future__ import annotations

from shared.domain.notes.note import Note
from shared.domain.records import blank_fields
from shared.table.codec import AttributeCodec
from shared.table.item import Item
from shared.table.keys import notes as note_keys
from shared.table.keys.spelling import Key

_NOTE = AttributeCodec(
    texts=(
        "id",
        "contact_id",
        "body",
        "original",
        "failure_reason",
        "processed_at",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "requested_by",
        "last_event",
    ),
    states=("processing_state",),
    numbers=("version",),
    flags=("is_pinned",),
    json=("found",),
    defaults=blank_fields(Note),
)


def note_key(tenant_id: str, note: Note) -> Key:
    """Return the key of a note."""
    return note_keys.note(tenant_id, note.contact_id, note.id, is_pinned=note.is_pinned)


def note_to_item(tenant_id: str, note: Note) -> Item:
    """Return the item of a note."""
    return {**note_key(tenant_id, note), **_NOTE.encode(note.__dict__)}


def note_from_item(item: Item) -> Note:
    """Return the note of an item."""
    return Note.from_stored(_NOTE.decode(item))
