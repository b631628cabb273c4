"""The lengths of a contact's lists, and of the text about it, in a change of the contact.

A merge unites the lists of contacts and joins the texts, also beyond their limits. Entries of such a list can then be
removed, but none can be added, and such a text can be kept or made shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.contacts.fields import MAX_GROUPS, MAX_OTHER_EMAILS, MAX_TYPES
from shared.domain.contacts.other_phones import MAX_PHONES
from shared.domain.contacts.record import Contact
from shared.domain.errors import FieldError, Invalid
from shared.domain.text import MAX_LONG_TEXT


def check_growth(contact: Contact, given: Mapping[str, Any], *, max_tags: int) -> None:
    """Raise Invalid for each of the fields to be set whose list is over its limit, and has an entry that the contact
    does not have; and for a text about the contact that is over its limit, and longer than the present one.

    `given`: cleaned fields, labels with their ids. `max_tags`: the limit of tags, a setting of the tenant.
    """
    errors = []
    for ids, (name, most, code, what) in _limits(max_tags).items():
        if len(given.get(ids, ())) > most and adds_any(given[ids], getattr(contact, ids)):
            errors.append(FieldError(name, code, f"A contact has at most {most} {what}."))
    if len(given.get("about", "")) > max(MAX_LONG_TEXT, len(contact.about)):
        message = f"This has at most {MAX_LONG_TEXT:,} characters."
        errors.append(FieldError("about", "string_too_long", message))
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
