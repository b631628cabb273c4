"""Lists that are walked while contacts are written and the stream is projected."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from shared.domain.contacts.inputs import ContactInput, ContactPatch
from shared.projections.kinds.registry import kind_of
from shared.wiring.contacts import contact_service
from shared.wiring.projections import projection
from tests.integration.contacts.test_contact_lists import ADMIN, TENANT, Book, filter_of
from tests.integration.stream_records import records_from
from tests.support.aws import Stack
from tests.support.tenant_guard import acting_for

WRITERS = 50
STAYING = 12
LIMIT = 5

LISTS: list[tuple[str | None, dict[str, Any]]] = [
    (None, {}),
    ("name", {}),
    ("-total_bookings", {}),
    (None, {"tags": "kept"}),
    (None, {"search": "stay"}),
]


def test_fifty_writers_hide_and_double_none_who_stays(aws_stack: Stack) -> None:
    """checks 2 and 3: who was there throughout and did not change is shown exactly once by every walk, and a page
    with a cursor is full.
    """
    with acting_for(TENANT):
        book = Book(aws_stack)
        for n in range(STAYING):
            book.create(last_name=f"Stay{n % 7}", email=f"stay{n}@example.com", tags=["kept"])
            if n % 2:
                book.book(book.ids[-1], day=1 + n % 5)
        staying = list(book.ids)
        projected, rounds, turn = 0, 0, threading.Condition()

        def project() -> None:
            nonlocal projected, rounds
            records = records_from(aws_stack, projected)
            projected += len(records)
            images = [record["dynamodb"].get("NewImage") for record in records]
            projection().project(image for image in images if image and kind_of(image))
            with turn:
                rounds += 1
                turn.notify_all()

        def let_project() -> None:
            with turn:
                begun = rounds
                turn.wait_for(lambda: rounds > begun + 1, timeout=300)

        project()
        writing = threading.Event()
        writing.set()

        def write(number: int) -> None:
            contacts = contact_service(ADMIN)
            last_name = f"{'ARTZ'[number % 4]}{number}"
            given = ContactInput(
                first_name="Stay", last_name=last_name, email=f"w{number}@example.com", tags=["kept"]
            )
            made = contacts.create(given)
            let_project()
            contacts.patch(made.id, ContactPatch(last_name=f"Stay{number % 7}", tags=[]), None)
            let_project()
            if number % 2:
                contacts.delete(made.id, None)

        def follow() -> None:
            while writing.is_set():
                project()

        def walk(sort: str | None, wanted: dict[str, Any]) -> int:
            walks = 0
            while writing.is_set() or not walks:
                found = book.found(sort=sort, limit=LIMIT, **wanted)
                shown = [found.count(one) for one in staying]
                assert shown == [1] * STAYING, (sort, wanted, shown)
                walks += 1
            return walks

        with ThreadPoolExecutor(WRITERS + len(LISTS) + 1) as pool:
            following = pool.submit(follow)
            walking: list[Future[int]] = [pool.submit(walk, sort, wanted) for sort, wanted in LISTS]
            try:
                list(pool.map(write, range(WRITERS)))
            finally:
                writing.clear()
            following.result()
            walks = [one.result() for one in walking]
        assert min(walks) >= 1
        project()
        assert len(book.live()) == STAYING + WRITERS // 2
        book.agrees()
        for sort, wanted in LISTS:
            found = book.found(sort=sort, limit=LIMIT, **wanted)
            matching = {one.id for one in book.live() if filter_of(**wanted).matches(one)}
            assert len(found) == len(matching) and set(found) == matching
