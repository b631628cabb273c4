"""The items of imports and of the layouts of their files."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from shared.domain import timestamps
from shared.domain.import_options import ImportOptions
from shared.domain.imports.columns import Column, Layout
from shared.domain.imports.progress import Tally
from shared.domain.imports.record import ImportRun
from shared.domain.imports.row_settings import RowSettings
from shared.domain.imports.undo import Undo, UndoTally
from shared.table.item import Item
from shared.table.keys import imports as import_keys
from shared.table.keys.work import WORK_PK, WORK_SK

UNSTARTED_SECONDS = 7 * 86_400
"""Seconds for which an import that is not started is kept. DynamoDB removes it some time afterwards."""
_TEXTS = {
    # Field of the record → attribute. They differ where the field's name is a reserved word in expressions, or unclear.
    "id": "id",
    "object_key": "object_key",
    "etag": "etag",
    "file_name": "file_name",
    "started_at": "started_at",
    "updated_at": "updated_at",
    "state": "import_state",
    "results_key": "results_key",
    "error_code": "error_code",
    "error_message": "error_message",
    "ended_at": "ended_at",
    "last_event": "last_event",
    "due_at": "due_at",
    "looked_at": "looked_at",
    "created_at": "created_at",
    "created_by": "created_by",
    "attempt": "attempt",
    "retry_of": "retry_of",
    "retried_by": "retried_by",
}
_NUMBERS = {
    "size": "file_bytes",
    "rows_total": "rows_total",
    "chunks_total": "chunks_total",
    "chunks_done": "chunks_done",
    "version": "version",
    "idle_looks": "idle_looks",
}
NOT_DUE = "REMOVE WPK, WSK, due_at"
"""The end of an update after which the watch looks at an import no more."""
_OUTCOMES = tuple(one.name for one in fields(Tally))
_UNDO_TEXTS = ("attempt", "started_at", "ended_at", "kept_key")
_UNDO_NUMBERS = ("rows_done", "chunks_done")


def run_to_item(run: ImportRun) -> Item:
    """Return the item of an import."""
    item: Item = {
        **import_keys.import_run(run.tenant_id, run.id),
        **{attribute: {"N": str(number)} for attribute, number in tally_attributes(run.tally).items()},
    }
    if options := run.options.to_json():
        item["options"] = {"S": options}
    if run.is_dry_run:
        item["is_dry_run"] = {"BOOL": True}
    if run.attempt:
        item["row_settings"] = {"S": run.row_settings.to_json()}
    if run.due_at:
        item.update(import_keys.due(run.due_at, run.id))
    if not run.started_at:
        expires_at = timestamps.to_milliseconds(run.created_at) // 1000 + UNSTARTED_SECONDS
        item["expires_at"] = {"N": str(expires_at)}
    for field, attribute in _TEXTS.items():
        if text := getattr(run, field):
            item[attribute] = {"S": text}
    for field, attribute in _NUMBERS.items():
        if (number := getattr(run, field)) is not None:
            item[attribute] = {"N": str(number)}
    return item | undo_attributes(run.undo)


_NO_FILE = {"etag": "", "started_at": ""}
"""The fields that are empty until the file of an import has arrived."""


def run_from_item(tenant_id: str, item: Item) -> ImportRun:
    """Return the import of an item."""
    values: dict[str, Any] = {
        field: item[attribute]["S"] for field, attribute in _TEXTS.items() if attribute in item
    }
    values |= {field: int(item[attribute]["N"]) for field, attribute in _NUMBERS.items() if attribute in item}
    tally = Tally(**{name: int(item[f"rows_{name}"]["N"]) for name in _OUTCOMES})
    options = ImportOptions.from_json(item["options"]["S"] if "options" in item else "")
    undo = _undo_from_item(item)
    if "row_settings" in item:
        values["row_settings"] = RowSettings.from_json(item["row_settings"]["S"])
    return ImportRun(
        tenant_id=tenant_id,
        tally=tally,
        options=options,
        is_dry_run="is_dry_run" in item,
        undo=undo,
        **{**_NO_FILE, **values},
    )


def undo_attributes(undo: Undo | None) -> Item:
    """Return the attributes of an import that hold the progress of its undo."""
    if undo is None:
        return {}
    texts = {name: text for name in _UNDO_TEXTS if (text := getattr(undo, name))}
    numbers = {name: getattr(undo, name) for name in _UNDO_NUMBERS} | asdict(undo.tally)
    return {
        **{f"undo_{name}": {"S": text} for name, text in texts.items()},
        **{f"undo_{name}": {"N": str(number)} for name, number in numbers.items()},
    }


def _undo_from_item(item: Item) -> Undo | None:
    if "undo_attempt" not in item:
        return None
    values: dict[str, Any] = {
        name: item[f"undo_{name}"]["S"] for name in _UNDO_TEXTS if f"undo_{name}" in item
    }
    values |= {name: int(item[f"undo_{name}"]["N"]) for name in _UNDO_NUMBERS}
    tally = UndoTally(**{one.name: int(item[f"undo_{one.name}"]["N"]) for one in fields(UndoTally)})
    return Undo(tally=tally, **values)


def tally_attributes(tally: Tally) -> dict[str, int]:
    """Return the number of rows of each outcome, by the attributes of the record that count them."""
    return {f"rows_{name}": number for name, number in asdict(tally).items()}


def end_update(run: ImportRun) -> tuple[str, Item]:
    """Return the expression and the values of the update that ends an import. Chunks may be counted meanwhile, so it
    does not touch the counters. An import whose results are to be gathered stays due."""
    ended = {
        "state": run.state,
        "results_key": run.results_key,
        "error_code": run.error_code,
        "error_message": run.error_message,
        "ended_at": run.ended_at,
        "updated_at": run.updated_at,
        "last_event": run.last_event,
    }
    given = {_TEXTS[name]: value for name, value in ended.items() if value}
    sets = ", ".join(f"{attribute} = :{attribute}" for attribute in given)
    values: Item = {f":{attribute}": {"S": value} for attribute, value in given.items()}
    if run.due_at:
        entry = import_keys.due(run.due_at, run.id)
        values |= {":due": {"S": run.due_at}, ":wpk": entry[WORK_PK], ":wsk": entry[WORK_SK]}
        expression = f"SET {sets}, version = :version, due_at = :due, WPK = :wpk, WSK = :wsk"
    else:
        expression = f"SET {sets}, version = :version {NOT_DUE}"
    return expression, {**values, ":version": {"N": str(run.version)}}


def propose_update(run: ImportRun) -> tuple[str, Item]:
    """Return the expression and the values of the update that gives the file and the options of a preview to an
    import."""
    texts = {
        "import_state": run.state,
        "etag": run.etag,
        "updated_at": run.updated_at,
        "last_event": run.last_event,
        "options": run.options.to_json(),
    }
    values: Item = {name: {"S": text} for name, text in texts.items() if text}
    values |= {"file_bytes": {"N": str(run.size)}, "version": {"N": str(run.version)}}
    sets = ", ".join(f"{name} = :{name}" for name in values)
    removed = "" if "options" in values else " REMOVE options"
    return f"SET {sets}{removed}", {f":{name}": value for name, value in values.items()}


def layout_to_item(tenant_id: str, import_id: str, attempt: str, layout: Layout) -> Item:
    """Return the item of a layout."""
    return {
        **import_keys.layout(tenant_id, import_id, attempt),
        "file_encoding": {"S": layout.encoding},
        "file_delimiter": {"S": layout.delimiter},
        "header_line": {"N": str(layout.header_line)},
        "header": {"S": json.dumps(layout.header, ensure_ascii=False)},
        "field_columns": {
            "S": json.dumps(
                [(one.field, one.label, one.reason, one.label_from) for one in layout.columns],
                ensure_ascii=False,
            )
        },
    }


def layout_from_item(item: Item) -> Layout:
    """Return the layout of an item."""
    header = tuple(json.loads(item["header"]["S"]))
    columns = json.loads(item["field_columns"]["S"])
    return Layout(
        encoding=item["file_encoding"]["S"],
        delimiter=item["file_delimiter"]["S"],
        header=header,
        columns=tuple(
            Column(position, name, *column)
            for position, (name, column) in enumerate(zip(header, columns, strict=True))
        ),
        header_line=int(item["header_line"]["N"]),
    )
