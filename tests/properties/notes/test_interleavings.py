"""Whatever callers do with a note, and however often and late its messages come: the last text is processed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.callers import Caller
from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict, NotFound
from shared.domain.ids import new_id
from shared.domain.notes.inputs import NoteInput, NotePatch
from shared.domain.notes.note import Note
from shared.domain.notes.recognition import find_in
from shared.domain.notes.tidying import tidy
from shared.domain.stamp import Stamp
from shared.domain.tenant import Tenant
from shared.services.contacts.reading import ContactReading
from shared.services.notes.lists import NoteLists
from shared.services.notes.processing import MAX_ATTEMPTS, GivenUp, NoteProcessing
from shared.services.notes.service import NoteService
from shared.services.reading_budget import Budget
from shared.table.contacts.repository import ContactTable
from shared.table.cursors import Cursors
from shared.table.event_items import event_from_item
from shared.table.keys.notes import NOTE
from shared.table.notes.index import NoteIndex
from shared.table.notes.items import note_from_item
from shared.table.notes.repository import NoteTable
from shared.table.store import Store
from tests.support.budgets import repetitions
from tests.support.memory_table import MemoryTable

TENANT = "t1"
ADA = Caller(TENANT, "user", "u1", "admin")
TEXTS = ["#a  b", "mail ada@example.com", "e\u0301 ", "nothing"]


@dataclass
class Notebook:
    """A contact in a table in memory, and its notes. `written`: their ids, also of deleted ones."""

    written: list[str] = field(default_factory=list)
    overtaking: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.table = MemoryTable(self._before_call)
        store = Store(self.table, "table", sleep=lambda seconds: None)
        self.contacts = ContactTable(store, TENANT)
        stamp = Stamp(new_id(), "2026-05-01T09:30:00.000Z", ADA)
        created = Contact.create({"first_name": "Ada"}, contact_id=new_id(), stamp=stamp, source="api")
        self.contacts.create(created)
        self.id = created[0].id
        reading, budget = ContactReading(ADA, self.contacts), Budget()
        self.service = NoteService(ADA, reading, NoteTable(store, TENANT), sleep=lambda seconds: None)
        self.processing = NoteProcessing(
            lambda tenant_id: Tenant(tenant_id, "One", "2026-05-01T09:00:00.000Z"),
            lambda tenant_id: NoteTable(store, tenant_id),
            sleep=lambda seconds: None,
        )
        index = NoteIndex(store, TENANT, budget)
        self.lists = NoteLists(ADA, reading, index, Cursors(b"k" * 32), budget)

    def _before_call(self, operation: str) -> None:
        if operation == "transact_write_items" and self.overtaking:
            self.overtaking.pop()()

    def write(self, text: str, is_pinned: bool) -> None:
        self.written.append(self.service.create(self.id, NoteInput(body=text, is_pinned=is_pinned)).id)

    def change(self, which: int, given: dict[str, Any]) -> None:
        self.service.patch(self.id, self._chosen(which), NotePatch(**given), None)

    def delete(self, which: int) -> None:
        self.service.delete(self.id, self._chosen(which), None)

    def retry(self, which: int) -> None:
        self.service.retry(self.id, self._chosen(which))

    def receive(self, which: int, attempt: int) -> None:
        """Receive one of the messages that were ever sent."""
        messages = self.messages()
        if messages:
            self._receive(*messages[which % len(messages)], attempt)

    def _receive(self, note_id: str, event_id: str, attempt: int) -> None:
        with contextlib.suppress(GivenUp):
            self.processing.process(TENANT, self.id, note_id, requested_by=event_id, attempt=attempt)

    def _chosen(self, which: int) -> str:
        return self.written[which % len(self.written)] if self.written else new_id()

    def messages(self) -> list[tuple[str, str]]:
        """The note and the event of each message, as the filter of the queue lets them pass."""
        items = [item for item in self.table.all() if item["SK"]["S"].startswith("EVENT#")]
        events = sorted(map(event_from_item, items), key=lambda event: event.version)
        return [
            (event.data["note_id"], event.id)
            for event in events
            if event.type in ("note.created", "note.updated")
        ]

    def do(self, step: tuple[str, Any]) -> None:
        name, arguments = step
        with contextlib.suppress(NotFound, Conflict):
            getattr(self, name)(*arguments)

    @property
    def notes(self) -> list[Note]:
        items = [item for item in self.table.all() if item["SK"]["S"].startswith(NOTE)]
        return [note_from_item(item) for item in items]

    def assert_whole(self) -> None:
        """Assert that the figure, the ids and the lists are those of the items, and states those of the texts."""
        contact = self.contacts.get(self.id)
        assert contact is not None
        found = sorted(self.notes, key=lambda one: (one.is_pinned, one.id), reverse=True)
        assert contact.note_count == len(found) == len({one.id for one in found})
        walked: list[Note] = []
        cursor = None
        while True:
            page = self.lists.of_contact(self.id, search=None, limit=2, cursor=cursor)
            walked += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert walked == found
        for one in found:
            assert self.service.read(self.id, one.id) == one
            if one.processing_state == "processed":
                assert one.body == tidy(one.sent)
                assert one.found == find_in(one.body, "US")
            else:
                assert (one.found, one.original) == ([], None)
            assert (one.processing_state == "failed") == (one.failure_reason is not None)


which = st.integers(0, 20)
STEPS = st.one_of(
    st.tuples(st.just("write"), st.tuples(st.sampled_from(TEXTS), st.booleans())),
    st.tuples(
        st.just("change"),
        st.tuples(
            which,
            st.one_of(
                st.builds(lambda text: {"body": text}, st.sampled_from(TEXTS)),
                st.builds(lambda is_pinned: {"is_pinned": is_pinned}, st.booleans()),
            ),
        ),
    ),
    st.tuples(st.just("delete"), st.tuples(which)),
    st.tuples(st.just("retry"), st.tuples(which)),
    st.tuples(st.just("receive"), st.tuples(which, st.sampled_from([1, MAX_ATTEMPTS, MAX_ATTEMPTS + 1]))),
)


@settings(max_examples=repetitions(100), deadline=None)
@given(made=st.lists(st.tuples(STEPS, st.one_of(st.none(), STEPS)), max_size=20))
def test_any_sequence_ends_with_each_text_processed(
    made: list[tuple[tuple[str, Any], tuple[str, Any] | None]],
) -> None:
    """A step may be overtaken by another one between its reads and its write. Then all messages come, newest first."""
    notebook = Notebook()
    for step, overtaking in made:
        if overtaking is not None:
            notebook.overtaking.append(lambda other=overtaking: notebook.do(other))
        notebook.do(step)
        notebook.overtaking.clear()
        notebook.assert_whole()
    for note_id, event_id in reversed(notebook.messages()):
        notebook._receive(note_id, event_id, 1)
    notebook.assert_whole()
    assert {one.processing_state for one in notebook.notes} <= {"processed"}
