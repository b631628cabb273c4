"""The template of a file to import, and the example files of the documentation."""

from __future__ import annotations

import csv
import io

from shared.domain.imports.template import HEADER, template
from tests.integration.world import World


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
