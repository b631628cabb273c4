"""Which contacts of a list are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

from shared.domain.contacts.number_search import digits_of, ends_of, has_end
from shared.domain.contacts.record import Contact
from shared.domain.days import first_moment, is_date, last_moment
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid
from shared.domain.labels.record import Label, LabelKind
from shared.domain.phone import normalize_phone
from shared.domain.search import Term, found_in, prefixes_of, terms_of
from shared.domain.tenant import TenantSettings

OWN = "own"
"""The facet of the contacts that are somebody's own. It has no index of its own: it is the facets `owner_id` and
`organizer_id` together, of which a contact has at most one for any user."""
ORGANIZING_OWNER = "organizing_owner"
"""A counter beside the facet `organizer_id`: contacts whose owner organizes a booking of theirs."""

DEFAULTS = {
    "source": "api",
    "is_active": "true",
    "has_bookings": "false",
    "is_primary": "false",
    "relationship_status": "prospect",
    "lifecycle_stage": "awareness",
}
"""Facets' values that most contacts have. They are in no index: what has none of the others has this one."""
OTHERS = {
    "source": ("import", "booking", "merge"),
    "is_active": ("false",),
    "has_bookings": ("true",),
    "relationship_status": (
        "qualified_lead",
        "opportunity",
        "active_client",
        "past_client",
        "lost_lead",
        "inactive",
    ),
    "lifecycle_stage": ("interest", "consideration", "decision", "retention", "customer"),
    "is_primary": ("true",),
}
"""The values that a facet with a default can have besides it."""
RANGES = frozenset(
    f"{stem}_{end}"
    for stem in ("created", "updated", "last_booking", "last_contacted")
    for end in ("from", "to")
)
"""Conditions that are a bound of a time. One that was given as a date bounds at that day's first or last moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFilter:
    """Conditions that must all hold; None or empty for those not asked for.

    `own`: a caller's id, for the contacts that are this caller's own, as owner or as organizer of a booking; callers
    cannot ask for it. `tags`: ids of tags, all of them; `type` and `group`: ids. `created_from` and so on: timestamps,
    the bounds included. `also`: further filters that must hold, such as those of dynamic groups. `country` (ISO 3166-1
    alpha-2) is no condition: where `search` is a telephone number, it is written as in this country.
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
            if is_date(wanted[name]):
                moment = first_moment if name.endswith("_from") else last_moment
                wanted[name] = moment(wanted[name], settings.timezone)
        if "email" in wanted:
            wanted["email"] = normalize_email(wanted["email"])
        if "phone" in wanted:
            wanted["phone"] = normalize_phone(wanted["phone"], settings.default_country)
        if "search" in wanted:
            wanted["country"] = settings.default_country
        if "tags" in wanted:
            names = [name for one in wanted["tags"].split(",") if (name := one.strip())]
            wanted["tags"] = tuple(dict.fromkeys(_id_of(find_label("tag", name)) for name in names))
        if "type" in wanted:
            wanted["type"] = _id_of(find_label("type", wanted["type"]))
        if "group" in wanted:
            wanted["group"] = _id_of(find_label("group", wanted["group"]))
        return cls(**wanted)

    def own_of(self, caller_id: str) -> ContactFilter:
        """The filter that finds a caller's own contacts alone."""
        return replace(self, own=caller_id)

    def combined_with(self, further: ContactFilter) -> ContactFilter:
        """Return the filter that finds the contacts that both filters find."""
        if not self.asked:
            return further
        # What narrows a walk is lifted where it can be seen; to ask it twice changes nothing.
        lifted = {name: getattr(further, name) for name in _NARROWING if getattr(self, name) is None}
        return replace(self, **lifted, also=(further,))

    @property
    def asked(self) -> dict[str, object]:
        """The conditions asked for, by name."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "country"}
        return {name: value for name, value in given.items() if value is not None and value != ()}

    @property
    def facets(self) -> list[tuple[str, str]]:
        """The conditions on facets, as (facet, value), those of `also` among them."""
        found = [("tag", tag) for tag in self.tags]
        single = {name: getattr(self, name) for name in _SINGLE}
        found += [(name, value) for name, value in single.items() if value is not None]
        # Which of a user's own contacts the user is an organizer of is judged on their rows.
        found += [(OWN, one) for one in (self.own, self.organizer_id) if one is not None]
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
        """The first and last moment asked for of a time (`created`, `updated`, `last_booking`, `last_contacted`), those
        of `also` among them; None for a side that is open.
        """
        spans = [(getattr(self, f"{name}_from"), getattr(self, f"{name}_to"))]
        spans += [further.span_of(name) for further in self.also]
        starts = [start for start, _ in spans if start is not None]
        ends = [end for _, end in spans if end is not None]
        return max(starts, default=None), min(ends, default=None)

    def matches(self, contact: Contact) -> bool:
        """Whether all conditions hold for a contact."""
        plan = _plan_of(self)
        if plan.facets or plan.defaults:
            has = facets_of(contact) | own_facets_of(contact)
            if not has.issuperset(plan.facets) or any(name in plan.defaults for name, _ in has):
                return False
        return (
            (self.organizer_id is None or self.organizer_id in contact.organizer_ids)
            and (self.email is None or self.email in _addresses(contact))
            and (self.phone is None or digits_of(self.phone) in numbers_of(contact))
            and (self.search is None or is_found(contact, self.search, self.country))
            and all(_is_within(getattr(contact, name), start, end) for name, start, end in plan.spans)
            and all(further.matches(contact) for further in self.also)
        )


class _Plan(NamedTuple):
    """The parts of a filter that are worked out once, since rows are judged by it one by one.

    `facets`: those a contact must have. `defaults`: those of which it must have the default, and so none at all.
    `spans`: times with their bounds.
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
        frozenset(one for one in wanted.facets if DEFAULTS.get(one[0]) != one[1]),
        frozenset(name for name, value in wanted.facets if DEFAULTS.get(name) == value),
        tuple(one for one in spans if one[1:] != (None, None)),
    )


def _is_within(at: str | None, start: str | None, end: str | None) -> bool:
    if at is None:
        return False
    return (start is None or at >= start) and (end is None or at <= end)


_NARROWING = ("search", "country", "email", "phone", "created_from", "created_to")

_SINGLE = ("type", "group", "owner_id", "customer_id", "relationship_status", "lifecycle_stage", "source")
_NO_LABEL = "-"
"""An id that no label has."""
NOTHING = ContactFilter(group=_NO_LABEL)
"""The filter that finds no contact."""


def _id_of(label: Label | None) -> str:
    return label.id if label else _NO_LABEL


def own_facets_of(contact: Contact) -> set[tuple[str, str]]:
    """The users whose own a contact is, as values of the facet OWN."""
    return {(OWN, one) for one in (contact.owner_id, *contact.organizer_ids) if one}


def facets_of(contact: Contact) -> set[tuple[str, str]]:
    """The facets of a contact, but for defaults."""
    found = {("tag", one) for one in contact.tag_ids}
    found.update(("type", one) for one in contact.type_ids)
    found.update(("group", one) for one in contact.group_ids)
    if contact.owner_id:
        found.add(("owner_id", contact.owner_id))
    # Not that of the owner, so that the two facets have no contact in common for any user.
    found.update(("organizer_id", one) for one in contact.organizer_ids if one != contact.owner_id)
    if contact.customer_id:
        found.add(("customer_id", contact.customer_id))
    if contact.is_primary:
        found.add(("is_primary", "true"))
    for name in ("source", "relationship_status", "lifecycle_stage"):
        if (value := getattr(contact, name)) != DEFAULTS[name]:
            found.add((name, value))
    if not contact.is_active:
        found.add(("is_active", "false"))
    if contact.total_bookings:
        found.add(("has_bookings", "true"))
    return found


_UNCOUNTED = ("customer_id",)  # a customer's record counts its contacts


def counts_of(contact: Contact) -> Counter[str]:
    """A contact's part in the counters: `all`, `bookings`, `interactions` and its facets, as `tag=<id>`."""
    found = Counter(["all"])
    found.update(f"{facet}={value}" for facet, value in facets_of(contact) if facet not in _UNCOUNTED)
    if contact.owner_id and contact.owner_id in contact.organizer_ids:
        found[f"{ORGANIZING_OWNER}={contact.owner_id}"] = 1
    found["bookings"] = contact.total_bookings
    found["interactions"] = contact.interaction_count
    return found


def terms_of_contact(contact: Contact) -> list[Term]:
    """The terms under which a contact is found."""
    names = (contact.full_name, contact.first_name, contact.last_name)
    return terms_of(names, _addresses(contact), (contact.company,))


def numbers_of(contact: Contact) -> set[str]:
    """The digits, last first, of all a contact's telephone numbers."""
    numbers = (contact.phone, contact.whatsapp, *(other["number"] for other in contact.other_phones))
    return {digits_of(number) for number in numbers if number}


def _addresses(contact: Contact) -> list[str]:
    """All a contact's e-mail addresses, the primary one first."""
    return [contact.email, *contact.other_emails] if contact.email else list(contact.other_emails)


def is_found(contact: Contact, search: str, country: str | None) -> bool:
    """Whether a search finds a contact; `country`: where telephone numbers are written as they are in the search."""
    ends = ends_of(search, country)
    if any(has_end(number, ends) for number in numbers_of(contact)):
        return True
    prefixes = prefixes_of(search)
    return bool(prefixes) and found_in(prefixes, terms_of_contact(contact))
