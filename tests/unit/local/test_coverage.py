"""Coverage is counted by layer, and `make coverage` fails when a part has too little."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local import coverage
from local.coverage import FLOORS, LAYERS, Counts
from local.sources import ROOT

ALL = Counts(lines=80, executed_lines=80, branches=20, executed_branches=20)


def modules() -> dict[str, Counts]:
    """Return a module of each floor's paths, executed as a whole."""
    paths = [path for floor in FLOORS for path in floor.paths]
    return {path if path.endswith(".py") else f"{path}one.py": ALL for path in paths}


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Counts]], int]:
    """Return the exit status of `python -m local.coverage` when this was measured."""

    def main(found: dict[str, Counts]) -> int:
        monkeypatch.setattr(coverage, "measured", lambda data_file: found)
        return coverage.main()

    return main


@pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.name)
def test_too_few_lines_or_branches_of_a_part_fail_and_name_it(
    outcome: Callable[[dict[str, Counts]], int], capsys: pytest.CaptureFixture[str], floor: coverage.Floor
) -> None:
    for counts, is_low in (
        (Counts(100, int(floor.percent), 0, 0), False),
        (Counts(100, int(floor.percent) - 1, 0, 0), True),
        (Counts(10, 10, 90, int(floor.percent) - 11), True),
    ):
        found = modules() | {path: counts for path in modules() if path.startswith(floor.paths)}
        status = outcome(found)
        low = capsys.readouterr().out.partition("below the floor: ")[2]
        assert ((floor.name in low), status) == (is_low, bool(low))


def test_lines_and_branches_count_together() -> None:
    assert Counts(80, 60, 20, 10).percent == 70
    assert Counts().percent == 100
    assert coverage.total({"a/b.py": ALL, "a/c.py": ALL, "b.py": ALL}, ("a/",)) == ALL + ALL


def test_a_part_of_which_nothing_was_measured_is_an_error(
    outcome: Callable[[dict[str, Counts]], int],
) -> None:
    absent = FLOORS[-1].paths[-1]
    with pytest.raises(KeyError, match=absent):
        outcome({path: counts for path, counts in modules().items() if path != absent})


def test_the_table_has_a_row_for_each_layer_there_is() -> None:
    layers = {path.parent.name for path in (ROOT / "shared").glob("*/__init__.py")}
    assert set(LAYERS) == layers | {"functions"}
    rows = coverage.table(modules()).splitlines()[1:]
    assert [row.split()[0] for row in rows] == [*LAYERS, "total"]


def test_the_parts_with_floors_exist() -> None:
    assert [path for floor in FLOORS for path in floor.paths if not (ROOT / path).exists()] == []
