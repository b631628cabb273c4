"""A tenant in a table in memory, and a chunk of an import that is planned and written there."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import strategies as st

from shared.domain.accounts.user import User
from shared.domain.callers import Caller
from shared.domain.contacts.number_search import digits_of
from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer
from shared.domain.errors import Duplicate
from shared.domain.groups.record import Group
from shared.domain.ids import derived_id
from shared.domain.import_options import ImportOptions
from shared.domain.imports.groups import decode_groups
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate
from shared.domain.imports.row_settings import RowSettings
from shared.domain.imports.rows import ReadRow
from shared.domain.imports.virtual_contact import numbers_in
from shared.domain.labels.record import ContactType
from shared.domain.merges.views import MergeInput
from shared.domain.records import blank_fields
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.services.contacts.owners import Owners
from shared.services.contacts.reading import ContactReading
from shared.services.contacts.writing import ContactWriting
from shared.services.customers.membership import Membership
from shared.services.idempotency import no_key
from shared.services.imports.carrying_out import RowWriting, Written
from shared.services.imports.known import Known
from shared.services.imports.row_lookups import RowLookups, TenantReads
from shared.services.imports.row_plans import Plan, plan_rows
from shared.services.merges.merging import Merging
from shared.services.merges.reading import MergeReading
from shared.services.paging import Cursors
from shared.table.accounts.user_steps import user_to_item
from shared.table.accounts.users import UserTable
from shared.table.contacts.index import ContactIndex
from shared.table.contacts.items import contact_from_item
from shared.table.contacts.repository import ContactTable
from shared.table.customers.membership import MembershipTable
from shared.table.customers.repository import CustomerTable
from shared.table.imports.begun import BegunChunkTable
from shared.table.keys import accounts as account_keys
from shared.table.keys import terms as term_keys
from shared.table.labels import LabelMemory, LabelTable
from shared.table.merges.repository import MergeTable
from shared.table.store import Store
from tests.integration.table_content import Content
from tests.support.memory_table import MemoryTable

TENANT = "T1"
ADMIN = Caller(TENANT, "user", "admin", "admin")
BEGUN_AT = 1_780_000_000_000
"""The time of the import's start in Unix milliseconds."""
AT = "2026-05-28T20:26:40.000Z"

ADDRESSES = tuple(f"{letter}@example.com" for letter in "abcdef")
IDS = tuple(derived_id(BEGUN_AT - 500_000, "contact", str(number)) for number in range(4))
"""The ids of the contacts of a case, in their order. There are fewer contacts than ids."""
NUMBERS = tuple(f"+1415555267{digit}" for digit in range(1, 5))
CUSTOMERS = ("CUST000001", "CUST000002")
_VOLATILE = {"updated_at", "tag_ids", "last_event", "status_changed_at"}


@dataclass(frozen=True)
class Case:
    """A tenant's contacts and customers, and a chunk of rows of an import with some options.

    `merges`: contacts that are merged before the import, each as the numbers of the survivor and of the merged one.
    """

    rows: Sequence[ReadRow]
    contacts: Sequence[dict[str, Any]] = ()
    options: ImportOptions = field(default_factory=ImportOptions)
    settings: TenantSettings = field(default_factory=lambda: TenantSettings(require_email=False))
    merges: Sequence[tuple[int, int]] = ()


class ChunkWorld:
    """The tenant of a case. `before_call`: called with each operation's name before a call is carried out."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.before_call: Callable[[str], None] = lambda operation: None
        self.table = MemoryTable(lambda operation: self.before_call(operation))
        self.store = Store(self.table, "table", sleep=lambda seconds: None)
        self.run = ImportRun(
            id=derived_id(BEGUN_AT, "import"),
            tenant_id=TENANT,
            object_key="tenants/T1/inbox/people.csv",
            etag="e",
            size=1,
            file_name="people.csv",
            started_at=AT,
            updated_at=AT,
            attempt="r1",
            options=case.options,
            row_settings=RowSettings.of(case.settings),
        )
        self._add_user()
        self._add_labels()
        self.customers = [self._add_customer(number) for number in range(1, len(CUSTOMERS) + 1)]
        for number, given in enumerate(case.contacts):
            self._add_contact(number, given)
        for survivor, merged in case.merges:
            self._merge(survivor, merged)

    # Work

    def writing(self) -> RowWriting:
        """What plans and writes rows, as a worker that has just started has it."""
        return RowWriting(
            self._lookups(),
            self._contacts(),
            self._contact_writing(self.run.caller),
            BegunChunkTable(self.store, TENANT),
            sleep=lambda seconds: None,
        )

    def known(self) -> Known:
        """What the plan of the chunk follows from now."""
        lines = [json.dumps([1, number + 1, number + 2, "", []]) for number in range(len(self.case.rows))]
        groups = decode_groups("".join(f"{line}\n" for line in lines).encode())
        rows = {one.number: one.row for group in groups for one in group.rows}
        reads = {number + 1: row for number, row in enumerate(self.case.rows)}
        return self._lookups().look_up(self.run, self.case.settings, rows, reads)

    def plan(self) -> Plan:
        """The plan of the chunk: a dry run."""
        return plan_rows(self.known(), range(1, len(self.case.rows) + 1))

    def work(self) -> tuple[dict[int, Fate], list[Written]]:
        """Plan the chunk and write it."""
        known = self.known()
        return self.writing().carry_out(known, plan_rows(known, range(1, len(self.case.rows) + 1)))

    def change(self, contact_id: str, **fields: Any) -> None:
        """Change a contact as a person does."""
        contacts = self._contacts()
        before = contacts.get(contact_id)
        assert before is not None
        changed = before.change(fields, stamp=Stamp.now(ADMIN))  # type: ignore[arg-type]
        if changed is not None:
            contacts.save(before, *changed)

    def delete(self, contact_id: str) -> None:
        """Delete a contact without a customer as a person does."""
        contacts = self._contacts()
        before = contacts.get(contact_id)
        assert before is not None
        contacts.save(before, *before.delete(stamp=Stamp.now(ADMIN)))

    # What is there

    def contacts(self) -> dict[str, Contact]:
        """The live contacts by id, with the names of their labels."""
        labels = self._labels().current()
        found = [contact_from_item(item) for item in Content(self.table.all()).live]
        return {one.id: one.with_label_names(labels) for one in found}

    def state(self) -> dict[str, dict[str, Any]]:
        """The live contacts by id, without times and ids that differ from run to run."""
        return {
            contact_id: {name: value for name, value in one.__dict__.items() if name not in _VOLATILE}
            for contact_id, one in self.contacts().items()
        }

    def assert_whole(self) -> None:
        """Check that locks, customers and events are those of the contacts."""
        Content(self.table.all()).assert_whole()

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The events of contacts by the import: contact id, type and data."""
        found = (
            (item["entity_id"]["S"], item["type"]["S"], json.loads(item.get("data", {"S": "{}"})["S"]))
            for item in Content(self.table.all()).events
            if item["entity"]["S"] == "contact" and item["actor"]["S"] == self.run.caller.actor
        )
        return sorted(found, key=str)

    # Parts

    def _labels(self) -> LabelTable:
        return LabelTable(self.store, TENANT, LabelMemory())

    def _contacts(self) -> ContactTable:
        return ContactTable(self.store, TENANT, self._labels())

    def _owners(self) -> Owners:
        return Owners(UserTable(self.store, TENANT))

    def _lookups(self) -> RowLookups:
        customers = CustomerTable(self.store, TENANT)
        index = ContactIndex(self.store, TENANT)
        return RowLookups(
            TenantReads(self._contacts(), index, customers, self._owners(), self._labels().current)
        )

    def _contact_writing(self, caller: Caller) -> ContactWriting:
        return ContactWriting(
            caller,
            ContactReading(caller, self._contacts()),
            self._contacts(),
            lambda: self.case.settings,
            self._labels(),
            is_active_user=lambda user_id: True,
            successors=self._owners,
            membership=lambda: Membership(caller, MembershipTable(self.store, TENANT), no_key),
            performer=lambda: "an import",
            sleep=lambda seconds: None,
        )

    def _add_user(self) -> None:
        fields = {"id": "user-1", "username": "user1", "email": "user1@example.com", "role": "user"}
        user = User.from_stored({**blank_fields(User), **fields, **Stamp.now(ADMIN).creation_fields()})
        self.table.put(user_to_item(TENANT, user))
        self.table.put({**account_keys.user_email_lock(TENANT, user.email), "user_id": {"S": user.id}})

    def _add_labels(self) -> None:
        for kind, name, more in ((ContactType, "partner", {}), (Group, "friends", {"kind": "static"})):
            label_id = derived_id(BEGUN_AT - 1_000_000, name)
            label, event = kind.create({"name": name, **more}, label_id=label_id, stamp=Stamp.now(ADMIN))
            self._labels().add(label, event)

    def _add_customer(self, number: int) -> Customer:
        customer, event = Customer.create(
            {"first_name": "Grace", "last_name": ""},
            customer_id=derived_id(BEGUN_AT - 1_000_000, "customer", str(number)),
            number=number,
            stamp=Stamp.now(ADMIN),
        )
        CustomerTable(self.store, TENANT).create(customer, number, event)
        # As the projection writes it.
        term = term_keys.customer_term(TENANT, customer.number.lower(), customer.id)
        self.table.put({**term, "words": {"S": customer.number.lower()}})
        return customer

    def _add_contact(self, number: int, given: dict[str, Any]) -> None:
        writing = self._contact_writing(ADMIN)
        fields = {"first_name": "Old", "owner_id": None, **given}
        for left_out in ((), ("phone",), ("phone", "whatsapp"), ("email", "other_emails")):
            for name in left_out:
                fields.pop(name, None)
            prepared = writing.prepare(dict(fields))
            contact, event = writing.draft(
                prepared, contact_id=IDS[number], stamp=Stamp.now(ADMIN), source="api"
            )
            try:
                writing.create(contact, event)
            except Duplicate:
                continue
            self.index(contact)
            return

    def _merge(self, survivor: int, merged: int) -> None:
        """Merge a contact into another one; not if that has no room in the customer of the survivor."""
        merges = MergeTable(self.store, TENANT, self._labels())
        merging = Merging(
            ADMIN,
            MergeReading(ADMIN, merges, cast("Cursors", None)),
            ContactReading(ADMIN, self._contacts()),
            merges,
            Membership(ADMIN, MembershipTable(self.store, TENANT), no_key),
            performer=lambda: "an admin",
            present_owner=lambda owner_id: owner_id,
            unique_scope=lambda: self.case.settings.unique_scope,
            sleep=lambda seconds: None,
        )
        with contextlib.suppress(Duplicate):
            merging.merge(MergeInput(survivor_id=IDS[survivor], merged_ids=[IDS[merged]]))
            self.index(self.contacts()[IDS[survivor]])

    def index(self, contact: Contact) -> None:
        """Enter a contact's telephone numbers in the index, as the projection does."""
        for one in numbers_in(contact.__dict__):
            self.table.put(term_keys.number(TENANT, digits_of(one), contact.id))


# Random cases

_COMPANIES = st.sampled_from(["Acme", "Base"])
_CUSTOM = st.dictionaries(
    st.sampled_from(["colour", "size"]), st.sampled_from(["red", "blue", 3]), max_size=2
)
_TAGS = st.lists(st.sampled_from(["vip", "VIP", "new", "old", "lead"]), max_size=3, unique_by=str.lower)
_STATUS = st.sampled_from(["prospect", "opportunity"])


@st.composite
def contacts(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to three contacts, none of which shares an address with another."""
    count = draw(st.integers(0, 3))
    owners = [draw(st.integers(-1, count - 1)) for _ in ADDRESSES] if count else []
    found = []
    for number in range(count):
        held = [address for address, owner in zip(ADDRESSES, owners, strict=True) if owner == number]
        given: dict[str, Any] = {"email": held[0] if held else None, "other_emails": held[1:]}
        given |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "last_name": st.just("Known"),
                    "company": _COMPANIES,
                    "phone": st.sampled_from(NUMBERS),
                    "whatsapp": st.sampled_from(NUMBERS),
                    "tags": _TAGS,
                    "groups": st.just(["friends"]),
                    "custom_fields": _CUSTOM,
                    "owner_id": st.just("user-1"),
                },
            )
        )
        customer = draw(st.sampled_from([None, None, 1, 2]))
        if customer is not None:
            given["customer_id"] = derived_id(BEGUN_AT - 1_000_000, "customer", str(customer))
        found.append(given)
    return found


@st.composite
def rows(draw: st.DrawFn) -> ReadRow:
    """What a row says, as reading it would return it."""
    address = draw(st.sampled_from([*ADDRESSES, None]))
    further = draw(st.lists(st.sampled_from(ADDRESSES), max_size=2, unique=True))
    fields: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {"first_name": st.sampled_from(["Ann", "Bob"])},
            optional={
                "last_name": st.sampled_from(["One", "Two"]),
                "company": _COMPANIES,
                "phone": st.sampled_from(NUMBERS),
                "whatsapp": st.sampled_from(NUMBERS),
                "tags": _TAGS,
                "types": st.sampled_from([["partner"], ["unknown"]]),
                "groups": st.sampled_from([["friends"], ["unknown", "friends"]]),
                "custom_fields": _CUSTOM,
                "relationship_status": _STATUS,
            },
        )
    )
    numbers = draw(st.lists(st.sampled_from(NUMBERS), max_size=2, unique=True))
    if numbers:
        fields["other_phones"] = [{"label": "home", "number": one, "raw": None} for one in numbers]
    for name in ("phone", "whatsapp"):
        if name in fields:
            fields[f"{name}_raw"] = None
    if address is not None:
        fields["email"] = address
    if further := [one for one in further if one != address]:
        fields["other_emails"] = further
    return ReadRow(
        fields,  # type: ignore[arg-type]
        owner=draw(st.sampled_from(["", "", "user1@example.com", "unknown@example.com"])),
        customer_number=draw(st.sampled_from(["", "", *CUSTOMERS, "CUST000009"])),
        derived=frozenset({"first_name"}) if draw(st.booleans()) else frozenset(),
        contact_id=draw(st.sampled_from(["", "", "", "", *IDS])),
    )


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    on_duplicate: Sequence[str] = ("skip", "update", "merge"),
    unique_scope: Sequence[str] = ("tenant", "tenant", "customer"),
) -> Case:
    """Any case."""
    options = ImportOptions(
        on_duplicate=draw(st.sampled_from(on_duplicate)),  # type: ignore[arg-type]
        match_on=draw(st.sampled_from(["email", "email", "phone", "customer_number"])),
        tags=tuple(draw(st.sampled_from([[], ["imported"]]))),
        groups=tuple(draw(st.sampled_from([[], ["friends"]]))),
    )
    settings = TenantSettings(
        require_email=draw(st.booleans()),
        max_tags_per_contact=draw(st.sampled_from([2, 10])),
        unique_scope=draw(st.sampled_from(unique_scope)),  # type: ignore[arg-type]
    )
    most = settings.max_tags_per_contact
    known = [one | {"tags": one.get("tags", [])[:most]} for one in draw(contacts())]
    if settings.require_email:
        known = [one for one in known if one["email"]]
    merges = draw(st.sampled_from([(), (), ((0, 1),), ((0, 1), (2, 0))]))
    possible = [pair for pair in merges if max(pair) < len(known)]
    return Case(draw(st.lists(rows(), min_size=1, max_size=6)), known, options, settings, possible)
