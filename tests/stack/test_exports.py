"""An export on the one-machine stack, from the call through the queue to the file behind its link."""

from __future__ import annotations

import csv
import io

import requests

from tests.stack.conftest import LiveStack, OpenedTenant, eventually

COUNT = 120


def test_a_file_is_made_and_fetched_by_its_link(live: LiveStack, tenant: OpenedTenant) -> None:
    people = [
        {"first_name": "=Ada", "email": f"p{number:03d}@example.com", "custom_fields": {"n": number}}
        for number in range(COUNT)
    ]
    made = live.api("POST", "/contacts/bulk-create", token=tenant.admin_token, body={"contacts": people})
    assert made.status == 207, made.body

    def listed() -> bool:
        page = live.api("GET", "/contacts?limit=1", token=tenant.admin_token)
        return bool(page.body["total"] == COUNT)

    eventually(listed)
    for format in ("csv", "xlsx"):
        body = {"format": format, "fields": ["first_name", "email", "custom_fields"]}
        accepted = live.api("POST", "/exports", token=tenant.admin_token, body=body)
        assert accepted.status == 202, accepted.body
        where = accepted.headers["Location"].removeprefix("/v1")

        def ended(where: str = where) -> bool:
            return bool(live.api("GET", where, token=tenant.admin_token).body["completed_at"])

        eventually(ended)
        export = live.api("GET", where, token=tenant.admin_token).body
        assert (export["state"], export["counts"]["rows"]) == ("completed", COUNT)
        link = live.api("GET", f"{where}/file", token=tenant.admin_token)
        assert link.status == 200, link.body
        fetched = requests.get(link.body["download_url"], timeout=60)
        assert fetched.status_code == 200
        assert export["file_name"] in fetched.headers["Content-Disposition"]
        assert len(fetched.content) == export["counts"]["bytes"]
        if format == "csv":
            rows = list(csv.DictReader(io.StringIO(fetched.content.decode("utf-8-sig"), newline="")))
            assert [row["Email"] for row in rows] == [person["email"] for person in people]
            assert rows[7] == {
                "First Name": "'=Ada",
                "Email": "p007@example.com",
                "custom.n": "7",
                "Other Custom Fields": "",
            }
        else:
            assert fetched.content.startswith(b"PK")
