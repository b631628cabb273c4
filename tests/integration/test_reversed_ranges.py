"""A list whose range of time ends before it begins is empty, whatever the list and its order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from local.openapi import operations
from shared.domain.moments import Moment
from shared.http.routes import Operation
from tests.integration.webhooks.logged import logged_delivery
from tests.integration.world import World

ENDS = ("to", "before", "until")
REVERSED = [
    ("2026-05-04T09:30:00.001Z", "2026-05-04T09:30:00.000Z"),
    ("2026-05-04", "2026-05-03"),
    ("9999-12-31", "1970-01-01"),
]


def bounds_of(operation: Operation) -> set[str]:
    """The query parameters of a route that are bounds of a time."""
    fields = operation.query.model_fields if operation.query is not None else {}
    return {field.alias or name for name, field in fields.items() if Moment in get_args(field.annotation)}


def ranges_of(operation: Operation) -> list[tuple[str, str]]:
    """The ranges that a route takes: the parameters for the beginning and for the end."""
    bounds = bounds_of(operation)
    stems = sorted(one.removesuffix("from") for one in bounds if one.endswith("from"))
    return [(f"{one}from", next(f"{one}{end}" for end in ENDS if f"{one}{end}" in bounds)) for one in stems]


def ways_to_read(operation: Operation) -> Iterator[dict[str, Any]]:
    """The parameters by which a list is read in one order or another, by cursor or by page."""
    fields = operation.query.model_fields if operation.query is not None else {}
    yield {"page": 2, "page_size": 1} if "page" in fields else {}
    total = {"include_total": "true"} if "include_total" in fields else {}
    yield total
    if "sort" in fields:
        sorts = fields["sort"].annotation
        named = [name for one in (sorts, *get_args(sorts)) for name in get_args(one)] or get_args(sorts)
        for name in named:
            if isinstance(name, str):
                yield {"sort": name, **total}


LISTS = [one for one in operations() if ranges_of(one)]


def test_each_bound_of_a_list_belongs_to_a_range() -> None:
    for operation in operations():
        assert bounds_of(operation) == {name for pair in ranges_of(operation) for name in pair}, (
            operation.path
        )
    assert {"/contacts", "/events", "/webhooks/{webhook_id}/deliveries"} <= {one.path for one in LISTS}


def test_a_range_that_ends_before_it_begins_finds_nothing(world: World) -> None:
    contact_id = world.create(tags=["new"])["id"]
    hook = {"url": "https://hooks.example.com/", "events": ["contact.created"]}
    webhook_id = world.send("POST", "/webhooks", hook).json["id"]
    logged_delivery("T1", webhook_id)
    at = f"/contacts/{contact_id}"
    world.send("POST", f"{at}/interactions", {"type": "call", "description": "a call"})
    world.send("POST", f"{at}/follow-ups", {"title": "call", "due_at": "2026-05-04T09:30:00Z"})
    world.catch_up()
    for operation in LISTS:
        path = operation.path.format(contact_id=contact_id, webhook_id=webhook_id)
        for begin, end in ranges_of(operation):
            for number, more in enumerate(ways_to_read(operation)):
                first, last = REVERSED[number % len(REVERSED)]
                answer = world.send("GET", path, query={begin: first, end: last, **more})
                assert answer.status == 200, (path, begin, more, answer.text)
                assert answer.json["items"] == [], (path, begin, more)


def test_bodies_with_such_a_filter_find_nothing(world: World) -> None:
    world.create(tags=["new"])
    world.catch_up()
    first, last = REVERSED[0]
    wanted = {"created_from": first, "created_to": last}
    export = {"format": "csv", "dry_run": True, "filter": wanted}
    answer = world.send("POST", "/exports", export)
    assert (answer.status, answer.json["total"]) == (200, 0), answer.text
    group = world.send("POST", "/groups", {"name": "new", "kind": "dynamic", "filter": wanted})
    assert group.status == 201, group.text
    assert world.send("GET", f"/groups/{group.json['id']}/contacts").json["items"] == []
    assert group.json.get("contact_count") in (0, None)
