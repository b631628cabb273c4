"""Runs ministack so that a normal stop loses nothing that AWS would keep.

ministack saves its state when it stops. As of 1.5.33, it does not save stream records that no function has read yet,
nor asynchronous invocations that are still running, and it continues stream positions although the stream restarts
from zero. This module makes it stop starting new work, then wait for running functions, and save and restore those
parts too. For that it uses private names of ministack, which is why the version is pinned exactly; `require` fails at
the start, naming the missing name, if one of them is gone.

It runs as a separate process (`python -m local.emulator_start`), which ends when its standard input is closed: it never
outlives the process that started it, even if that process is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack_app
from ministack.core import lambda_runtime, responses
from ministack.services import dynamodb, eventbridge, lambda_svc, scheduler, sqs

from local import emulator_functions, emulator_lean, emulator_queries, emulator_sources
from local.emulator_parts import check_version, require
from local.emulator_settings import DRAIN_SECONDS, HOST

_log = logging.getLogger("local.emulator")


class Gate:
    """Lets queues, streams and schedules start functions, but not before the port answers, nor during a stop."""

    def __init__(self) -> None:
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def guard(self, module: Any, name: str) -> None:
        """Make `module.name` do nothing while the gate is closed."""
        inner = require(module, name)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            return inner(*args, **kwargs) if self._open.is_set() else False

        setattr(module, name, guarded)


class AsynchronousInvocations:
    """The asynchronous invocations that have neither succeeded nor gone to their failure destination.

    Replaces ministack's own loop, with the same attempts, waits and destinations, and records what is unfinished. An
    interrupted invocation is run again after the next start: events may arrive twice, as on AWS.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unfinished: dict[str, tuple[str, Any]] = {}
        self._restored: list[tuple[str, Any]] = []
        self._execute = require(lambda_svc, "_execute_function")
        self._give_up = require(lambda_svc, "_route_async_failure")
        self._by_reference = require(lambda_svc, "_get_func_record_for_ref")
        self._record_of = require(lambda_svc, "_execution_record_for_config")
        self._account_and_region = require(lambda_svc, "_account_region_from_function_config")
        self._first_wait: float = require(lambda_svc, "_LAMBDA_ASYNC_RETRY_BASE_SECONDS")
        self._longest_wait: float = require(lambda_svc, "_LAMBDA_ASYNC_RETRY_MAX_SECONDS")

    def install(self) -> None:
        require(lambda_svc, "invoke_async_with_retry")
        lambda_svc.invoke_async_with_retry = self.invoke
        save, load = lambda_svc.get_state, lambda_svc.load_persisted_state

        def get_state() -> dict[str, Any]:
            with self._lock:
                unfinished = [list(one) for one in self._unfinished.values()]
            return {**save(), "unfinished_invocations": unfinished}

        def load_persisted_state(data: dict[str, Any]) -> None:
            self._restored = [(arn, event) for arn, event in data.pop("unfinished_invocations", [])]
            load(data)

        lambda_svc.get_state, lambda_svc.load_persisted_state = get_state, load_persisted_state

    def invoke(self, function: dict[str, Any], event: Any) -> None:
        """Run a function in the background, and retry it after a failure."""
        arn = (function.get("config") or function)["FunctionArn"]
        number = uuid.uuid4().hex
        with self._lock:
            self._unfinished[number] = (arn, event)
        threading.Thread(target=self._run, args=(number, function, event), daemon=True).start()

    def resume(self) -> None:
        """Run the invocations again that the last stop interrupted."""
        restored, self._restored = self._restored, []
        for arn, event in restored:
            function, config, _name = self._by_reference(arn)
            if function is None:
                _log.warning("function %s no longer exists; its unfinished invocation is dropped", arn)
                continue
            _log.info("running an invocation again that the last stop interrupted: %s", arn)
            self.invoke(self._record_of(function, config), event)

    def _run(self, number: str, function: dict[str, Any], event: Any) -> None:
        config = function.get("config") or function
        account, region = self._account_and_region(config)
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        limits = (
            function.get("event_invoke_config")
            or (function.get("event_invoke_configs") or {}).get("$LATEST")
            or {}
        )
        attempts = 1 + int(limits.get("MaximumRetryAttempts", 2))
        result: dict[str, Any] = {}
        for attempt in range(attempts):
            if attempt:
                time.sleep(min(self._first_wait * 2 ** (attempt - 1), self._longest_wait))
            result = self._execute(function, event)
            if not result.get("error"):
                break
        else:
            destination = (limits.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination")
            if destination:
                self._give_up(destination, config["FunctionName"], event, result)
        with self._lock:
            del self._unfinished[number]


def keep_unread_stream_records() -> None:
    """Save with the tables the stream records that no function has read yet, and the streams' positions."""
    records = require(dynamodb, "_stream_records")
    trimmed = require(dynamodb, "_stream_trimmed")
    positions = require(lambda_svc, "_dynamodb_stream_positions")
    mappings = require(lambda_svc, "_esms")
    save, load = dynamodb.get_state, dynamodb.load_persisted_state

    def first_unread(account: str, region: str, table: str, horizon: int, end: int) -> int:
        read_up_to = [
            positions.get_scoped(account, region, mapping["UUID"], horizon)
            for (owner, place, _id), mapping in list(mappings.all_items())
            if (owner, place) == (account, region)
            and f":table/{table}/stream/" in mapping.get("EventSourceArn", "")
        ]
        return max(horizon, min(read_up_to, default=end))

    def get_state() -> dict[str, Any]:
        streams = []
        for (account, region, table), rows in list(records.all_items()):
            horizon = trimmed.get_scoped(account, region, table, 0)
            start = first_unread(account, region, table, horizon, horizon + len(rows))
            streams.append([account, region, table, start, rows[start - horizon :]])
        return {**save(), "unread_stream_records": streams}

    def load_persisted_state(data: dict[str, Any]) -> None:
        streams = data.pop("unread_stream_records", [])
        load(data)
        for account, region, table, start, rows in streams:
            trimmed.set_scoped(account, region, table, start)
            records.set_scoped(account, region, table, rows)

    dynamodb.get_state, dynamodb.load_persisted_state = get_state, load_persisted_state


def redeliver_messages() -> None:
    """Make messages visible at the start that were being processed: their consumers ended with the last run."""
    load = sqs.load_persisted_state

    def load_persisted_state(data: dict[str, Any]) -> None:
        load(data)
        now = time.time()
        for queue in require(sqs, "_queues")._data.values():
            for message in queue.get("messages", ()):
                if message.get("receive_count") and message["visible_at"] > now:
                    message["visible_at"] = now

    sqs.load_persisted_state = load_persisted_state


def wait_less_for_log_lines() -> None:
    """Wait 5 ms instead of 50 ms for the first log line of each invocation: the wait delays every request."""
    drain = require(lambda_runtime.Worker, "_drain_stderr_bounded")
    defaults = dict(zip(("first_line_wait", "idle_confirm", "hard_cap"), drain.__defaults__, strict=True))
    drain.__defaults__ = tuple((defaults | {"first_line_wait": 0.005, "idle_confirm": 0.002}).values())


async def run(port: int) -> None:
    """Serve until a signal arrives or standard input ends."""
    check_version()
    forks = emulator_functions.Forks(Path(os.environ["TMPDIR"]))
    forks.start()
    code = emulator_functions.UnpackedCode(Path(os.environ["CODE_DIR"]))
    gate, invocations = Gate(), AsynchronousInvocations()
    for module, name in (
        (lambda_svc, "_poll_sqs"),
        (lambda_svc, "_poll_dynamodb_streams"),
        (eventbridge, "_tick_scheduled_rules"),
        (scheduler, "_tick_schedules"),
    ):
        gate.guard(module, name)
    emulator_lean.install()
    emulator_functions.install(code, forks)
    emulator_queries.install()
    emulator_sources.install()
    invocations.install()
    keep_unread_stream_records()
    redeliver_messages()
    wait_less_for_log_lines()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    threading.Thread(
        target=_when_input_ends, args=(lambda: loop.call_soon_threadsafe(stop.set),), daemon=True
    ).start()

    async def opened() -> None:
        while not await _answers(port):
            await asyncio.sleep(0.01)
        gate.open()
        invocations.resume()

    async def stopped() -> None:
        await stop.wait()
        gate.close()
        deadline = loop.time() + DRAIN_SECONDS
        while lambda_svc.executions_in_flight()[0] and loop.time() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)  # for the removal of a function's messages from the queue, after its end
        _log.info("stopping with %d functions still running", lambda_svc.executions_in_flight()[0])

    opening = asyncio.create_task(opened())
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.backlog = 512
    config.graceful_timeout = 2
    try:
        await serve(ministack_app.app, config, shutdown_trigger=stopped)
    finally:
        opening.cancel()
        lambda_runtime.reset()
        forks.close()
        code.remove_unused()


def _when_input_ends(then: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    then()


async def _answers(port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


def main() -> None:
    """Serve on `GATEWAY_PORT`; ministack reads its other settings from the environment."""
    asyncio.run(run(int(os.environ["GATEWAY_PORT"])))
