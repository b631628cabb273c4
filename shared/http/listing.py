"""The query parameters and the body of a page that all lists share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.errors import Invalid
from shared.services.paging import MAX_ROW, Page

MAX_PAGE_BYTES = 5_000_000
"""How large the items of a page are at the most, as Lambda counts them: its answers have up to 6 MB (AWS Lambda
quotas)."""


class ListQuery(BaseModel):
    """Which part of a list. Pages follow one another by `cursor`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    limit: int = Field(25, ge=1, le=100, description="How many records a page has at the most.")
    cursor: str | None = Field(
        None, max_length=2000, description="The `next_cursor` of the page before. Absent for the first page."
    )


class NumberedListQuery(ListQuery):
    """Which part of a list, for tables with page numbers too: by `cursor`, by `page`, or by `skip`."""

    page: int | None = Field(
        None,
        ge=1,
        description=f"The number of a page, from 1, down to row {MAX_ROW:,}. What lies before it is gone through and "
        "paid for, so a walk over a whole list is better made by `cursor`.",
    )
    page_size: int | None = Field(
        None, ge=1, le=100, description="How many records a numbered page has at the most; 25, if not given."
    )
    skip: int | None = Field(
        None, ge=0, description=f"How many records to pass over, down to row {MAX_ROW:,}; goes with `limit`."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        """Raises Invalid when a page is named in two ways."""
        numbered = self.page is not None or self.page_size is not None
        skips = self.skip is not None
        if numbered and skips:
            raise _mixed("skip", "page")
        if self.cursor is not None and (numbered or skips):
            raise _mixed("cursor", "page" if numbered else "skip")
        if numbered and "limit" in self.model_fields_set:
            raise _mixed("limit", "page")
        return self

    @property
    def part(self) -> tuple[int, int]:
        """How many records are wanted, and behind how many."""
        if self.page is None and self.page_size is None:
            return self.limit, self.skip or 0
        size = self.page_size or 25
        return size, ((self.page or 1) - 1) * size


def render_page(page: Page[Any]) -> str:
    """Return a page as JSON. A page that would be larger than MAX_PAGE_BYTES ends early, with a cursor."""
    entries = [item.model_dump_json() for item in page.items]
    if 4 * sum(map(len, entries)) > MAX_PAGE_BYTES:  # a character takes up to four bytes
        entries = list(_fitting(entries))
        page = page.cut(len(entries))
    body = f'{{"items":[{",".join(entries)}],"next_cursor":{json.dumps(page.next_cursor)}'
    if page.total_at_least is not None:
        return f'{body},"total":null,"total_at_least":{page.total_at_least}}}'
    return f'{body},"total":{json.dumps(page.total)}}}'


def _fitting(entries: Sequence[str]) -> Iterator[str]:
    """Entries, at least one, as far as they fit into a page."""
    size = 0
    for number, entry in enumerate(entries):
        # Lambda sends the body as a JSON string, in which quotes and backslashes take two bytes.
        size += len(entry.encode()) + entry.count('"') + entry.count("\\") + 2
        if number and size > MAX_PAGE_BYTES:
            return
        yield entry


def _mixed(field: str, other: str) -> Invalid:
    return Invalid.field(field, "mixed", f"`{field}` and `{other}` are two ways to name a page. Give one.")
