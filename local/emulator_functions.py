"""Makes the emulator start functions quickly: their processes are forked, and share the code that was unpacked once.

ministack 1.5.33 unpacks a function's zip for each process, and starts each with a new interpreter, which compiles every
module again. Here the emulator's own code still prepares and runs the processes, with its environment variables, its
pipes and its script; it only finds a ready copy of the code, and `local/function_forks.py` instead of a new
interpreter.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from ministack.core import lambda_runtime

from local.emulator_parts import require

_FORKS = Path(__file__).with_name("function_forks.py")
_CLOSE_SECONDS = 5.0


class ForkedProcess:
    """A function's process, with those methods of `subprocess.Popen` that the emulator calls."""

    def __init__(self, pid: int, stdin: IO[str], stdout: IO[str], stderr: IO[str], life: IO[bytes]) -> None:
        self.pid = pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self._life = life
        self._end = select.poll()
        self._end.register(life, select.POLLIN | select.POLLHUP)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return None while the process runs, and -1 afterwards: its exit status is not known here."""
        return self._await_end(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process. Raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        status = self._await_end(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return status

    def terminate(self) -> None:
        """Send SIGTERM if the process runs."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL if the process runs."""
        self._send(signal.SIGKILL)

    def _await_end(self, seconds: float | None) -> int | None:
        if self.returncode is None and self._end.poll(None if seconds is None else 1000 * seconds):
            self.returncode = -1
        return self.returncode

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Forks:
    """The process that forks the functions' processes. It is started again if it is gone."""

    def __init__(self, label: Path) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._door: socket.socket | None = None
        self._host: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process without waiting until it is ready."""
        self._door, theirs = socket.socketpair()
        with theirs:
            self._host = subprocess.Popen(
                # -P: modules of this folder have names that hide those of the standard library. The label is only
                # read by people and by programs that look for the functions' processes.
                [sys.executable, "-P", str(_FORKS), str(theirs.fileno()), str(self._label)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def fork(self, worker: str, directory: str, environment: dict[str, str]) -> ForkedProcess:
        """Run a script in a new process."""
        request = json.dumps({"worker": worker, "directory": directory, "environment": environment}).encode()
        (their_in, stdin), (stdout, their_out), (stderr, their_err), (life, their_life) = (
            os.pipe() for _ in range(4)
        )
        theirs = [their_in, their_out, their_err, their_life]
        try:
            with self._lock:
                try:
                    pid = self._ask(request, theirs)
                except OSError:
                    self._discard()
                    pid = self._ask(request, theirs)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return ForkedProcess(
            pid,
            os.fdopen(stdin, "w", buffering=1, encoding="utf-8"),
            os.fdopen(stdout, encoding="utf-8", errors="replace"),
            os.fdopen(stderr, encoding="utf-8", errors="replace"),
            os.fdopen(life, "rb"),
        )

    def close(self) -> None:
        """End the process. The functions' processes that it forked are not ended."""
        with self._lock:
            self._discard()

    def _ask(self, request: bytes, descriptors: list[int]) -> int:
        if self._door is None:
            self.start()
        assert self._door is not None
        socket.send_fds(self._door, [len(request).to_bytes(8)], descriptors)
        self._door.sendall(request)
        answer = self._door.recv(8, socket.MSG_WAITALL)
        if len(answer) < 8:
            raise ConnectionError("the process that forks functions has ended")
        return int.from_bytes(answer)

    def _discard(self) -> None:
        if self._door is not None and self._host is not None:
            self._door.close()
            self._door = None
            try:
                self._host.wait(_CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._host.kill()
                self._host.wait()


class UnpackedCode:
    """A folder with the contents of zips, each unpacked once, and named after the zip's digest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._used: set[str] = set()

    def place(self, archive: zipfile.ZipFile, path: Path) -> None:
        """Replace an empty folder with a symbolic link to the unpacked contents of a zip."""
        assert archive.filename is not None
        digest = hashlib.sha256(Path(archive.filename).read_bytes()).hexdigest()
        unpacked = self._folder / digest[:32]
        with self._lock:
            self._used.add(unpacked.name)
            if not unpacked.exists():
                draft = unpacked.with_suffix(".new")
                shutil.rmtree(draft, ignore_errors=True)
                archive.extractall(draft)
                draft.rename(unpacked)
        path.rmdir()
        path.symlink_to(unpacked)

    def remove_unused(self) -> None:
        """Remove what no process has used since the start."""
        for folder in self._folder.iterdir():
            if folder.name not in self._used:
                shutil.rmtree(folder)


def install(code: UnpackedCode, forks: Forks) -> None:
    """Replace the emulator's parts with those above. Exits if the emulator no longer has one of their names."""

    class Archive(zipfile.ZipFile):
        def extractall(self, path: Any = None, *_rest: Any) -> None:  # the emulator names an empty folder
            with zipfile.ZipFile(str(self.filename)) as archive:
                code.place(archive, Path(path))

    def popen(command: list[str], **options: Any) -> ForkedProcess | subprocess.Popen[str]:
        if command[0] != sys.executable:
            process: subprocess.Popen[str] = subprocess.Popen(command, **options)
            return process
        return forks.fork(command[1], options["cwd"], options["env"])

    lambda_runtime.zipfile = _copy(require(lambda_runtime, "zipfile"), ZipFile=Archive)
    lambda_runtime.subprocess = _copy(require(lambda_runtime, "subprocess"), Popen=popen)


def _copy(module: ModuleType, **changed: object) -> ModuleType:
    copied = ModuleType(module.__name__)
    vars(copied).update({**vars(module), **changed})
    return copied
