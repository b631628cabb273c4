"""check 102: a page ends before it exceeds the size of a Lambda response, and has a cursor."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.http.listing import MAX_PAGE_BYTES, render_page
from shared.services.paging import Page, read_page
from tests.support.budgets import repetitions

LAMBDA_BYTES = 6_291_556  # bytes of a response (AWS Lambda quotas)


class Record(BaseModel):
    """A record of any size."""

    id: int
    about: str


class _Cursors:
    def seal(self, scope: tuple[str, ...], position: Any) -> str:
        return json.dumps(position)

    def open(self, scope: tuple[str, ...], cursor: str) -> Any:
        return json.loads(cursor)


def page(records: list[Record], limit: int, cursor: str | None) -> Page[Record]:
    return read_page(
        lambda count, after: [one for one in records if after is None or one.id > after][:count],
        lambda record: record.id,
        lambda record: record,
        limit=limit,
        cursor=cursor,
        cursors=_Cursors(),
        scope=(),
    )


def walked(records: list[Record], limit: int) -> list[list[int]]:
    """Return the ids of each page, checking its size as JSON within JSON, which is what Lambda sends."""
    pages, cursor = [], None
    while True:
        body = render_page(page(records, limit, cursor))
        assert len(json.dumps({"body": body}, ensure_ascii=False).encode()) < LAMBDA_BYTES
        answer = json.loads(body)
        assert list(answer) == ["items", "next_cursor", "total"]
        pages.append([one["id"] for one in answer["items"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            return pages


def test_seventy_contacts_of_90_kb_are_more_than_one_page() -> None:
    records = [Record(id=number, about="x" * 90_000) for number in range(70)]
    assert [len(ids) for ids in walked(records, 100)] == [55, 15]


def test_characters_count_in_the_form_in_which_they_are_sent() -> None:
    for letter, pages in (("x", 1), ('"', 2), ("\\", 2), ("é", 1), ("漢", 2), ("😀", 2)):
        records = [Record(id=number, about=letter * 60_000) for number in range(40)]
        assert len(walked(records, 100)) == pages, letter


@given(
    sizes=st.lists(st.sampled_from([0, 10, 50_000, 390_000, 1_200_000]), max_size=25),
    letter=st.sampled_from(["x", '"', "漢"]),
    limit=st.sampled_from([1, 7, 100]),
)
@settings(max_examples=repetitions(20))
def test_a_walk_returns_each_record_once_whatever_the_sizes(
    sizes: list[int], letter: str, limit: int
) -> None:
    records = [Record(id=number, about=letter * size) for number, size in enumerate(sizes)]
    pages = walked([one for one in records if len(one.about) * 4 < MAX_PAGE_BYTES], limit)
    assert [one for ids in pages for one in ids] == list(range(len(records)))


def test_an_unfinished_total_is_null_with_the_number_counted_so_far() -> None:
    assert json.loads(render_page(Page([], "next", None, 4_711))) == {
        "items": [],
        "next_cursor": "next",
        "total": None,
        "total_at_least": 4_711,
    }
