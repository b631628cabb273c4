"""The facts from which the plan of a chunk follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.domain.contacts.record import Contact
from shared.domain.contacts.uniqueness import Lock
from shared.domain.customers.record import Customer
from shared.domain.imports.csv_file import Row
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import RowOutcome
from shared.domain.imports.rows import ReadRow
from shared.domain.labels.record import Labels
from shared.domain.tenant import TenantSettings

MatchKey = tuple[str, str]
"""What a row and a contact share: `id` and that of the contact, `email` and an address, `phone` and a number, or
`customer` and the customer's id."""


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """The outcome of a row that an earlier attempt has written, from the event of its contact."""

    contact_id: str
    outcome: RowOutcome


@dataclass(frozen=True, slots=True)
class Known:
    """The facts from which a plan follows.

    `rows`, `reads`: the rows by their numbers, and what they say. `owners`: the ids of active users, by the e-mail
    addresses that rows name. `default_owner`: the owner of contacts whose rows name no active user. `customers`: by
    the numbers that rows name. `matches`: the ids of contacts, by what rows and contacts share. `locks`: the ids of
    contacts, by the unique values that they have. `contacts`: those that rows match; where these rows are skipped,
    only those that they name by id or number. `written`: the rows that an earlier attempt has written. `since`: the
    row from which on a contact has a value that an earlier attempt gave it, by the value and the contact's id: no row
    before that finds the contact by it.
    """

    run: ImportRun
    settings: TenantSettings
    rows: Mapping[int, Row]
    reads: Mapping[int, ReadRow]
    owners: Mapping[str, str]
    default_owner: str | None
    labels: Labels
    customers: Mapping[str, Customer]
    matches: Mapping[MatchKey, str]
    locks: Mapping[Lock, str]
    contacts: Mapping[str, Contact]
    written: Mapping[int, WrittenRow] = field(default_factory=dict)
    since: Mapping[tuple[str, str], int] = field(default_factory=dict)
