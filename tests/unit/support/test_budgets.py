"""The short budget is the default, the long one repeats more, and neither limits the time of a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, settings

from local.sources import ROOT
from tests.support.budgets import VARIABLE

TOLD = (
    "from tests.support.budgets import repetitions, sample; from hypothesis import settings; "
    "print(repetitions(7), sample('abcdefg', one_in=3, start=4), settings().max_examples)"
)


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (None, "7 ['b', 'e'] 100"),
        ("short", "7 ['b', 'e'] 100"),
        ("long", "70 ['a', 'b', 'c', 'd', 'e', 'f', 'g'] 1000"),
    ],
)
def test_the_environment_chooses_the_budget(budget: str | None, told: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if budget is not None:
        environment[VARIABLE] = budget
    run = subprocess.run(
        [sys.executable, "-c", TOLD], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == told


def test_no_random_test_fails_because_it_is_slow() -> None:
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


def test_every_number_of_random_examples_follows_the_budget() -> None:
    fixed = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"\bmax_examples=(?!repetitions\()\w", path.read_text("utf-8"))
    ]
    assert fixed == []
