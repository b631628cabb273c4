"""Five thousand requests that read: together with its sibling, ten thousand, and none answered by a fault of ours.

A file of its own, so that both run side by side.
"""

from __future__ import annotations

import pytest

from tests.gateway.fuzzing.fuzzing import Fuzz, assert_stood
from tests.integration.world import World


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_odd_reads_are_answered_in_good_form(world: World, seed: int) -> None:
    """check 39"""
    fuzz = Fuzz(world, seed)
    fuzz.reads(1000)
    assert_stood(fuzz, 200, 400, 404, 422)
