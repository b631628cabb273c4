"""A new object in the drop bucket → an import, cut into chunks."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from shared import observability
from shared.wiring.imports import drop_bucket, import_runs


def handler(event: dict[str, Any], context: Any) -> None:
    """Take up the files of an S3 event.

    Doing it again is harmless. A failure raises, so that Lambda tries again and at last hands the event to the
    dead-letter queue; the object stays.
    """
    for record in event["Records"]:
        s3 = record["s3"]
        if s3["bucket"]["name"] != drop_bucket().name:
            raise ValueError("an event of another bucket")
        # Keys come encoded as in a form: "+" for a space, the rest by percent.
        key = unquote_plus(s3["object"]["key"])
        run = import_runs().take_up(key, s3["object"]["eTag"])
        if run is None:
            observability.note("object passed over")
        else:
            observability.note(
                "file taken up",
                tenant_id=run.tenant_id,
                import_id=run.id,
                state=run.state,
                file_bytes=run.size,
            )
