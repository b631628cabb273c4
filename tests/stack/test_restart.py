"""Stopping and starting the stack loses nothing and does nothing twice."""

from __future__ import annotations

import signal
from collections import Counter

from standardwebhooks import Webhook

from tests.stack.conftest import LiveStack, eventually
from tests.stack.test_four_doors import contact, drop, file_of, finished, imports, listed, subscribe
from tests.support.receiver import Receiver


def test_a_second_start_deploys_nothing_and_finds_everything(own_stack: LiveStack) -> None:
    own_stack.start()
    made = own_stack.api("POST", "/contacts", token=own_stack.token(), body=contact("kept@example.com")).body
    key = own_stack.state["api_key"]
    own_stack.stop(signal.SIGINT)
    before = own_stack.output.read_text()
    own_stack.start()
    assert "unchanged" in own_stack.output.read_text().removeprefix(before)
    assert own_stack.api("GET", f"/contacts/{made['id']}", token=own_stack.token()).body == made
    assert own_stack.api("GET", f"/contacts/{made['id']}", token=key).status == 200


def test_a_stop_in_mid_import_ends_with_every_row_once(own_stack: LiveStack, receiver: Receiver) -> None:
    own_stack.start()
    tenant = own_stack.open_tenant()
    subscription = subscribe(own_stack, tenant, receiver.url, "contact.created")
    drop(own_stack, tenant.id, "people.csv", file_of(new=475, repeated=15, bad=10))
    assert eventually(lambda: imports(own_stack, tenant), every=0.02)
    own_stack.stop(signal.SIGTERM)
    own_stack.start()

    token = own_stack.state["api_key"]
    assert token
    [done] = finished(own_stack, tenant)
    counts = done["counts"]
    assert (counts["rows"], counts["created"], counts["skipped"], counts["failed"]) == (500, 475, 15, 10)
    assert eventually(lambda: len(listed(own_stack, tenant)) == 475)
    emails = Counter(one["email"] for one in listed(own_stack, tenant))
    assert set(emails.values()) == {1}

    def delivered() -> bool:
        return len({request.headers["webhook-id"] for request in receiver.requests}) == 475

    eventually(delivered)
    for request in receiver.requests[:20]:
        Webhook(subscription["secret"]).verify(request.body, request.headers)
