"""Dates without a time, over HTTP: whole days of the tenant, in lists and in dynamic groups."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.integration.world import World
from tests.support.aws import Stack
from tests.support.tokens import TokenIssuer


@pytest.fixture
def world(aws_stack: Stack, token_issuer: TokenIssuer) -> World:
    return World(aws_stack, token_issuer)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_a_day_is_the_tenant_s_in_lists_and_in_dynamic_groups(world: World, zone: str) -> None:
    """Between the two zones lie 25 hours, so that they never have the same date."""
    assert world.send("PATCH", "/settings", {"timezone": zone}).status == 200
    made = world.create("ada@example.com")
    world.catch_up()
    day = datetime.fromisoformat(made["created_at"]).astimezone(ZoneInfo(zone)).date()
    before, after = day - timedelta(days=1), day + timedelta(days=1)

    def found(**bounds: object) -> list[str]:
        return [one["id"] for one in world.listed(**bounds)]

    assert found(created_from=day, created_to=day) == [made["id"]]
    assert found(updated_from=day) == found(created_to=day) == [made["id"]]
    assert found(created_from=after) == found(created_to=before) == found(updated_to=before) == []
    answer = world.send(
        "POST", "/groups", {"name": "New", "kind": "dynamic", "filter": {"created_from": str(day)}}
    )
    assert answer.status == 201, answer.text
    assert answer.json["filter"] == {"created_from": str(day)}
    members = world.send("GET", f"/groups/{answer.json['id']}/contacts").json["items"]
    assert [one["id"] for one in members] == [made["id"]]
