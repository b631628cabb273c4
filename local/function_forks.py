"""Forks the functions' processes, so that each starts with its packages imported. Run as a script, never imported.

An AWS Lambda function starts in an environment whose runtime is loaded already. Here every process would import the
same packages again, which takes longer than most functions run. This process imports them once, and none of the
functions' own modules: these are read in each process, with its own environment.

A request arrives on the socket whose number is the first argument: the length of a JSON document in 8 bytes, with four
descriptors (standard input, output and error, and a pipe that nothing is written to, which closes when the process
ends), then the document: `worker` (the script to run), `directory`, `environment`. The response is the id of the new
process in 8 bytes. The script ends with the socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

PACKAGES = (
    "aws_lambda_powertools.event_handler",
    "botocore.session",
    "email_validator",
    "jwt",
    "pydantic.json_schema",
    "pydantic.main",
)
"""The slow packages among those that functions import (`requirements/runtime.in`)."""


def receive(door: socket.socket, length: int) -> bytes:
    """Return the next bytes from the socket. Raises EOFError when it was closed."""
    received = b""
    while len(received) < length:
        part = door.recv(length - len(received))
        if not part:
            raise EOFError
        received += part
    return received


def forget_ended() -> None:
    """Collect the exit statuses of the processes that have ended: their ids may be used again afterwards."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def serve(door: socket.socket) -> dict[str, Any] | None:
    """Fork a process for each request. Return the request in the new process; in this one, return None at the end."""
    while True:
        head, descriptors, _flags, _address = socket.recv_fds(door, 8, 4)
        if not head:
            return None
        request: dict[str, Any] = json.loads(receive(door, int.from_bytes(head)))
        forget_ended()
        process = os.fork()
        if not process:
            door.close()
            for number, descriptor in enumerate(descriptors[:3]):
                os.dup2(descriptor, number)
                os.close(descriptor)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        door.sendall(process.to_bytes(8))


def run(request: dict[str, Any]) -> None:
    """Run a function's script as the interpreter would run it in a process of its own."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.dont_write_bytecode = False  # the code's folder is shared by the processes that run it
    sys.argv = [request["worker"]]
    sys.path.insert(0, str(Path(request["worker"]).parent))
    runpy.run_path(request["worker"], run_name="__main__")


def main() -> None:
    """Serve until the socket is closed; in a forked process, run the function."""
    for name in PACKAGES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector would otherwise write to, and so copy, every page of a forked process
    with socket.socket(fileno=int(sys.argv[1])) as door:
        request = serve(door)
    if request is not None:
        run(request)


if __name__ == "__main__":
    main()
