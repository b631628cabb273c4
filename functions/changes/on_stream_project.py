"""Updates the projections from the table's stream."""

from __future__ import annotations

from typing import Any

from shared import observability
from shared.projections.kinds.kind import removal_of
from shared.projections.kinds.registry import kind_of
from shared.table.keys.spelling import tenant_of_item
from shared.wiring.projections import projection


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Apply a batch of changes to lists, indexes and counters. Return the first change from which Lambda is to retry.

    Repeating a batch is harmless. Raises the failure when the first change of the batch failed: Lambda then halves the
    batch, which isolates the failing change, and at last sends that to the dead-letter queue. After an answer that
    names a change, it repeats from that change and does not halve.
    """
    changes = [record["dynamodb"] for record in event["Records"]]
    failures = projection().project_each_tenant(
        [_read_image(change) for change in changes],
        replaced=[change["OldImage"] for change in changes if "OldImage" in change],
    )
    if not failures:
        return {"batchItemFailures": []}
    tenants = [tenant_of_item(change["Keys"]) for change in changes]
    if tenants[0] in failures:
        raise failures[tenants[0]]
    for failure in failures.values():
        observability.warn("a tenant's changes were not projected", trace=observability.trace_of(failure))
    first = next(change for change, tenant in zip(changes, tenants, strict=True) if tenant in failures)
    return {"batchItemFailures": [{"itemIdentifier": first["SequenceNumber"]}]}


def _read_image(change: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] | None = change.get("NewImage")
    if image is None:  # the item was removed: a change like any other, but without a version of its own
        image = change["OldImage"]
        if kind_of(image) is not None:
            image = removal_of(image)
    return image
