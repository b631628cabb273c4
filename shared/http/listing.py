"""Query parameters that all lists share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ListQuery(BaseModel):
    """Which part of a list. Pages follow one another by `cursor`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    limit: int = Field(25, ge=1, le=100, description="How many records a page has at the most.")
    cursor: str | None = Field(
        None, max_length=2000, description="The `next_cursor` of the page before. Absent for the first page."
    )
