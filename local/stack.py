"""The one-machine stack: starts the emulator, deploys, opens the API's address, creates the demo, and stops it all."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from local.emulator_settings import DRAIN_SECONDS, HOST
from local.failures import CannotStart
from local.http import request
from local.proxy import Proxy, port_is_free
from local.sources import ROOT
from local.state_files import write_private

if TYPE_CHECKING:
    from local.deploy import Aws

START_SECONDS = 120
"""The maximum time in seconds until the emulator answers, even on a busy machine."""
STOP_SECONDS = DRAIN_SECONDS + 60
"""The maximum time in seconds until the emulator has ended: its functions finish, and it saves its state."""
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)


class Stack:
    """A stack with its state in one folder. Use it once: `start`, then `stop`, which is harmless at any time.

    For experiments, `environment` adds to the emulator's settings and `edit` changes the template's text.
    """

    def __init__(
        self,
        state_dir: Path,
        port: int,
        aws_port: int,
        say: Callable[[str], None] = print,
        *,
        environment: Mapping[str, str] | None = None,
        edit: Callable[[str], str] = str,
    ) -> None:
        self.state_dir = state_dir.resolve()
        self.port, self.aws_port = port, aws_port
        self.api_url = f"http://{HOST}:{port}/v1"
        self._aws_endpoint = f"http://{HOST}:{aws_port}"
        self.aws: Aws
        self.outputs: dict[str, str] = {}
        self.state: dict[str, Any] = {}
        self._say = say
        self._environment, self._edit = dict(environment or {}), edit
        self._lock: IO[str] | None = None
        self._emulator: subprocess.Popen[bytes] | None = None
        self._proxy: Proxy | None = None

    @property
    def state_file(self) -> Path:
        return self.state_dir / "state.json"

    @property
    def log_file(self) -> Path:
        return self.state_dir / "emulator.log"

    def start(self) -> None:
        """Start everything. Raises CannotStart; the caller calls `stop` in that case too."""
        began = time.monotonic()
        self._take_state_dir()
        self._check_ports()
        is_new = not (self.state_dir / "aws").exists()
        emulator = self._start_emulator()
        # Slow work that does not need the emulator is done while the emulator starts.
        from local import demo
        from local.deploy import Aws, Release, deploy

        self.aws = Aws(self._aws_endpoint)
        release = Release(self.aws.endpoint, self._edit)
        if is_new:
            _ = release.transformed
        for service in ("cloudformation", "dynamodb", "cognito-idp"):
            self.aws.client(service)
        self._wait_until_healthy(emulator)
        self._say(
            f"emulator   ready after {time.monotonic() - began:.1f} s, log in {self.display_path(self.log_file)}"
        )
        self.outputs, changed = deploy(self.aws, release)
        done = "deployed" if changed else "unchanged"
        self._say(f"template   {done} after {time.monotonic() - began:.1f} s")
        self._proxy = Proxy(self.port, self.aws.endpoint, self.outputs["ApiId"])
        self._proxy.start()
        with ThreadPoolExecutor(1) as beside:
            healthy = beside.submit(self._check_health)
            made = demo.create(self.aws, self.outputs, self.api_url, self.state_dir / "demo.json")
            healthy.result()
        self.state = {
            "api_url": self.api_url,
            "aws_endpoint": self.aws.endpoint,
            "table": self.outputs["TableName"],
            "drop_bucket": self.outputs["DropBucketName"],
            "bus": self.outputs["BookingsBusName"],
            "topic": self.outputs["DomainEventsTopicArn"],
            **made,
            "outputs": self.outputs,
        }
        write_private(self.state_file, self.state)
        self._say(f"ready      after {time.monotonic() - began:.1f} s")

    def wait(self, seconds: float) -> bool:
        """Wait; return whether the emulator still runs."""
        assert self._emulator is not None
        try:
            self._emulator.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def stop(self) -> None:
        """Stop everything. The emulator saves its state."""
        if self._lock is None:  # never started, or stopped already
            return
        self.state_file.unlink(missing_ok=True)
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        if self._emulator is not None:
            self._stop_emulator(self._emulator)
            self._emulator = None
        shutil.rmtree(self.state_dir / "tmp", ignore_errors=True)
        self._lock.close()
        self._lock = None

    def _take_state_dir(self) -> None:
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self.state_dir / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise CannotStart(
                f"A stack already runs with its state in {self.display_path(self.state_dir)} (process {owner}). "
                "Stop it, or choose another folder: STATE_DIR=other make run"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        self.state_file.unlink(missing_ok=True)

    def _check_ports(self) -> None:
        for port, name in ((self.aws_port, "AWS_PORT"), (self.port, "PORT")):
            if not port_is_free(port):
                raise CannotStart(
                    f"Port {port} on {HOST} is taken. Stop what listens there, or choose another: "
                    f"{name}={port + 1} make run"
                )

    def _check_health(self) -> None:
        status, _headers, body = request("GET", f"{self.api_url}/health")
        if status != 200:
            raise CannotStart(
                f"GET {self.api_url}/health answered {status}: {body.decode(errors='replace')[:500]}"
            )

    def _start_emulator(self) -> subprocess.Popen[bytes]:
        scratch = self.state_dir / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)  # it exists only after a kill
        for folder in (scratch, *(self.state_dir / name for name in ("aws", "s3", "code"))):
            folder.mkdir(mode=0o700, exist_ok=True)
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
            "GATEWAY_PORT": str(self.aws_port),
            "BIND_HOST": HOST,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state_dir / "aws"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state_dir / "s3"),
            "CODE_DIR": str(self.state_dir / "code"),
            "TMPDIR": str(scratch),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # No container is ever started, so Docker is not looked for.
            "DOCKER_HOST": f"unix://{scratch}/none",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "*",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._environment,
        }
        if self.log_file.exists():
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        with self.log_file.open("wb") as log:
            emulator = self._emulator = subprocess.Popen(
                [sys.executable, "-m", "local.emulator_start"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,  # its end tells the emulator that this process is gone
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C reaches only this process, which stops the emulator in order
            )
        return emulator

    def _wait_until_healthy(self, emulator: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if emulator.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"The emulator did not start. The end of its log:\n{self._read_log_end()}")
            time.sleep(0.01)

    def _is_healthy(self) -> bool:
        try:
            return request("GET", f"{self._aws_endpoint}/_ministack/health", seconds=2)[0] == 200
        except OSError:
            return False

    def _stop_emulator(self, emulator: subprocess.Popen[bytes]) -> None:
        emulator.send_signal(signal.SIGTERM)
        try:
            emulator.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._say(
                f"The emulator did not stop within {STOP_SECONDS:.0f} s and is killed; its last changes may be lost."
            )
            emulator.kill()
            emulator.wait()
        assert emulator.stdin is not None
        emulator.stdin.close()

    def _read_log_end(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-15:])

    def display_path(self, path: Path) -> str:
        """Return a path for display: relative to the working directory if it is below that."""
        try:
            return str(path.relative_to(Path.cwd()))
        except ValueError:
            return str(path)
