"""Keys of notes, in the partition of their contact: in descending order the pinned ones first, each newest first.

A note that is pinned or unpinned moves to another key. Its id leads to two keys, of which one exists.
"""

from __future__ import annotations

from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import Key, make_key

NOTE = "NOTE#"
"""The range of a contact's notes."""
RANGES = (f"{NOTE}1#", f"{NOTE}0#")
"""The ranges of the notes that are pinned, and of the others; each in the order of the ids."""
EVERYWHERE = ("", "~")
"""The bounds of the positions of all notes."""


def note(tenant_id: str, contact_id: str, note_id: str, *, is_pinned: bool) -> Key:
    """Return the key of a note."""
    return make_key(contact_keys.partition(tenant_id, contact_id), f"{NOTE}{int(is_pinned)}#{note_id}")
