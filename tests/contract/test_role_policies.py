"""The exact rights of each role of infra/template.yaml, by operation and keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from shared.domain.duplicates.keys import MatchKey
from shared.table.keys import accounts as account_keys
from shared.table.keys import bookings as booking_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys import counters as counter_keys
from shared.table.keys import duplicates as duplicate_keys
from shared.table.keys import feed as feed_keys
from shared.table.keys import follow_ups as follow_up_keys
from shared.table.keys import idempotency as idempotency_keys
from shared.table.keys import imports as import_keys
from shared.table.keys import jobs as job_keys
from shared.table.keys import limits as limit_keys
from shared.table.keys import lists as list_keys
from shared.table.keys import terms as term_keys
from shared.table.keys import timeline as timeline_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import record_partition, tenant_partition
from tests.support.policies import (
    INDEX,
    OPERATIONS,
    PARTS,
    TABLE,
    Request,
    Statement,
    allows,
    asks,
    asks_of_key_service,
    asks_of_transaction,
    is_like,
)
from tests.support.roles import roles_of
from tests.support.template import Template

ROLES = {name: role.statements for name, role in roles_of(Template.load()).items()}
T1, T10 = contact_keys.partition("T1", "1"), contact_keys.partition("T10", "1")
# The key prefixes within a tenant to which some role is limited. Contacts represent all others.
WITHIN = {
    "T#…C#": T1,
    "T#…TENANT": tenant_partition("T1"),
    "T#…USERS": account_keys.users("T1"),
    "T#…USER#": record_partition("T1", "user", "u"),
    "T#…USEREMAIL#": account_keys.user_email_lock("T1", "a@b.c")["PK"]["S"],
    "T#…SCHEDULING#": account_keys.scheduling_lock("T1", "s")["PK"]["S"],
    "T#…INVITATIONS": account_keys.invitations("T1"),
    "T#…USERS#COUNT": account_keys.user_count("T1")["PK"]["S"],
    "T#…CLIENTS": account_keys.api_clients("T1"),
    "T#…CLIENT#": record_partition("T1", "api_client", "c"),
    "T#…CLIENTS#COUNT": account_keys.api_client_count("T1")["PK"]["S"],
    "T#…BOOKING#": booking_keys.partition("T1", "b"),
    "T#…EMAIL#": contact_keys.email_partition("T1", "a@b.c"),
    "T#…PHONE#": contact_keys.phone_lock("T1", "+1", "")["PK"]["S"],
    "T#…WHATSAPP#": contact_keys.whatsapp_lock("T1", "+1", "")["PK"]["S"],
    "T#…FOLLOWUP#": follow_up_keys.locator("T1", "f")["PK"]["S"],
    "T#…SUSPENDED": timeline_keys.suspended_tenant("T1")["PK"]["S"],
    "T#…BULKJOBS": job_keys.bulk_jobs("T1"),
    "T#…EXPORTS": job_keys.exports("T1"),
    "T#…COUNTS": counter_keys.partition("T1"),
    "T#…RATE#": limit_keys.calls("T1", "user:u")["PK"]["S"],
    "T#…IDEMPOTENCY#": idempotency_keys.call("T1", "user:u", "digest")["PK"]["S"],
    "T#…WEBHOOKS": webhook_keys.webhooks("T1"),
    "T#…WEBHOOKS#COUNT": webhook_keys.webhook_count("T1")["PK"]["S"],
    "T#…IMPORT#": import_keys.partition("T1", "i"),
    "T#…FEED": feed_keys.head("T1")["PK"]["S"],
    "T#…FEED#": feed_keys.pages("T1", 0),
    "T#…LIST#": list_keys.partition("T1", "name"),
    "T#…TERM#": term_keys.contact_terms("T1", "a"),
    "T#…TEL#": term_keys.numbers("T1", "12"),
    "T#…MATCH#": duplicate_keys.partition_of("T1", MatchKey("name", "")),
    "T#…MATCHING": duplicate_keys.pending("T1")["PK"]["S"],
}
USER, KEY = account_keys.membership("sub")["PK"]["S"], account_keys.api_key("id")["PK"]["S"]
FOREIGN = {
    "U#": USER,
    "K#": KEY,
    "N#": account_keys.username_lock("ada")["PK"]["S"],
    "G#ACCOUNT#": limit_keys.sign_in_attempts("ACCOUNT", "digest")["PK"]["S"],
    "G#ADDRESS#": limit_keys.sign_in_attempts("ADDRESS", "digest")["PK"]["S"],
    "G#MAIL#": limit_keys.mail("digest")["PK"]["S"],
    "S#SWEEP": "S#SWEEP",
    "S#IMPORTS": "S#IMPORTS",
    "OUTBOX#": "OUTBOX#3#2026",
    "DUE#": webhook_keys.due_partition(2),
    "DUE#IMPORTS": import_keys.DUE,
    "DUE#PREVIEWS": import_keys.DUE_PREVIEWS,
    "DUE#BULK": job_keys.BULK_DUE,
    "DUE#EXPORTS": job_keys.EXPORTS_DUE,
    "DUE#RECOVERIES": job_keys.RECOVERIES_DUE,
    "DUE#MERGEJOBS": job_keys.MERGE_JOBS_DUE,
    "DUE#MATCHES": duplicate_keys.DUE,
    "DUE#PURGE": contact_keys.purge_partition(2),
    "DUE#TIMELINE": timeline_keys.due_partition(2),
    "DUE#TIMELINE#TENANTS": timeline_keys.SUSPENDED_TENANTS,
    "DUE#TIMELINE#TENANT#": timeline_keys.set_aside_partition("T1"),
}
OF_MANY_KEYS = {"BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems", "ConditionCheck"}

_WRITTEN = "PutItem UpdateItem DeleteItem TransactWriteItems"
_KEPT = f"GetItem Query TransactGetItems {_WRITTEN}"
ANY = f"{_KEPT} BatchGetItem BatchWriteItem ConditionCheck"

# The rights of each role, by the keys it names. `T#` means the keys of one tenant. All else must be denied: a role or a
# right that is not listed here fails the build.
EXPECTED: dict[str, dict[str, str]] = {
    "AccountRole": {
        "T#…TENANT": "GetItem PutItem UpdateItem TransactGetItems",
        "T#…COUNTS": "BatchGetItem",
        "T#…USERS": "GetItem TransactGetItems",
        "T#…MATCHING": "UpdateItem",
        "T#…RATE#": "UpdateItem",
    },
    "ApiClientsRole": {
        "T#…TENANT": "GetItem Query TransactGetItems",
        "T#…CLIENTS": _KEPT,
        "T#…CLIENT#": _WRITTEN,
        "T#…CLIENTS#COUNT": _WRITTEN,
        "T#…IDEMPOTENCY#": _KEPT,
        "T#…RATE#": "UpdateItem",
        "K#": _WRITTEN,
    },
    "AuthRole": {
        "T#…TENANT": "GetItem PutItem UpdateItem TransactGetItems",
        "T#…USERS": "PutItem UpdateItem",
        "T#…USER#": "PutItem UpdateItem",
        "T#…USEREMAIL#": "PutItem UpdateItem",
        "T#…INVITATIONS": "GetItem PutItem UpdateItem TransactGetItems",
        "T#…USERS#COUNT": "PutItem UpdateItem",
        "U#": "GetItem PutItem UpdateItem TransactGetItems",
        "N#": "GetItem PutItem UpdateItem TransactGetItems",
        "G#ACCOUNT#": "UpdateItem",
        "G#ADDRESS#": "UpdateItem",
    },
    "AuthorizerRole": {
        "T#…TENANT": "GetItem TransactGetItems",
        "T#…CLIENTS": "UpdateItem",
        "U#": "GetItem TransactGetItems",
        "K#": "GetItem TransactGetItems",
    },
    "BookingsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "BulkCallsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems "
        "ConditionCheck"
    },
    "BulkRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem BatchWriteItem TransactGetItems "
        "TransactWriteItems"
    },
    "BulkWatchRole": {
        "T#": "GetItem PutItem UpdateItem Query TransactGetItems",
        **dict.fromkeys(("DUE#BULK", "DUE#EXPORTS", "DUE#RECOVERIES", "DUE#MERGEJOBS"), "Query-index"),
    },
    "ContactsPurgeRole": {
        "T#…C#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem BatchWriteItem TransactGetItems "
        "TransactWriteItems ConditionCheck",
        "T#…BOOKING#": "DeleteItem Query BatchWriteItem",
        "T#…FOLLOWUP#": "BatchWriteItem",
        **dict.fromkeys(("T#…EMAIL#", "T#…PHONE#", "T#…WHATSAPP#"), "DeleteItem BatchGetItem"),
        **dict.fromkeys(("T#…TERM#", "T#…TEL#", "T#…MATCH#"), "BatchGetItem BatchWriteItem"),
        "T#…MATCHING": "UpdateItem",
        **dict.fromkeys(
            ("T#…LIST#", "T#…HOURS#"),
            "PutItem UpdateItem DeleteItem BatchGetItem BatchWriteItem TransactWriteItems ConditionCheck",
        ),
        "DUE#PURGE": "Query-index",
    },
    "ContactsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "CustomersRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "EventsRole": {
        "T#": "GetItem Query BatchGetItem TransactGetItems",
        "T#…RATE#": "GetItem Query BatchGetItem TransactGetItems UpdateItem",
        "S#SWEEP": "GetItem TransactGetItems",
    },
    "ExportsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "ImportsRole": {"T#": "GetItem PutItem UpdateItem DeleteItem Query TransactGetItems TransactWriteItems"},
    "ImportsRowsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "ImportsFilesRole": {"T#": "GetItem PutItem UpdateItem Query BatchGetItem TransactGetItems"},
    "ImportsWatchRole": {
        "T#": "GetItem PutItem UpdateItem Query BatchGetItem TransactGetItems",
        "S#IMPORTS": "GetItem PutItem UpdateItem Query BatchGetItem TransactGetItems",
        "DUE#IMPORTS": "Query-index",
        "DUE#PREVIEWS": "Query-index",
    },
    "LabelsRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems "
        "ConditionCheck"
    },
    "DuplicatesRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems "
        "ConditionCheck"
    },
    "MergesRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "NotesRole": {"T#…C#": "PutItem UpdateItem BatchGetItem", "T#…TENANT": "GetItem TransactGetItems"},
    "ProjectRole": {
        "T#": "PutItem UpdateItem DeleteItem Query BatchGetItem BatchWriteItem TransactWriteItems ConditionCheck",
        "T#…TENANT": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem BatchWriteItem TransactGetItems "
        "TransactWriteItems ConditionCheck",
    },
    "PublishRole": {
        "T#": "BatchGetItem UpdateItem",
        "T#…FEED": "GetItem Query BatchGetItem TransactGetItems PutItem UpdateItem",
        "T#…FEED#": "GetItem Query BatchGetItem TransactGetItems PutItem UpdateItem",
        "S#SWEEP": "BatchGetItem",
    },
    "RecountRole": {
        "T#": ANY,
        "S#RECOUNT": ANY,
        "S#SWEEP": ANY,
        "DUE#RECOUNT": "Query-index",
    },
    "SweepRole": {
        "T#": ANY,
        "S#SWEEP": ANY,
        "OUTBOX#": "Query-index",
        "DUE#MATCHES": "Query-index",
    },
    "SystemRole": {},
    "TimelineDueRole": {
        "T#…C#": "GetItem PutItem UpdateItem Query BatchGetItem TransactGetItems",
        "T#…TENANT": "GetItem TransactGetItems",
        "T#…SUSPENDED": "PutItem DeleteItem TransactWriteItems",
        **dict.fromkeys(("DUE#TIMELINE", "DUE#TIMELINE#TENANTS", "DUE#TIMELINE#TENANT#"), "Query-index"),
    },
    "TimelineRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
    "UsersRole": {
        "T#…TENANT": "GetItem Query TransactGetItems PutItem UpdateItem ConditionCheck",
        "T#…USERS": f"{_KEPT} ConditionCheck",
        "T#…USER#": _WRITTEN,
        "T#…USEREMAIL#": _WRITTEN,
        "T#…SCHEDULING#": _WRITTEN,
        "T#…COUNTS": "GetItem Query TransactGetItems ConditionCheck",
        "T#…BULKJOBS": "PutItem UpdateItem",
        "T#…INVITATIONS": f"{_KEPT} ConditionCheck",
        "T#…USERS#COUNT": f"{_KEPT} ConditionCheck",
        "T#…IDEMPOTENCY#": f"{_KEPT} ConditionCheck",
        "T#…RATE#": "UpdateItem",
        "U#": _WRITTEN,
        "N#": _WRITTEN,
        "G#MAIL#": "UpdateItem",
    },
    "WebhookDueRole": {"T#": "UpdateItem", "DUE#": "Query-index"},
    "WebhookFanOutRole": {"T#": "GetItem BatchGetItem PutItem UpdateItem Query TransactGetItems"},
    "WebhookNoticesRole": {
        "T#…WEBHOOKS": "GetItem TransactGetItems",
        "T#…USERS": "GetItem Query TransactGetItems",
        "T#…RATE#": "UpdateItem",
        "G#MAIL#": "UpdateItem",
    },
    "WebhookSendRole": {"T#": "GetItem PutItem UpdateItem BatchGetItem Query TransactGetItems"},
    "WebhooksRole": {
        "T#": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactGetItems TransactWriteItems"
    },
}


def may(statements: Sequence[Statement], operation: str, *named: str) -> bool:
    return all(allows(statements, one) for one in asks(operation, named))


def rights(statements: Sequence[Statement], *named: str) -> set[str]:
    """Return the operations that statements allow for a request that names these keys together."""
    return {
        one for one in OPERATIONS if (len(named) < 2 or one in OF_MANY_KEYS) and may(statements, one, *named)
    }


def test_each_role_has_its_line() -> None:
    """check 51"""
    assert set(EXPECTED) == set(ROLES)
    assert len(OPERATIONS) == 16


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_may_do_what_is_expected_of_it_and_no_more(role: str) -> None:
    """checks 50 and 51: 16 operations, including condition checks, on own keys, on foreign keys and on both."""
    statements = ROLES[role]
    told = {kind: set(operations.split()) for kind, operations in EXPECTED.get(role, {}).items()}
    told = {kind: {one.replace("-", " ") for one in operations} for kind, operations in told.items()}
    everywhere = told.get("T#", set())
    contacts = told.get("T#…C#", everywhere)
    assert rights(statements, T1) == rights(statements, T10) == contacts
    for space, key in WITHIN.items():
        assert rights(statements, key) == told.get(space, everywhere), space
    # A role serves all tenants: it cannot distinguish two tenants in one call; the code that makes the call does.
    assert rights(statements, T1, T10) == contacts & OF_MANY_KEYS
    for space, key in FOREIGN.items():
        allowed = told.get(space, set())
        assert rights(statements, key) == allowed, space
        # A mixed request is allowed exactly if each of its parts is.
        assert rights(statements, T1, key) == contacts & allowed & OF_MANY_KEYS, space
    assert rights(statements) == set(), "a call that names no key"
    assert rights(statements, T1, USER, KEY) == set()
    assert rights(statements, "") == rights(statements, "T") == rights(statements, "X#T#T1#C#1") == set()


ACTIONS = [(part, key) for part in PARTS for key in (T1, *WITHIN.values(), *FOREIGN.values())]
"""The parts of transactions: gets, puts, updates, deletions and condition checks on own, others' and foreign keys."""


def test_a_transaction_asks_for_what_each_of_its_parts_asks_for() -> None:
    """check 51: pairs of parts."""
    alone = {one: asks_of_transaction([one]) for one in ACTIONS}
    for first, second in itertools.product(ACTIONS, repeat=2):
        assert asks_of_transaction([first, second]) == alone[first] + alone[second]


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_transaction_is_allowed_where_each_of_its_parts_is_and_nowhere_else(role: str) -> None:
    """check 51: each part is judged like an operation of its own, beside one that is allowed and one that is not."""
    statements = ROLES[role]
    judged = {one: allows(statements, asks_of_transaction([one])[0]) for one in ACTIONS}
    others = {allowed: one for one, allowed in judged.items()}  # one that is allowed, and one that is not
    for (part, key), allowed in judged.items():
        if part != "ConditionCheck":
            assert allowed is may(statements, PARTS[part], key), (part, key)
        for also, other in others.items():
            together = all(allows(statements, one) for one in asks_of_transaction([(part, key), other]))
            assert together is (allowed and also), (part, key, other)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_policy_of_one_tenant_would_hold_its_wall(operation: str) -> None:
    """checks 49 and 51: the keys allow a policy for a single tenant. T1 is not a prefix of T10."""
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["T#T1#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    wide = [{"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": [TABLE], "Condition": condition}]
    on_index = operation in ("Query index", "Scan index")
    assert may(wide, operation, T1) is not on_index
    for named in ((T10,), (USER,), (T1, T10), (T10, T1), (T1, USER), (), ("T#T1",), ("t#T1#C#1",)):
        assert not may(wide, operation, *named), named
    # Without Null, a call that names no key could read the whole table.
    open_door = [{**wide[0], "Condition": {"ForAllValues:StringLike": condition["ForAllValues:StringLike"]}}]
    assert may(open_door, operation) is not on_index


def test_conditions_are_judged_as_iam_does() -> None:
    def judged(value: list[str] | None, condition: dict[str, Any], effect: str = "Allow") -> bool:
        context = {} if value is None else {"k": value}
        statement = {"Effect": effect, "Action": "a:B", "Resource": "*", "Condition": condition}
        return allows([statement], Request("a:b", "r", context))

    like = {"ForAllValues:StringLike": {"k": ["x*", "y?"]}}
    assert judged(["x", "x#y"], like) and judged(["y1"], like) and judged(None, like)
    assert not judged(["x", "z"], like) and not judged(["y"], like) and not judged(["y12"], like)
    assert judged(None, {"Null": {"k": "true"}}) and not judged(["x"], {"Null": {"k": "true"}})
    assert not judged(None, {"Null": {"k": "false"}}) and judged(["x"], {"Null": {"k": "false"}})
    assert not judged(["x"], like, effect="Deny")
    both = [{"Effect": one, "Action": "a:B", "Resource": "*"} for one in ("Allow", "Deny")]
    assert not allows(both, Request("a:B", "r", {}))
    for unknown in ({"StringEquals": {"k": "x"}}, {"ForAnyValue:StringLike": {"k": "x"}}):
        with pytest.raises(NotImplementedError):
            judged(["x"], unknown)
    with pytest.raises(NotImplementedError):
        allows([{"Effect": "Allow", "NotAction": "a:B", "Resource": "*"}], Request("a:B", "r", {}))
    assert is_like("*", "") and not is_like("?", "") and is_like("a[b]*", "a[b]c") and not is_like("A", "a")


def test_two_roles_use_the_key_of_secrets_and_only_with_a_tenant_as_context() -> None:
    """check 50"""
    wanted = {"WebhooksRole": ["Decrypt", "GenerateDataKey"], "WebhookSendRole": ["Decrypt"]}
    operations = "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"
    for role, statements in ROLES.items():
        for contexts in ({"tenant_id": "T1"}, {}, {"tenant_id": "T1", "other": "x"}, {"other": "T1"}):
            allowed = [one for one in operations if allows(statements, asks_of_key_service(one, contexts))]
            assert allowed == (wanted.get(role, []) if contexts == {"tenant_id": "T1"} else [])


def test_no_key_of_another_kind_fits_a_narrow_pattern() -> None:
    """`*` matches `#` too, so values from outside that look like keys are escaped before they enter a key."""
    odd = "x#TENANT", "#C#1", "1#C#2", "a#TENANT"
    for value in odd:
        for key in (
            contact_keys.email_partition("T1", value),
            record_partition("T1", "tag", value),
            import_keys.partition("T1", value),
            account_keys.membership("T#" + value)["PK"]["S"],
        ):
            assert not is_like("T#*#TENANT", key) and not is_like("T#*#C#*", key), key
    assert is_like("T#*#TENANT", WITHIN["T#…TENANT"]) and is_like("T#*#C#*", T1)
    assert INDEX.startswith(TABLE) and not is_like(TABLE, INDEX)
