"""Keys separate tenants; cursors cannot be altered."""

from __future__ import annotations

import base64
import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.errors import RuleBroken
from shared.table.cursors import Cursors
from shared.table.keys import accounts as account_keys
from shared.table.keys import bookings as booking_keys
from shared.table.keys import contacts as contact_keys
from shared.table.keys import customers as customer_keys
from shared.table.keys import events as event_keys
from shared.table.keys import feed as feed_keys
from shared.table.keys import imports as import_keys
from shared.table.keys import webhooks as webhook_keys
from shared.table.keys.spelling import tenant_of, tenant_prefix
from tests.contract.answers import ROOT

_VALUES = st.text(min_size=1, max_size=30)


@given(_VALUES, _VALUES, _VALUES, _VALUES)
@example("T1", "a", "-", "b")
@example("T1", "a", "!", "b")
def test_no_value_steps_into_another_name_space(tenant: str, value: str, other: str, email: str) -> None:
    """check 43"""
    made = [
        contact_keys.contact(tenant, value),
        contact_keys.status(tenant, value, "2031-03-08T15:00:00.000Z", 2),
        contact_keys.email_lock(tenant, email),
        booking_keys.locator(tenant, value),
        booking_keys.processed_event(tenant, value, other),
        booking_keys.booking(tenant, value, other, "2031-03-08T15:00:00.000Z", is_counted=True),
        booking_keys.booking(tenant, value, other, "2031-03-08T15:00:00.000Z", is_counted=False),
        import_keys.import_run(tenant, value),
        webhook_keys.webhook(tenant, value),
        webhook_keys.delivery(tenant, value, other),
        account_keys.tenant(tenant),
        feed_keys.head(tenant),
        feed_keys.page(tenant, 200_001),
        customer_keys.customer(tenant, value),
        customer_keys.member(tenant, value, "0190"),
        customer_keys.username_lock(tenant, value),
        contact_keys.phone_lock(tenant, value, other),
        contact_keys.whatsapp_lock(tenant, value, other),
        contact_keys.email_lock(tenant, email, other),
        contact_keys.email_lock(tenant, email, ""),
        customer_keys.last_number(tenant),
    ]
    for key in made:
        assert key["PK"]["S"].startswith(tenant_prefix(tenant))
        assert tenant_of(key["PK"]["S"]) == tenant
    for name_space in (
        contact_keys.contact,
        booking_keys.locator,
        webhook_keys.webhook,
        import_keys.import_run,
        customer_keys.customer,
        customer_keys.username_lock,
    ):
        assert (name_space(tenant, value) == name_space(tenant, other)) == (value == other)
    places = [(key["PK"]["S"], key["SK"]["S"]) for key in made]
    assert len(set(places)) == len(places)


def test_the_prefix_of_a_tenant_is_no_prefix_of_another_tenant() -> None:
    assert not tenant_prefix("T10").startswith(tenant_prefix("T1"))
    assert not contact_keys.contact("T1#C", "x")["PK"]["S"].startswith(tenant_prefix("T1"))


def test_keys_of_the_system_belong_to_no_tenant() -> None:
    assert tenant_of(account_keys.membership("s")["PK"]["S"]) is None
    assert tenant_of(account_keys.api_key("k")["PK"]["S"]) is None
    assert tenant_of(event_keys.SWEEP_CHECKPOINT["PK"]["S"]) is None


def test_a_cursor_leads_back_to_its_position() -> None:
    cursors = Cursors(b"secret")
    assert cursors.open(("t1", "u1", "contacts"), cursors.seal(("t1", "u1", "contacts"), ["a", 1])) == [
        "a",
        1,
    ]


@given(st.text(), st.binary(min_size=1))
def test_a_cursor_shows_nothing_of_its_position(position: str, key: bytes) -> None:
    cursors = Cursors(key)
    sealed = cursors.seal(("t1",), position)
    assert cursors.open(("t1",), sealed) == position
    assert sealed == cursors.seal(("t1",), position)
    shown = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))[16:]
    body = json.dumps(position).encode()
    assert len(shown) == len(body)
    # A byte of 256 is the same by chance.
    assert sum(one == other for one, other in zip(shown, body, strict=True)) <= 4 + len(body) // 8


@pytest.mark.parametrize(
    "scope",
    [("t2", "u1", "contacts"), ("t1", "u2", "contacts"), ("t1", "u1", "imports"), ("t1", "u1contacts")],
)
def test_a_cursor_of_another_tenant_caller_or_list_is_refused(scope: tuple[str, ...]) -> None:
    """check 44"""
    sealed = Cursors(b"secret").seal(("t1", "u1", "contacts"), "position")
    with pytest.raises(RuleBroken, match="cursor"):
        Cursors(b"secret").open(scope, sealed)


@given(st.data())
def test_a_cursor_with_any_byte_altered_is_refused(data: st.DataObject) -> None:
    """check 44"""
    cursors = Cursors(b"secret")
    sealed = cursors.seal(("t1",), "position")
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_!é").filter(lambda one: one != sealed[at]))
    altered = sealed[:at] + letter + sealed[at + 1 :]
    try:
        assert cursors.open(("t1",), altered) == "position"  # only base64's unused last bits may differ
        assert at == len(sealed) - 1
    except RuleBroken:
        pass


@pytest.mark.parametrize("cursor", ["", "x", "====", "a" * 2000, "\x00", "é"])
def test_a_text_that_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(RuleBroken):
        Cursors(b"secret").open(("t1",), cursor)


def test_only_the_keys_package_spells_keys() -> None:
    names = "T|U|K|N|G|S|DUE|OUTBOX|EVENT|INT|CONSENT|LOCK|MEMBER|DELIVERY|CHUNK"
    spelled = re.compile(rf"[\"'](?:{names})#")
    sources = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]
    keys = ROOT / "shared/table/keys"
    assert any(spelled.search(path.read_text()) for path in keys.glob("*.py"))
    others = [path for path in sources if keys not in path.parents]
    assert [path for path in others if spelled.search(path.read_text())] == []
