"""The keys of the drop bucket's objects."""

from __future__ import annotations

import pytest

from shared.files.object_keys import inbox_file


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("tenants/T1/inbox/people.csv", ("T1", "people.csv")),
        ("tenants/T1/inbox/a/b.csv", ("T1", "a/b.csv")),
        ("tenants/T1/inbox/line\nbreak.csv", ("T1", "line\nbreak.csv")),
        ("tenants/T1/inbox/", None),
        ("tenants/T1/inbox/folder/", None),
        ("tenants/T1/results/x/people.csv", None),
        ("tenants/T1/x/inbox/people.csv", None),
        ("tenants//inbox/people.csv", None),
        ("xtenants/T1/inbox/people.csv", None),
    ],
)
def test_only_files_in_inboxes_are_recognised(key: str, found: tuple[str, str] | None) -> None:
    assert inbox_file(key) == found
