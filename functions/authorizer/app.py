"""The authorizer of the API: from a bearer token or an API key to a caller and a policy for API Gateway.

The policy covers every route, because API Gateway keeps it for a minute and uses it for the caller's other calls too.
The services check what the caller may do, from the context that is returned here.
"""

from __future__ import annotations

import hmac
from functools import cache

from chalice.app import AuthRequest, AuthResponse, Chalice

from shared import environment, observability
from shared.domain import timestamps
from shared.domain.accounts.credentials import hash_secret
from shared.domain.callers import role_grants
from shared.identity.tokens import KeySet, Refused, identity_of
from shared.snapshot import prepare
from shared.wiring.accounts import client_uses, directory
from shared.wiring.tenants import find_tenant

_NOBODY = "nobody"
"""The principal of a refused request: a policy must name a principal."""

# Chalice would add a handler of its own to the logger of this name; shared.observability has added one.
app = Chalice(app_name="authorizer", configure_logs=False)


@cache
def _keys() -> KeySet:
    return KeySet(environment.token_jwks_url())


@app.authorizer()
def authorize(request: AuthRequest) -> AuthResponse:
    """Admit a caller with a valid token or key, and refuse all others in the same way, whatever the reason.

    A refusal is a policy that allows nothing. The message "Unauthorized" would make API Gateway answer as to a request
    without a credential, and the two answers must differ. A caller of a suspended tenant is admitted with a mark in the
    context, so that every function refuses the call.
    """
    try:
        context = _identify_caller(request.token)
    except Refused as reason:
        observability.note("sign-in refused", reason=str(reason))
        return AuthResponse(routes=[], principal_id=_NOBODY)
    tenant = find_tenant(context["tenant_id"])
    if tenant is None or tenant.suspended:
        observability.note("tenant unknown or suspended", tenant_id=context["tenant_id"])
        return AuthResponse(
            routes=["*"], principal_id=context["caller_id"], context={**context, "suspended": "true"}
        )
    if context["caller_kind"] == "user":
        context["permissions"] = role_grants(context["role"], tenant.settings.visibility)
    else:
        _record_use(context["tenant_id"], context["caller_id"])
    context["rate_limit"] = str(tenant.settings.rate_limit)
    return AuthResponse(routes=["*"], principal_id=context["caller_id"], context=context)


def _record_use(tenant_id: str, client_id: str) -> None:
    try:
        client_uses().record(tenant_id, client_id)
    except Exception as error:  # noqa: BLE001 (a caller is not refused because their use cannot be recorded)
        observability.warn(
            "use of an API client not recorded", client_id=client_id, error=type(error).__name__
        )


def _identify_caller(authorization: str) -> dict[str, str]:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Refused("no bearer token")
    return _identify_client(token) if token.startswith("ck_") else _identify_user(token)


def _identify_client(key: str) -> dict[str, str]:
    parts = key.split("_", 2)
    if len(parts) != 3 or not parts[1].isalnum() or len(key) > 200 or not key.isascii():
        raise Refused("malformed key")
    found = directory().api_key(parts[1])
    # Compared even when there is no such key, so that the time taken does not reveal which keys exist.
    matches = hmac.compare_digest(hash_secret(parts[2]), found.secret_hash if found else "")
    if found is None or not matches or found.disabled:
        raise Refused("unknown key")
    if found.valid_until is not None and found.valid_until <= timestamps.now():
        raise Refused("a key that was replaced")
    return {
        "tenant_id": found.tenant_id,
        "caller_kind": "client",
        "caller_id": found.client_id,
        "role": "client",
        "permissions": found.permissions,
    }


def _identify_user(token: str) -> dict[str, str]:
    identity = identity_of(
        token, _keys(), issuer=environment.token_issuer(), audience=environment.token_audience()
    )
    users = directory()
    # An unknown user may have become a member just now, and API Gateway keeps a refusal for a minute.
    member = users.user(identity.subject) or users.user(identity.subject, consistent=True)
    if member is None or member.disabled:
        raise Refused("not a member")
    if identity.signed_in_at is not None and identity.signed_in_at < member.since:
        raise Refused("signed in before becoming a member")
    return {
        "tenant_id": member.tenant_id,
        "caller_kind": "user",
        "caller_id": member.sub,
        "role": member.role,
        "permissions": "",
        "username": member.username,
    }


prepare(lambda _: directory(), lambda _: client_uses())
