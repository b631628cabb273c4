"""A preview says exactly what the run then does, for files at random."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shared.domain.imports.preview import SAMPLE_ROWS
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.world import World
from tests.support.budgets import repetitions

Worlds = Callable[[], AbstractContextManager[World]]

_SHOWN_ALIKE = (
    "first_name", "last_name", "email", "other_emails", "phone", "company", "job_title", "tags", "groups", "owner_id",
)  # fmt: skip
_EMAILS = st.sampled_from(
    [
        "a@example.com",
        "A@Example.com ",
        "b@example.com",
        "c@example.com",
        "d@example.com",
        "",
        "nobody",
        "<b@example.com>",
    ]
)
_NUMBERS = st.sampled_from(["+12025550101", "(202) 555-0102", "2025550101", "", "N/A", "202-555-XXXX"])
_NAMES = st.sampled_from(["Ada", "Grace", "", "=Ann"])
_TAGS = st.sampled_from(["", "vip", "VIP, new", "a;b"])
_ROWS = st.lists(
    st.tuples(_EMAILS, _NAMES, _NUMBERS, st.sampled_from(["", "Acme", "Engines"]), _TAGS), max_size=30
)
_OPTIONS = st.fixed_dictionaries(
    {
        "on_duplicate": st.sampled_from(["skip", "update", "merge"]),
        "match_on": st.sampled_from(["email", "phone"]),
        "tags": st.sampled_from([[], ["imported"]]),
        "groups": st.sampled_from([[], ["Customers"]]),
    }
)


def _prepare(world: World) -> None:
    assert world.send("POST", "/groups", {"name": "Customers"}).status == 201
    world.create("a@example.com", company="Old", tags=["vip"], phone="+12025550101")
    world.create("b@example.com", other_emails=["c@example.com"], first_name="Bea")
    world.catch_up()  # contacts are found by their numbers in the projection


def _cell(text: str) -> str:
    return f'"{text}"'


@settings(
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # each example takes a stack: to shrink one takes minutes
    max_examples=repetitions(12),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=_ROWS, options=_OPTIONS)
def test_a_preview_says_what_the_run_does(worlds: Worlds, rows: list[tuple[str, ...]], options: Any) -> None:
    """check 85: the counts over the whole file, and each of the first rows with its contact before and after."""
    lines = [",".join(map(_cell, row)) for row in rows]
    body = "\n".join(["Email,First Name,Phone,Company,Tags", *lines, ""])
    with worlds() as world:
        _prepare(world)
        uploader = Uploader(DropFolder(world))
        import_id = uploader.upload(body)
        planned = uploader.preview(import_id, **options)
        assert planned["state"] == "ready", planned
        before = {one["id"]: one for one in _contacts(world)}
        done = uploader.run(import_id)
        assert done["counts"] == planned["counts"]
        results = uploader.folder.results(done)
        assert len(planned["rows"]) == min(len(results), SAMPLE_ROWS)
        after = {one["id"]: one for one in _contacts(world)}
        for row, result in zip(planned["rows"], results, strict=False):
            told = (row["outcome"], row["reason_code"] or "", row["message"] or "")
            assert told == (result["outcome"], result["reason_code"], result["message"])
            contact_id = result["contact_id"]
            assert row["contact_id"] == (contact_id if contact_id in before else None)
            if row["after"] is not None:
                _assert_alike(row["after"], after[contact_id])
            if row["before"] is not None:
                _assert_alike(row["before"], before[contact_id])


def _contacts(world: World) -> list[Any]:
    world.catch_up()
    ids = [one["id"] for one in world.send("GET", "/contacts", query={"limit": "100"}).json["items"]]
    return [world.send("GET", f"/contacts/{contact_id}").json for contact_id in ids]


def _assert_alike(shown: dict[str, Any], contact: dict[str, Any]) -> None:
    """Compare a row's contact with that of the API, which also has fields that are empty."""
    for name in _SHOWN_ALIKE:
        there = contact[name]
        assert shown.get(name, type(there)() if there is not None else None) == there, name
