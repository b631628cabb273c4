"""Keys of imports: the record, its file's layout, its chunks, begun or finished, and when it is checked next."""

from __future__ import annotations

from typing import Any

from shared.table.keys import work
from shared.table.keys.spelling import SK, Key, escape, make_key, record_partition, tenant_prefix

CHUNK = "CHUNK#"
BEGUN = "BEGUN#"
DUE = "DUE#IMPORTS"
"""The index partition of running imports, by the time at which each is checked next."""
DUE_PREVIEWS = "DUE#PREVIEWS"
"""The index partition of running previews, by the time at which each is checked next."""
INBOX_WALK: Key = make_key("S#IMPORTS", "INBOX")
"""How far the watch has looked through the inboxes."""


def imports(tenant_id: str) -> str:
    """Return the partition of a tenant's imports."""
    return f"{tenant_prefix(tenant_id)}IMPORTS"


def import_run(tenant_id: str, import_id: str) -> Key:
    """Return the key of an import's record."""
    return make_key(imports(tenant_id), escape(import_id))


def preview(tenant_id: str, import_id: str) -> Key:
    """Return the key of the record of an import's preview."""
    return make_key(f"{tenant_prefix(tenant_id)}PREVIEWS", escape(import_id))


def partition(tenant_id: str, import_id: str) -> str:
    """Return the partition of what belongs to an import: its layout, its chunks, its events."""
    return record_partition(tenant_id, "import", import_id)


def layout(tenant_id: str, import_id: str, attempt: str) -> Key:
    """Return the key of the layout with which an attempt of an import reads the file."""
    return make_key(partition(tenant_id, import_id), f"LAYOUT#{attempt}")


def sample(attempt: str) -> str:
    """Return the prefix of the sort keys of the rows that a preview shows."""
    return f"SAMPLE#{attempt}#"


def sample_row(tenant_id: str, import_id: str, attempt: str, number: int) -> Key:
    """Return the key of a row that a preview shows."""
    return make_key(partition(tenant_id, import_id), f"{sample(attempt)}{number:06d}")


def chunks(attempt: str) -> str:
    """Return the prefix of the sort keys of an attempt's chunks."""
    return f"{CHUNK}{attempt}#"


def chunk(tenant_id: str, import_id: str, attempt: str, number: int) -> Key:
    """Return the key of a chunk of an attempt that is finished."""
    return make_key(partition(tenant_id, import_id), f"{chunks(attempt)}{number:06d}")


def chunk_number(key: dict[str, Any]) -> int:
    """Return the number of the chunk with a key."""
    return int(key[SK]["S"].rpartition("#")[2])


def begun(tenant_id: str, import_id: str, attempt: str, first_row: int, further: str = "") -> Key:
    """Return the key of a chunk that was begun, which is known by its first row; with `further`, an id, of what was
    added to it later.
    """
    partition_key, prefix = begun_range(tenant_id, import_id, attempt, first_row)
    return make_key(partition_key, f"{prefix}{further}")


def begun_range(tenant_id: str, import_id: str, attempt: str, first_row: int) -> tuple[str, str]:
    """Return the partition and the prefix of the items of a chunk that was begun."""
    return partition(tenant_id, import_id), f"{BEGUN}{escape(attempt)}#{first_row:08d}#"


def kept(tenant_id: str, import_id: str, attempt: str) -> Key:
    """Return the key of the first contacts that an undo has kept."""
    return make_key(partition(tenant_id, import_id), f"KEPT#{attempt}")


def due(at: str, import_id: str) -> Key:
    """Return the index attributes of a running import. One partition is enough: an entry moves every few minutes."""
    return work.entry(DUE, at, import_id)


def preview_due(at: str, import_id: str) -> Key:
    """Return the index attributes of a running preview."""
    return work.entry(DUE_PREVIEWS, at, import_id)
