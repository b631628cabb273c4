"""How likely two contacts are one person, and why.

A score is from 0 to 100. It follows from the two contacts only, so that it is the same wherever a pair is met. It is
the score of the strongest value that they share, given how alike their names are, and a little more for each further
one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.number_search import digits_of
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import phone_numbers_of
from shared.domain.duplicates.keys import Kind, MatchKey, match_keys
from shared.domain.duplicates.likeness import Likeness, compare_names
from shared.domain.duplicates.names import key_of_company, plain_word, words_of_name
from shared.domain.tenant import TenantSettings

DEFAULT_SCORE = 70
"""The least score of a suggestion, unless the caller names another."""

Evidence = Literal["key", "mailbox", "phone", "company"]
ReasonCode = Literal["same_key", "same_mailbox", "same_phone", "same_name", "like_name", "same_company"]

_SCORES: dict[Likeness, dict[Evidence, int]] = {
    "same": {"key": 98, "mailbox": 96, "phone": 92, "company": 85},
    "nickname": {"key": 97, "mailbox": 95, "phone": 88, "company": 81},
    "middle_name": {"key": 97, "mailbox": 95, "phone": 88, "company": 81},
    "typing_error": {"key": 97, "mailbox": 94, "phone": 86, "company": 77},
    "initial": {"key": 95, "mailbox": 92, "phone": 76, "company": 72},
    "part": {"key": 93, "mailbox": 88, "phone": 68},
    "unknown": {"key": 92, "mailbox": 88, "phone": 62},
    "first_name": {"key": 90, "mailbox": 85, "phone": 70},
    "last_name": {"key": 75, "mailbox": 55, "phone": 40},
    "different": {"key": 65, "mailbox": 45, "phone": 20},
}
"""The score of a shared value by how alike the names are. Families and offices share numbers, and couples mailboxes, so
without like names these are below DEFAULT_SCORE; a company that two people share says nothing without them."""
_FURTHER = 2
"""For each further value that they share."""
_LIKE: frozenset[Likeness] = frozenset(
    {"same", "nickname", "middle_name", "typing_error", "initial", "part", "first_name", "last_name"}
)
_OTHER_ID, _OTHER_NUMBERS, _COLLEAGUES = 45, 4, 12
"""Points to take off: for different national ids; for colleagues by name who have different numbers; for a number that
people of one company share who have only the first name in common."""


class Reason(BaseModel):
    """The values that two contacts have in common."""

    model_config = ConfigDict(defer_build=True)

    code: ReasonCode
    detail: str = Field(
        description="`same_key`: the custom field. `same_mailbox`: the mailbox. `same_phone`: the number. `same_name`: "
        "the name. `like_name`: how the names are alike: `nickname`, `middle_name`, `typing_error`, `initial`, `part`, "
        "or only the `first_name` or the `last_name`. `same_company`: the company."
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How likely two contacts are one person: `score`, from 0 to 100, and the reasons, the strongest first.

    `digest`: of the values that they have in common. It changes when one of these changes.
    """

    score: int
    reasons: tuple[Reason, ...]
    digest: str


_NOT_ALIKE = Comparison(0, (), "")


class Compared:
    """A contact to be compared with others, with what is compared. Each is worked out once."""

    def __init__(self, contact: Contact) -> None:
        self.contact = contact

    @classmethod
    def under(cls, settings: TenantSettings, contact: Contact) -> Compared:
        """Return a contact that was read as a record. Only rows of lists name the custom field by which the tenant has
        chosen to find duplicates.
        """
        return cls(contact.with_fields({"duplicate_key": settings.duplicate_key}))

    @cached_property
    def keys(self) -> frozenset[MatchKey]:
        """Its match keys."""
        return match_keys(self.contact)

    @cached_property
    def company(self) -> str:
        """The key of its company; empty without one."""
        return key_of_company(self.contact.company)

    @cached_property
    def ids(self) -> frozenset[str]:
        """Its values that identify people."""
        return self._values("key")

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The digits of its telephone numbers."""
        return self._values("phone")

    @cached_property
    def name(self) -> str:
        """The words of its name, in the form in which they are compared."""
        return " ".join(map(plain_word, words_of_name(self.contact.full_name)))

    def _values(self, kind: Kind) -> frozenset[str]:
        return frozenset(key.value for key in self.keys if key.kind == kind)


def compare(one: Compared, other: Compared) -> Comparison:
    """Return how likely two contacts are one person. The order of the contacts does not matter, except for the spelling
    of a name or company in a reason.
    """
    keys = one.keys & other.keys
    likeness = compare_names(one.contact, other.contact)
    is_one_company = bool(one.company) and one.company == other.company
    found = {
        evidence: score
        for evidence, score in _SCORES[likeness].items()
        if (is_one_company if evidence == "company" else any(key.kind == evidence for key in keys))
    }
    if not found:
        return _NOT_ALIKE
    score = max(found.values()) + _FURTHER * (len(found) - 1)
    if _differ(one.ids, other.ids):
        score -= _OTHER_ID
    if found.keys() == {"company"} and _differ(one.numbers, other.numbers):
        score -= _OTHER_NUMBERS
    if found.keys() == {"phone"} and likeness == "first_name" and is_one_company:
        score -= _COLLEAGUES
    reasons = [*_key_reasons(one.contact, keys), *_name_reasons(one.contact, likeness)]
    facts = [f"{key.kind}={key.value}" for key in keys if key.kind != "name"]
    if likeness in _LIKE:
        facts.append("name=" + "/".join(sorted((one.name, other.name))))
    if is_one_company:
        reasons.append(Reason(code="same_company", detail=one.contact.company))
        facts.append(f"company={one.company}")
    return Comparison(max(0, min(100, score)), tuple(reasons), _digest(facts))


def _key_reasons(one: Contact, keys: frozenset[MatchKey]) -> Iterator[Reason]:
    for key in sorted(keys):
        if key.kind == "key":
            yield Reason(code="same_key", detail=key.value.partition("=")[0])
    for key in sorted(keys):
        if key.kind == "mailbox":
            yield Reason(code="same_mailbox", detail=key.value)
    for number in phone_numbers_of(one):
        if MatchKey("phone", digits_of(number)) in keys:
            yield Reason(code="same_phone", detail=number)


def _name_reasons(one: Contact, likeness: Likeness) -> Iterator[Reason]:
    if likeness == "same":
        yield Reason(code="same_name", detail=one.full_name)
    elif likeness in _LIKE:
        yield Reason(code="like_name", detail=likeness)


def _differ(ones: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether two contacts both have values, and none in common."""
    return bool(ones and others) and ones.isdisjoint(others)


def _digest(facts: list[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(facts)).encode()).hexdigest()[:32]
