"""The first contacts of an export, as a dry run shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.domain.exports.fields import Exported, cell_of, columns_of
from shared.domain.exports.formats import JsonLinesEncoder, VcardEncoder
from shared.domain.exports.record import ExportRun

_VCARD = "vcard"


def preview_rows(run: ExportRun, contacts: Sequence[Exported]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the names of the columns of an export, and some of its contacts as it would write them."""
    if run.format == "vcf":
        encoder = VcardEncoder(run.chosen)
        return [_VCARD], [{_VCARD: encoder.encode([one]).decode()} for one in contacts]
    if run.format == "jsonl":
        encoded = JsonLinesEncoder(run.chosen)
        # Each on its own: texts may have characters at which `splitlines` splits, such as U+2028.
        rows: list[dict[str, Any]] = [json.loads(encoded.encode([one])) for one in contacts]
        return list(dict.fromkeys(name for row in rows for name in row)), rows
    custom = sorted({key for one in contacts for key in one.contact.custom_fields})
    columns = columns_of(run.chosen, custom)
    return (
        [column.header for column in columns],
        [
            {column.header: cell_of(column.name, column.value_of(one)) for column in columns}
            for one in contacts
        ],
    )
