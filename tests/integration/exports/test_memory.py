"""The memory that an export takes does not grow with its contacts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local.sources import ROOT

SMALL, LARGE = 20_000, 60_000
MOST = 5 * 1024
"""KiB by which the memory of a large export may be above that of a small one."""


def peak_of(count: int, format: str) -> int:
    """Return the greatest resident size, in KiB, of a process that makes an export of so many invented contacts."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.exports", str(count), format],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout.split()[0])


@pytest.mark.parametrize("format", ["csv", "jsonl", "vcf"])
def test_a_large_export_takes_no_more_memory_than_a_small_one(format: str) -> None:
    """check 8: both files have more than one part; `make bench` measures up to a million contacts."""
    assert peak_of(LARGE, format) - peak_of(SMALL, format) <= MOST
