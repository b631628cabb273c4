"""An import by the API on the one-machine stack: the form uploads its file to S3, as from a browser."""

from __future__ import annotations

import requests

from tests.stack.conftest import LiveStack, OpenedTenant, eventually


def test_a_file_goes_by_its_form_to_s3_and_from_there_to_contacts(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    """check 60, through the real upload"""
    asked = live.api("POST", "/imports", token=tenant.admin_token, body={"file_name": "people.csv"})
    assert asked.status == 201, asked.body
    where, form = f"/imports/{asked.body['id']}", asked.body["upload"]
    assert live.api("POST", f"{where}/start", token=tenant.admin_token).status == 409
    file = {"file": ("people.csv", b"email\nada@example.com\nnobody\n", "text/csv")}
    elsewhere = form["fields"] | {"key": "tenants/demo/inbox/people.csv"}
    assert requests.post(form["url"], data=elsewhere, files=file, timeout=60).status_code == 403
    sent = requests.post(form["url"], data=form["fields"], files=file, timeout=60)
    assert sent.status_code == 204, sent.text
    eventually(lambda: state(live, tenant, where) == "uploaded")
    started = live.api("POST", f"{where}/start", token=tenant.admin_token)
    assert (started.status, started.body["state"]) == (202, "running")
    eventually(lambda: state(live, tenant, where) == "completed")
    counts = live.api("GET", where, token=tenant.admin_token).body["counts"]
    assert (counts["created"], counts["failed"]) == (1, 1)


def state(live: LiveStack, tenant: OpenedTenant, where: str) -> str:
    return str(live.api("GET", where, token=tenant.admin_token).body["state"])
