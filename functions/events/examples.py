"""Examples of the feed's routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.contacts.history import FieldChange
from shared.domain.errors import NotFound, PermissionDenied, PositionExpired, RuleBroken
from shared.domain.feed_views import FeedItem, FeedPage, FeedStart
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.feed.reading import SNAPSHOT

_ID = "01962e35-09b0-7a90-8f27-b4c6d1e03a58"
_CREATED = FeedItem(
    position=1_204,
    id=_ID,
    type="contact.created",
    occurred_at="2025-04-13T08:12:30.000Z",
    entity="contact",
    entity_id=ADA_ID,
    version=1,
    actor=f"user:{USER_ID}",
    source="api",
    changes={
        "first_name": FieldChange(old=None, new="Ada"),
        "full_name": FieldChange(old=None, new="Ada"),
        "email": FieldChange(old=None, new="ada@example.com"),
        "owner_id": FieldChange(old=None, new=USER_ID),
        "relationship_status": FieldChange(old=None, new="prospect"),
        "lifecycle_stage": FieldChange(old=None, new="awareness"),
        "is_active": FieldChange(old=None, new=True),
        "source": FieldChange(old=None, new="api"),
    },
    data={},
)

PARAMETERS = {"event_id": _ID}

EXAMPLES = {
    "list_events": Example(
        answer=FeedPage(items=[_CREATED], next_after=1_204, has_more=False),
        parameters={
            "type": "contact.*,interaction.created",
            "entity": "contact",
            "entity_id": ADA_ID,
            "actor_id": USER_ID,
            "from": "2025-04-13",
            "to": "2031-12-31T23:59:59Z",
        },
        problems=(
            LIMIT_REFUSED,
            RuleBroken(
                "There is no position 2000 yet: the last one is 1204. Give the `next_after` of an answer of this feed.",
                code="unknown_position",
            ),
            PositionExpired(),
        ),
    ),
    "start_feed": Example(
        answer=FeedStart(position=1_180, snapshot=SNAPSHOT),
        problems=(PermissionDenied.lacking("contacts:read or audit:read"),),
    ),
    "read_event": Example(answer=_CREATED, problems=(NotFound("Event"),)),
}
