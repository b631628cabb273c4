"""The outcome of an undo for each contact that the import wrote."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass

from shared.domain.contacts.reversal import KeptField
from shared.domain.imports.undo import Change, UndoOutcome, UndoTally

_COLUMNS = ("contact_id", "change", "row_numbers", "outcome", "reason", "fields")


@dataclass(frozen=True, slots=True)
class UndoneContact:
    """The outcome of an undo for a contact.

    `change`: what the import had done with it. `rows`: the rows of the file that it was written for. `reason`: why it
    was kept, or the code of the error for which it failed; empty otherwise. `fields`: those that stay.
    """

    contact_id: str
    change: Change
    rows: tuple[int, ...]
    outcome: UndoOutcome
    reason: str = ""
    fields: tuple[KeptField, ...] = ()

    @property
    def is_listed(self) -> bool:
        """Whether the report lists it."""
        return self.outcome in ("kept", "failed")


def encode_kept(contacts: Iterable[UndoneContact]) -> bytes:
    """Return the contacts that the report lists, a line of JSON for each."""
    lines = (json.dumps(astuple(one), separators=(",", ":")) for one in contacts if one.is_listed)
    return "".join(f"{line}\n" for line in lines).encode()


def decode_kept(lines: bytes) -> list[UndoneContact]:
    """Return the contacts that `encode_kept` encoded."""
    decoded = []
    for line in lines.splitlines():
        contact_id, change, rows, outcome, reason, fields = json.loads(line)
        kept = tuple(KeptField(*one) for one in fields)
        decoded.append(UndoneContact(contact_id, change, tuple(rows), outcome, reason, kept))
    return decoded


def kept_header() -> bytes:
    """Return the first line of the list of kept contacts, a CSV file in UTF-8 with a byte order mark."""
    return codecs.BOM_UTF8 + _csv_line(_COLUMNS)


def kept_line(contact: UndoneContact) -> bytes:
    """Return the line of a contact in the list of kept contacts."""
    fields = "; ".join(f"{one.field}: {one.reason}" for one in contact.fields)
    rows = " ".join(map(str, contact.rows))
    return _csv_line((contact.contact_id, contact.change, rows, contact.outcome, contact.reason, fields))


def _csv_line(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def tally_of(contacts: Iterable[UndoneContact]) -> UndoTally:
    """Return the number of contacts by outcome."""
    outcomes = [one.outcome for one in contacts]
    return UndoTally(*(outcomes.count(name) for name in ("removed", "restored", "kept", "failed")))
