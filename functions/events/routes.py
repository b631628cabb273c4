"""Routes of the feed."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from shared.domain.days import first_of, last_of
from shared.domain.errors import NotFound, PositionExpired, RuleBroken
from shared.domain.event_patterns import explain_unknown, find_types
from shared.domain.events import DERIVED_TYPES, ENTITIES
from shared.domain.feed_views import FeedFilter, FeedItem, FeedPage, FeedStart
from shared.domain.field_names import nearest
from shared.domain.moments import FROM, TO, Moment
from shared.http.call import Call
from shared.http.routes import Reply, Routes
from shared.wiring.feed import feed_reading
from shared.wiring.tenants import tenant_settings

routes = Routes("Events")

_MAX_POSITION = 2**53 - 1
"""The greatest whole number that every JSON parser reads exactly (RFC 8259, section 6)."""


_OF_CONTACTS = ("follow_up", "interaction", "note")
"""Kinds of records whose events are about their contact."""


def _check_types(text: str) -> str:
    for one in _parse_types(text):
        if not (types := find_types(one)):
            raise PydanticCustomError("unknown_event_type", explain_unknown(one))
        if DERIVED_TYPES.issuperset(types):
            raise PydanticCustomError(
                "unknown_event_type",
                "The feed has no events of this type. The events of the contacts are in it: read `contact.created` and "
                "`contact.updated`.",
            )
    return text


def _check_entity(text: str) -> str:
    if text in ENTITIES:
        return text
    meant = nearest(text, [*ENTITIES, *_OF_CONTACTS])
    if meant in _OF_CONTACTS:
        hint = f"These events are about their contact. Give `type={meant}.*` instead."
    elif meant is not None:
        hint = f"Did you mean `{meant}`?"
    else:
        hint = f"The kinds are {', '.join(sorted(ENTITIES))}."
    raise PydanticCustomError("unknown_entity", f"There is no such kind of record. {hint}")


def _parse_types(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(","))


class FeedQuery(BaseModel):
    """The entries of the feed to list. All conditions must hold."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    after: int | None = Field(
        None,
        ge=0,
        le=_MAX_POSITION,
        description="The position after which to read: the `next_after` of the previous answer, or the `position` of "
        "`GET /events/start`. Omit it to begin with the oldest entry.",
    )
    limit: int = Field(25, ge=1, le=100, description="Entries in the answer, at most.")
    type: Annotated[str, AfterValidator(_check_types)] | None = Field(
        None,
        max_length=2_000,
        description="Only events of these types, separated by commas. `contact.*` is all types that begin with "
        "`contact.` The feed has no events of the types `group.member_added` and `group.member_removed`: those of "
        "their contacts are in it.",
    )
    entity: Annotated[str, AfterValidator(_check_entity)] | None = Field(
        None,
        max_length=64,
        description="Only events about records of this kind, such as `contact`. Those of interactions, notes and "
        "follow-ups are about their contact.",
    )
    entity_id: str | None = Field(
        None, min_length=1, max_length=128, description="Only events about the record with this id."
    )
    actor_id: str | None = Field(
        None,
        min_length=1,
        max_length=160,
        description="Only changes by the user, API client or import with this id, or by an `actor` of the answers.",
    )
    occurred_from: Moment | None = Field(
        None, alias="from", description=f"Events that occurred {FROM[0].lower()}{FROM[1:]}"
    )
    occurred_to: Moment | None = Field(
        None, alias="to", description=f"Events that occurred {TO[0].lower()}{TO[1:]}"
    )

    def to_filter(self, tenant_id: str) -> FeedFilter:
        """Return the conditions. A date means the whole day in the tenant's time zone."""
        zone = tenant_settings(tenant_id).timezone if self.occurred_from or self.occurred_to else ""
        return FeedFilter(
            types=_parse_types(self.type) if self.type else (),
            entity=self.entity,
            entity_id=self.entity_id,
            actor_id=self.actor_id,
            first=self.occurred_from and first_of(self.occurred_from, zone),
            last=self.occurred_to and last_of(self.occurred_to, zone),
        )


@routes.route(
    "GET",
    "/events",
    summary="Read the feed: all changes, in the order of their publication",
    query=FeedQuery,
    answer=FeedPage,
    errors=(RuleBroken, PositionExpired),
)
def list_events(call: Call, query: FeedQuery) -> Reply:
    """Lists the events after a position that the caller may see. A reader that goes on from `next_after` misses none,
    however late an event is published, and gets the events of each record in the order of its versions. Positions can
    be read for 30 days. With `from` or `to` and the permission `audit:read`, entries can be read for 400 days.
    """
    feed = feed_reading(call.caller, call.budget)
    wanted = query.to_filter(call.caller.tenant_id)
    return Reply(record=feed.list(wanted, after=query.after, limit=query.limit))


@routes.route(
    "GET", "/events/start", summary="Find where a replica begins to read the feed", answer=FeedStart
)
def start_feed(call: Call) -> Reply:
    """All events up to the position are in the lists. A snapshot of the lists that is read from now on and the events
    after the position have every change.
    """
    return Reply(record=feed_reading(call.caller, call.budget).start())


@routes.route(
    "GET", "/events/{event_id}", summary="Read an event of the feed", answer=FeedItem, errors=(NotFound,)
)
def read_event(call: Call, event_id: str) -> Reply:
    return Reply(record=feed_reading(call.caller, call.budget).read(event_id))
