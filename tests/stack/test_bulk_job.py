"""A bulk job on the one-machine stack, from the call through the queue to its end."""

from __future__ import annotations

from tests.stack.conftest import LiveStack, OpenedTenant, eventually

COUNT = 600
PORTION = 100


def test_a_job_goes_from_portion_to_portion_to_its_end(live: LiveStack, tenant: OpenedTenant) -> None:
    made = 0
    for start in range(0, COUNT, PORTION):
        people = [
            {"first_name": "Ada", "email": f"p{start + n}@example.com", "tags": ["x"]} for n in range(PORTION)
        ]
        answer = live.api(
            "POST", "/contacts/bulk-create", token=tenant.admin_token, body={"contacts": people}
        )
        assert answer.status == 207, answer.body
        made += answer.body["succeeded"]
    assert made == COUNT

    def listed() -> bool:
        page = live.api("GET", "/contacts?tags=x&limit=1", token=tenant.admin_token)
        return bool(page.body["total"] == COUNT)

    eventually(listed)
    body = {"filter": {"tags": "x"}, "add_tags": ["y"], "remove_tags": ["x"]}
    accepted = live.api("POST", "/contacts/bulk-update", token=tenant.admin_token, body=body)
    assert accepted.status == 202, accepted.body
    where = accepted.headers["Location"].removeprefix("/v1")

    def ended() -> bool:
        return bool(live.api("GET", where, token=tenant.admin_token).body["state"] != "running")

    eventually(lambda: live.api("GET", where, token=tenant.admin_token).body["counts"]["done"] > 0)
    eventually(ended)
    job = live.api("GET", where, token=tenant.admin_token).body
    assert (job["state"], job["counts"]) == ("completed", {"done": COUNT, "succeeded": COUNT, "failed": 0})
