"""How keys are spelled.

A tenant's partition keys start with `T#<tenant>#`; the closing `#` keeps tenant T1 apart from T10, so that the IAM
condition `dynamodb:LeadingKeys` can separate tenants. Values from outside are escaped before they enter a key, so none
can step into another name space. `*` in an IAM condition matches `#` too, so no name space within a tenant ends with
the name of another (`CLIENTS#COUNT`, not `COUNT#CLIENTS`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

PK, SK = "PK", "SK"
_is_plain = re.compile(r"[A-Za-z0-9._~@+-]*").fullmatch
"""Whether a value has no character that `escape` encodes. Most values have none."""

Key = dict[str, dict[str, str]]
Identity = tuple[str, str]
"""The partition key and the sort key of an item."""

RECORD_SPACES = {
    "contact": "C",
    "customer": "CUSTOMER",
    "import": "IMPORT",
    "bulk_job": "BULKJOB",
    "export": "EXPORT",
    "tag": "LABEL",
    "type": "LABEL",
    "group": "LABEL",
    "user": "USER",
    "invitation": "USER",
    "api_client": "CLIENT",
    "webhook": "WEBHOOK",
}
"""The name space of the partition that holds a record's events, by the record's `entity`. Some records have their own
item there too."""


def escape(value: str) -> str:
    """Return a value in the form it takes in a key: all but letters, digits and `._-~@+` are percent-encoded."""
    return value if _is_plain(value) else quote(value, safe="@+")


def unescape(text: str) -> str:
    """Return the value that `escape` was given."""
    return unquote(text)


def escape_term(word: str) -> str:
    """Return a word in the form it takes in a sort key: like `escape`, but all letters stay, so that a prefix of the
    word is a prefix of the key.
    """
    return word.replace("%", "%25").replace("#", "%23")


def unescape_term(text: str) -> str:
    """Return the word that `escape_term` was given."""
    return text.replace("%23", "#").replace("%25", "%")


def make_key(pk: str, sk: str) -> Key:
    """Return the key of an item."""
    return {PK: {"S": pk}, SK: {"S": sk}}


def key_of(item: dict[str, Any]) -> Key:
    """Return the key of an item."""
    return {PK: item[PK], SK: item[SK]}


def identity_of(item: dict[str, Any]) -> Identity:
    """Return the partition key and the sort key of an item, or of its key."""
    return item[PK]["S"], item[SK]["S"]


@lru_cache(maxsize=1024)
def tenant_prefix(tenant_id: str) -> str:
    """Return the prefix of all partition keys of a tenant."""
    return f"T#{escape(tenant_id)}#"


def tenant_of(pk: str) -> str | None:
    """Return the tenant that a partition key belongs to; None for a partition of the system."""
    return unescape(pk.split("#", 2)[1]) if pk.startswith("T#") else None


def tenant_of_item(item: dict[str, Any]) -> str:
    """Return the tenant of an item, or of its key. Raises ValueError when it belongs to no tenant."""
    tenant_id = tenant_of(item[PK]["S"])
    if tenant_id is None:
        raise ValueError("an item of no tenant")
    return tenant_id


def space_of(key: dict[str, Any]) -> str:
    """Return the name space, within its tenant, of an item's partition."""
    space: str = key[PK]["S"].split("#", 3)[2]
    return space


def record_partition(tenant_id: str, entity: str, record_id: str) -> str:
    """Return the partition around a record: its events, and for some kinds the record itself."""
    return f"{tenant_prefix(tenant_id)}{RECORD_SPACES[entity]}#{escape(record_id)}"


def tenant_partition(tenant_id: str) -> str:
    """Return the partition of a tenant's own record, with the tenant's settings, and of their events."""
    return f"{tenant_prefix(tenant_id)}TENANT"
