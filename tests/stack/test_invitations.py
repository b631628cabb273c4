"""An invitation through the deployed gateway, functions, user pool and sender."""

from __future__ import annotations

import json
import re
import secrets

from local import demo
from local.deploy import MAIL_FROM
from local.http import request
from tests.stack.conftest import LiveStack, OpenedTenant


def test_a_person_is_invited_by_e_mail_accepts_signs_in_and_is_removed(
    live: LiveStack, tenant: OpenedTenant
) -> None:
    email, password = f"grace-{secrets.token_hex(4)}@guests.example", demo.new_password()
    made = live.api(
        "POST", "/users/invitations", token=tenant.admin_token, body={"email": email, "role": "user"}
    )
    assert (made.status, made.body["emailed"]) == (201, True)

    _status, _headers, kept = request("GET", f"{live.aws.endpoint}/_ministack/ses/messages")
    messages = [one for account in json.loads(kept)["messages"].values() for one in account]
    (sent,) = [one for one in messages if email in one["To"]]
    assert sent["Source"] == MAIL_FROM
    found = re.search(r"\?token=(\S+)", sent["BodyText"])
    assert found is not None and found[1] == made.body["token"]

    body = {"token": found[1], "password": password}
    accepted = live.api("POST", "/users/invitations/accept", body=body)
    assert accepted.status == 201, accepted.body
    assert live.api("POST", "/users/invitations/accept", body=body).body["code"] == "already_accepted"
    user = f"/users/{accepted.body['id']}"

    token = demo.token(live.aws, live.outputs, email, password)
    assert live.api("GET", user, token=token).body["email"] == email
    assert live.api("PATCH", user, token=token, body={"role": "admin"}).status == 403
    assert live.api("PATCH", user, token=token, body={"first_name": "Grace"}).status == 200
    assert live.api("PATCH", user, token=tenant.admin_token, body={"role": "admin"}).status == 200
    assert live.api("DELETE", user, token=tenant.admin_token).status == 204
    assert live.api("GET", user, token=tenant.admin_token).status == 404
