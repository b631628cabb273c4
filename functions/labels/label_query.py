"""Query parameters of the lists of labels and of a group's contacts."""

from __future__ import annotations

from pydantic import Field

from shared.domain.contacts.conditions import ContactSort
from shared.http.listing import ListQuery


class LabelListQuery(ListQuery):
    """The labels to list, by name."""

    prefix: str | None = Field(
        None,
        max_length=100,
        description="Only labels whose names start with this. Case and accents do not matter.",
        examples=["vi"],
    )


class GroupContactsQuery(ListQuery):
    """The order of a group's contacts."""

    sort: ContactSort | None = Field(None, description="As in `GET /contacts`.")
    include_total: bool = Field(
        False, description="Count the contacts of a dynamic group. As in `GET /contacts`."
    )
