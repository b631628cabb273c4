"""A batch of a stream holds as many records as a source asks for, after its filter."""

from __future__ import annotations

import threading
import uuid

from hypothesis import given
from hypothesis import strategies as st

from local.emulator_sources import Ids, Wakes, fill


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 12), st.integers(0, 5))
def test_a_batch_is_the_shortest_that_holds_enough(records: list[int], count: int, least: int) -> None:
    def matches(some: list[int]) -> list[int]:
        return [one for one in some if one >= least]

    batch = fill(records, count, matches)
    assert batch == records[: len(batch)]
    held = len(matches(batch))
    if held < count:
        assert batch == records
    else:
        assert held == count and batch[-1] >= least


def test_a_wake_up_between_a_look_and_a_wait_is_not_lost() -> None:
    wakes = Wakes()
    seen = wakes.seen()
    wakes.set()
    assert wakes.wait(seen, 0)
    assert not wakes.wait(wakes.seen(), 0)


def test_every_waiting_thread_wakes() -> None:
    wakes, woken = Wakes(), []
    threads = [threading.Thread(target=lambda: woken.append(wakes.wait(0, 300))) for _ in range(3)]
    for thread in threads:
        thread.start()
    wakes.set()
    for thread in threads:
        thread.join(300)
    assert woken == [True, True, True]


def test_ids_of_records_are_uuids_and_differ() -> None:
    ids, others = Ids(), Ids()
    made = [one.new() for one in (ids, others) for _ in range(1000)]
    assert len(set(made)) == 2000
    assert [str(uuid.UUID(one)) for one in made] == made
