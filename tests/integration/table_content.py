"""What lies in the table, as an operator sees it: records by kind, what must always hold, a comparable picture."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from typing import Any
from urllib.parse import quote

from shared.domain.customers.record import fold_username
from shared.table.postings import ids_in
from tests.support.aws import Stack
from tests.support.tenant_guard import as_operator

Item = dict[str, dict[str, Any]]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_KEY_ID = re.compile(r"\b[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}\b")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_OUTBOX = re.compile(r"OUTBOX#[^#\"]+#\d+")
_PURGE = re.compile(r"DUE#PURGE#\d+")

_BESIDE = {"expires_at", "held_until", "last_used_at"}
"""Attributes that follow the clock and not what is done."""


class Content:
    """The table's items at one moment."""

    def __init__(self, stack: Stack) -> None:
        self.items: list[Item] = []
        start: dict[str, Any] = {}
        with as_operator():
            while True:
                page = stack.client("dynamodb").scan(TableName=stack.table_name, **start)
                self.items += page["Items"]
                if "LastEvaluatedKey" not in page:
                    break
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def of(self, pk: str, sk: str = "") -> list[Item]:
        """Items whose keys match these patterns from their beginnings."""
        return [
            item for item in self.items if re.match(pk, item["PK"]["S"]) and re.match(sk, item["SK"]["S"])
        ]

    @property
    def contacts(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "CONTACT$")

    @property
    def live(self) -> list[Item]:
        return [contact for contact in self.contacts if "deleted_at" not in contact]

    @property
    def locks(self) -> list[Item]:
        return self.of(r"T#[^#]+#(EMAIL|PHONE|WHATSAPP)#")

    @property
    def customers(self) -> list[Item]:
        return self.of(r"T#[^#]+#CUSTOMER#", "CUSTOMER$")

    @property
    def events(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "EVENT#")

    @property
    def interactions(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "INT#")

    @property
    def consents(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "CONSENT#")

    @property
    def rows(self) -> list[Item]:
        """List rows, without what says where they lie."""
        return self.of(r"T#[^#]+#LIST#created")

    @property
    def feed(self) -> set[str]:
        """Ids of the events whose publication is acknowledged."""
        return {item["SK"]["S"] for item in self.of(r"T#[^#]+#FEED")}

    @property
    def event_ids(self) -> set[str]:
        return {event["SK"]["S"].removeprefix("EVENT#") for event in self.events}

    def assert_whole(self) -> None:
        """No change is written in part, whatever happened.

        Each address of a live contact has its lock, and there is no other lock; so have numbers, where a tenant
        wants it. Each customer has the contacts that say so, one of them primary. Each contact has one event
        for each of its versions, the last of which is the one the record names (a booking may make a contact
        and take part in it in one transaction). Counted interactions are on the timeline, and each consent is in
        the history. Deleted contacts wait to be purged, and no others do; of a purged one its last event is left.
        """
        held = {(lock["PK"]["S"], lock["SK"]["S"]): lock["contact_id"]["S"] for lock in self.locks}
        wanted = {lock: contact["id"]["S"] for contact in self.live for lock in _locks_of(contact)}
        assert len(wanted) == sum(len(_locks_of(contact)) for contact in self.live), "a value of two"
        assert held == wanted, "locks and live contacts' values differ"
        self._assert_customers_whole()

        left = {event["PK"]["S"] for event in self.events if event["type"]["S"] == "contact.purged"}
        for partition in left:
            assert (
                len([item for item in self.of(f"{re.escape(partition)}$") if item["SK"]["S"] != "GONE"]) == 1
            )
        events: dict[str, list[tuple[int, str]]] = defaultdict(list)
        consents: Counter[str] = Counter()
        for event in self.events:
            if event["PK"]["S"] in left:
                continue
            consents[event["PK"]["S"]] += event["type"]["S"] == "contact.consent_changed"
            events[event["PK"]["S"]].append((int(event["version"]["N"]), event["SK"]["S"][6:]))
        assert set(events) == {contact["PK"]["S"] for contact in self.contacts}, "events without a record"
        assert consents == Counter(consent["PK"]["S"] for consent in self.consents)
        timeline = Counter(interaction["PK"]["S"] for interaction in self.interactions)
        for contact in self.contacts:
            told = sorted(events[contact["PK"]["S"]])
            assert [version for version, _ in told] == list(range(1, int(contact["version"]["N"]) + 1))
            assert told[-1][1] == contact["last_event"]["S"]
            assert ("WPK" in contact) == ("deleted_at" in contact)
            assert timeline[contact["PK"]["S"]] == int(contact.get("interaction_count", {"N": "0"})["N"])

    def _assert_customers_whole(self) -> None:
        members: dict[str, set[str]] = defaultdict(set)
        primary: dict[str, set[str]] = defaultdict(set)
        for contact in self.live:
            if "customer_id" in contact:
                partition = f"T#{_tenant(contact)}#CUSTOMER#{contact['customer_id']['S']}"
                members[partition].add(contact["id"]["S"])
                if "is_primary" in contact:
                    primary[partition].add(contact["id"]["S"])
            else:
                assert "is_primary" not in contact
        rows: dict[str, set[str]] = defaultdict(set)
        for row in self.of(r"T#[^#]+#CUSTOMER#", "MEMBER#"):
            rows[row["PK"]["S"]].add(row["SK"]["S"].removeprefix("MEMBER#"))
        assert rows == members, "who belongs to customers"
        usernames: dict[str, str] = {}
        for customer in self.customers:
            partition = customer["PK"]["S"]
            belonging = members.pop(partition, set())
            assert int(customer.get("contact_count", {"N": "0"})["N"]) == len(belonging)
            named = {customer["primary_contact"]["S"]} if "primary_contact" in customer else set()
            assert named == primary[partition] and len(named) == min(1, len(belonging)), "one primary contact"
            told = sorted(
                (int(event["version"]["N"]), event["SK"]["S"][6:])
                for event in self.of(f"{re.escape(partition)}$", "EVENT#")
            )
            assert [version for version, _ in told] == list(range(1, int(customer["version"]["N"]) + 1))
            assert told[-1][1] == customer["last_event"]["S"]
            if "username" in customer and "deleted_at" not in customer:
                folded = quote(fold_username(customer["username"]["S"]), safe="@+")
                usernames[f"T#{_tenant(customer)}#USERNAME#{folded}"] = customer["id"]["S"]
        assert not members, "contacts of no customer"
        assert usernames == {
            lock["PK"]["S"]: lock["customer_id"]["S"] for lock in self.of(r"T#[^#]+#USERNAME#")
        }
        numbers = [(_tenant(customer), customer["number"]["S"]) for customer in self.customers]
        assert len(set(numbers)) == len(numbers), "a number given twice"

    def picture(self) -> list[str]:
        """The table with all ids, secrets' hashes and times of today made equal, so that two runs of the same work
        compare.
        """
        kept = []
        for item in (*self.items, *self._postings()):
            if item["PK"]["S"].startswith("U#") or item["SK"]["S"] == "TENANT" or "ids" in item:
                continue
            text = json.dumps({k: v for k, v in item.items() if k not in _BESIDE}, sort_keys=True)
            text = _HASH.sub("<hash>", _KEY_ID.sub("<key id>", text))
            text = _PURGE.sub("<purge>", _OUTBOX.sub("<outbox>", _ID.sub("<id>", text)))
            kept.append(_TIME.sub(lambda found: _plain(found[0]), text))
        return sorted(kept)

    def _postings(self) -> list[Item]:
        """What posting lists name, however they are cut into chunks."""
        chunks: defaultdict[str, list[Item]] = defaultdict(list)
        for chunk in self.of(r"T#[^#]+#IX#"):
            chunks[chunk["PK"]["S"]].append(chunk)
        named = {partition: ids_in(rows) for partition, rows in chunks.items()}
        assert None not in named.values(), "chunks that make no list"
        return [
            {"PK": {"S": partition}, "SK": {"S": ""}, "named": {"SS": sorted(ids or ())}}
            for partition, ids in named.items()
        ]


def _plain(time: str) -> str:
    # Tests put what must be compared into the years around 2031.
    return time if time.startswith("203") else "<now>"


def addresses(contact: Item) -> list[str]:
    """All e-mail addresses of a contact's item."""
    primary = [contact["email"]["S"]] if "email" in contact else []
    return primary + [other["S"] for other in contact.get("other_emails", {"L": []})["L"]]


def _locks_of(contact: Item) -> list[tuple[str, str]]:
    """The keys of the locks that a live contact must hold."""
    by_customer = "unique_scope" in contact
    values = [("EMAIL", address) for address in addresses(contact)]
    if by_customer:
        values += [(name.upper(), contact[name]["S"]) for name in ("phone", "whatsapp") if name in contact]
    within = f"LOCK#{contact['customer_id']['S'] if 'customer_id' in contact else '!'}"
    return [
        (f"T#{_tenant(contact)}#{kind}#{quote(value, safe='@+')}", within if by_customer else "LOCK")
        for kind, value in values
    ]


def _tenant(item: Item) -> str:
    return str(item["PK"]["S"].split("#")[1])
