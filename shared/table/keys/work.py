"""The index `work`: what waits for a scheduled task, in the order of time.

An item is in the index while it has the attributes WPK and WSK. An entry's sort key is `<time>#<identifier>`.
"""

from __future__ import annotations

from typing import Any

from shared.table.keys.spelling import Key

WORK_INDEX, WORK_PK, WORK_SK = "work", "WPK", "WSK"


def entry(partition: str, at: str, identifier: str) -> Key:
    """Return the index attributes of an item that is due at a time."""
    return {WORK_PK: {"S": partition}, WORK_SK: {"S": f"{at}#{identifier}"}}


def shard_of(identifier: str, shards: int) -> int:
    """Return the shard, of so many, that a thing's entries go to."""
    return sum(identifier.encode()) % shards


def due_until(at: str) -> tuple[str, str]:
    """Return the first and the last possible sort key of the entries that are due by a time."""
    return "0", f"{at}$"  # "$" sorts directly after the "#" that follows the time


def position_after(item: dict[str, Any]) -> str | None:
    """Return the sort key at which a walk in the order of time continues after an entry; None for an item that is not
    in the index.
    """
    # "$" sorts directly after "#": no other entry's key is between the entry's own and this.
    return f"{item[WORK_SK]['S']}$" if WORK_SK in item else None
