"""Cold starts of the package, compared with importing boto3 and creating a DynamoDB client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.report import Figure
from local.package import build_for_this_machine
from local.sources import ROOT

_RUNS = 11


def figures() -> list[Figure]:
    """Measure CPU time, the least of several runs with alternating sides, and the peak memory of a run."""
    shipped = build_for_this_machine()
    sides = ("yardstick", "contacts", "authorizer")
    for side in sides:
        _run(side, shipped)  # writes the byte code, which a package has too
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(_RUNS):
        for side in sides:
            runs[side].append(_run(side, shipped))
    least = {side: min(run["cpu_seconds"] for run in runs[side]) for side in sides}
    contacts = runs["contacts"]
    forbidden = sorted({name for run in contacts for name in run["forbidden"]})
    return [
        Figure(
            "cold start, contacts: imports + first POST, CPU",
            least["contacts"],
            least["yardstick"],
            "s",
            1.65,
        ),
        Figure(
            "cold start, authorizer: imports + first API key, CPU",
            least["authorizer"],
            least["yardstick"],
            "s",
            1.30,
        ),
        Figure(
            "peak memory after it, contacts",
            max(run["peak_megabytes"] for run in contacts),
            max(run["peak_megabytes"] for run in runs["yardstick"]),
            "MB",
            None,
            limit=60,
        ),
        Figure(
            f"modules that must not be loaded {forbidden or ''}".strip(),
            len(forbidden),
            None,
            "",
            None,
            limit=0,
        ),
    ]


def _run(side: str, shipped: Path) -> dict[str, Any]:
    """Run one side in a process. The yardstick loads this interpreter's packages, ours only those of the package."""
    if side == "yardstick":
        command = [sys.executable, "-m", "benchmarks.first_request", side]
    else:
        paths = [str(shipped), str(ROOT)]
        start = f"import sys; sys.path[:0] = {paths!r}; from benchmarks.first_request import main; main()"
        command = [sys.executable, "-I", "-S", "-c", start, side]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
