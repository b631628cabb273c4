"""The query parameters of lists, and the body of a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.domain.errors import Invalid
from shared.services.paging import MAX_ROW, Page

MAX_PAGE_BYTES = 5_000_000
"""Bytes of the items of a page, as Lambda counts them: its responses have at most 6 MB (AWS Lambda quotas)."""


class ListQuery(BaseModel):
    """The part of a list to return. `cursor` leads from page to page."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    limit: int = Field(25, ge=1, le=100, description="Records on a page, at most.")
    cursor: str | None = Field(
        None,
        max_length=2000,
        description="The `next_cursor` of the previous page. Omit it for the first page.",
    )


class NumberedListQuery(ListQuery):
    """The part of a list to return: by `cursor`, by `page` for tables with page numbers, or by `skip`."""

    page: int | None = Field(
        None,
        ge=1,
        description=f"The number of a page, from 1, up to row {MAX_ROW:,}. The records before the page are read and "
        "charged too, so use `cursor` to read a whole list.",
    )
    page_size: int | None = Field(
        None, ge=1, le=100, description="Records on a numbered page, at most. Default: 25."
    )
    skip: int | None = Field(
        None, ge=0, description=f"Records to skip, up to row {MAX_ROW:,}. Use it with `limit`."
    )

    @model_validator(mode="after")
    def _require_one_way(self) -> Self:
        """Raises Invalid when a page is selected in two ways."""
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
        """The number of records to return, and the number of records before them."""
        if self.page is None and self.page_size is None:
            return self.limit, self.skip or 0
        size = self.page_size or 25
        return size, ((self.page or 1) - 1) * size


def render_page(page: Page[Any]) -> str:
    """Return a page as JSON. A page that would be larger than MAX_PAGE_BYTES ends early, with a cursor."""
    entries = [item.model_dump_json() for item in page.items]
    if 4 * sum(map(len, entries)) > MAX_PAGE_BYTES:  # a character takes up to four bytes
        entries = list(_take_fitting(entries))
        page = page.cut(len(entries))
    body = f'{{"items":[{",".join(entries)}],"next_cursor":{json.dumps(page.next_cursor)}'
    if page.total_at_least is not None:
        return f'{body},"total":null,"total_at_least":{page.total_at_least}}}'
    return f'{body},"total":{json.dumps(page.total)}}}'


def _take_fitting(entries: Sequence[str]) -> Iterator[str]:
    """Yield the entries that fit into a page, and at least one."""
    size = 0
    for number, entry in enumerate(entries):
        # Lambda sends the body as a JSON string, in which quotes and backslashes take two bytes.
        size += len(entry.encode()) + entry.count('"') + entry.count("\\") + 2
        if number and size > MAX_PAGE_BYTES:
            return
        yield entry


def _mixed(field: str, other: str) -> Invalid:
    return Invalid.field(field, "mixed", f"Give `{field}` or `{other}`, not both: each names a page.")
