"""What lists of labels, and of a group's contacts, can be asked for."""

from __future__ import annotations

from pydantic import Field

from shared.domain.contacts.conditions import ContactSort
from shared.http.listing import ListQuery


class LabelListQuery(ListQuery):
    """Labels in the order of their names."""

    prefix: str | None = Field(
        None,
        max_length=100,
        description="What names begin with, without regard to case or accents.",
        examples=["vi"],
    )


class GroupContactsQuery(ListQuery):
    """The contacts of a group."""

    sort: ContactSort | None = Field(None, description="As in `GET /contacts`.")
    include_total: bool = Field(
        False, description="Count those a dynamic group finds. As in `GET /contacts`."
    )
