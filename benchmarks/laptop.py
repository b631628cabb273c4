"""The one-machine stack of two worktrees, side by side: `python -m benchmarks.laptop OTHER [--contacts 3000]`.

Measures what a developer waits for: starts, an import, and reads of a list of that size. OTHER is a worktree of an
older commit (`git worktree add --detach OTHER <commit>`) with a `.venv`, which may be a link to this one. Both stacks
run on free ports of loopback with states of their own in a temporary folder. Steps alternate between the two, so that
both meet the same load of the machine; where that varies, the CPU time of the import (on Linux) says more than its
seconds. While a file is imported, a contact of another tenant is created again and again, to see how long it waits for
its list. Stops by itself, at the latest after `--minutes`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from local.deploy import Aws
from local.http import request

ROOT = Path(__file__).resolve().parent.parent
_READS = {
    "a list of 25": "/contacts?limit=25",
    "a search": "/contacts?search=row1",
    "page number 100": "/contacts?page=100&page_size=25",
}
_FEWEST = 2_500
"""The contacts that page number 100 needs."""
_REPEATS = 9
"""How often each read is made; the median counts. One more comes first, uncounted."""
_STOP_SECONDS = 60
_LOOK_SECONDS = 1.0
"""How often the progress of an import is read: each look is work for the stack."""
_OTHER_TENANT = "neighbour"

_OPEN_TENANT = """
import json, sys
from local import demo
from local.deploy import Aws
state = json.loads(open(sys.argv[1]).read())
door = demo.onboarding(Aws(state["aws_endpoint"]), state["outputs"])
door.open_tenant(sys.argv[2], sys.argv[2])
print(door.add_api_client(sys.argv[2], "benchmark", demo.API_PERMISSIONS))
"""
"""Opens a tenant with the code of the worktree that it runs in; prints an API key."""


class CannotMeasure(Exception):
    """A stack failed during a measurement; the message says how."""


@dataclass
class Side:
    """The stack of one worktree. `figures` has each measurement's values, in seconds or rows a second."""

    name: str
    worktree: Path
    scratch: Path
    deadline: float
    figures: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    state: dict[str, Any] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _folder: Path = Path()

    def start(self, state_name: str, figure: str) -> None:
        """Start the stack with the state of that name and time it until it is ready."""
        self._folder = self.scratch / f"{self.name}-{state_name}"
        ports = {"PORT": str(_find_free_port()), "AWS_PORT": str(_find_free_port())}
        began = time.monotonic()
        with (self.scratch / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.worktree / ".venv/bin/python", "-m", "local"],
                cwd=self.worktree,
                env={**os.environ, **ports, "STATE_DIR": str(self._folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the stacks in order
            )
        state_file = self._folder / "state.json"
        while not state_file.exists():
            if self._process.poll() is not None:
                raise CannotMeasure(f"{self.name}: the stack ended; see {log.name}")
            self.pause(0.02)
        self.figures[figure].append(time.monotonic() - began)
        self.state = json.loads(state_file.read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Stop the stack, if it runs. A stack that does not stop in order is killed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Call the API and return the body. Waits and repeats the call when the rate limit refuses it."""
        while True:
            status, headers, answer = request(
                method, self.state["api_url"] + path, token=key or self.state["api_key"], body=body
            )
            if status < 300:
                return json.loads(answer)
            if status != 429:
                raise CannotMeasure(f"{self.name}: {method} {path} answered {status}: {answer[:300]!r}")
            self.pause(float(headers.get("Retry-After", "1")))

    def time_read(self, name: str, *, is_counted: bool = True) -> None:
        """Time one of the reads."""
        began = time.monotonic()
        self.call("GET", _READS[name])
        if is_counted:
            self.figures[name].append(time.monotonic() - began)

    def time_import(self, rows: int) -> None:
        """Import a file of so many rows; time its rows, its lists, and the lists of another tenant meanwhile."""
        key = self._open_other_tenant()
        before, cpu_before = self._count_listed(), self._cpu_seconds()
        is_over = threading.Event()
        neighbour = _Neighbour(self, key, is_over)
        neighbour.start()
        try:
            began = time.monotonic()
            Aws(self.state["aws_endpoint"]).client("s3").put_object(
                Bucket=self.state["drop_bucket"],
                Key=f"tenants/{self.state['tenant_id']}/inbox/benchmark.csv",
                Body=_build_file(rows).encode(),
            )
            while not self._has_imported():
                neighbour.check()
                self.pause(_LOOK_SECONDS)
            self.figures["rows a second of an import"].append(rows / (time.monotonic() - began))
            while self._count_listed() < before + rows:
                self.pause(_LOOK_SECONDS)
            self.figures["an import until its lists are whole"].append(time.monotonic() - began)
            if cpu_before:
                self.figures["CPU time of that"].append(self._cpu_seconds() - cpu_before)
        finally:
            is_over.set()
            neighbour.join()
        neighbour.check()
        self.figures["longest wait of another tenant's contact"].append(max(neighbour.waits))

    def _open_other_tenant(self) -> str:
        opened = subprocess.run(
            [
                self.worktree / ".venv/bin/python",
                "-c",
                _OPEN_TENANT,
                self._folder / "state.json",
                _OTHER_TENANT,
            ],
            cwd=self.worktree,
            capture_output=True,
            text=True,
            check=False,
        )
        if opened.returncode:
            raise CannotMeasure(f"{self.name}: no second tenant: {opened.stderr[-500:]}")
        return opened.stdout.strip()

    def _has_imported(self) -> bool:
        found = self.call("GET", "/imports?limit=1")["items"]
        if found and found[0]["state"] == "failed":
            raise CannotMeasure(f"{self.name}: the import failed: {found[0]}")
        return bool(found) and found[0]["state"] == "completed"

    def _count_listed(self) -> int:
        return int(self.call("GET", "/contacts?limit=1")["total"])

    def _cpu_seconds(self) -> float:
        """Return the CPU time that the processes of the stack have used; 0 where there is no /proc."""
        assert self._process is not None
        children: defaultdict[int, list[int]] = defaultdict(list)
        used: dict[int, float] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # a process that has ended
                # The fields after the name, by proc(5): the parent is the second, times in ticks the 12th to the 15th.
                fields = stat.read_text().rpartition(")")[2].split()
                pid = int(stat.parent.name)
                children[int(fields[1])].append(pid)
                used[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        processes = [self._process.pid]
        for process in processes:
            processes += children[process]
        return sum(used.get(process, 0.0) for process in processes)

    def pause(self, seconds: float) -> None:
        """Wait. Raises CannotMeasure when the time for all measurements is over."""
        if time.monotonic() > self.deadline:
            raise CannotMeasure(f"{self.name}: not done within the time that --minutes allows")
        time.sleep(seconds)


class _Neighbour(threading.Thread):
    """Creates contacts of another tenant, one after the other, each when the one before is in its list."""

    def __init__(self, side: Side, key: str, is_over: threading.Event) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.failure: CannotMeasure | None = None
        self._side, self._key, self._is_over = side, key, is_over

    def run(self) -> None:
        try:
            while not self._is_over.is_set():
                self.waits.append(self._time_one())
                self._is_over.wait(0.5)
        except CannotMeasure as failure:
            self.failure = failure

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self.failure is not None:
            raise self.failure

    def _time_one(self) -> float:
        number = len(self.waits)
        body = {"first_name": "Nora", "last_name": f"Next{number}", "email": f"nora{number}@example.com"}
        contact_id = self._side.call("POST", "/contacts", body, key=self._key)["id"]
        began = time.monotonic()
        while True:
            listed = self._side.call("GET", "/contacts?limit=1", key=self._key)["items"]
            if listed and listed[0]["id"] == contact_id:
                return time.monotonic() - began
            self._side.pause(0.5)


def _build_file(rows: int) -> str:
    lines = (f"Ann{n},Row{n},ann{n}@example.com,Company {n % 50}\n" for n in range(rows))
    return "first_name,last_name,email,company\n" + "".join(lines)


def _find_free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def measure(sides: list[Side], contacts: int, starts: int) -> None:
    """Take all measurements, each step for one side after the other. Leaves no stack running."""

    def each(step: Callable[[Side], None]) -> Iterator[Side]:
        for side in sides:
            print(f"  {side.name} …", file=sys.stderr, flush=True)
            step(side)
            yield side

    first, second = "ready, first start", "ready, second start"
    try:
        for number in range(starts - 1):
            for figure in (first, second):
                for side in each(lambda one: one.start(str(number), figure)):  # noqa: B023 (called at once)
                    side.stop()
        # The stacks with the import run from here on.
        for _ in each(lambda one: one.start("last", first)):
            pass
        for _ in each(lambda one: one.time_import(contacts)):
            pass
        for repeat in range(_REPEATS + 1):
            for name in _READS:
                for side in sides:
                    side.time_read(name, is_counted=repeat > 0)
        for side in sides:
            side.stop()
        for side in each(lambda one: one.start("last", f"ready, {contacts:,} contacts")):
            side.stop()
    finally:
        for side in sides:
            side.stop()


def table(other: Side, this: Side, contacts: int) -> str:
    """Return a table of the medians of both sides, and by which factor those of this side are better."""
    lines = [f"{f'{contacts:,} contacts':<44}{'other':>10}{'this':>10}{'times better':>14}"]
    for name, values in this.figures.items():
        before, now = statistics.median(other.figures[name]), statistics.median(values)
        is_rate = name.startswith("rows")
        before_text, now_text = (f"{one:.0f}" if is_rate else _format(one) for one in (before, now))
        ratio = now / before if is_rate else before / now
        lines.append(f"{name:<44}{before_text:>10}{now_text:>10}{ratio:>14.2f}")
    return "\n".join(lines)


def _format(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _end(number: int, _frame: object) -> NoReturn:
    """End this process after its stacks are stopped, however many signals follow."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    sys.exit(128 + number)


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.laptop", description=(__doc__ or "").split("\n\n", 1)[1]
    )
    parser.add_argument("other", type=Path, help="the worktree to compare with")
    parser.add_argument("--contacts", type=int, default=3_000, help=f"rows to import, at least {_FEWEST:,}")
    parser.add_argument("--starts", type=int, default=3, help="how many first starts, at least 2")
    parser.add_argument("--minutes", type=float, default=45.0, help="when to give up")
    given = parser.parse_args(arguments)
    if given.contacts < _FEWEST or given.starts < 2:
        parser.error(f"at least {_FEWEST:,} contacts and two starts are needed")
    if not (given.other / "local" / "__main__.py").exists() or not (given.other / ".venv").exists():
        parser.error(f"{given.other} is no worktree of this project with a .venv")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    deadline = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory(prefix="laptop-") as folder:
        other, this = (
            Side(name, worktree, Path(folder), deadline)
            for name, worktree in (("other", given.other.resolve()), ("this", ROOT))
        )
        try:
            measure([other, this], given.contacts, given.starts)
        except CannotMeasure as error:
            print(error, file=sys.stderr)
            return 1
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(
        f"other: {given.other}; {os.cpu_count()} cores, load {load}\n\n{table(other, this, given.contacts)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
