"""Routes of merges: merging contacts, and undoing that."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.domain.errors import Conflict, Duplicate, Merged, NotFound
from shared.domain.merges.record import Merge
from shared.domain.merges.views import MergeInput, MergeResult
from shared.http.call import Call
from shared.http.listing import ListQuery
from shared.http.routes import Reply, Routes
from shared.services.merges.reading import MergeFilter
from shared.wiring.merges import merge_reading, merging, show_merged

routes = Routes("Merges")


class MergeListQuery(ListQuery):
    """The merges to list."""

    state: Literal["done", "undone"] | None = Field(None, description="Only merges in this state.")
    survivor_id: str | None = Field(
        None, min_length=1, max_length=100, description="Only merges into this contact."
    )
    contact_id: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Only merges of this contact: into it, or into another one.",
    )


@routes.route(
    "POST",
    "/contacts/merge",
    summary="Merge contacts into another one, or show what a merge would do",
    body=MergeInput,
    answer=MergeResult,
    show=show_merged,
    errors=(NotFound, Merged, Duplicate, Conflict),
)
def merge_contacts(call: Call, body: MergeInput) -> Reply:
    """The survivor keeps its values and gets those that it lacks. Lists are united, and a channel that was opted out of
    stays so. The timelines, notes, bookings and history of the merged contacts are the survivor's from then on. Their
    ids lead to the survivor: GET answers with the survivor, and other calls are 409 `merged`.
    """
    return Reply(record=merging(call.caller, call.claim).merge(body))


@routes.route(
    "GET",
    "/merges",
    summary="List merges, newest first",
    query=MergeListQuery,
    answer=Merge,
    paged=True,
)
def list_merges(call: Call, query: MergeListQuery) -> Reply:
    """Callers who see only their own contacts see the merges that they made."""
    wanted = MergeFilter(query.state, query.survivor_id, query.contact_id)
    reading = merge_reading(call.caller, call.budget)
    return Reply(page=reading.list(wanted, limit=query.limit, cursor=query.cursor))


@routes.route("GET", "/merges/{merge_id}", summary="Read a merge", answer=Merge, errors=(NotFound,))
def read_merge(call: Call, merge_id: str) -> Reply:
    return Reply(record=merge_reading(call.caller).read(merge_id))


@routes.route(
    "POST",
    "/merges/{merge_id}/undo",
    summary="Undo a merge",
    answer=MergeResult,
    show=show_merged,
    errors=(NotFound, Conflict),
)
def undo_merge(call: Call, merge_id: str) -> Reply:
    """The merged contacts are back with their ids, addresses, labels, customers and timelines. The survivor loses what
    the merge gave it, as far as nobody has changed it since; `undo.kept` lists the rest with the reason. A merge can be
    undone for 30 days. Later merges of the survivor must be undone first.
    """
    return Reply(record=merging(call.caller, call.claim).undo(merge_id))
