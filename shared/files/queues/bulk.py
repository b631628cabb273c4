"""The queue of work on bulk jobs. Its messages hold ids and numbers, and no personal data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.domain.errors import Unavailable
from shared.files.queues.sending import group_of
from shared.services.jobs.bulk import Portion


class BulkQueue:
    """Hands portions of bulk jobs to whoever is free. `sqs` makes the client when it is first needed."""

    def __init__(self, sqs: Callable[[], Any], queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, portion: Portion) -> None:
        """Queue a portion. Raises Unavailable."""
        try:
            self._sqs().send_message(
                QueueUrl=self._queue_url,
                MessageBody=to_message(portion),
                MessageGroupId=group_of(portion.tenant_id),
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable() from error


def to_message(portion: Portion) -> str:
    """The message for a portion."""
    members = {"tenant_id": portion.tenant_id, "job_id": portion.job_id, "number": portion.number}
    return json.dumps(members, separators=(",", ":"))


def from_message(message: str) -> Portion:
    """The portion in a message. Raises ValueError for what is none; what it held is not repeated."""
    try:
        members = json.loads(message)
        tenant_id, job_id, number = members["tenant_id"], members["job_id"], members["number"]
    except (ValueError, TypeError, KeyError):
        raise ValueError("not a portion of a bulk job") from None
    if not (isinstance(tenant_id, str) and isinstance(job_id, str) and type(number) is int):
        raise ValueError("not a portion of a bulk job")
    return Portion(tenant_id, job_id, number)
