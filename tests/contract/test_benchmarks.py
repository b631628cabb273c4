"""The measured requests of the benchmarks succeed: otherwise they would measure refusals."""

from __future__ import annotations

import subprocess
import sys

from local.sources import ROOT

ONCE = """
from benchmarks import authorizer, imports, warm
warm._ROUNDS = warm._REQUESTS = 1
imports._PROCESSES = 1
figures = [*warm.figures(), *authorizer.figures(), *imports.figures()]
print(len(figures), *(figure.name for figure in figures if figure.ours <= 0))
"""


def test_each_warm_request_that_is_measured_is_answered_as_it_should_be() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ONCE], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert (run.returncode, run.stdout.splitlines()[-1:]) == (0, ["11"]), run.stderr
