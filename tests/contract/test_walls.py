"""The walls of the source: the length of its modules, no circle of files, and import contracts that can fail."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import Contract
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

from tests.contract.answers import ROOT

PACKAGES = ("shared", "functions", "local")
MAX_LINES = 400
"""The most lines of a module."""
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS: list[dict[str, Any]] = CONFIGURATION["tool"]["importlinter"]["contracts"]
GRAPH = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
KINDS: dict[str, type[Contract]] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}
"""import-linter's classes of the contracts' types."""
configure()
OPTIONS = read_user_options(str(ROOT / "pyproject.toml"))
"""The contracts as import-linter reads them."""


def test_no_module_is_longer_than_400_lines() -> None:
    modules = [
        path for name in (*PACKAGES, "benchmarks", "tests/support") for path in (ROOT / name).rglob("*.py")
    ]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules}
    assert len(lengths) > 300
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    left = {module: GRAPH.find_modules_directly_imported_by(module) for module in GRAPH.modules}
    ends = set(left)
    # A module that imports none of those left, or that none of them imports, is in no circle.
    while ends:
        imported = set().union(*left.values())
        ends = {module for module in left if not left[module] & left.keys() or module not in imported}
        for module in ends:
            del left[module]
    assert left == {}


def wrong_arrows() -> Iterator[tuple[str, str, str]]:
    """Yield for each import contract, and each line of it, an import that it forbids: contract, importer, imported."""
    for contract in CONTRACTS:
        for importer, imported in wrong_arrows_of(contract):
            yield contract["name"], importer, imported


def wrong_arrows_of(contract: dict[str, Any]) -> Iterator[tuple[str, str]]:
    match contract["type"]:
        case "layers":
            (container,) = contract.get("containers", [""])
            lines = [modules_in(line, container) for line in contract["layers"]]
            yield from ((below[0], above[-1]) for above, below in pairwise(lines))
            for line, modules in zip(contract["layers"], lines, strict=True):
                if "|" in line:
                    yield modules[0], modules[1]
        case "independence":
            yield contract["modules"][0], contract["modules"][1]
        case "forbidden":
            yield contract["source_modules"][0], contract["forbidden_modules"][0]
        case "acyclic_siblings":
            yield from (against_an_import_within(ancestor) for ancestor in contract["ancestors"])


def modules_in(line: str, container: str) -> list[str]:
    """Return the full names of the modules in a line of a contract of layers."""
    prefix = f"{container}." if container else ""
    return [prefix + name for name in re.split(r"\s*[:|]\s*", line.strip())]


def against_an_import_within(package: str) -> tuple[str, str]:
    """Return the reverse of an existing import between two children of a package."""
    for importer, imported in permutations(sorted(GRAPH.find_children(package)), 2):
        if GRAPH.direct_import_exists(importer=importer, imported=imported, as_packages=True):
            return imported, importer
    raise AssertionError(f"no child of {package} imports another one")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and their contracts."""
    tree = tmp_path_factory.mktemp("tree")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def broken_contracts(tree: Path) -> list[str]:
    """Return the names of the contracts that import-linter finds broken."""
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


def test_an_import_in_a_file_breaks_a_contract(tree: Path) -> None:
    contract, importer, imported = next(wrong_arrows())
    path = tree.joinpath(*importer.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    source = path.read_text("utf-8")
    try:
        path.write_text(f"{source}\nimport {imported}\n", "utf-8")
        assert contract in broken_contracts(tree)
    finally:
        path.write_text(source, "utf-8")


@pytest.mark.parametrize(
    ("contract", "importer", "imported"),
    [pytest.param(*arrow, id=" -> ".join(arrow[1:])) for arrow in wrong_arrows()],
)
def test_a_contract_fails_on_a_wrong_arrow(contract: str, importer: str, imported: str) -> None:
    """By import-linter's own check, of the imports there are and the wrong one."""
    assert is_kept(contract, GRAPH)
    graph = deepcopy(GRAPH)
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=True)  # a package that nothing imports so far
    graph.add_import(importer=importer, imported=imported)
    assert not is_kept(contract, graph)


def is_kept(name: str, graph: grimp.ImportGraph) -> bool:
    """Return whether import-linter finds a contract of the configuration kept in a graph."""
    (options,) = (contract for contract in OPTIONS.contracts_options if contract["name"] == name)
    contract = KINDS[options["type"]](name, OPTIONS.session_options, options)
    return contract.check(deepcopy(graph), verbose=False).kept  # a check may change the graph


def test_each_contract_has_a_wrong_arrow() -> None:
    assert {contract for contract, _, _ in wrong_arrows()} == {contract["name"] for contract in CONTRACTS}
