"""Lists and texts of a contact that are over their limits since a merge: a change may keep or shorten them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.custom_fields import MAX_BYTES
from shared.domain.contacts.inputs import ContactInput, ContactPatch, ContactReplacement
from shared.domain.contacts.list_limits import check_growth
from shared.domain.contacts.record import Contact
from shared.domain.errors import Invalid
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from tests.unit.merges.contacts import contact

STAMP = Stamp("e", "2026-05-05T09:30:00.000Z", Caller("t1", "user", "u1", "admin"))
EMAILS = [f"e{number}@example.com" for number in range(30)]
PHONES = [{"label": "", "number": f"+120255501{number}"} for number in range(10, 40)]
LISTS: dict[str, tuple[int, list[Any]]] = {
    "tags": (10, [f"t{number}" for number in range(30)]),
    "types": (20, [f"t{number}" for number in range(30)]),
    "groups": (100, [f"g{number}" for number in range(110)]),
    "other_emails": (20, EMAILS),
    "other_phones": (20, PHONES),
}
"""For each list its limit, and entries."""
_IDS = {"tags": "tag_ids", "types": "type_ids", "groups": "group_ids"}


def over_limit(name: str, count: int) -> Contact:
    """Return a contact with a number of entries in a list."""
    values = LISTS[name][1][:count]
    if name == "other_phones":
        values = [{**phone, "raw": None} for phone in values]
    return contact("a", **{name: values}, **({_IDS[name]: values} if name in _IDS else {}))


def prepared(name: str, count: int, model: type[ContactPatch | ContactReplacement]) -> Any:
    """Return the fields of a change with a number of entries in a list, labels with their ids."""
    given = {"first_name": "A", "email": "a@example.com", name: LISTS[name][1][:count]}
    fields: dict[str, Any] = {
        **clean(model(**given).given_fields(), TenantSettings(), may_be_over_limits=True)
    }
    for names, ids in _IDS.items():
        if names in fields:
            fields[ids] = fields[names]
    return fields


@pytest.mark.parametrize("model", [ContactPatch, ContactReplacement])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_over_its_limit_may_stay_or_become_shorter_but_not_longer(
    name: str, model: type[ContactPatch | ContactReplacement]
) -> None:
    limit, _ = LISTS[name]
    present = over_limit(name, limit + 5)
    for count in (limit + 5, limit + 1, limit, 0):
        check_growth(present, prepared(name, count, model), max_tags=10)
    for within, count in ((present, limit + 6), (contact("a"), limit + 1)):
        with pytest.raises(Invalid) as refusal:
            check_growth(within, prepared(name, count, model), max_tags=10)
        assert [one.field for one in refusal.value.errors] == [name]


@pytest.mark.parametrize("name", LISTS)
def test_a_new_contact_has_no_list_over_its_limit(name: str) -> None:
    limit, values = LISTS[name]
    given = {"first_name": "A", "email": "a@example.com"}
    settings = TenantSettings()
    assert clean(ContactInput(**given, **{name: values[:limit]}).given_fields(), settings)
    with pytest.raises((Invalid, ValidationError)):
        clean(ContactInput(**given, **{name: values[: limit + 1]}).given_fields(), settings)


def changed(present: Contact, fields: dict[str, Any], *, whole: bool) -> Contact:
    given = {"first_name": "A", "email": "a@example.com", "custom_fields": fields}
    model = ContactReplacement if whole else ContactPatch
    cleaned: Any = clean(model(**given).given_fields(), TenantSettings(), may_be_over_limits=True)
    after = present.change(cleaned, whole=whole, stamp=STAMP)
    return after[0] if after else present


@pytest.mark.parametrize("whole", [False, True])
def test_custom_fields_over_their_limit_may_stay_or_become_fewer_but_not_more(whole: bool) -> None:
    fields = {f"f{number}": number for number in range(60)}
    present = contact("a", custom_fields=fields)
    assert len(changed(present, fields, whole=whole).custom_fields) == 60
    assert changed(present, {**fields, "f1": "other"}, whole=whole).custom_fields["f1"] == "other"
    assert len(changed(present, {**fields, "f1": None, "new": 1}, whole=whole).custom_fields) == 60
    with pytest.raises(Invalid, match="at most 50"):
        changed(present, {**fields, "new": 1}, whole=whole)


@pytest.mark.parametrize("whole", [False, True])
def test_custom_fields_over_their_size_may_not_become_longer(whole: bool) -> None:
    text = "x" * 1_000
    fields = {f"f{number}": text for number in range(MAX_BYTES // 1_000 + 2)}
    present = contact("a", custom_fields=fields)
    assert changed(present, {**fields, "f1": "shorter"}, whole=whole).custom_fields["f1"] == "shorter"
    with pytest.raises(Invalid, match="65,536 bytes"):
        changed(present, {**fields, "f1": "\u00e9" * 1_000}, whole=whole)


@pytest.mark.parametrize("model", [ContactPatch, ContactReplacement])
def test_a_joined_text_over_its_limit_may_stay_or_become_shorter_but_not_longer(
    model: type[ContactPatch | ContactReplacement],
) -> None:
    def check(present: int, wanted: int) -> None:
        given = {"first_name": "A", "email": "a@example.com", "about": "x" * wanted}
        fields = clean(model(**given).given_fields(), TenantSettings(), may_be_over_limits=True)
        check_growth(contact("a", about="y" * present), fields, max_tags=10)

    for present, wanted in ((20_002, 20_002), (20_002, 15_000), (20_002, 0), (5, 10_000)):
        check(present, wanted)
    for present, wanted in ((20_002, 20_003), (5, 10_001), (10_000, 10_001)):
        with pytest.raises(Invalid) as refused:
            check(present, wanted)
        assert [(one.field, one.code) for one in refused.value.errors] == [("about", "string_too_long")]
    with pytest.raises(ValidationError):
        ContactInput(first_name="A", about="x" * 10_001)
