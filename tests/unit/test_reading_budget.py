"""A budget of rows and time, and the pages that end with it."""

from __future__ import annotations

from math import inf

import pytest

from shared.services.reading_budget import MAX_ROWS, MAX_SECONDS, PAGE_ROWS, Budget, BudgetSpent


class Clock:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_budget_is_five_thousand_rows_and_three_seconds() -> None:
    clock = Clock()
    assert (MAX_ROWS, PAGE_ROWS) == (5_000, 500)
    rows = Budget(seconds=3, clock=clock)
    rows.advance()
    rows.charge(4_999)
    rows.check()
    rows.charge(1)
    with pytest.raises(BudgetSpent):
        rows.check()
    time = Budget(seconds=3, clock=clock)
    time.advance()
    clock.now += 2.9
    time.check()
    clock.now += 0.1
    with pytest.raises(BudgetSpent):
        time.check()


def test_before_a_long_step_only_the_time_is_checked() -> None:
    clock = Clock()
    budget = Budget(rows=1, seconds=3, clock=clock)
    budget.charge(1)
    clock.now += 3
    budget.check_time()  # the first step is always allowed
    budget.restart()
    budget.advance()
    budget.charge(1)
    budget.check_time()
    clock.now += 3
    with pytest.raises(BudgetSpent):
        budget.check_time()


def test_seconds_are_unlimited_in_tests_alone() -> None:
    assert MAX_SECONDS == 3.0  # imported before the fixture sets the time aside


def test_the_first_step_is_granted_however_little_there_is() -> None:
    budget = Budget(0, 0)
    budget.check()
    budget.advance()
    with pytest.raises(BudgetSpent):
        budget.check()
    budget.restart()
    budget.check()


def test_rows_counted_without_being_sent_are_a_tenth_of_those_read() -> None:
    budget = Budget(inf, inf)
    budget.charge_skipped(9_975)
    assert budget.total == 998
    assert budget.rows_beyond_page == 498


def test_what_is_read_beyond_a_page_adds_up_over_all_that_a_request_does() -> None:
    budget = Budget()
    budget.charge(400)
    budget.restart()
    assert (budget.left, budget.total, budget.rows_beyond_page) == (5_000, 400, 0)
    budget.charge(400)
    assert (budget.left, budget.total, budget.rows_beyond_page) == (4_600, 800, 300)
