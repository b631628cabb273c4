"""The measured requests of the benchmarks succeed: otherwise they would measure refusals. Counts are documented."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks import feed, webhooks
from local.sources import ROOT
from tests.support.tenant_guard import as_operator

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


def stated(head: str) -> dict[str, list[str]]:
    """Return the rows of a table in docs/access-patterns.md by their first cells."""
    page = (ROOT / "docs" / "access-patterns.md").read_text(encoding="utf-8")
    (rows,) = re.findall(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    return {name: cells for name, *cells in (line.strip("| ").split(" | ") for line in rows.splitlines())}


def test_the_feed_costs_what_the_document_says_whatever_its_size() -> None:
    """Publication writes on average 1.2 units alone; compressed ids differ a little each time."""
    told = stated("the feed: calls / read units / write units")
    with as_operator():
        costs = feed.measure(feed.SIZES[0])
    assert costs.keys() == told.keys()
    for name, cost in costs.items():
        for cell in told[name]:
            calls, read, write = map(float, cell.split(" / "))
            assert (cost.calls, cost.read) == pytest.approx((calls, read))
            assert cost.write == pytest.approx(write, rel=0.1)
    assert all(figure.is_met for figure in feed.Measured([costs]).figures())


def test_a_delivered_event_costs_what_the_document_says() -> None:
    with as_operator():
        costs = webhooks.measure()
    assert {name: cells for name, *cells in webhooks.rows(costs)} == stated(webhooks.HEAD[0])
    assert all(figure.is_met for figure in webhooks.figures(costs))
