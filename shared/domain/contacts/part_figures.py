"""The figures of the timeline in one contact's partition, and of several such timelines together.

The timeline of a contact into which others were merged is in several partitions. The record of each merged contact
holds the figures of its own partition, and the contact's record holds those of all of them (decision 0057).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FigureTimes:
    """The times among a contact's figures. Each of them is that of one entry, so none follows from the times of parts
    after an entry has gone: a part's own are read from its partition.
    """

    last_booking_at: str | None = None
    last_contacted_at: str | None = None
    next_follow_up_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one partition, or of several.

    `interaction_counts`: by type. `booking_counts`: by state.
    """

    interaction_counts: Mapping[str, int] = field(default_factory=dict)
    booking_counts: Mapping[str, int] = field(default_factory=dict)
    note_count: int = 0
    times: FigureTimes = FigureTimes()

    @classmethod
    def total(cls, parts: Iterable[Figures]) -> Figures:
        """Return the figures of several partitions together: sums, the latest times, and the first follow-up."""
        every = list(parts)
        return cls(
            interaction_counts=_sum(one.interaction_counts for one in every),
            booking_counts=_sum(one.booking_counts for one in every),
            note_count=sum(one.note_count for one in every),
            times=FigureTimes(
                last_booking_at=max(_known(one.times.last_booking_at for one in every), default=None),
                last_contacted_at=max(_known(one.times.last_contacted_at for one in every), default=None),
                next_follow_up_at=min(_known(one.times.next_follow_up_at for one in every), default=None),
            ),
        )

    def without(self, parts: Iterable[Figures], times: FigureTimes) -> Figures:
        """Return the figures without those of some parts. `times`: those of the partitions that are left."""
        gone = Figures.total(parts)
        return Figures(
            interaction_counts=_difference(self.interaction_counts, gone.interaction_counts),
            booking_counts=_difference(self.booking_counts, gone.booking_counts),
            note_count=self.note_count - gone.note_count,
            times=times,
        )

    @property
    def fields(self) -> dict[str, Any]:
        """The contact's fields that hold the figures."""
        bookings = sum(amount for state, amount in self.booking_counts.items() if state != "cancelled")
        return {
            "interaction_count": sum(self.interaction_counts.values()),
            "interaction_counts": dict(self.interaction_counts),
            "note_count": self.note_count,
            "total_bookings": bookings,
            "booking_counts": dict(self.booking_counts),
            "last_booking_at": self.times.last_booking_at,
            "last_contacted_at": self.times.last_contacted_at,
            "next_follow_up_at": self.times.next_follow_up_at,
        }


def _known(times: Iterable[str | None]) -> list[str]:
    return [time for time in times if time is not None]


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return _present(total)


def _difference(counts: Mapping[str, int], gone: Mapping[str, int]) -> dict[str, int]:
    return _present({name: amount - gone.get(name, 0) for name, amount in counts.items()})


def _present(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts in the order in which records store them, without those that are 0."""
    return {name: counts[name] for name in sorted(counts) if counts[name]}
