"""`python -m local`: its messages when it cannot start, and that it leaves no process behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

from local.proxy import port_is_free
from local.sources import ROOT
from tests.stack.conftest import LiveStack, eventually, free_ports


def run_local(*arguments: str, **variables: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.run(
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = run_local(PORT=free_ports(1)[0], AWS_PORT=port, STATE_DIR=tmp_path)
    assert outcome.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in outcome.stderr
    assert "AWS_PORT=" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_two_stacks_do_not_share_a_folder_and_the_first_is_not_disturbed(live: LiveStack) -> None:
    port, aws_port = free_ports(2)
    outcome = run_local(PORT=port, AWS_PORT=aws_port, STATE_DIR=live.state_dir)
    assert outcome.returncode == 1
    assert "already runs" in outcome.stderr
    assert (live.state_dir / "state.json").exists()
    assert live.api("GET", "/health").status == 200


def test_only_its_owner_can_read_the_secrets_in_the_state(live: LiveStack) -> None:
    for name in ("state.json", "demo.json"):
        assert stat.S_IMODE((live.state_dir / name).stat().st_mode) == 0o600


def test_a_fresh_token_can_be_had_at_any_time(live: LiveStack) -> None:
    for who in ("admin", "user"):
        outcome = run_local("token", who, STATE_DIR=live.state_dir)
        assert outcome.returncode == 0
        assert live.api("GET", "/contacts?limit=1", token=outcome.stdout.strip()).status == 200


def test_without_a_stack_there_is_no_token_and_a_hint(tmp_path: Path) -> None:
    outcome = run_local("token", STATE_DIR=tmp_path)
    assert outcome.returncode == 1
    assert "make run" in outcome.stderr


def test_a_killed_stack_leaves_no_process_behind_and_loses_nothing(own_stack: LiveStack) -> None:
    own_stack.start()
    body = {"first_name": "Kept", "email": "spared@example.com"}
    made = own_stack.api("POST", "/contacts", token=own_stack.token(), body=body).body
    own_stack.stop(signal.SIGKILL)
    eventually(lambda: port_is_free(own_stack.aws_port))
    eventually(lambda: not processes_of(own_stack.state_dir))
    own_stack.start()
    assert own_stack.api("GET", f"/contacts/{made['id']}", token=own_stack.token()).status == 200


def test_an_ordinary_stop_leaves_no_process_behind(own_stack: LiveStack) -> None:
    own_stack.start()
    assert processes_of(own_stack.state_dir)
    own_stack.stop()
    assert not processes_of(own_stack.state_dir)
    assert port_is_free(own_stack.port)
    assert port_is_free(own_stack.aws_port)
    assert not (own_stack.state_dir / "state.json").exists()


def processes_of(state_dir: Path) -> list[str]:
    """Return the processes whose command lines name the folder; functions run from within it."""
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(state_dir) in line]
