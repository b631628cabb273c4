"""README's commands and the tour of docs/tour.md, run as they are written."""

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
    '"rotation_ends_at": "20',
    "completed {'rows': 3, 'created': 1, 'updated': 0, 'merged': 0, 'skipped': 1, 'unchanged': 0, 'failed': 1,",
    "('updated', 'Navy', None)",
    "3 {'rows': 3, 'created': 1, 'updated': 1, 'failed': 1}",
    "{'removed': 1, 'restored': 1, 'kept': 0, 'failed': 0, 'total': 2}",
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
    "Haircut completed 2026-05-07T07:30:00.000Z ['created', 'rescheduled', 'completed']",
    "prospect qualified_lead interest",
    "[('phone', '+14155552671'), ('email', 'bob@home.example'), ('tag', 'regular')]",
    "Offer a series done five appointments booked",
    "interaction  Rescheduled: Haircut",
    "contact.created pending",
    "delivered [204, 204]",
    "interaction.created      version 5  api",
    "contact.updated {'company': {'old': None, 'new': 'Stone and Sons'}}",
    "(81, ['Bob Stone', 'Robert Stone'], [('like_name', 'nickname'), ('same_company', 'Stone and Sons')])",
    "True Robert Stone bob@stone.example ['robert@home.example'] +14155550199 5",
    "False Robert Stone bob@stone.example ['robert@home.example'] +14155550199 5",
    "Content-Location: /v1/contacts/0",
    '"code": "merged"',
    "change       contact.merged",
    "[('name', 'changed_since')]",
    "Robert Stone-Miller bob@stone.example [] None 4",
    "Robert Stone robert@home.example [] +14155550199 1",
)
RECIPES = {"make run": "python -m local", "make test": "python -m pytest"}
"""README's two commands, and what the Makefile runs for each."""


def shell_blocks(document: str) -> list[str]:
    """Return the shell blocks of a document, in order."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def tour() -> str:
    """Return README's call, where the tour starts, and the commands of the tour."""
    _, call = shell_blocks("README.md")
    return "\n".join([call, *shell_blocks("docs/tour.md")])


def test_every_command_of_the_tour_does_what_is_shown(live: LiveStack) -> None:
    with Receiver().serving() as probe:  # for a port that is free a moment later
        port = probe.url.rsplit(":", 1)[1]
    script = tour().replace(".venv/bin/python", sys.executable)
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


def test_the_pages_show_what_is_expected_here() -> None:
    pages = (ROOT / "README.md").read_text() + (ROOT / "docs/tour.md").read_text()
    assert [expected for expected in SHOWN if expected not in pages] == []


def test_the_tour_waits_for_conditions_and_never_for_a_fixed_time() -> None:
    waits = [line.strip() for line in tour().splitlines() if "sleep" in line]
    assert waits == ["sleep 0.2"], "let the step wait by `wait_for`"


@pytest.mark.parametrize("shown", ["make run", "make test", "make package", "sam deploy"])
def test_the_readme_names_the_commands_there_are(shown: str) -> None:
    assert shown in (ROOT / "README.md").read_text()


def test_the_two_commands_run_the_stack_and_the_tests() -> None:
    """The recipe of the first command starts the stack that the tests here use; that of the second runs these tests."""
    commands, _ = shell_blocks("README.md")
    assert [line.split("  ")[0] for line in commands.splitlines()] == list(RECIPES)
    for command, recipe in RECIPES.items():
        dry_run = subprocess.run(
            [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert recipe in dry_run.stdout
