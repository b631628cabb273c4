"""Prints the coverage of each layer: `python -m local.coverage`, the last step of `make coverage`.

Reads what pytest-cov left in `.coverage`. Ends with status 1 when a part of the code is below its floor.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from coverage import Coverage

from local.sources import ROOT

LAYERS = {
    name: f"shared/{name}/"
    for name in (
        "domain",
        "services",
        "table",
        "projections",
        "publishing",
        "files",
        "identity",
        "encryption",
        "http",
        "wiring",
    )
} | {"functions": "functions/"}
"""The layers and the folders of their modules. Modules at the root of `shared` count only in the total."""


@dataclass(frozen=True)
class Floor:
    """The minimum coverage of some modules, in percent of their lines and branches together.

    `paths`: the modules, and folders of modules.
    """

    name: str
    percent: float
    paths: tuple[str, ...]


FLOORS = (
    Floor("records", 95.0, ("shared/domain/",)),
    Floor("routes", 85.0, ("functions/",)),
    Floor(
        "rights",
        80.0,
        (
            "functions/authorizer/",
            "shared/domain/accounts/api_client.py",
            "shared/domain/accounts/credentials.py",
            "shared/domain/callers.py",
            "shared/domain/event_rights.py",
            "shared/identity/tokens.py",
            "shared/services/contacts/owners.py",
            "shared/services/webhooks/holder_rights.py",
        ),
    ),
)


@dataclass(frozen=True)
class Counts:
    """How many lines and branches there are in some modules, and how many of them the tests executed."""

    lines: int = 0
    executed_lines: int = 0
    branches: int = 0
    executed_branches: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.lines + other.lines,
            self.executed_lines + other.executed_lines,
            self.branches + other.branches,
            self.executed_branches + other.executed_branches,
        )

    @property
    def percent(self) -> float:
        """The share of lines and branches together that the tests executed."""
        return share(self.executed_lines + self.executed_branches, self.lines + self.branches)


def share(part: int, whole: int) -> float:
    """Return a part as a percentage of a whole; 100 if the whole is 0."""
    return 100 * part / whole if whole else 100.0


def measured(data_file: Path) -> dict[str, Counts]:
    """Return the counts of each module that coverage.py measured, by its path in the repository."""
    coverage = Coverage(data_file=str(data_file), config_file=str(ROOT / "pyproject.toml"))
    coverage.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        coverage.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    return {
        path: Counts(
            summary["num_statements"],
            summary["covered_lines"],
            summary["num_branches"],
            summary["covered_branches"],
        )
        for path, summary in ((path, found["summary"]) for path, found in files.items())
    }


def total(modules: Mapping[str, Counts], paths: Iterable[str] = ("",)) -> Counts:
    """Return the counts of all modules whose path is, or starts with, one of `paths`."""
    return sum(
        (counts for path, counts in modules.items() if path.startswith(tuple(paths))),
        start=Counts(),
    )


def table(modules: Mapping[str, Counts]) -> str:
    """Return the table of layers, with the total."""
    rows = [(name, total(modules, (path,))) for name, path in LAYERS.items()]
    rows.append(("total", total(modules)))
    lines = [f"{'layer':<12} {'lines':>6} {'executed':>9} {'branches':>9} {'executed':>9} {'together':>9}"]
    lines += [
        f"{name:<12} {one.lines:>6} {share(one.executed_lines, one.lines):>8.1f}%"
        f" {one.branches:>9} {share(one.executed_branches, one.branches):>8.1f}% {one.percent:>8.1f}%"
        for name, one in rows
    ]
    return "\n".join(lines)


def floors(modules: Mapping[str, Counts]) -> list[tuple[Floor, float]]:
    """Return each floor with its coverage. Raises KeyError when no module was measured under one of its paths."""
    found = []
    for floor in FLOORS:
        if absent := [path for path in floor.paths if not total(modules, (path,)).lines]:
            raise KeyError(f"{floor.name}: nothing was measured of {', '.join(absent)}")
        found.append((floor, total(modules, floor.paths).percent))
    return found


def main() -> int:
    """Print the table and the floors. Returns 1 when a part is below its floor, otherwise 0."""
    modules = measured(ROOT / ".coverage")
    print(table(modules))
    print()
    reached = floors(modules)
    for floor, percent in reached:
        print(f"{floor.name:<12} {percent:>5.1f}%, floor {floor.percent:.0f}%")
    low = [floor.name for floor, percent in reached if percent < floor.percent]
    if low:
        print(f"below the floor: {', '.join(low)}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
