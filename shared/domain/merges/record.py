"""Merges: contacts that were merged into another one, and what became of that.

A merge can be undone for 30 days. Its record holds no values of contacts, so it may outlive them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.timestamps import Timestamp, plus

MAX_MERGED = 100
"""The maximum number of contacts that are merged into one, directly or through others: the parts of a timeline, which
are read together."""
UNDO_SECONDS = 30 * 86_400
"""How long a merge can be undone: 30 days."""

KeptReason = Literal[
    "changed_since",
    "address_taken",
    "address_returned",
    "opted_out_since",
    "unknown_customer",
    "owner_removed",
]


class KeptField(BaseModel):
    """A field that the undo of a merge did not set back, or not to its earlier value.

    `field`: its name, such as `custom_fields.colour` or `communication.opt_outs.email`. `contact_id`: the contact whose
    field it is. `reason`:

    - `changed_since`: it was changed after the merge, and keeps that value;
    - `address_taken`: another contact has the address or number by now, so the contact is back without it;
    - `address_returned`: its new value is an address or number of a contact that is back, so it could not stay;
    - `opted_out_since`: the person opted out of the channel after the merge, which holds for each of the contacts;
    - `unknown_customer`: the customer was deleted;
    - `owner_removed`: the owner is no longer a user or API client. A successor takes over, if there is one.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str
    contact_id: str
    reason: KeptReason


class Undo(BaseModel):
    """The undo of a merge. `by`: the actor. `returned`: the survivor's fields that changed. `kept`: those fields of the
    survivor and of the contacts that are back that differ from what they would be without the merge.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: Timestamp
    by: str
    returned: list[str] = []
    kept: list[KeptField] = []


class Merge(BaseModel):
    """Contacts that were merged into another one, the survivor.

    `choices`: for each field for which the caller chose a contact, that contact's id. `by`: the actor. `undo_until`:
    the time until which it can be undone. `undo`: null for a merge that was not undone. `job_id`: the job that made the
    merge, null for one that a caller made.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    survivor_id: str
    merged_ids: list[str]
    state: Literal["done", "undone"] = "done"
    choices: dict[str, str] = Field(
        default={}, examples=[{"company": "0190f3c2-5b7e-7c3a-9d1e-2f6a8b4c0d11"}]
    )
    by: str
    at: Timestamp
    undo_until: Timestamp
    undo: Undo | None = None
    job_id: str | None = None

    def with_undo(self, undo: Undo) -> Merge:
        """Return the merge as undone."""
        return self.model_copy(update={"state": "undone", "undo": undo})


def undo_until(at: str) -> str:
    """Return the time until which a merge of a time can be undone."""
    return plus(at, UNDO_SECONDS)


@dataclass(frozen=True, slots=True)
class MergeDetail:
    """The values that the undo of a merge needs. They include values of the survivor, so they are in its partition.

    `changes`: each field of the survivor that the merge set, stored ones that are not shown too, with the values before
    and after it; of fields among which values move all of them, and `communication` always. `primary_ids`: the merged
    contacts that were the primary ones of their customers. `promoted`: for each other customer whose primary contact
    was merged, the contact that became its primary one.
    """

    changes: Mapping[str, tuple[Any, Any]]
    primary_ids: tuple[str, ...] = ()
    promoted: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the detail as it is stored."""
        members = {
            "changes": self.changes,
            "primary_ids": self.primary_ids,
            "promoted": dict(self.promoted),
        }
        return json.dumps(members, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> MergeDetail:
        """Return the detail that `to_json` wrote."""
        members = json.loads(text)
        return cls(
            changes={name: (before, after) for name, (before, after) in members["changes"].items()},
            primary_ids=tuple(members["primary_ids"]),
            promoted=members["promoted"],
        )
