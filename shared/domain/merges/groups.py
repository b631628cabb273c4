"""Groups of contacts that are one person, as a job merges them, and what became of each.

Pairs that share a contact form a group. Of the contacts of a group the one with the most history survives: the most
interactions, bookings and notes. Of several with as many the oldest one survives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.record import Contact
from shared.domain.errors import Conflict
from shared.domain.merges.record import Merge
from shared.domain.merges.views import MAX_AT_ONCE

MOST_IN_GROUP = MAX_AT_ONCE + 1
"""The maximum number of contacts of a group that a job merges: a survivor, and those of one merge."""

Outcome = Literal["planned", "merged", "undone", "refused"]


@dataclass(frozen=True, slots=True)
class Group:
    """Contacts that are one person by the suggestions. `size`: their number. `contact_ids`: the oldest ones, at most
    one more than a job merges.
    """

    contact_ids: tuple[str, ...]
    size: int

    @property
    def is_too_large(self) -> bool:
        """Whether a job leaves the group to people: so many contacts are rarely one person."""
        return self.size > MOST_IN_GROUP


class GroupRefusal(BaseModel):
    """Why a group was not merged, or its merge not undone."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    code: str
    message: str


class GroupResult(BaseModel):
    """The result of a job for a group of contacts.

    `outcome`:

    - `planned`: a dry run would have merged it;
    - `merged`: it is merged, by the merge `merge_id`;
    - `undone`: the merge `merge_id` is undone. `kept`: how many fields stayed as they were; the merge lists them;
    - `refused`: nothing was done, for the reason in `error`.

    `number`: the group's place in the job, from 1; the undo of a job has the numbers of that job. `contact_ids`: the
    contacts of the group, the survivor first; of a group that is too large the oldest ones. `survivor_id`: the contact
    that stays, null for a group that was refused before one was chosen.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    number: int
    outcome: Outcome
    contact_ids: list[str]
    survivor_id: str | None = None
    merge_id: str | None = None
    kept: int = Field(default=0, description="Of an undone merge: the fields that stayed as they were.")
    error: GroupRefusal | None = None

    @classmethod
    def refuse(
        cls,
        number: int,
        contact_ids: Sequence[str],
        code: str,
        message: str,
        *,
        merge_id: str | None = None,
    ) -> GroupResult:
        """Return the result for a group with which nothing was done."""
        return cls(
            number=number,
            outcome="refused",
            contact_ids=list(contact_ids),
            survivor_id=contact_ids[0] if merge_id is not None else None,
            merge_id=merge_id,
            error=GroupRefusal(code=code, message=message),
        )


@dataclass(frozen=True, slots=True)
class GroupMerge:
    """The merge of a group for a job: the group's number, and the versions of its contacts when they were compared."""

    number: int
    versions: Mapping[str, int]

    def require_unchanged(self, contacts: Iterable[Contact]) -> None:
        """Raise Conflict with code `changed_meanwhile` unless the contacts are those that were compared."""
        if any(self.versions.get(one.id) != one.version for one in contacts):
            raise changed_meanwhile()

    def result_of(self, merge: Merge) -> GroupResult:
        """Return the result of the group by its merge."""
        return GroupResult(
            number=self.number,
            outcome="merged",
            contact_ids=[merge.survivor_id, *merge.merged_ids],
            survivor_id=merge.survivor_id,
            merge_id=merge.id,
        )


def changed_meanwhile() -> Conflict:
    """Return the error for a group whose contacts are no longer those that the suggestions were about."""
    return Conflict(
        "The contacts changed after they were suggested. A later job takes them up if they still are.",
        code="changed_meanwhile",
    )


def groups_of(pairs: Iterable[tuple[str, str]]) -> list[Group]:
    """Return the groups that pairs of contacts form, in the order of their oldest contacts."""
    members: dict[str, set[str]] = {}
    for one, other in pairs:
        ones, others = members.setdefault(one, {one}), members.setdefault(other, {other})
        if ones is others:
            continue
        larger, smaller = (ones, others) if len(ones) >= len(others) else (others, ones)
        larger |= smaller
        for contact_id in smaller:
            members[contact_id] = larger
    every = sorted(sorted(group) for group in {id(group): group for group in members.values()}.values())
    return [Group(tuple(group[: MOST_IN_GROUP + 1]), len(group)) for group in every]


def is_connected(contact_ids: Sequence[str], pairs: Iterable[tuple[str, str]]) -> bool:
    """Return whether pairs of contacts make one group of all of some contacts."""
    groups = groups_of(pairs)
    return len(groups) == 1 and set(groups[0].contact_ids) == set(contact_ids)


def by_history(contacts: Iterable[Contact]) -> list[Contact]:
    """Return the contacts of a group with its survivor first: those with more history before those with less, and the
    older ones before the younger ones.
    """
    return sorted(contacts, key=lambda one: (-_history(one), one.created_at, one.id))


def _history(contact: Contact) -> int:
    figures = contact.figures
    counts = (*figures.interaction_counts.values(), *figures.booking_counts.values(), figures.note_count)
    return sum(counts)
