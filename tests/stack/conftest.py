"""The stack: `python -m local` as a user runs it, on free ports, with its state in a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar

import pytest

from local import demo
from local.deploy import Aws
from local.http import request
from local.sources import ROOT
from tests.support.tenant_guard import as_operator

START_SECONDS = 300
STOP_SECONDS = 300
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `body` is its parsed JSON, None for an empty body."""

    status: int
    headers: Message
    body: Any


@dataclass(frozen=True)
class OpenedTenant:
    """A tenant created for a test, with tokens of its two users and a key with all permissions."""

    id: str
    admin_token: str
    user_token: str
    api_key: str


class LiveStack:
    """A stack that can be started and stopped repeatedly; its state is kept."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.port, self.aws_port = free_ports(2)
        self.output = state_dir.with_name(f"{state_dir.name}.out")
        self.state: dict[str, Any] = {}
        self.aws = Aws(f"http://127.0.0.1:{self.aws_port}")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the CloudFormation stack."""
        found: dict[str, str] = self.state["outputs"]
        return found

    def start(self) -> float:
        """Start the stack, wait until it is ready, and return the seconds that took."""
        began = time.monotonic()
        state_file = self.state_dir / "state.json"
        # A killed stack leaves its state file behind, which does not belong to the new one.
        before = _modified_at(state_file)
        environment = os.environ | {
            "PORT": str(self.port),
            "AWS_PORT": str(self.aws_port),
            "STATE_DIR": str(self.state_dir),
        }
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local"], cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        while _modified_at(state_file) in (None, before):
            if self._process.poll() is not None or time.monotonic() - began > START_SECONDS:
                pytest.fail(f"the stack did not start:\n{self.output.read_text(errors='replace')[-4000:]}")
            time.sleep(0.05)
        self.state = json.loads(state_file.read_text(encoding="utf-8"))
        return time.monotonic() - began

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Stop the stack by a signal, if it runs, wait for its end, and return the seconds that took."""
        began = time.monotonic()
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise
            finally:
                self._process = None
        return time.monotonic() - began

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator."""
        return self.aws.client(service)

    def api(
        self, method: str, path: str, *, token: str | None = None, body: Any = None, **kwargs: Any
    ) -> Answer:
        """Call the API and return its answer. `path` starts after `/v1`; without `token` the call is not signed in."""
        status, headers, content = request(
            method, f"{self.state['api_url']}{path}", token=token, body=body, **kwargs
        )
        return Answer(status, headers, json.loads(content) if content else None)

    def token(self, who: str = "admin") -> str:
        """Return a new token of the demo tenant's `admin` or `user`."""
        person = self.state[who]
        return demo.token(self.aws, self.outputs, person["username"], person["password"])

    def open_tenant(
        self, tenant_id: str | None = None, permissions: str = demo.API_PERMISSIONS
    ) -> OpenedTenant:
        """Create a tenant with an admin, a user and an API client."""
        tenant_id = tenant_id or f"t-{secrets.token_hex(6)}"
        tokens = []
        with as_operator():
            door = demo.onboarding(self.aws, self.outputs)
            door.open_tenant(tenant_id, tenant_id)
            for role in ("admin", "user"):
                username, password = f"{role}@{tenant_id}.example", demo.new_password()
                door.add_user(username, password, tenant_id, role)
                tokens.append(demo.token(self.aws, self.outputs, username, password))
            key = door.add_api_client(tenant_id, "test", permissions)
        return OpenedTenant(tenant_id, tokens[0], tokens[1], key)

    def log(self) -> str:
        """Return the log of the emulator and the functions since the last start."""
        return (self.state_dir / "emulator.log").read_text(errors="replace")


def _modified_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def eventually(check: Callable[[], T], *, seconds: float = 300, every: float = 0.1) -> T:
    """Call `check` until it returns a true value, and return it. Fails with the last value when time is up."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > deadline:
            pytest.fail(f"still {value!r} after {seconds} s")
        time.sleep(every)
    return value


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    # All are held open until the last is found, so that none is found twice.
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@pytest.fixture(scope="session", autouse=True)
def failed_calls_are_repeated_at_once() -> None:
    """Calls to a stack pause between retries, as everywhere: it may be starting."""


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The stack that all tests share. A test that stops it must start it again."""
    stack = LiveStack(tmp_path_factory.mktemp("stack") / "state")
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture(scope="session", autouse=True)
def due_follow_up(live: LiveStack) -> tuple[OpenedTenant, str]:
    """A tenant, and the path of a follow-up that is due at once.

    It is made before all tests, so that none has to wait for the schedule, which runs once a minute.
    """
    tenant = live.open_tenant()
    ada = {"first_name": "Ada", "email": "ada@example.com"}
    contact_id = live.api("POST", "/contacts", token=tenant.admin_token, body=ada).body["id"]
    given = {"title": "Call", "due_at": datetime.now(UTC).isoformat()}
    made = live.api("POST", f"/contacts/{contact_id}/follow-ups", token=tenant.admin_token, body=given)
    assert made.status == 201, made.body
    return tenant, f"/follow-ups/{made.body['id']}"


@pytest.fixture(scope="session")
def stopped_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A second stack, for `own_stack`."""
    stack = LiveStack(tmp_path_factory.mktemp("own") / "state")
    try:
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def own_stack(stopped_stack: LiveStack) -> Iterator[LiveStack]:
    """A stack that is not running, for one test. It may have run in other tests, and then has what they left."""
    try:
        yield stopped_stack
    finally:
        stopped_stack.stop()


@pytest.fixture
def tenant(live: LiveStack) -> OpenedTenant:
    """A new tenant on the shared stack."""
    return live.open_tenant()


@pytest.fixture
def other_tenant(live: LiveStack) -> OpenedTenant:
    """Another new tenant on the shared stack."""
    return live.open_tenant()
