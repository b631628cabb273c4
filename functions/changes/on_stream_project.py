"""The table's stream → projections."""

from __future__ import annotations

from typing import Any

from shared.projections.kinds.registry import kind_of
from shared.wiring.projections import projection


def handler(event: dict[str, Any], context: Any) -> None:
    """Bring lists, indexes and counters up to a batch of changes.

    Repeating a batch is harmless. A failure raises, so that Lambda tries again, halves the batch to find the
    culprit, and at last sends it to the dead-letter queue.
    """
    changes = [record["dynamodb"] for record in event["Records"]]
    projection().project(
        [_image(change) for change in changes],
        replaced=[change["OldImage"] for change in changes if "OldImage" in change],
    )


def _image(change: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] | None = change.get("NewImage")
    if image is None:  # the item is gone for good: a change like another, though it has no version of its own
        image = change["OldImage"]
        if kind_of(image) is not None:
            image = {**image, "deleted_at": {"S": ""}, "version": {"N": str(int(image["version"]["N"]) + 1)}}
    return image
