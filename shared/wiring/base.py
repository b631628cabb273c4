"""The base of all subjects: AWS clients, the table, cursors and queues."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import aws, environment
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from collections.abc import Callable

    import botocore.session

    from shared.domain.exports.record import ExportTask
    from shared.domain.jobs.bulk import BulkTask
    from shared.domain.jobs.merges import MergeTask
    from shared.domain.webhooks.recovery import RecoveryTask
    from shared.files.queues.received import ReceivedMessages
    from shared.files.queues.tasks import SqsTaskQueue
    from shared.table.cursors import Cursors
    from shared.table.store import Store


@kept
def aws_session() -> botocore.session.Session:
    """The session that all AWS clients share."""
    return aws.create_session()


@kept
def aws_client(service: str, *, quick: bool = False) -> Any:
    """The client of a service. A `quick` client makes one attempt and waits at most a second for it."""
    return aws.create_client(aws_session(), service, quick=quick)


@kept
def store() -> Store:
    """The table."""
    from shared.table.store import Store

    return Store(aws_client("dynamodb"), environment.table_name())


@kept
def cursors() -> Cursors:
    """The service that signs cursors and checks their signatures."""
    from shared.table.cursors import Cursors

    return Cursors(environment.cursor_key())


@kept
def bulk_queue() -> SqsTaskQueue[BulkTask | ExportTask | RecoveryTask | MergeTask]:
    """The queue of the portions of bulk jobs, exports, recoveries of webhooks and merge jobs."""
    from shared.files.queues.bulk import to_message
    from shared.files.queues.tasks import SqsTaskQueue

    return SqsTaskQueue(partial(aws_client, "sqs"), environment.bulk_queue_url(), to_message)


def received_messages(queue_url: str) -> ReceivedMessages:
    """The messages that a function received from a queue."""
    from shared.files.queues.received import ReceivedMessages

    return ReceivedMessages(partial(aws_client, "sqs"), queue_url)


def time_limit(seconds: float) -> Callable[[], bool]:
    """Return a function that returns True until this many seconds have passed."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() < until
