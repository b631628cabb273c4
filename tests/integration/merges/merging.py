"""Merges and their undo by calls of the API."""

from __future__ import annotations

from typing import Any

from tests.integration.world import World


def merge(
    world: World, survivor: str, *merged: str, token: str | None = None, **given: Any
) -> dict[str, Any]:
    """Merge contacts into another one. Returns the answer's body. `given`: further members of the request."""
    body = {"survivor_id": survivor, "merged_ids": [*merged], **given}
    answer = world.send("POST", "/contacts/merge", body, token=token)
    assert answer.status == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def undo(world: World, merge_id: str) -> dict[str, Any]:
    """Undo a merge. Returns the answer's body."""
    answer = world.send("POST", f"/merges/{merge_id}/undo")
    assert answer.status == 200, answer.text
    result: dict[str, Any] = answer.json
    return result
