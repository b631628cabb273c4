"""Idempotency-Key through the deployed gateway and functions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.stack.conftest import Answer, LiveStack, OpenedTenant


def test_a_post_sent_twice_has_one_effect_and_one_answer(live: LiveStack, tenant: OpenedTenant) -> None:
    """check 33, check 34"""
    ada = {"first_name": "Ada", "email": "ada@example.com"}
    hook = {"url": "https://hooks.example.com/x", "events": ["contact.created"]}
    for path, body, other in (
        ("/contacts", ada, {**ada, "company": "Engines"}),
        ("/webhooks", hook, {**hook, "description": "another"}),
    ):

        def post(body: object, path: str = path) -> Answer:
            key = {"Idempotency-Key": f"of {path}"}
            return live.api("POST", path, token=tenant.admin_token, body=body, headers=key)

        first, again = post(body), post(body)
        assert (first.status, first.headers["Idempotency-Replayed"]) == (201, None)
        assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.body == first.body
        assert again.headers["Location"] == first.headers["Location"]
        assert post(other).body["code"] == "idempotency_key_reused"


def test_twins_at_once_have_one_effect(live: LiveStack, tenant: OpenedTenant) -> None:
    """check 33"""

    def post(_: int) -> Answer:
        key = {"Idempotency-Key": "twins"}
        body = {"first_name": "Ada", "email": "ada@example.com"}
        return live.api("POST", "/contacts", token=tenant.admin_token, body=body, headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.body["code"] for answer in answers if answer.status == 409} <= {"idempotency_in_flight"}
    assert len({answer.body["id"] for answer in answers if answer.status == 201}) == 1
