"""The tour of README.md, run as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from local.sources import ROOT
from tests.stack.conftest import LiveStack
from tests.support.receiver import Receiver

SHOWN = (
    "HTTP/1.1 201",
    '"code": "duplicate"',
    '"code": "version_mismatch"',
    "completed {'rows': 3, 'created': 1, 'updated': 0, 'merged': 0, 'skipped': 1, 'unchanged': 0, 'failed': 1}",
    '"role": "admin"',
    "RateLimit-Policy: ",
    "user True",
    "Insufficient permissions: contacts:write required",
    "GB owner 2",
    "['Grace Hopper'] 1",
    "[('Grace Hopper', ['admirals', 'compilers'])]",
    '"succeeded": 1',
    "CUST000001 2 Eva",
    "Bob Stone 1",
    '"type": "booking_created"',
)


def commands() -> list[str]:
    """The shell blocks of the tour, in order."""
    tour = (ROOT / "README.md").read_text().split("## A tour of the doors")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)


def test_every_command_of_the_tour_does_what_is_shown(live: LiveStack) -> None:
    with Receiver().serving() as probe:  # for a port that is free a moment later
        port = probe.url.rsplit(":", 1)[1]
    script = "\n".join(commands()).replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | {"STATE_DIR": str(live.state_dir), "HOOK_PORT": port},
        capture_output=True,
        text=True,
        timeout=1_800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in SHOWN:
        assert expected in done.stdout, done.stdout
    assert done.stdout.count("signature verified") >= 3
    assert "REFUSED" not in done.stdout


def test_the_tour_waits_until_something_is_so_and_never_for_a_time() -> None:
    waits = [line.strip() for line in "\n".join(commands()).splitlines() if "sleep" in line]
    assert waits == ["sleep 0.2"], "let the step wait by `wait_for`"


@pytest.mark.parametrize("shown", ["make run", "make test", "make package", "sam deploy"])
def test_the_readme_names_the_commands_there_are(shown: str) -> None:
    assert shown in (ROOT / "README.md").read_text()
