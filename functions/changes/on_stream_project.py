"""Updates the projections from the table's stream."""

from __future__ import annotations

from typing import Any

from shared.projections.kinds.registry import kind_of
from shared.wiring.projections import projection


def handler(event: dict[str, Any], context: Any) -> None:
    """Apply a batch of changes to lists, indexes and counters.

    Repeating a batch is harmless. A failure raises, so that Lambda retries, halves the batch to isolate the failing
    record, and at last sends that to the dead-letter queue.
    """
    changes = [record["dynamodb"] for record in event["Records"]]
    projection().project(
        [_read_image(change) for change in changes],
        replaced=[change["OldImage"] for change in changes if "OldImage" in change],
    )


def _read_image(change: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] | None = change.get("NewImage")
    if image is None:  # the item was removed: a change like any other, but without a version of its own
        image = change["OldImage"]
        if kind_of(image) is not None:
            image = {**image, "deleted_at": {"S": ""}, "version": {"N": str(int(image["version"]["N"]) + 1)}}
    return image
