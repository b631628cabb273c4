"""Gives each event source of the emulator a thread of its own, and full batches.

ministack 1.5.33 polls every queue and stream from one thread. A function that reads a stream runs in that thread, so
that meanwhile no other source is read. It also cuts a batch before it filters it: of 100 records of a stream, a third
may reach the function. AWS polls the sources independently, and filters before it fills a batch (AWS Lambda developer
guide, "Using Lambda with Amazon DynamoDB" and "Lambda event filtering").

The emulator's own functions still read the sources, run the functions and keep the positions. They only find one
source at a time, and enough records for a batch.

Each item that is written makes a record of the stream with an id. `uuid.uuid4` asks the operating system for each, and
another thread takes over meanwhile; here ids are counted.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from ministack.core import concurrency
from ministack.services import dynamodb, lambda_svc

from local.emulator_parts import require

_log = logging.getLogger(__name__)

MOST_RECORDS = 10_000
"""How many records of a stream one batch is gathered from at most."""
_PAUSE_SECONDS = 0.05
"""The pause after a wake-up that found nothing to do."""
_SUPERVISE_SECONDS = 0.25
"""How long a new source waits for its thread at most."""
_LOOK_SECONDS = 1.0
"""How long a source waits without a wake-up before it is looked at: messages become visible again unannounced."""

_own: ContextVar[str | None] = ContextVar("own", default=None)
"""The id of the event source mapping that this thread polls."""


class Wakes:
    """Wakes every thread that waits, where the emulator's own event would wake one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def set(self) -> None:
        """Wake the threads."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def seen(self) -> int:
        """Return how often the threads were woken."""
        return self._count

    def wait(self, seen: int, seconds: float) -> bool:
        """Wait until there was a wake-up after `seen`. Returns whether there was."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count != seen, seconds)


def fill(records: list[Any], count: int, matches: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Return the first records that hold `count` which match, or all of them where fewer do.

    `matches`: returns those of some records that pass the filter of the source.
    """
    found = 0
    for start in range(0, len(records), count):
        part = records[start : start + count]
        matching = len(matches(part))
        if found + matching < count:
            found += matching
            continue
        for end in range(start + 1, start + len(part) + 1):
            found += len(matches(records[end - 1 : end]))
            if found == count:
                return records[:end]
    return records


class Ids:
    """Ids in the form of UUIDs: the beginning of a random one, which differs for each process, and a number."""

    def __init__(self) -> None:
        self._beginning = str(uuid.uuid4())[:24]
        self._numbers = itertools.count()

    def new(self) -> str:
        """Return the next id."""
        return f"{self._beginning}{next(self._numbers):012x}"


def install() -> None:
    """Put the parts above in the place of the emulator's. Exits when a name of the emulator's is gone."""
    for name in ("_poll_sqs", "_poll_dynamodb_streams", "_poll_kinesis", "_esms", "_esm_wake", "_poll_loop"):
        require(lambda_svc, name)
    every, keep = require(lambda_svc, "_iter_all_esms"), require(lambda_svc, "_apply_filter_criteria")
    read = require(dynamodb, "stream_records_since")
    require(dynamodb, "new_uuid")
    wakes = Wakes()

    def own() -> Iterator[tuple[str, str, dict[str, Any]]]:
        mine = _own.get()
        return ((a, r, one) for a, r, one in every() if mine is None or one["UUID"] == mine)

    def records_since(table: str, position: int, limit: int, **scope: Any) -> list[Any]:
        mine = None if _own.get() is None else next((one for _account, _region, one in own()), None)
        if mine is None:  # read through the API
            found: list[Any] = read(table, position, limit, **scope)
            return found
        return fill(read(table, position, MOST_RECORDS, **scope), limit, lambda some: keep(some, mine))

    def poll(mapping_id: str, source: str) -> None:
        _own.set(mapping_id)
        is_stream = ":dynamodb:" in source
        while any(one["UUID"] == mapping_id for _account, _region, one in every()):
            seen = wakes.seen()
            try:
                found = lambda_svc._poll_dynamodb_streams() if is_stream else lambda_svc._poll_sqs()
            except Exception:  # noqa: BLE001 (one source's fault must not end its thread)
                _log.exception("the source %s could not be polled", source)
                found = False
            if not found and wakes.wait(seen, _LOOK_SECONDS):
                # Most wake-ups are for other sources: many at once count as one.
                time.sleep(_PAUSE_SECONDS)

    def supervise() -> None:
        polled: set[str] = set()
        while True:
            for _account, _region, one in every():
                if one["UUID"] not in polled:
                    polled.add(one["UUID"])
                    arguments = (one["UUID"], one.get("EventSourceArn", ""))
                    threading.Thread(target=poll, args=arguments, daemon=True).start()
            # Do not wait for wake-ups: each item that is written causes one, and new sources are rare.
            time.sleep(_SUPERVISE_SECONDS)

    concurrency.esm_wake.set = wakes.set
    lambda_svc._iter_all_esms = own
    lambda_svc._poll_loop = supervise
    dynamodb.stream_records_since, dynamodb.new_uuid = records_since, Ids().new
