"""The filter of a list of contacts: conditions that must all hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

from shared.domain.contacts.facets import DEFAULTS, OWN, facets_of, own_facets_of
from shared.domain.contacts.number_search import digits_of
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import addresses_of, is_found, numbers_of
from shared.domain.days import first_of, last_of
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.labels.record import Label, LabelKind
from shared.domain.phone import normalize_phone
from shared.domain.tenant import TenantSettings

RANGES = frozenset(
    f"{stem}_{end}"
    for stem in ("created", "updated", "last_booking", "last_contacted")
    for end in ("from", "to")
)
"""Conditions that bound a time. A date stands for the first or the last moment of that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """Conditions that must all hold; a condition that was not asked for is None or empty.

    `own`: the id of a caller, for the contacts that this caller owns or organizes a booking of; callers cannot ask for
    it. `tags`: ids of tags, of which a contact must have all; `type` and `group`: ids. `created_from` and the other
    bounds are timestamps and inclusive. `also`: further filters that must hold, such as that of a dynamic group.
    `country` (ISO 3166-1 alpha-2) is no condition: a telephone number in `search` is read as one of this country.
    """

    search: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None
    tags: tuple[str, ...] = ()
    type: str | None = None
    group: str | None = None
    owner_id: str | None = None
    organizer_id: str | None = None
    own: str | None = None
    customer_id: str | None = None
    relationship_status: str | None = None
    lifecycle_stage: str | None = None
    source: str | None = None
    is_active: bool | None = None
    is_primary: bool | None = None
    has_bookings: bool | None = None
    created_from: str | None = None
    created_to: str | None = None
    updated_from: str | None = None
    updated_to: str | None = None
    last_booking_from: str | None = None
    last_booking_to: str | None = None
    last_contacted_from: str | None = None
    last_contacted_to: str | None = None
    also: tuple[ContactFilter, ...] = ()

    @classmethod
    def of(
        cls,
        given: Mapping[str, Any],
        settings: TenantSettings,
        find_label: Callable[[LabelKind, str], Label | None],
    ) -> ContactFilter:
        """Return the filter of conditions as callers write them (`ContactConditions`).

        `find_label` returns the label of a kind that a condition names; no contact has a label that does not exist. A
        group is taken as a static one: `shared.domain.groups.members` knows the dynamic ones.

        Raises Invalid for a malformed address or number, and when `active` contradicts `is_active`.
        """
        known = {field.name for field in fields(cls)}
        wanted = {name: value for name, value in given.items() if name in known and value is not None}
        active = given.get("active")
        if active is not None and wanted.setdefault("is_active", active) != active:
            raise Invalid.field("active", "contradiction", "`active` and `is_active` are the same condition.")
        for name in RANGES & wanted.keys():
            bound = first_of if name.endswith("_from") else last_of
            wanted[name] = bound(wanted[name], settings.timezone)
        if "email" in wanted:
            wanted["email"] = normalize_email(wanted["email"])
        if "phone" in wanted:
            wanted["phone"] = normalize_phone(wanted["phone"], settings.default_country)
        if "search" in wanted:
            wanted["country"] = settings.default_country
        if "tags" in wanted:
            names = [name for part in wanted["tags"].split(",") if (name := part.strip())]
            wanted["tags"] = tuple(dict.fromkeys(_id_of(find_label("tag", name)) for name in names))
        if "type" in wanted:
            wanted["type"] = _id_of(find_label("type", wanted["type"]))
        if "group" in wanted:
            wanted["group"] = _id_of(find_label("group", wanted["group"]))
        return cls(**wanted)

    def narrowed_to_own(self, caller_id: str) -> ContactFilter:
        """Return the filter that finds only a caller's own contacts."""
        return replace(self, own=caller_id)

    def combined_with(self, further: ContactFilter) -> ContactFilter:
        """Return the filter that finds the contacts that both filters find."""
        if not self.asked:
            return further
        # Conditions that narrow the walk are copied to where the planner sees them; checking them twice is harmless.
        narrowing = {name: getattr(further, name) for name in _NARROWING if getattr(self, name) is None}
        return replace(self, **narrowing, also=(further,))

    @property
    def asked(self) -> dict[str, object]:
        """The conditions that were asked for, by name."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "country"}
        return {name: value for name, value in given.items() if value is not None and value != ()}

    @property
    def facets(self) -> list[tuple[str, str]]:
        """The conditions on facets as (facet, value), including those of `also`."""
        found = [("tag", tag) for tag in self.tags]
        single = {name: getattr(self, name) for name in _SINGLE}
        found += [(name, value) for name, value in single.items() if value is not None]
        # The index of OWN also finds the contacts that the organizer owns; `matches` leaves these out.
        found += [(OWN, user_id) for user_id in (self.own, self.organizer_id) if user_id is not None]
        flags = {
            "is_active": self.is_active,
            "has_bookings": self.has_bookings,
            "is_primary": self.is_primary,
        }
        found += [(name, "true" if flag else "false") for name, flag in flags.items() if flag is not None]
        for further in self.also:
            found += further.facets
        return list(dict.fromkeys(found))

    def span_of(self, name: str) -> tuple[str | None, str | None]:
        """Return the first and last moment asked for of a time (`created`, `updated`, `last_booking`,
        `last_contacted`), including the bounds of `also`; None for a side without a bound.
        """
        spans = [(getattr(self, f"{name}_from"), getattr(self, f"{name}_to"))]
        spans += [further.span_of(name) for further in self.also]
        starts = [start for start, _ in spans if start is not None]
        ends = [end for _, end in spans if end is not None]
        return max(starts, default=None), min(ends, default=None)

    def matches(self, contact: Contact) -> bool:
        """Return whether all conditions hold for a contact."""
        plan = _plan_of(self)
        if plan.facets or plan.defaults:
            has = facets_of(contact) | own_facets_of(contact)
            if not has.issuperset(plan.facets) or any(name in plan.defaults for name, _ in has):
                return False
        return (
            (self.organizer_id is None or self.organizer_id in contact.organizer_ids)
            and (self.email is None or self.email in addresses_of(contact))
            and (self.phone is None or digits_of(self.phone) in numbers_of(contact))
            and (self.search is None or is_found(contact, self.search, self.country))
            and all(_is_within(getattr(contact, name), start, end) for name, start, end in plan.spans)
            and all(further.matches(contact) for further in self.also)
        )


class _Plan(NamedTuple):
    """The parts of a filter that are computed once, because it is matched with many rows.

    `facets`: the facets that a contact must have. `defaults`: the names of facets that must have their default, so
    that the contact must have no other value of them. `spans`: times with their bounds.
    """

    facets: frozenset[tuple[str, str]]
    defaults: frozenset[str]
    spans: tuple[tuple[str, str | None, str | None], ...]


@lru_cache(maxsize=64)
def _plan_of(wanted: ContactFilter) -> _Plan:
    spans = (
        (f"{name}_at", getattr(wanted, f"{name}_from"), getattr(wanted, f"{name}_to"))
        for name in ("created", "updated", "last_booking", "last_contacted")
    )
    return _Plan(
        frozenset((name, value) for name, value in wanted.facets if DEFAULTS.get(name) != value),
        frozenset(name for name, value in wanted.facets if DEFAULTS.get(name) == value),
        tuple(span for span in spans if span[1:] != (None, None)),
    )


def _is_within(at: str | None, start: str | None, end: str | None) -> bool:
    if at is None:
        return False
    return (start is None or at >= start) and (end is None or at <= end)


_NARROWING = ("search", "country", "email", "phone", "created_from", "created_to")
"""Conditions by which a walk is planned (with `country`, which `search` needs)."""
_SINGLE = ("type", "group", "owner_id", "customer_id", "relationship_status", "lifecycle_stage", "source")
"""Conditions on a facet of the same name."""
_NO_LABEL = "-"
"""An id that no label has."""
NOTHING = ContactFilter(group=_NO_LABEL)
"""The filter that finds no contact."""


def _id_of(label: Label | None) -> str:
    return label.id if label else _NO_LABEL
