"""Keys of tenants, their users, invitations and API clients, and of the authorizer's look-ups."""

from __future__ import annotations

from shared.table.keys.spelling import Key, escape, make_key, tenant_partition, tenant_prefix


def tenant(tenant_id: str) -> Key:
    """Return the key of a tenant's record."""
    return make_key(tenant_partition(tenant_id), "TENANT")


def users(tenant_id: str) -> str:
    """Return the partition of a tenant's users."""
    return f"{tenant_prefix(tenant_id)}USERS"


def user(tenant_id: str, user_id: str) -> Key:
    """Return the key of a user's record."""
    return make_key(users(tenant_id), user_sort_key(user_id))


def user_sort_key(user_id: str) -> str:
    """Return the sort key of a user's record."""
    return escape(user_id)


def former_user(tenant_id: str, user_id: str) -> Key:
    """Return the key of the note on who succeeds a removed user."""
    return make_key(f"{tenant_prefix(tenant_id)}FORMERUSERS", escape(user_id))


def user_count(tenant_id: str) -> Key:
    """Return the key of the numbers of a tenant's users, active admins and open invitations, which hold their limits
    under races.
    """
    return make_key(f"{tenant_prefix(tenant_id)}USERS#COUNT", "COUNT")


def user_email_lock(tenant_id: str, email: str) -> Key:
    """Return the key of the lock on the address of a user or of an open invitation."""
    return make_key(f"{tenant_prefix(tenant_id)}USEREMAIL#{escape(email)}", "LOCK")


def scheduling_lock(tenant_id: str, scheduling_id: str) -> Key:
    """Return the key of the lock on a user's id in the scheduling product, by which the user is found too."""
    return make_key(f"{tenant_prefix(tenant_id)}SCHEDULING#{escape(scheduling_id)}", "LOCK")


def username_lock(name: str) -> Key:
    """Return the key of the lock on a username, by which the user is found too. Usernames are unique in the whole
    deployment.
    """
    return make_key(f"N#{escape(name)}", "USERNAME")


def invitations(tenant_id: str) -> str:
    """Return the partition of a tenant's invitations."""
    return f"{tenant_prefix(tenant_id)}INVITATIONS"


def invitation(tenant_id: str, invitation_id: str) -> Key:
    """Return the key of an invitation."""
    return make_key(invitations(tenant_id), escape(invitation_id))


def api_clients(tenant_id: str) -> str:
    """Return the partition of a tenant's API clients."""
    return f"{tenant_prefix(tenant_id)}CLIENTS"


def api_client(tenant_id: str, client_id: str) -> Key:
    """Return the key of an API client's record."""
    return make_key(api_clients(tenant_id), escape(client_id))


def api_client_count(tenant_id: str) -> Key:
    """Return the key of the number of a tenant's API clients, which holds their limit under races."""
    return make_key(f"{tenant_prefix(tenant_id)}CLIENTS#COUNT", "COUNT")


def membership(sub: str) -> Key:
    """Return the key under which the authorizer looks up a user, by the `sub` of the token."""
    return make_key(f"U#{escape(sub)}", "USER")


def api_key(key_id: str) -> Key:
    """Return the key under which the authorizer looks up an API key, by its id."""
    return make_key(f"K#{escape(key_id)}", "KEY")
