"""The lengths of a contact's lists in a change of it.

A merge unites the lists of contacts, also beyond their limits. Entries of such a list can then be removed, but none can
be added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.contacts.fields import MAX_GROUPS, MAX_OTHER_EMAILS, MAX_TYPES
from shared.domain.contacts.other_phones import MAX_PHONES
from shared.domain.contacts.record import Contact
from shared.domain.errors import FieldError, Invalid


def check_growth(contact: Contact, given: Mapping[str, Any], *, max_tags: int) -> None:
    """Raise Invalid for each of the fields to be set whose list is over its limit, and has an entry that the contact
    does not have.

    `given`: cleaned fields, labels with their ids. `max_tags`: the limit of tags, a setting of the tenant.
    """
    errors = []
    for ids, (name, most, code, what) in _limits(max_tags).items():
        if len(given.get(ids, ())) > most and adds_any(given[ids], getattr(contact, ids)):
            errors.append(FieldError(name, code, f"A contact has at most {most} {what}."))
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))


def adds_any(given: Iterable[Any], present: Iterable[Any]) -> bool:
    """Return whether a list has an entry that another list does not have. Telephone numbers may have another label."""
    return not {_identity(one) for one in given} <= {_identity(one) for one in present}


def _identity(entry: Any) -> Any:
    return entry["number"] if isinstance(entry, dict) else entry


def _limits(max_tags: int) -> Mapping[str, tuple[str, int, str, str]]:
    """Return for each list its name in inputs, its limit, and the code and the noun of the refusal."""
    return {
        "tag_ids": ("tags", max_tags, "too_many_tags", "tags"),
        "type_ids": ("types", MAX_TYPES, "too_long", "types"),
        "group_ids": ("groups", MAX_GROUPS, "too_many_groups", "groups"),
        "other_emails": ("other_emails", MAX_OTHER_EMAILS, "too_long", "other e-mail addresses"),
        "other_phones": ("other_phones", MAX_PHONES, "too_long", "other numbers"),
    }
