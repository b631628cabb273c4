"""A demo tenant: its admin, a user, an API key and sample contacts, created with the operator's commands."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from local.deploy import Aws
from local.failures import CannotStart
from local.http import request
from local.state_files import write_private
from shared.domain.callers import PERMISSIONS
from shared.identity.user_pool import UserPool
from shared.services.accounts.onboarding import Onboarding
from shared.table.store import Store
from shared.wiring.accounts import onboarding_service

TENANT = "demo"
ADMIN, USER = "admin@demo.example", "user@demo.example"
API_PERMISSIONS = ",".join(f"{permission}:all" for permission in PERMISSIONS)
"""All permissions, at level `all`."""
SAMPLES: tuple[dict[str, Any], ...] = (
    {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@engines.example", "company": "Engines Ltd",
     "phone": "+442079460017", "tags": ["vip"]},
    {"first_name": "Grace", "last_name": "Hopper", "email": "grace@compilers.example", "company": "Compilers Inc",
     "phone": "+12025550143"},
    {"first_name": "Alan", "last_name": "Turing", "email": "alan@machines.example", "company": "Machines Ltd"},
    {"first_name": "Emmy", "last_name": "Noether", "email": "emmy@rings.example", "tags": ["newsletter"]},
    {"first_name": "Sophie", "last_name": "Germain", "email": "sophie@primes.example"},
)  # fmt: skip


class DemoFailed(CannotStart):
    """The API refused the demo's data; the message says what it answered."""


def onboarding(aws: Aws, outputs: dict[str, str]) -> Onboarding:
    """Return the operator's service for tenants, users and keys, with the operator's credentials."""
    pool = UserPool(lambda: aws.client("cognito-idp"), outputs["UserPoolId"], outputs["UserPoolClientId"])
    return onboarding_service((Store(aws.client("dynamodb"), outputs["TableName"]), pool))


def create(aws: Aws, outputs: dict[str, str], api_url: str, kept: Path) -> dict[str, Any]:
    """Create what is missing; return the demo's part of state.json. `kept`: a file for passwords and the key."""
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if known.get("table") != outputs["TableName"]:  # it belongs to another stack
        known = {"table": outputs["TableName"]}
    door = onboarding(aws, outputs)
    door.open_tenant(TENANT, "Demo Studio")
    demo: dict[str, Any] = {"tenant_id": TENANT}
    for name in ("admin", "user"):
        known.setdefault(f"{name}_password", new_password())
    # Saved before they are used, so that an interrupted start continues with the same ones.
    write_private(kept, known)
    for name, username, role in (("admin", ADMIN, "admin"), ("user", USER, "user")):
        password = known[f"{name}_password"]
        door.add_user(username, password, TENANT, role)
        demo[name] = {
            "username": username,
            "password": password,
            "token": token(aws, outputs, username, password),
        }
    if "api_key" not in known:
        known["api_key"] = door.add_api_client(TENANT, "demo", API_PERMISSIONS)
    demo["api_key"] = known["api_key"]
    write_private(kept, known)
    if not known.get("samples"):
        for sample in SAMPLES:
            _create(api_url, demo["admin"]["token"], sample)
        known["samples"] = True
        write_private(kept, known)
    return demo


def new_password() -> str:
    """Return a password that the pool's policy accepts."""
    return f"Aa1-{secrets.token_urlsafe(18)}"


def token(aws: Aws, outputs: dict[str, str], username: str, password: str) -> str:
    """Return a new access token, valid for an hour."""
    answer = aws.client("cognito-idp").admin_initiate_auth(
        UserPoolId=outputs["UserPoolId"],
        ClientId=outputs["UserPoolClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    return str(answer["AuthenticationResult"]["AccessToken"])


def _create(api_url: str, bearer: str, contact: dict[str, Any]) -> None:
    status, _headers, body = request("POST", f"{api_url}/contacts", token=bearer, body=contact)
    if status not in (201, 409):  # 409: an interrupted start has created it
        raise DemoFailed(f"POST {api_url}/contacts answered {status}: {body.decode(errors='replace')[:500]}")
