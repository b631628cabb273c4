"""Random numbers differ between instances that are restored from one SnapStart snapshot.

AWS Lambda developer guide, "Handling uniqueness with Lambda SnapStart": a number drawn or a seed set before the
snapshot is the same in all instances; the operating system's numbers (`os.urandom`, `secrets`, `SystemRandom`) are not.
"""

from __future__ import annotations

import ast
import random

import pytest

from local.sources import ROOT, source_files
from shared.domain.ids import new_id
from shared.services.backoff import HOT, fraction

SOURCES = [path for path in source_files() if path.suffix == ".py"]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_module_draws_from_a_generator_that_a_snapshot_seeds(path: object) -> None:
    tree = ast.parse((ROOT / str(path)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            assert {name.name for name in node.names} == {"SystemRandom"}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "random":
            assert node.attr == "seed"  # each restored instance seeds `random` for its libraries
        # A UUID of version 1 consists of the machine's address and a sequence that is chosen once.
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("uuid1", "getrandbits")


@pytest.mark.parametrize("draw", [fraction, new_id, lambda: HOT.wait_after(5)])
def test_two_instances_of_one_seed_draw_differently(draw: object) -> None:
    drawn = set()
    for _ in range(2):
        random.seed(1)
        drawn.add(draw())  # type: ignore[operator]
    assert len(drawn) == 2
