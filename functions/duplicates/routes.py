"""Routes of duplicates: suggestions, and their dismissal."""

from __future__ import annotations

from pydantic import Field

from shared.domain.duplicates.score import DEFAULT_SCORE
from shared.domain.duplicates.views import Dismissal, DismissalInput, Duplicate
from shared.domain.errors import Merged, NotFound
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.wiring.duplicates import dismissing, suggestions

routes = Routes("Duplicates")


class DuplicateListQuery(ListQuery):
    """The suggestions to list."""

    min_score: int = Field(
        DEFAULT_SCORE, ge=0, le=100, description="Only pairs with this score, or a higher one."
    )
    contact_id: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Only pairs with this contact, the likeliest first. The contact is the first of each pair.",
    )


@routes.route(
    "GET",
    "/contacts/duplicates",
    summary="List contacts that may be the same person",
    query=DuplicateListQuery,
    answer=Duplicate,
    paged=True,
    errors=(NotFound,),
)
def list_duplicates(call: Call, query: DuplicateListQuery) -> Reply:
    """Pairs of contacts of which the caller sees both. They have an identifying custom field, a mailbox or a telephone
    number in common, or a company and a name like the other's; the strongest first. Values that more than 50 contacts
    have make no pairs. New and changed contacts are included within about a second; with `contact_id`, the contact
    itself is compared as it is now.
    """
    found = suggestions(call.caller, call.budget)
    wanted = {"min_score": query.min_score, "limit": query.limit}
    if query.contact_id is not None:
        return Reply(page=found.list_pairs_of(query.contact_id, **wanted, cursor=query.cursor))
    return Reply(page=found.list_pairs(**wanted, cursor=query.cursor))


@routes.route(
    "POST",
    "/contacts/duplicates/dismiss",
    summary="Dismiss two contacts as duplicates",
    body=DismissalInput,
    answer=Dismissal,
    errors=(NotFound, Merged),
)
def dismiss_duplicate(call: Call, body: DismissalInput) -> Reply:
    """They are not suggested while what they have in common stays as it is. A change of that, such as a further common
    number, makes them a suggestion again.
    """
    return Reply(record=dismissing(call.caller, call.claim).dismiss(body))
