"""The template of a file to import, and the example files of the documentation."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from shared.domain.imports.template import HEADER, template
from tests.contract.answers import ROOT
from tests.integration.imports.drop_folder import DropFolder
from tests.integration.imports.uploads import Uploader
from tests.integration.world import World

EXAMPLES = ROOT / "docs" / "examples"
UNUSED = {"linkedin.csv": ["URL", "Connected On"]}
"""Columns of example files that nothing reads."""


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff"), "the mark by which spreadsheets recognize UTF-8"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_the_template_is_a_file_with_a_header_line(world: World) -> None:
    answer = world.send("GET", "/imports/template")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contacts-template.csv"'
    assert answer.text == template(with_examples=False)
    assert (rows_of(answer.text), answer.text.count("\r\n")) == ([], 1)


def test_example_rows_follow_on_request(world: World) -> None:
    answer = world.send("GET", "/imports/template", query={"example": "true"})
    rows = rows_of(answer.text)
    assert [row["Email"] for row in rows] == ["ada@example.com", "grace@example.com"]
    assert all(tuple(row) == HEADER for row in rows)


def test_each_column_of_the_template_is_known(world: World) -> None:
    shown = preview(world, template(with_examples=True).encode())
    assert [one["header"] for one in shown["columns"] if one["field"] is None] == []


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.csv")))
def test_each_example_file_is_imported_as_it_is(world: World, name: str) -> None:
    shown = preview(world, (EXAMPLES / name).read_bytes(), on_duplicate="merge")
    assert shown["state"] == "ready", shown["error"]
    assert (shown["counts"]["failed"], shown["counts"]["warnings"]) == (0, 0), shown["rows"]
    assert shown["unused_columns"] == UNUSED.get(name, [])
    assert f"[{name}]({name})" in (EXAMPLES / "README.md").read_text()


def test_the_example_of_the_template_is_the_template() -> None:
    assert (EXAMPLES / "contacts.csv").read_bytes().decode() == template(with_examples=True)


def test_rows_about_one_person_fill_each_other_s_gaps(world: World) -> None:
    shown = preview(world, (EXAMPLES / "several-rows.csv").read_bytes(), on_duplicate="merge")
    assert [one["outcome"] for one in shown["rows"]] == ["created", "merged", "merged", "created"]
    rae = shown["rows"][0]["after"]
    assert (rae["last_name"], rae["company"], rae["phone"]) == ("Dean", "Dean Ltd.", "+12025550115")
    assert (rae["other_emails"], rae["tags"]) == (["rae@home.example"], ["newsletter", "regular"])


def preview(world: World, body: bytes, **options: Any) -> dict[str, Any]:
    uploader = Uploader(DropFolder(world))
    return uploader.preview(uploader.upload(body), **options)
