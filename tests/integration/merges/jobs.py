"""Merge jobs by calls of the API, and the function that works on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain import timestamps
from shared.domain.callers import Caller, Kind
from shared.domain.ids import new_id
from shared.domain.jobs.merges import MergeRun, MergeSuggestedInput
from shared.domain.merges.groups import GroupResult
from shared.table.merges.jobs import ITEMS, result_to_item
from shared.wiring.base import store
from tests.integration.jobs.bulk import Jobs
from tests.integration.world import World
from tests.support.tenant_guard import acting_for

START, JOBS = "/contacts/merge-suggested", "/contacts/merge-jobs"


def start(world: World, *, token: str | None = None, **given: Any) -> str:
    """Start a job that merges what is suggested. Returns its id."""
    answer = world.send("POST", START, given, token=token)
    assert answer.status == 202, answer.text
    return str(answer.json["id"])


def run(world: World, *, token: str | None = None, **given: Any) -> dict[str, Any]:
    """Start a job and let it run to its end. Returns it."""
    job_id = start(world, token=token, **given)
    Jobs(world).work()
    return shown(world, job_id)


def run_undo(world: World, job_id: str) -> dict[str, Any]:
    """Undo a job, and let that run to its end. Returns the job that undid it."""
    answer = world.send("POST", f"{JOBS}/{job_id}/undo")
    assert answer.status == 202, answer.text
    Jobs(world).work()
    return shown(world, answer.json["id"])


def shown(world: World, job_id: str) -> dict[str, Any]:
    """Return a job as the API shows it."""
    answer = world.send("GET", f"{JOBS}/{job_id}")
    assert answer.status == 200, answer.text
    job: dict[str, Any] = answer.json
    return job


def groups(world: World, job_id: str) -> list[dict[str, Any]]:
    """Return what a job did with its groups."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = world.send("GET", f"{JOBS}/{job_id}/groups", query={"limit": 2, **cursor})
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def allow_many_merge_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tenant have many merge jobs under way, for tests in which many callers of one tenant start some."""
    quota = replace(ITEMS.quota, most=99)
    monkeypatch.setattr("shared.table.merges.jobs.ITEMS", replace(ITEMS, quota=quota))


def running_merge_job(tenant_id: str, by: tuple[Kind, str] | None = None) -> str:
    """Write a new merge job for which nothing is queued; return its id. `by`: the kind and id of its creator."""
    return _write(_new_run(tenant_id, by))


def ended_merge_job(tenant_id: str, by: tuple[Kind, str] | None = None) -> str:
    """Write a merge job that has ended, with a group that it refused; return its id."""
    run = _new_run(tenant_id, by)
    ended = run.cancel(at=timestamps.now())
    assert ended is not None
    refused = GroupResult.refuse(1, [new_id(), new_id()], "dismissed", "The contacts were dismissed.")
    with acting_for(tenant_id):
        store().put(result_to_item(tenant_id, run.id, run.created_at, refused))
    return _write(ended)


def _new_run(tenant_id: str, by: tuple[Kind, str] | None) -> MergeRun:
    caller = Caller(tenant_id, *(by or ("user", f"admin-of-{tenant_id}")), "admin")
    return MergeRun.begin(MergeSuggestedInput(), job_id=new_id(), caller=caller, at=timestamps.now())


def _write(run: MergeRun) -> str:
    with acting_for(run.tenant_id):  # without a slot, so that a tenant can have several
        store().put(ITEMS.to_item(run.tenant_id, run))
    return run.id
