"""The members of groups: the contacts that joined a static group, and those that a dynamic group's filter finds.

Contacts join and leave a static group one by one (`Contact.join`, `Contact.leave`). Nothing is stored about the members
of a dynamic group: its filter is evaluated whenever they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.contacts.filter import NOTHING, ContactFilter
from shared.domain.errors import Invalid
from shared.domain.groups.record import Group
from shared.domain.labels.record import Labels
from shared.domain.tenant import TenantSettings


def members_of(
    group: Group, settings: Callable[[], TenantSettings], labels: Callable[[], Labels]
) -> ContactFilter:
    """Return the filter that finds a group's members. `settings` and `labels` are read only for a dynamic group."""
    if group.filter is None:
        return ContactFilter(group=group.id)
    return _stored_filter(group.filter, settings(), labels())


def contact_filter(given: Mapping[str, Any], settings: TenantSettings, labels: Labels) -> ContactFilter:
    """Return the filter of conditions as callers write them. A dynamic group stands for its own conditions.

    Raises Invalid as `ContactFilter.of` does.
    """
    named = given.get("group")
    group = labels.find("group", named) if named is not None else None
    if not isinstance(group, Group) or group.filter is None:
        return ContactFilter.of(given, settings, labels.find)
    others = {name: value for name, value in given.items() if name != "group"}
    return ContactFilter.of(others, settings, labels.find).combined_with(
        _stored_filter(group.filter, settings, labels)
    )


def _stored_filter(stored: Mapping[str, Any], settings: TenantSettings, labels: Labels) -> ContactFilter:
    """Return the filter of a dynamic group.

    It stores ids of labels, which are looked up only as ids: a label may be named like the id of a deleted label.
    Conditions that are no longer readable, such as a number stored as it was typed, find no contact.
    """
    try:
        return ContactFilter.of(stored, settings, labels.with_id)
    except Invalid:
        return NOTHING
