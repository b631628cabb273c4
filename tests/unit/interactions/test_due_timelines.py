"""One run of the schedule: it keeps its bounds, handles live tenants first, and goes on after failures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import pytest

from shared.domain.errors import ConcurrentChange, DomainError, TooLarge, Unavailable
from shared.services.interactions import due
from shared.services.interactions.due import Announcement, DueEntry, DueTimelines

LIVE, OTHER, SUSPENDED, UNKNOWN = "live", "another live", "suspended", "unreachable"


def entry(tenant_id: str, number: int = 0, *, is_follow_up: bool = True) -> DueEntry:
    return DueEntry(
        tenant_id=tenant_id,
        contact_id=f"c{number}",
        sort_key=f"FOLLOWUP#{number}",
        position=f"p{number}",
        entry_id=f"e{number}",
        is_follow_up=is_follow_up,
    )


@dataclass
class Everything:
    """The index, the tenants, their follow-ups and their interactions.

    `gone`: the contacts whose purge has begun. `moved`: those whose entries have left their place. `done`: what was
    done, in order.
    """

    entries: list[DueEntry]
    gone: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    broken: dict[str, Exception] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    read: int = 0

    def due_until(self, at: str) -> Iterator[DueEntry]:
        for one in self.entries:
            self.read += 1
            yield one

    def set_aside(self, tenant_id: str, at: str) -> Iterator[DueEntry]:
        return iter(())

    def move_aside(self, entry: DueEntry) -> bool:
        self._do("aside", entry.contact_id)
        return True

    def postpone(self, entry: DueEntry, until: str) -> bool:
        if entry.contact_id in self.moved:
            return False
        self._do("postponed", entry.contact_id)
        return True

    def note_suspended(self, tenant_id: str, at: str) -> None:
        self._do("noted", tenant_id)

    def suspended(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def forget_suspended(self, tenant_id: str, at: str) -> None:
        raise AssertionError

    def is_live(self, tenant_id: str) -> bool:
        if tenant_id == UNKNOWN:
            raise Unavailable()
        return tenant_id in (LIVE, OTHER)

    def announce(self, contact_id: str, sort_key: str) -> Announcement:
        if contact_id in self.gone:
            return Announcement("passed_over")
        self._do("announced", contact_id)
        return Announcement("announced")

    def settle(self, contact_id: str, interaction_id: str) -> bool:
        if contact_id in self.gone:
            return False
        self._do("settled", contact_id)
        return True

    def _do(self, what: str, of: str) -> None:
        if f"{what} {of}" in self.broken:
            raise self.broken[f"{what} {of}"]
        self.done.append(f"{what} {of}")

    def run(self, has_time: Callable[[], bool] = lambda: True) -> dict[str, int]:
        timelines = DueTimelines(
            self,
            self.is_live,
            lambda _: self,  # type: ignore[arg-type, return-value]
            lambda _: self,
            warn=self.done.append,
            has_time=has_time,
        )
        return {name: count for name, count in asdict(timelines.run()).items() if count}


def test_entries_of_live_tenants_come_first_and_a_suspension_is_noted_once() -> None:
    """check 59"""
    everything = Everything([entry(SUSPENDED, 0), entry(SUSPENDED, 1), entry(LIVE, 2)])
    assert everything.run() == {"announced": 1, "set_aside": 2}
    assert everything.done == ["announced c2", "noted suspended", "aside c0", "aside c1"]


def test_a_run_reads_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "MAX_ENTRIES", 3)
    everything = Everything([entry(LIVE, number) for number in range(5)])
    assert everything.run() == {"announced": 3}
    assert everything.read == 3


def test_a_run_without_time_begins_nothing_more() -> None:
    everything = Everything([entry(LIVE, 0), entry(SUSPENDED, 1), entry(LIVE, 2)])
    left = iter([True, True, False])
    assert everything.run(lambda: next(left, False)) == {"announced": 1}


@pytest.mark.parametrize("what", ["announced c1", "settled c1", "aside c1", "noted suspended"])
def test_an_entry_that_fails_is_counted_and_the_others_are_handled(what: str) -> None:
    tenant_id = SUSPENDED if what.startswith(("aside", "noted")) else LIVE
    failing = entry(tenant_id, 1, is_follow_up=not what.startswith("settled"))
    everything = Everything([entry(UNKNOWN, 0), failing, entry(LIVE, 2)], broken={what: Unavailable()})
    assert everything.run() == {"announced": 1, "failed": 2}
    assert "announced c2" in everything.done and "aside c1" not in everything.done


@pytest.mark.parametrize(
    "error",
    [KeyError("id"), AttributeError("items"), TypeError("str"), TooLarge("The item is too large.")],
    ids=repr,
)
def test_what_can_never_be_handled_is_warned_of_and_postponed(error: Exception) -> None:
    everything = Everything([entry(LIVE, 0), entry(LIVE, 1)], broken={"announced c0": error})
    assert everything.run() == {"announced": 1, "failed": 1}
    assert everything.done == ["a due entry cannot be handled", "postponed c0", "announced c1"]
    everything.broken["postponed c0"] = Unavailable()
    assert everything.run() == {"announced": 1, "failed": 1}


@pytest.mark.parametrize("error", [Unavailable(), ConcurrentChange()], ids=repr)
def test_what_fails_for_now_keeps_its_place(error: DomainError) -> None:
    everything = Everything([entry(LIVE, 0), entry(LIVE, 1)], broken={"announced c0": error})
    assert everything.run() == {"announced": 1, "failed": 1}
    assert everything.done == ["announced c1"]


@pytest.mark.parametrize("is_follow_up", [True, False])
def test_what_there_is_nothing_to_do_about_is_postponed_if_it_is_still_there(is_follow_up: bool) -> None:
    entries = [entry(LIVE, number, is_follow_up=is_follow_up) for number in (0, 1)]
    everything = Everything([*entries, entry(LIVE, 2)], gone={"c0", "c1"}, moved={"c1"})
    assert everything.run() == {"postponed": 1, "passed_over": 1, "announced": 1}
    assert everything.done == ["postponed c0", "announced c2"]


def test_a_tenant_with_many_due_entries_waits_for_the_others_after_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "SHARE", 2)
    many = [entry(LIVE, number) for number in range(5)]
    everything = Everything([*many, entry(SUSPENDED, 5), entry(OTHER, 6)])
    assert everything.run() == {"announced": 6, "set_aside": 1}
    assert everything.done == [
        *(f"announced c{number}" for number in (0, 1, 6, 2, 3, 4)),
        "noted suspended",
        "aside c5",
    ]
    everything.done.clear()
    left = iter([True] * 8)  # all seven are looked at, and one more is handled
    assert everything.run(lambda: next(left, False)) == {"announced": 4}
