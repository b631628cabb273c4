"""Keys hold the tenants' wall; cursors cannot be altered."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.errors import RuleBroken
from shared.table import keys
from shared.table.cursors import Cursors

_VALUES = st.text(min_size=1, max_size=30)


@given(_VALUES, _VALUES, _VALUES, _VALUES)
@example("T1", "a", "-", "b")
@example("T1", "a", "!", "b")
def test_no_value_steps_into_another_name_space(tenant: str, value: str, other: str, email: str) -> None:
    """check 43"""
    made = [
        keys.contact(tenant, value), keys.email_lock(tenant, email), keys.booking(tenant, value),
        keys.import_(tenant, value), keys.webhook(tenant, value), keys.delivery(tenant, value, other),
        keys.tenant(tenant), keys.feed(tenant, value), keys.customer(tenant, value),
        keys.member(tenant, value, "0190"), keys.username_lock(tenant, value), keys.phone_lock(tenant, value, other),
        keys.whatsapp_lock(tenant, value, other), keys.email_lock(tenant, email, other),
        keys.email_lock(tenant, email, ""), keys.customer_number(tenant),
    ]  # fmt: skip
    for key in made:
        assert key["PK"]["S"].startswith(keys.tenant_prefix(tenant))
        assert keys.tenant_of(key["PK"]["S"]) == tenant
    for name_space in (
        keys.contact,
        keys.booking,
        keys.webhook,
        keys.import_,
        keys.customer,
        keys.username_lock,
    ):
        assert (name_space(tenant, value) == name_space(tenant, other)) == (value == other)
    places = [(key["PK"]["S"], key["SK"]["S"]) for key in made]
    assert len(set(places)) == len(places)


def test_one_tenants_prefix_is_no_prefix_of_anothers() -> None:
    assert not keys.tenant_prefix("T10").startswith(keys.tenant_prefix("T1"))
    assert not keys.contact("T1#C", "x")["PK"]["S"].startswith(keys.tenant_prefix("T1"))


def test_the_systems_own_keys_belong_to_no_tenant() -> None:
    assert keys.tenant_of(keys.user("s")["PK"]["S"]) is None
    assert keys.tenant_of(keys.api_key("k")["PK"]["S"]) is None
    assert keys.tenant_of(keys.SWEEP_CHECKPOINT["PK"]["S"]) is None


def test_a_cursor_leads_back_to_its_position() -> None:
    cursors = Cursors(b"secret")
    assert cursors.open(("t1", "u1", "contacts"), cursors.seal(("t1", "u1", "contacts"), ["a", 1])) == [
        "a",
        1,
    ]


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
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(RuleBroken):
        Cursors(b"secret").open(("t1",), cursor)
