"""How often the tests repeat what they draw at random: a short budget by default, a long one in `make test-long`.

Importing this module registers a Hypothesis profile for each budget and loads the chosen one. A number that a check of
docs/checks.md names, such as ten thousand operations, is a claim: it is the same in both.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

from hypothesis import HealthCheck, settings

T = TypeVar("T")

VARIABLE = "TEST_BUDGET"
"""The environment variable that names the budget: `short`, the default, or `long`."""
FACTORS = {"short": 1, "long": 10}
"""How many times the short number of repetitions each budget has."""
FACTOR = FACTORS[os.environ.get(VARIABLE, "short")]


def repetitions(short: int) -> int:
    """Return how often to repeat in the chosen budget what the short one repeats `short` times."""
    return short * FACTOR


def sample(items: Iterable[T], *, one_in: int, start: int) -> list[T]:
    """Return every `one_in`-th item, from a position that follows from `start`: with the long budget, all items."""
    return list(islice(items, start % one_in, None, one_in)) if FACTOR == 1 else list(items)


# No test fails because a machine is slow: Hypothesis's own limits of time are off. In CI each test draws the same
# examples every time, lest a change is refused for a fault that was there before it.
settings.register_profile(
    "budget",
    max_examples=repetitions(100),
    deadline=None,
    derandomize=os.environ.get("CI") == "true" and FACTOR == 1,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("budget")
