"""The walls of the source: no circle of files, and import contracts that can fail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import grimp
import pytest

from tests.contract.answers import ROOT

PACKAGES = ("shared", "functions", "local")
CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "tool"
]["importlinter"]["contracts"]


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    left = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ends = set(left)
    while (
        ends
    ):  # a module that imports no other one that is left, or that no other one imports, is in no circle
        imported = set().union(*left.values())
        ends = {module for module in left if not left[module] & left.keys() or module not in imported}
        for module in ends:
            del left[module]
    assert left == {}


def names_in(layer: str, container: str) -> list[str]:
    """The full names of the modules in a line of a contract of layers."""
    prefix = f"{container}." if container else ""
    return [prefix + name for name in re.split(r"\s*[:|]\s*", layer.strip())]


def wrong_arrows() -> list[Any]:
    """For each import contract, and each package that it divides, an import that it forbids: (contract, importer,
    imported).
    """
    arrows = []
    for contract in CONTRACTS:
        match contract["type"]:
            case "layers":
                for container in contract.get("containers", [""]):
                    layers = [names_in(layer, container) for layer in contract["layers"]]
                    pairs = [(below[0], above[-1]) for above, below in pairwise(layers)]
                    pairs += [
                        names[:2]
                        for names, given in zip(layers, contract["layers"], strict=True)
                        if "|" in given
                    ]
                    arrows += [(contract["name"], *pair) for pair in pairs]
            case "independence":
                arrows.append((contract["name"], *contract["modules"][:2]))
            case "forbidden":
                arrows.append(
                    (contract["name"], contract["source_modules"][0], contract["forbidden_modules"][0])
                )
    return [pytest.param(*arrow, id=" -> ".join(arrow[1:])) for arrow in arrows]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and their contracts."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def broken_contracts(tree: Path) -> list[str]:
    """The names of the contracts that import-linter finds broken."""
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tree,
        env={"COLUMNS": "500", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = re.findall(r"^(.*) BROKEN\b", run.stdout, re.MULTILINE)
    assert run.returncode == bool(broken), run.stdout + run.stderr
    return broken


def test_the_contracts_hold(tree: Path) -> None:
    assert broken_contracts(tree) == []


@pytest.mark.parametrize(("contract", "importer", "imported"), wrong_arrows())
def test_a_contract_fails_on_a_wrong_arrow(tree: Path, contract: str, importer: str, imported: str) -> None:
    path = tree.joinpath(*importer.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = path.read_text("utf-8")
    try:
        path.write_text(f"{source}\nimport {imported}\n", "utf-8")
        assert contract in broken_contracts(tree)
    finally:
        path.write_text(source, "utf-8")


def test_each_contract_has_a_wrong_arrow() -> None:
    assert {arrow.values[0] for arrow in wrong_arrows()} == {contract["name"] for contract in CONTRACTS}
