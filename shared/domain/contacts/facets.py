"""Facets: the values by which contacts are filtered through indexes, and counted."""

from __future__ import annotations

from collections import Counter

from shared.domain.contacts.record import Contact

OWN = "own"
"""The facet of a user's own contacts. It has no index: it is the union of the facets `owner_id` and `organizer_id`, of
which a contact has at most one for any user."""
SURVIVING = ("has_merged", "true")
"""The facet of survivors, with its value: contacts that others were merged into. Callers cannot filter by it."""
ORGANIZING_OWNER = "organizing_owner"
"""A counter beside the facet `organizer_id`: contacts whose owner also organizes a booking of theirs."""

DEFAULTS = {
    "source": "api",
    "is_active": "true",
    "has_bookings": "false",
    "is_primary": "false",
    "relationship_status": "prospect",
    "lifecycle_stage": "awareness",
}
"""The values of facets that most contacts have. No index lists them: a contact without another value has the
default."""
OTHER_VALUES = {
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
"""The values of a facet besides its default."""
_UNCOUNTED = ("customer_id", SURVIVING[0])  # the customer's record has the count; survivors are not counted


def facets_of(contact: Contact) -> set[tuple[str, str]]:
    """Return the facets of a contact with their values, without defaults."""
    found = {("tag", label_id) for label_id in contact.tag_ids}
    found.update(("type", label_id) for label_id in contact.type_ids)
    found.update(("group", label_id) for label_id in contact.group_ids)
    if contact.owner_id:
        found.add(("owner_id", contact.owner_id))
    # Without the owner, so that no contact is in both of a user's lists.
    found.update(
        ("organizer_id", user_id) for user_id in contact.organizer_ids if user_id != contact.owner_id
    )
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
    if contact.merged_from:
        found.add(SURVIVING)
    return found


def own_facets_of(contact: Contact) -> set[tuple[str, str]]:
    """Return the facet OWN for each user whose own contact this is: its owner and its organizers."""
    return {(OWN, user_id) for user_id in (contact.owner_id, *contact.organizer_ids) if user_id}


def counts_of(contact: Contact) -> Counter[str]:
    """Return what a contact adds to the counters `all`, `bookings`, `interactions` and those of its facets, such as
    `tag=<id>`, and to the parts `bookings#<state>` and `interactions#<type>`.
    """
    found = Counter(["all"])
    found.update(f"{facet}={value}" for facet, value in facets_of(contact) if facet not in _UNCOUNTED)
    if contact.owner_id and contact.owner_id in contact.organizer_ids:
        found[f"{ORGANIZING_OWNER}={contact.owner_id}"] = 1
    found["bookings"] = contact.total_bookings
    found["interactions"] = contact.interaction_count
    found.update({f"bookings#{state}": amount for state, amount in contact.booking_counts.items()})
    found.update({f"interactions#{kind}": amount for kind, amount in contact.interaction_counts.items()})
    return found
