"""A replica of contacts and customers, built as docs/feed.md says: from a snapshot and the feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.domain.contacts.record import Contact
from shared.domain.customers.record import Customer
from shared.domain.ids import milliseconds_of
from shared.domain.records import blank_fields
from shared.domain.timestamps import from_milliseconds

KINDS: dict[str, type[Contact] | type[Customer]] = {"contact": Contact, "customer": Customer}
OF_OTHERS = ("customer_name", "customer_username", "owner_name", "primary_contact")
"""Members of answers that show other records."""

Read = Callable[[str, str], dict[str, Any] | None]
"""Returns a record as it is now, by its kind and id; None for one that is not there."""


class Replica:
    """The records that one consumer keeps, by kind and id; deleted ones with `is_deleted`.

    `read`: see `Read`. `applied`: the positions of the entries that were read, which each come once and in order.
    """

    def __init__(self, read: Read) -> None:
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.applied: list[int] = []
        self._read = read

    def put(self, kind: str, shown: dict[str, Any]) -> None:
        """Keep a record of the snapshot, or one that was read, unless a later version is known."""
        key = kind, shown["id"]
        if key not in self.records or self.records[key]["version"] < shown["version"]:
            fields = {name: value for name, value in shown.items() if name not in OF_OTHERS}
            self.records[key] = {**fields, "is_deleted": False}

    def apply(self, entry: dict[str, Any]) -> None:
        """Apply an entry of the feed. Fails if it is not the next version of its record."""
        assert not self.applied or entry["position"] > self.applied[-1]
        self.applied.append(entry["position"])
        kind = entry["entity"]
        if kind not in KINDS:
            return
        key = kind, entry["entity_id"]
        known = self.records.get(key)
        if known is None:
            self._meet(kind, entry)
            return
        if entry["version"] <= known["version"]:
            return
        if entry["type"] == "contact.unmerged":  # its figures may have changed while it was merged
            del self.records[key]
            self._meet(kind, entry)
            return
        assert entry["version"] == known["version"] + 1, f"a version of {key} is missing before {entry}"
        self.records[key] = _changed(known, entry)

    def _meet(self, kind: str, entry: dict[str, Any]) -> None:
        """Handle an entry of a record that the replica does not have: it is new, or it was deleted or merged when the
        snapshot was taken, and is nothing to the replica until it is back.
        """
        if entry["type"] == f"{kind}.created":
            blank = {
                name: list(value) if isinstance(value, list) else value
                for name, value in blank_fields(KINDS[kind]).items()
            }
            blank |= {
                "id": entry["entity_id"],
                "created_at": from_milliseconds(milliseconds_of(entry["entity_id"])),
                "created_by": entry["actor"],
            }
            if kind == "contact":
                blank |= {"communication": {"preferred": "none", "opt_outs": {}}, "custom_fields": {}}
            self.records[kind, entry["entity_id"]] = _changed(blank, entry)
        elif entry["type"] in (f"{kind}.restored", f"{kind}.unmerged"):
            shown = self._read(kind, entry["entity_id"])
            if shown and shown["id"] == entry["entity_id"]:  # not merged again
                self.put(kind, shown)


def _changed(record: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return a record after the change of an entry."""
    fields = {
        **record,
        "version": entry["version"],
        "updated_at": entry["occurred_at"],
        "updated_by": entry["actor"],
        "is_deleted": record.get("is_deleted", False),
    }
    if entry["type"].endswith((".deleted", ".purged", ".merged")) and entry["type"].startswith(
        entry["entity"]
    ):
        fields["is_deleted"] = True
    if entry["type"] == f"{entry['entity']}.restored":
        fields["is_deleted"] = False
    blank = blank_fields(KINDS[entry["entity"]])
    for name, change in (entry["changes"] or {}).items():
        field, _, member = name.partition(".")
        new = change["new"]
        if not member:
            fields[name] = blank.get(name) if new is None else new
        elif name == "communication.preferred":
            fields[field] = {**fields[field], "preferred": new or "none"}
        elif field == "communication":
            fields[field] = {
                **fields[field],
                "opt_outs": _with(fields[field]["opt_outs"], member.partition(".")[2], new),
            }
        else:
            fields[field] = _with(fields[field], member, new)
    return fields


def _with(members: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    others = {one: kept for one, kept in members.items() if one != name}
    return others if value is None else {**others, name: value}
