"""Which event types a caller may be shown (check 109)."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from shared.domain.callers import PERMISSIONS, Caller, Level
from shared.domain.errors import PermissionDenied
from shared.domain.event_rights import EVENT_RIGHTS, require_event_rights
from shared.domain.events import EVENT_TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
FOR_ADMINS = ("tenant.", "user.", "api_client.", "webhook.")


def client(**granted: Level) -> Caller:
    return Caller(
        "T1", "client", "c", "client", {name.replace("_", ":", 1): one for name, one in granted.items()}
    )


def refused(caller: Caller, *event_types: str) -> PermissionDenied:
    with pytest.raises(PermissionDenied) as caught:
        require_event_rights(caller, event_types)
    return caught.value


def test_check_109_every_event_type_has_an_entry_and_nothing_else_has() -> None:
    assert set(EVENT_RIGHTS) == set(EVENT_TYPES)
    for right in EVENT_RIGHTS.values():
        assert right.permissions
        assert set(right.permissions) <= set(PERMISSIONS)


def test_an_event_type_without_an_entry_is_only_for_admins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(EVENT_RIGHTS, "contact.created")
    error = refused(client(webhooks_manage="all", contacts_read="all"), "contact.created")
    assert error.detail == "Insufficient permissions: tenant:admin required for contact.created"


def test_the_document_states_for_every_event_type_what_it_takes() -> None:
    section = PAGE.partition("## Events by permission")[2].partition("\n## ")[0]
    told: dict[str, set[str]] = {}
    for line in re.findall(r"^\| (`.*) \|$", section, re.MULTILINE):
        takes, _, types = line.split(" | ")
        for event_type in re.findall(r"`([a-z_.]+)`", types):
            assert event_type not in told
            told[event_type] = set(re.findall(r"`([a-z:]+)`", takes))
    assert told == {event_type: set(right.permissions) for event_type, right in EVENT_RIGHTS.items()}


@pytest.mark.parametrize("event_type", [one for one in EVENT_TYPES if one.startswith(FOR_ADMINS)])
def test_check_109_what_is_for_admins_takes_tenant_admin_whatever_else_a_client_has(event_type: str) -> None:
    everything_else: dict[str, Level] = {word: "all" for word in PERMISSIONS if word != "tenant:admin"}
    caller = Caller("T1", "client", "c", "client", everything_else)
    assert (
        refused(caller, event_type).detail
        == f"Insufficient permissions: tenant:admin required for {event_type}"
    )
    require_event_rights(Caller("T1", "client", "c", "client", {"tenant:admin": "all"}), [event_type])


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_check_109_without_permissions_nothing_is_shown_and_to_an_admin_everything(event_type: str) -> None:
    refused(client(webhooks_manage="all"), event_type)
    admin = Caller("T1", "user", "a", "admin")
    require_event_rights(admin, [event_type])
    assert not EVENT_RIGHTS[event_type].depends_on_record(admin)


@pytest.mark.parametrize(("event_type", "level"), list(product(EVENT_TYPES, get_args(Level))))
def test_check_109_at_level_own_a_type_is_refused_or_each_event_is_checked_or_every_caller_sees_its_records(
    event_type: str, level: Level
) -> None:
    caller = Caller("T1", "client", "c", "client", dict.fromkeys(PERMISSIONS, level))
    right = EVENT_RIGHTS[event_type]
    if level == "own":
        ways = [
            bool(right.missing_permissions(caller)),
            right.depends_on_record(caller),
            right.reach == "everything",
        ]
        assert ways.count(True) == 1
    else:
        assert right.missing_permissions(caller) == []


def test_a_refusal_names_all_that_is_missing_for_which_types_and_where() -> None:
    caller = client(webhooks_manage="all", contacts_read="own")
    error = refused(caller, "contact.created", "user.invited", "import.completed", "tenant.updated")
    assert error.detail == (
        "Insufficient permissions: tenant:admin required for user.invited, tenant.updated; "
        "imports:run required for import.completed; contacts:read:all required for import.completed"
    )
    assert [one.field for one in error.errors] == ["events.1", "events.2", "events.3"]
