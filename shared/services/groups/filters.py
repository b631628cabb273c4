"""The filters of dynamic groups.

A filter is stored with the ids of the labels it names, and shown with their names: so it means the same after a label
is renamed. E-mail addresses and phone numbers are stored, and shown, in the form that contacts have them in.
"""

from __future__ import annotations

from typing import Any

from shared.domain.errors import Invalid
from shared.domain.groups.members import contact_filter
from shared.domain.groups.record import Group
from shared.domain.labels.record import Label, LabelKind, Labels
from shared.domain.tenant import TenantSettings
from shared.services.contacts.search import require_searchable

_LABEL_CONDITIONS: dict[str, LabelKind] = {"tags": "tag", "type": "type", "group": "group"}
"""The conditions that name labels, and of which kind. Only `tags` may name several, separated by commas."""


def require_filter(kind: str, conditions: dict[str, Any] | None) -> None:
    """Raise Invalid for a dynamic group without a condition, and for a static group with a filter."""
    if kind == "dynamic" and not conditions:
        raise Invalid.field("filter", "required", "A dynamic group has a filter of at least one condition.")
    if kind == "static" and conditions is not None:
        raise Invalid.field("filter", "not_allowed", "A static group has no filter: contacts join it.")


def to_stored(conditions: dict[str, Any], settings: TenantSettings, labels: Labels) -> dict[str, Any]:
    """Return conditions as a caller gave them in the form in which a group keeps them.

    Raises Invalid for conditions that no filter takes, for labels that do not exist and for dynamic groups.
    """
    wanted = contact_filter(conditions, settings, labels)
    require_searchable(wanted)
    # Normalized now: under another `default_country` a number without its country would mean another one later.
    normalized = {"email": wanted.email, "phone": wanted.phone}
    stored = conditions | {name: normalized[name] for name in normalized if conditions.get(name)}
    for name, kind in _LABEL_CONDITIONS.items():
        if name in stored:
            names = stored[name].split(",") if name == "tags" else [stored[name]]
            found = [_find(labels, name, kind, one.strip()) for one in names if one.strip()]
            if not found:
                raise Invalid.field(f"filter.{name}", "required", f"Name at least one {kind}.")
            if any(isinstance(one, Group) and one.kind == "dynamic" for one in found):
                raise Invalid.field(
                    "filter.group", "dynamic_group", "A filter takes static groups, not dynamic ones."
                )
            stored[name] = ",".join(one.id for one in found)
    return stored


def to_shown(stored: dict[str, Any], labels: Labels) -> dict[str, Any]:
    """Return the conditions that a group keeps with the present names of their labels."""
    return {
        name: ",".join(_name_of(labels, one) for one in value.split(","))
        if name in _LABEL_CONDITIONS
        else value
        for name, value in stored.items()
    }


def _find(labels: Labels, condition: str, kind: LabelKind, name: str) -> Label:
    label = labels.find(kind, name)
    if label is None:
        raise Invalid.field(f"filter.{condition}", f"unknown_{kind}", f"There is no {kind} {name!r}.")
    return label


def _name_of(labels: Labels, label_id: str) -> str:
    """Return a label's name, or the id of a label that was deleted, which no contact has."""
    label = labels.by_id.get(label_id)
    return label.name if label else label_id
