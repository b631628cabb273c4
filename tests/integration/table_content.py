"""The contents of the table as an operator sees them: records by kind, their invariants, and a text to compare."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter, defaultdict
from typing import Any
from urllib.parse import quote

from moto.dynamodb.models import dynamodb_backends

from shared.domain.customers.record import fold_username
from shared.domain.feed import FeedEntry
from shared.domain.ids import milliseconds_of
from shared.domain.timestamps import from_milliseconds
from shared.table.feed.items import head_from_item, page_from_item
from shared.table.keys import events as event_keys
from shared.table.keys.projections import is_tombstone
from shared.table.postings import ids_in
from tests.support.aws import Stack
from tests.support.lambda_context import ACCOUNT, REGION
from tests.support.moto_calls import copied

Item = dict[str, dict[str, Any]]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_KEY_ID = re.compile(r"\b[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}\b")
_WORKER = re.compile(r"(/results/[0-9a-f-]{36}/[ru][0-9]+/)[0-9a-f]{12}/")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_OUTBOX = re.compile(r"OUTBOX#[^#\"]+#\d+")
_SHARD = re.compile(r"DUE#(PURGE|TIMELINE)#\d+")

_CLOCK_ATTRIBUTES = {"expires_at", "held_until", "last_used_at"}
"""Attributes that depend on the clock, not on what is done."""
_ENCRYPTED = {"sealed", "encrypted"}
"""Attributes that differ each time the same content is encrypted."""
_PROJECTED = (
    "#LIST#", "#IX#", "#TERM#", "#CUSTOMERTERM#", "#TEL#", "#COUNTS", "#COMPANIES", "#TOP#", "#MATCH#", "#FEED",
    '#SHARED"', '"GONE"',
)  # fmt: skip
"""Parts of the keys of items that the stream's consumers write."""


class Content:
    """The items of the table at one moment."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items

    @classmethod
    def of_stack(cls, stack: Stack) -> Content:
        """Return the items of a stack's table, as `Scan` would return them, read from moto's memory."""
        table = dynamodb_backends[ACCOUNT][REGION].tables[stack.table_name]
        return cls([copied(row.attrs) for row in table.all_items()])

    def of(self, pk: str, sk: str = "") -> list[Item]:
        """Return the items whose keys match patterns from their start."""
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
        return self.of(r"T#[^#]+#C#", "INTB?#")

    @property
    def follow_ups(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "FOLLOWUPX?#")

    @property
    def bookings(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "BOOKINGX?#")

    @property
    def consents(self) -> list[Item]:
        return self.of(r"T#[^#]+#C#", "CONSENT#")

    @property
    def statuses(self) -> list[Item]:
        """The entries of the histories of statuses, in the order of their keys."""
        return sorted(self.of(r"T#[^#]+#C#", "STATUS#"), key=lambda item: (item["PK"]["S"], item["SK"]["S"]))

    @property
    def rows(self) -> list[Item]:
        """The rows of the lists by creation."""
        return self.of(r"T#[^#]+#LIST#created")

    @property
    def feed(self) -> set[str]:
        """The ids of the events that are in the feeds of their tenants."""
        return {entry.id for entry in self.feed_entries}

    @property
    def feed_entries(self) -> list[FeedEntry]:
        """The entries of all feeds, each feed in the order of its positions. Each event has one entry."""
        pages = sorted(self.of(r"T#[^#]+#FEED#"), key=lambda item: (item["PK"]["S"], item["SK"]["S"]))
        heads = self.of(r"T#[^#]+#FEED$", "HEAD$")
        parts = [(page["PK"]["S"].split("#")[1], page_from_item(page).entries()) for page in pages]
        parts += [(head["PK"]["S"].split("#")[1], head_from_item(head).entries()) for head in heads]
        found: list[FeedEntry] = []
        for tenant_id in {one for one, _ in parts}:
            entries = [entry for one, part in parts if one == tenant_id for entry in part]
            assert [entry.position for entry in entries] == list(range(1, len(entries) + 1)), "a gap"
            found += entries
        assert len({entry.id for entry in found}) == len(found), "an event is in the feed twice"
        return found

    @property
    def event_ids(self) -> set[str]:
        return {event_keys.id_of(event) for event in self.events}

    def assert_whole(self) -> None:
        """Assert that no change is written in part.

        Each address of a live contact has its lock, and there are no other locks; the same goes for telephone numbers
        of tenants that want it. Each customer has the contacts that name it, one of them primary. Each contact has one
        event for each of its versions, and the record names the last one (a booking may create a contact and change it
        in one transaction). Counted interactions are on the timeline, each consent is in the history, and the history
        of statuses leads to the present status. Each booking is of the contact that its locator names, and the
        contact's figures count it unless it is cancelled; its organizer is one of the contact's. Deleted contacts, and
        no others, wait to be purged; of a purged contact, the last event is left.

        A merged contact keeps its locks and what is in its partition: for its survivor, the locks count as its own as
        long as it has the values, and its figures are those of all its parts.
        """
        self._assert_locks_whole()
        self._assert_merges_whole()
        self._assert_customers_whole()
        self._assert_bookings_whole()

        left = {event["PK"]["S"] for event in self.events if event["type"]["S"] == "contact.purged"}
        for partition in left:
            assert len([item for item in self.of(f"{re.escape(partition)}$") if not is_tombstone(item)]) == 1
        events: dict[str, list[tuple[int, str]]] = defaultdict(list)
        consents: Counter[str] = Counter()
        for event in self.events:
            if event["PK"]["S"] in left:
                continue
            consents[event["PK"]["S"]] += event["type"]["S"] == "contact.consent_changed"
            events[event["PK"]["S"]].append((int(event["version"]["N"]), event_keys.id_of(event)))
        assert set(events) == {contact["PK"]["S"] for contact in self.contacts}, "events without a record"
        assert consents == Counter(consent["PK"]["S"] for consent in self.consents)
        timeline = Counter(interaction["PK"]["S"] for interaction in self.interactions)
        for contact in self.contacts:
            versions = sorted(events[contact["PK"]["S"]])
            assert [version for version, _ in versions] == list(range(1, int(contact["version"]["N"]) + 1))
            assert versions[-1][1] == contact["last_event"]["S"]
            assert ("WPK" in contact) == ("deleted_at" in contact and "merged_into" not in contact)
            assert sum(timeline[one] for one in _partitions_of(contact)) == int(
                contact.get("interaction_count", {"N": "0"})["N"]
            )
        self._assert_timelines_whole()
        self._assert_statuses_whole()
        self._assert_follow_ups_whole()

    def _assert_locks_whole(self) -> None:
        """Assert that each value of a live contact is locked, for it or for a contact merged into it, and that there
        are no other locks but those of merged contacts on what they had.
        """
        held = {(lock["PK"]["S"], lock["SK"]["S"]): lock["contact_id"]["S"] for lock in self.locks}
        wanted = {lock: contact for contact in self.live for lock in _locks_of(contact)}
        assert len(wanted) == sum(len(_locks_of(contact)) for contact in self.live), (
            "two contacts have the same value"
        )
        for lock, contact in wanted.items():
            assert held.pop(lock, None) in _parts_of(contact), "locks and live contacts' values differ"
        merged = {one["id"]["S"]: _locks_of(one) for one in self.contacts if "merged_into" in one}
        for lock, contact_id in held.items():
            assert lock in merged.get(contact_id, ()), "a lock of no contact"

    def _assert_merges_whole(self) -> None:
        """Assert that each merged contact is one of the parts of its survivor, and of no other contact that is not
        merged itself, and that merges that are not undone, and no others, have details.
        """
        contacts = {one["id"]["S"]: one for one in self.contacts}
        for contact in contacts.values():
            if "merged_into" in contact:
                survivor = contact
                while "merged_into" in survivor:
                    survivor = contacts[survivor["merged_into"]["S"]]
                assert contact["id"]["S"] in _parts_of(survivor), "a merged contact that is no part"
        ends = [one for one in contacts.values() if "merged_into" not in one]
        parts = [part for one in ends for part in _parts_of(one)[1:]]
        purged = {one["PK"]["S"] for one in self.events if one["type"]["S"] == "contact.purged"}
        assert sorted(parts) == sorted(one for one in contacts if "merged_into" in contacts[one])
        details = {one["SK"]["S"].removeprefix("MERGE#") for one in self.of(r"T#[^#]+#C#", "MERGE#")}
        done = {
            one["SK"]["S"]: json.loads(one["merge"]["S"])["survivor_id"]
            for one in self.of(r"T#[^#]+#MERGES$")
            if "undone" not in one
        }
        assert details == {
            merge_id
            for merge_id, survivor_id in done.items()
            if not any(one.endswith(f"#C#{survivor_id}") for one in purged)
        }

    def _assert_statuses_whole(self) -> None:
        """Assert that the history of each contact is a chain that ends at its status and stage, and that each entry has
        its event, in the order of the contact's versions.
        """
        told: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for event in self.events:
            if "new_status" in json.loads(event.get("data", {"S": "{}"})["S"]):
                told[event["PK"]["S"]].append((int(event["version"]["N"]), event_keys.id_of(event)))
        histories: dict[str, list[Item]] = defaultdict(list)
        for entry in self.statuses:
            histories[entry["PK"]["S"]].append(entry)
        for contact in self.contacts:
            history = histories.pop(contact["PK"]["S"], [])
            status = contact.get("relationship_status", {"S": "prospect"})["S"]
            stage = contact.get("lifecycle_stage", {"S": "awareness"})["S"]
            present: tuple[str | None, str | None] = ("prospect", "awareness")
            for number, entry in enumerate(history):
                old = tuple(
                    entry.get(f"old_{name}", {"S": None})["S"] for name in ("status", "lifecycle_stage")
                )
                assert old == present or (number == 0 and old == (None, None)), "a history that is no chain"
                present = (entry["new_status"]["S"], entry["new_lifecycle_stage"]["S"])
            assert present == (status, stage)
            last = history[-1]["timestamp"]["S"] if history else None
            assert contact.get("status_changed_at", {"S": None})["S"] == last
            events = sorted(told.pop(contact["PK"]["S"], []))
            assert [(int(entry["SK"]["S"][-10:]), entry["id"]["S"]) for entry in history] == events
        assert not histories, "statuses of no contact"

    def _assert_timelines_whole(self) -> None:
        """Assert that the figures of each contact are those of its interactions, and that ids lead to these.

        An interaction that was still to happen when it was written is due; it is no last contact yet.
        """
        by_contact: dict[str, list[Item]] = defaultdict(list)
        for interaction in self.interactions:
            by_contact[interaction["PK"]["S"]].append(interaction)
        pointers = {
            (pointer["PK"]["S"], pointer["SK"]["S"].removeprefix("INTAT#")): pointer["occurred_at"]["S"]
            for pointer in self.of(r"T#[^#]+#C#", "INTAT#")
        }
        moved = {}
        for contact in self.contacts:
            own = [one for partition in _partitions_of(contact) for one in by_contact.get(partition, ())]
            counts = Counter(one["type"]["S"] for one in own)
            assert json.loads(contact.get("interaction_counts", {"S": "{}"})["S"]) == counts
            given = [one for one in own if one["SK"]["S"].startswith("INT#")]
            past = [one["occurred_at"]["S"] for one in given if "WPK" not in one]
            assert contact.get("last_contacted_at", {"S": None})["S"] == max(past, default=None)
            for one in own:
                identifier, occurred_at = one["id"]["S"], one["occurred_at"]["S"]
                assert one["SK"]["S"].endswith(f"#{occurred_at}#{identifier}")
                assert ("booking_" in one["type"]["S"]) == one["SK"]["S"].startswith("INTB#")
                if occurred_at != from_milliseconds(milliseconds_of(identifier)):
                    moved[one["PK"]["S"], identifier] = occurred_at
        assert by_contact.keys() <= {one["PK"]["S"] for one in self.contacts}, "interactions of no contact"
        assert pointers == moved

    def _assert_follow_ups_whole(self) -> None:
        """Assert that each follow-up is where its locator says, that it is due unless it is closed or announced, and
        that contacts name the first open one.
        """
        locators = {
            one["PK"]["S"]: (one["contact_id"]["S"], one["entry"]["S"])
            for one in self.of(r"T#[^#]+#FOLLOWUP#", "FOLLOWUP$")
        }
        opened: dict[str, list[str]] = defaultdict(list)
        found = {}
        for one in self.follow_ups:
            is_open = one["SK"]["S"].startswith("FOLLOWUP#")
            assert is_open == ("done_at" not in one and "cancelled_at" not in one)
            assert ("WPK" in one) == (is_open and "notified_at" not in one)
            if is_open:
                opened[one["PK"]["S"]].append(one["due_at"]["S"])
            partition = f"T#{_tenant(one)}#FOLLOWUP#{one['id']['S']}"
            assert partition not in found, "a follow-up twice"
            found[partition] = (one["contact_id"]["S"], one["SK"]["S"])
        assert found == locators
        for contact in self.contacts:
            due = [one for partition in _partitions_of(contact) for one in opened.get(partition, ())]
            assert contact.get("next_follow_up_at", {"S": None})["S"] == min(due, default=None)
        assert opened.keys() <= {one["PK"]["S"] for one in self.contacts}, "follow-ups of no contact"

    def _assert_bookings_whole(self) -> None:
        found = {
            f"T#{_tenant(one)}#BOOKING#{one['SK']['S'].rpartition('#')[2]}": (
                one["contact_id"]["S"],
                one["SK"]["S"],
                one["version"]["N"],
            )
            for one in self.bookings
        }
        assert len(found) == len(self.bookings), "a booking of two contacts"
        assert found == {
            one["PK"]["S"]: (one["contact_id"]["S"], one["entry"]["S"], one["version"]["N"])
            for one in self.of(r"T#[^#]+#BOOKING#", "BOOKING$")
        }
        counted: dict[str, list[str]] = defaultdict(list)
        states: dict[str, Counter[str]] = defaultdict(Counter)
        for one in self.bookings:
            states[one["PK"]["S"]][one["state"]["S"]] += 1
            if one["SK"]["S"].startswith("BOOKING#"):
                counted[one["PK"]["S"]].append(one["starts_at"]["S"])
        for contact in self.contacts:
            starts = [one for partition in _partitions_of(contact) for one in counted.get(partition, ())]
            counts = json.loads(contact.get("booking_counts", {"S": "{}"})["S"])
            assert counts == sum((states[one] for one in _partitions_of(contact)), Counter())
            assert int(contact.get("total_bookings", {"N": "0"})["N"]) == len(starts)
            assert contact.get("last_booking_at", {"S": None})["S"] == max(starts, default=None)
        assert counted.keys() <= {one["PK"]["S"] for one in self.contacts}, "bookings of no contact"
        organizers = {one["PK"]["S"]: _organizers_of(one) for one in self.contacts}
        for one in self.bookings:
            organizer = one.get("organizer_id", {"S": ""})["S"]
            assert not organizer or organizer in organizers[one["PK"]["S"]], (
                "an organizer without the contact"
            )
        processed = Counter(
            f"T#{_tenant(one)}#C#{one['contact_id']['S']}" for one in self.of(r"T#[^#]+#BOOKING#", "TAKEN#")
        )
        assert processed == Counter(one["PK"]["S"] for one in self.of(r"T#[^#]+#C#", "INTB#"))

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
        assert rows == members, "the members of customers"
        usernames: dict[str, str] = {}
        for customer in self.customers:
            partition = customer["PK"]["S"]
            contacts = members.pop(partition, set())
            assert int(customer.get("contact_count", {"N": "0"})["N"]) == len(contacts)
            named = {customer["primary_contact"]["S"]} if "primary_contact" in customer else set()
            assert named == primary[partition] and len(named) == min(1, len(contacts)), "one primary contact"
            versions = sorted(
                (int(event["version"]["N"]), event_keys.id_of(event))
                for event in self.of(f"{re.escape(partition)}$", "EVENT#")
            )
            assert [version for version, _ in versions] == list(range(1, int(customer["version"]["N"]) + 1))
            assert versions[-1][1] == customer["last_event"]["S"]
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
        """Return the items as text, with ids, hashes of secrets and times of today replaced, so that two runs of the
        same work compare equal.
        """
        kept = []
        for item in (*self.items, *self._postings(), *self._feeds()):
            if "#FEED" in item["PK"]["S"] and "packed" in item:
                continue
            if item["PK"]["S"].startswith("U#") or item["SK"]["S"] == "TENANT" or "ids" in item:
                continue
            shown = {
                name: value for name, value in item.items() if name not in _CLOCK_ATTRIBUTES | _ENCRYPTED
            }
            text = json.dumps(shown, sort_keys=True, default=unpack)
            text = _WORKER.sub(r"\1<worker>/", _HASH.sub("<hash>", _KEY_ID.sub("<key id>", text)))
            text = _SHARD.sub("<due>", _OUTBOX.sub("<outbox>", _ID.sub("<id>", text)))
            kept.append(_TIME.sub(lambda found: _hide_today(found[0]), text))
        return sorted(kept)

    def _feeds(self) -> list[Item]:
        """Return the entries of the feeds, however they are packed, and without their positions: retries change both
        for events of different records.
        """
        return [
            {
                "PK": {"S": "#FEED"},
                "SK": {"S": f"{entry.type} {entry.entity} {entry.entity_id} {entry.version} {entry.actor}"},
            }
            for entry in self.feed_entries
        ]

    def _postings(self) -> list[Item]:
        """Return the ids in each posting list, however they are split into chunks."""
        chunks: defaultdict[str, list[Item]] = defaultdict(list)
        for chunk in self.of(r"T#[^#]+#IX#"):
            chunks[chunk["PK"]["S"]].append(chunk)
        named = {partition: ids_in(rows) for partition, rows in chunks.items()}
        assert None not in named.values(), "chunks that do not form a list"
        return [
            {"PK": {"S": partition}, "SK": {"S": ""}, "named": {"SS": sorted(ids or ())}}
            for partition, ids in named.items()
        ]


def without_projections(picture: list[str]) -> list[str]:
    """Return the lines of a picture that are not of items that the stream's consumers write."""
    return [line for line in picture if not any(part in line for part in _PROJECTED)]


def unpack(packed: bytes) -> str:
    """Return the text of a compressed attribute, in which ids and times can be made equal."""
    return zlib.decompress(packed).decode()


def _hide_today(time: str) -> str:
    # Tests put times that must be compared into the years around 2031.
    return time if time.startswith("203") else "<now>"


def _organizers_of(contact: Item) -> list[str]:
    return [one["S"] for one in contact.get("organizer_ids", {"L": []})["L"]]


def addresses(contact: Item) -> list[str]:
    """Return all e-mail addresses of a contact's item."""
    primary = [contact["email"]["S"]] if "email" in contact else []
    return primary + [other["S"] for other in contact.get("other_emails", {"L": []})["L"]]


def _parts_of(contact: Item) -> list[str]:
    """Return the ids of a contact and of those merged into it."""
    return [contact["id"]["S"], *(one["S"] for one in contact.get("merged_from", {"L": []})["L"])]


def _partitions_of(contact: Item) -> list[str]:
    """Return the partitions whose entries a contact's figures count: of a merged one its own."""
    parts = _parts_of(contact)[: 1 if "merged_into" in contact else None]
    return [f"T#{_tenant(contact)}#C#{one}" for one in parts]


def _locks_of(contact: Item) -> list[tuple[str, str]]:
    """Return the keys of the locks that a live contact must have."""
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
