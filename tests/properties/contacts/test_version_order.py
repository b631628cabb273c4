"""Events that are stored in the order of their ids are listed in the order of their versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.events import CONTACT_UPDATED, Event
from shared.services.contacts.changes import Position, in_version_order


def make(version: int, place: int) -> Event:
    """Return the event of a version, whose id sorts at a place."""
    return Event(
        id=f"{place:04}",
        type=CONTACT_UPDATED,
        entity="contact",
        entity_id="c",
        at="",
        actor="user:u",
        origin="api",
        version=version,
    )


def walk(events: Sequence[Event], start: Position) -> Iterator[tuple[Event, Position]]:
    """Return a walk over the events before a position, as the table stores them at the moment."""
    descending = sorted(events, key=lambda event: event.id, reverse=True)
    return in_version_order(iter([one for one in descending if start[1] is None or one.id < start[1]]), start)


@given(
    places=st.integers(1, 40).flatmap(lambda count: st.permutations(range(count))),
    further=st.lists(st.integers(0, 5_000), max_size=20, unique=True),
    limits=st.lists(st.integers(1, 7), min_size=1),
)
def test_a_walk_in_pages_yields_each_version_once_while_others_are_added(
    places: list[int], further: list[int], limits: list[int]
) -> None:
    """In whatever order the ids are, and whatever limits the pages have."""
    events = [make(version, 100 * place) for version, place in enumerate(places, 1)]
    added = iter([make(len(places) + number, 100 * place + 50) for number, place in enumerate(further, 1)])
    walked: list[int] = []
    position: Position = (len(events), None)
    for turn in range(len(places)):
        page = list(islice(walk(events, position), limits[turn % len(limits)]))
        if not page:
            break
        walked += [event.version for event, _ in page]
        position = page[-1][1]
        events += islice(added, 2)
    assert walked == list(range(len(places), 0, -1))
