"""Whatever is done to the entries of contacts that are merged and separated, figures are those of a recount."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import timestamps
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict, NotFound
from shared.domain.interactions.follow_up_inputs import FollowUpCompletion, FollowUpInput, FollowUpPatch
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.notes.inputs import NoteInput, NotePatch
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant, TenantSettings
from shared.services.bookings.processing import BookingService
from shared.services.contacts.owners import Organizer
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.tag_rules import TagRules
from shared.services.interactions.due import DueFollowUps
from shared.services.interactions.follow_ups import FollowUpService
from shared.services.interactions.service import DueInteractions, InteractionService
from shared.services.notes.processing import NoteProcessing
from shared.services.notes.service import NoteService
from shared.services.recount.figures import FigureCheck
from shared.table.bookings.repository import BookingTable
from shared.table.contacts.repository import ContactTable
from shared.table.interactions.follow_ups import FollowUpTable
from shared.table.interactions.repository import InteractionTable
from shared.table.item import Item
from shared.table.keys.contacts import id_of_partition
from shared.table.notes.repository import NoteTable
from shared.table.recount.contacts import RecountedContacts
from tests.support.budgets import repetitions
from tests.unit.merges.room import ADMIN, TENANT, Room, id_of

DAYS = [f"2026-05-{day:02d}T09:30:00.000Z" for day in range(1, 11)]
FOLLOW_UPS = ("FOLLOWUP#", "FOLLOWUPX#")
NAMES = ("ada", "bob", "cyd", "dan")
BOOKING_EVENTS = ("BookingCreated", "BookingRescheduled", "BookingCompleted", "BookingCancelled")


class _NamedOrganizers:
    """Takes the organizers that events name for users."""

    def find_organizer(self, organizer_id: str | None, email: str | None, default: str | None) -> Organizer:
        return Organizer(None, organizer_id)


def _no_labels() -> NoReturn:
    raise AssertionError("a tenant without rules needs no labels")


class Timelines(Room):
    """Contacts with entries.

    `now`: the day, as its number in DAYS. `overtaking`: what is done before the next write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 4
        self.overtaking: list[Callable[[], object]] = []
        self._events = 0
        for name in NAMES:
            self.create(name, f"{name}@example.com")
        reading = ContactReading(ADMIN, ContactTable(self.store, TENANT))
        rules = TagRules(TenantSettings, _no_labels)
        interactions, follow_ups = (
            InteractionTable(self.store, TENANT),
            FollowUpTable(self.store, TENANT),
        )
        notes = NoteTable(self.store, TENANT)
        how: dict[str, Any] = {"sleep": lambda seconds: None}
        self.interactions = InteractionService(
            ADMIN, reading, interactions, follow_ups, lambda: "Ada", rules, **how
        )
        self.follow_ups = FollowUpService(
            ADMIN, reading, follow_ups, lambda: "Ada", rules, is_active_user=lambda _: True, **how
        )
        self.notes = NoteService(ADMIN, reading, notes, **how)
        self.due = DueInteractions(TENANT, interactions, **how)
        self.due_follow_ups = DueFollowUps(TENANT, follow_ups, **how)
        self.processing = NoteProcessing(lambda _: self._tenant, lambda _: notes, **how)
        self.bookings = BookingService(
            lambda _: self._tenant,
            lambda tenant_id: BookingTable(self.store, tenant_id),
            lambda _: _NamedOrganizers(),  # type: ignore[arg-type, return-value]
            self._writing,
            **how,
        )

    _tenant = Tenant(TENANT, "One", "2026-01-01T00:00:00.000Z")

    def fill(self) -> None:
        """Give each contact entries of all kinds."""
        for number, name in enumerate(NAMES):
            self.record(name, number, 9 - number)
            self.record(name, 5 + number, None)
            self.write(name)
            self.event(name, number, "BookingCreated", 2 + number, 1, ("u7", None)[number % 2])

    def _announce(self, operation: str) -> None:
        if operation == "transact_write_items" and self.overtaking:
            self.overtaking.pop()()

    def entries(self, *prefixes: str) -> list[tuple[str, str]]:
        """The entries in some ranges, each as the contact whose timeline it is on, and its id."""
        records = {one["id"]["S"]: one for one in self.content.contacts}

        def survivor_of(item: Item) -> str:
            record = records[id_of_partition(item)]
            while "merged_into" in record:
                record = records[record["merged_into"]["S"]]
            contact_id: str = record["id"]["S"]
            return contact_id

        return sorted(
            (survivor_of(item), item["id"]["S"])
            for item in self.table.all()
            if item["SK"]["S"].startswith(prefixes)
        )

    def pick(self, which: int, *prefixes: str) -> tuple[str, str]:
        found = self.entries(*prefixes)
        if not found:
            raise NotFound("Entry")
        return found[which % len(found)]

    def record(self, name: str, day: int, follow_up: int | None) -> None:
        self.interactions.create(id_of(name), self._given(day, follow_up))

    def _given(self, day: int, follow_up: int | None) -> InteractionInput:
        at = None if follow_up is None else DAYS[follow_up]
        return InteractionInput(type="call", description="x", occurred_at=DAYS[day], scheduled_follow_up=at)  # type: ignore[arg-type]

    def edit(self, which: int, given: dict[str, Any]) -> None:
        contact_id, interaction_id = self.pick(which, "INT#")
        changed = self.interactions.change(contact_id, interaction_id, InteractionPatch(**given), None)
        assert changed.contact_id == contact_id

    def drop(self, which: int) -> None:
        self.interactions.delete(*self.pick(which, "INT#"), None)

    def schedule(self, name: str, day: int) -> None:
        self.follow_ups.create(id_of(name), FollowUpInput(title="x", due_at=DAYS[day]))

    def postpone(self, which: int, day: int) -> None:
        self.follow_ups.change(self.pick(which, *FOLLOW_UPS)[1], FollowUpPatch(due_at=DAYS[day]), None)

    def complete(self, which: int, day: int | None, follow_up: int | None) -> None:
        given = FollowUpCompletion(interaction=None if day is None else self._given(day, follow_up))
        self.follow_ups.complete(self.pick(which, *FOLLOW_UPS)[1], given, None)

    def cancel(self, which: int) -> None:
        self.follow_ups.cancel(self.pick(which, *FOLLOW_UPS)[1], None)

    def write(self, name: str) -> None:
        self.notes.create(id_of(name), NoteInput(body="x"))

    def pin(self, which: int) -> None:
        contact_id, note_id = self.pick(which, "NOTE#")
        is_pinned = not self.notes.read(contact_id, note_id).is_pinned
        shown = self.notes.patch(contact_id, note_id, NotePatch(is_pinned=is_pinned, body="y"), None)
        assert (shown.contact_id, shown.is_pinned) == (contact_id, is_pinned)

    def process(self, which: int, name: str) -> None:
        """Process a note, by a message that names the contact that it had once."""
        contact_id, note_id = self.pick(which, "NOTE#")
        self.processing.process(TENANT, contact_id, note_id, requested_by="", attempt=1)
        self.processing.process(TENANT, id_of(name), note_id, requested_by="", attempt=1)

    def remove(self, which: int) -> None:
        self.notes.delete(*self.pick(which, "NOTE#"), None)

    def event(
        self, name: str, booking: int, kind: str, day: int, version: int, organizer: str | None
    ) -> None:
        self._events += 1
        detail = {
            "event_id": f"e-{self._events}",
            "tenant_id": TENANT,
            "booking_id": f"b-{booking}",
            "version": version,
            "invitee_email": f"{name}@example.com",
            "occurred_at": DAYS[0],
            "starts_at": DAYS[day],
            "organizer_id": organizer,
        }
        detail = {key: value for key, value in detail.items() if value is not None}
        self.bookings.process({"source": "scheduling.bookings", "detail-type": kind, "detail": detail})

    def wait(self, days: int = 1) -> None:
        """Let days pass, and do what is due."""
        self.now = min(self.now + days, len(DAYS) - 1)
        for item in self.table.all():
            if "WSK" not in item or item["WSK"]["S"] > f"{DAYS[self.now]}$":
                continue
            if "occurred_at" in item:
                self.due.settle(id_of_partition(item), item["id"]["S"])
            elif "due_at" in item:
                self.due_follow_ups.announce(id_of_partition(item), item["SK"]["S"])

    def separate(self, which: int) -> None:
        if self.merges:
            self.undo(which % len(self.merges))

    def do(self, step: tuple[str, Any]) -> None:
        with contextlib.suppress(NotFound, Conflict):
            getattr(self, step[0])(*step[1])

    def assert_exact(self) -> None:
        """Assert that nothing is written in part, and that a recount finds all figures right."""
        self.content.assert_whole()
        check = FigureCheck(RecountedContacts(self.store, TENANT), DAYS[self.now], is_dry=True)
        for item in self.content.contacts:
            if "merged_into" not in item:
                wrong = check.correct(item["id"]["S"], Stamp.now(ADMIN))
                assert wrong == [], wrong
        for contact_id, interaction_id in self.entries("INT#", "INTB#"):
            if self._is_live(contact_id):
                assert self.interactions.read(contact_id, interaction_id).contact_id == contact_id
        for contact_id, follow_up_id in self.entries(*FOLLOW_UPS):
            if self._is_live(contact_id):
                assert self.follow_ups.read(follow_up_id).contact_id == contact_id

    def _is_live(self, contact_id: str) -> bool:
        found: Contact | None = ContactTable(self.store, TENANT).get(contact_id)
        return found is not None


days, which = st.integers(0, len(DAYS) - 1), st.integers(0, 50)
names = st.sampled_from(NAMES)
maybe_days = st.one_of(st.none(), days)
pairs = st.permutations(NAMES).map(lambda order: order[:2])


def step(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


merging = st.one_of(
    st.tuples(st.just("merge"), pairs),
    step("separate", st.integers(0, 3)),
)
steps = st.one_of(
    step("record", names, days, maybe_days),
    step(
        "edit",
        which,
        st.one_of(
            st.builds(lambda day: {"occurred_at": DAYS[day]}, days),
            st.builds(lambda day: {"type": "meeting", "occurred_at": DAYS[day]}, days),
            st.builds(lambda day: {"scheduled_follow_up": None if day is None else DAYS[day]}, maybe_days),
        ),
    ),
    step("drop", which),
    step("schedule", names, days),
    step("postpone", which, days),
    step("complete", which, maybe_days, maybe_days),
    step("cancel", which),
    step("write", names),
    step("pin", which),
    step("process", which, names),
    step("remove", which),
    step(
        "event",
        names,
        st.integers(0, 2),
        st.sampled_from(BOOKING_EVENTS),
        days,
        st.integers(1, 6),
        st.sampled_from([None, "u7", "u8"]),
    ),
    step("wait"),
    step("delete", names),
    step("restore", names),
)


@settings(max_examples=repetitions(60))
@given(
    made=st.lists(
        st.tuples(st.one_of(steps, steps, merging), st.one_of(st.none(), steps, merging)), max_size=25
    )
)
def test_the_figures_of_survivors_and_of_merged_contacts_are_those_of_a_recount(
    made: list[tuple[tuple[str, Any], tuple[str, Any] | None]],
) -> None:
    """checks 24 and 28, for entries of timelines: a step may be overtaken by another before its write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timestamps, "now", lambda: DAYS[timelines.now] if timelines else DAYS[4])
        timelines: Timelines | None = None
        timelines = Timelines()
        timelines.fill()
        timelines.merge("ada", "bob")
        for one, overtaking in made:
            if overtaking is not None and overtaking[0] != "wait":
                timelines.overtaking.append(lambda other=overtaking: timelines.do(other))
            timelines.do(one)
            timelines.overtaking.clear()
        timelines.assert_exact()
        timelines.wait(len(DAYS))
        timelines.assert_exact()
