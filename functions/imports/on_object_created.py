"""Starts an import for each new object in the drop bucket, or once the object is tagged with the result of its scan."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from shared import observability
from shared.wiring.imports import drop_bucket, import_runs


def handler(event: dict[str, Any], context: Any) -> None:
    """Start imports for the files of an S3 event.

    Repeating an event is harmless. A failure raises, so that Lambda retries, and at last sends the event to the
    dead-letter queue; the object stays.
    """
    for record in event["Records"]:
        s3 = record["s3"]
        if s3["bucket"]["name"] != drop_bucket().name:
            raise ValueError("an event of another bucket")
        # Keys are encoded like form fields: "+" for a space, percent-encoding for the rest.
        key = unquote_plus(s3["object"]["key"])
        run = import_runs().import_object(key, s3["object"]["eTag"])
        if run is None:
            observability.note("object ignored")
        else:
            observability.note(
                "import file received",
                tenant_id=run.tenant_id,
                import_id=run.id,
                state=run.state,
                file_bytes=run.size,
            )
