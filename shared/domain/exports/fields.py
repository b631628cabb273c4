"""The fields of an exported contact: their names, the headers of their columns, and their values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from shared.domain.cell_texts import join_values
from shared.domain.contacts import custom_fields, other_phones
from shared.domain.contacts.shown import ContactShown
from shared.domain.errors import FieldError, Invalid
from shared.domain.field_names import nearest

CUSTOM = "custom."
"""The prefix of the name of one custom field, such as `custom.favourite_colour`."""
CUSTOM_FIELDS = "custom_fields"
"""The name of all custom fields: a column for each in spreadsheets."""
OTHER_CUSTOM_FIELDS = "Other Custom Fields"
"""The header of the column for custom fields without a column of their own."""
MAX_FIELDS = 200
"""How many fields a caller may choose."""
_CUSTOM_NAME = re.compile(r"custom\.[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True, slots=True)
class Exported:
    """A contact as the API shows it, with what exports show besides.

    `owner_email`: the e-mail address of its owner. `customer_number`: the number of its customer. Each is empty where
    there is none, or where the caller may not see it.
    """

    contact: ContactShown
    owner_email: str = ""
    customer_number: str = ""


@dataclass(frozen=True, slots=True)
class ExportField:
    """A field of exports: its name, the header of its column, and the function that returns its value."""

    name: str
    header: str
    value_of: Callable[[Exported], Any]


def _contact_field(name: str, header: str) -> ExportField:
    read = attrgetter(name)
    return ExportField(name, header, lambda exported: read(exported.contact))


def _opted_out(exported: Exported) -> list[str]:
    opt_outs = exported.contact.communication["opt_outs"]
    return [channel for channel, settled in opt_outs.items() if settled["opted_out"]]


FIELDS = {
    field.name: field
    for field in (
        _contact_field("first_name", "First Name"),
        _contact_field("last_name", "Last Name"),
        _contact_field("email", "Email"),
        _contact_field("phone", "Phone"),
        _contact_field("company", "Company"),
        _contact_field("job_title", "Job Title"),
        _contact_field("about", "Notes"),
        _contact_field("tags", "Tags"),
        _contact_field("total_bookings", "Total Bookings"),
        _contact_field("last_booking_at", "Last Booking Date"),
        _contact_field("other_emails", "Other Emails"),
        _contact_field("other_phones", "Other Phones"),
        _contact_field("whatsapp", "WhatsApp"),
        _contact_field("department", "Department"),
        _contact_field("types", "Types"),
        _contact_field("groups", "Groups"),
        ExportField("owner_email", "Owner", attrgetter("owner_email")),
        ExportField("customer_number", "Customer Number", attrgetter("customer_number")),
        _contact_field("relationship_status", "Status"),
        _contact_field("lifecycle_stage", "Lifecycle Stage"),
        _contact_field("is_primary", "Primary Contact"),
        _contact_field("is_active", "Active"),
        _contact_field("email_verified", "Email Verified"),
        ExportField("preferred", "Preferred Channel", lambda one: one.contact.communication["preferred"]),
        ExportField("opted_out", "Opted Out", _opted_out),
        _contact_field("customer_name", "Customer"),
        _contact_field("organizer_ids", "Organizers"),
        _contact_field("phone_raw", "Phone As Typed"),
        _contact_field("whatsapp_raw", "WhatsApp As Typed"),
        _contact_field("last_contacted_at", "Last Contacted At"),
        _contact_field("interaction_count", "Interactions"),
        _contact_field("next_follow_up_at", "Next Follow-Up At"),
        _contact_field("source", "Source"),
        _contact_field("merged_from", "Merged From"),
        _contact_field("id", "Id"),
        _contact_field("version", "Version"),
        _contact_field("created_at", "Created At"),
        _contact_field("created_by", "Created By"),
        _contact_field("updated_at", "Updated At"),
        _contact_field("updated_by", "Updated By"),
    )
}
"""The fields of spreadsheets by name, in the order of their columns. The custom fields follow them."""

ONLY_IN_JSON = tuple(
    name for name in ContactShown.model_fields if name not in FIELDS and name != CUSTOM_FIELDS
)
"""The fields of a contact, as the API shows it, that have no column: ids of other records, and what columns have."""


def field_of(name: str) -> ExportField:
    """Return the field with a name: one of FIELDS, or `custom.<key>`."""
    if not name.startswith(CUSTOM):
        return FIELDS[name]
    key = name.removeprefix(CUSTOM)
    return ExportField(name, name, lambda exported: exported.contact.custom_fields.get(key))


def check_fields(names: Sequence[str], *, is_json: bool) -> tuple[str, ...]:
    """Return the names of fields that a caller chose. `is_json`: whether the format has all that the API shows of a
    contact. Raises Invalid for unknown names and repeated ones."""
    known = [*FIELDS, CUSTOM_FIELDS, *(ONLY_IN_JSON if is_json else ())]
    errors: list[FieldError] = []
    for position, name in enumerate(names):
        if name in names[:position]:
            errors.append(FieldError(f"fields.{position}", "repeated", f"`{name[:60]}` is given twice."))
        elif name in ONLY_IN_JSON and not is_json:
            message = f"Only exports as jsonl have `{name}`."
            errors.append(FieldError(f"fields.{position}", "not_in_format", message))
        elif name not in known and not _CUSTOM_NAME.fullmatch(name):
            meant = nearest(name, known)
            hint = f" Did you mean `{meant}`?" if meant else ""
            message = f"There is no field `{name[:60]}`.{hint}"
            errors.append(FieldError(f"fields.{position}", "unknown_field", message))
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors[:20]))
    return tuple(names)


def names_all_custom_fields(chosen: Sequence[str] | None) -> bool:
    """Return whether a choice of fields (None for all) includes all custom fields."""
    return chosen is None or CUSTOM_FIELDS in chosen


def columns_of(chosen: Sequence[str] | None, custom: Iterable[str]) -> list[ExportField]:
    """Return the columns of a spreadsheet. `custom`: the keys of the custom fields that stand for `custom_fields`."""
    names = [*FIELDS, CUSTOM_FIELDS] if chosen is None else chosen
    columns: list[ExportField] = []
    for name in names:
        if name == CUSTOM_FIELDS:
            keys = list(custom)
            columns += [field_of(f"{CUSTOM}{key}") for key in keys if f"{CUSTOM}{key}" not in names]
            columns.append(_others({*keys, *(name.removeprefix(CUSTOM) for name in names)}))
        else:
            columns.append(field_of(name))
    return columns


def _others(known: Collection[str]) -> ExportField:
    """Return the column for custom fields that have none, as JSON: they were given after the columns were found."""

    def value_of(exported: Exported) -> str:
        others = {key: value for key, value in exported.contact.custom_fields.items() if key not in known}
        return json.dumps(others, ensure_ascii=False, separators=(",", ":")) if others else ""

    return ExportField(CUSTOM_FIELDS, OTHER_CUSTOM_FIELDS, value_of)


def cell_of(name: str, value: Any) -> str:
    """Return the text of a value in a cell: empty for None, `true` and `false`, values of a list with commas between
    them, numbers with their labels."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if name == "other_phones":
        return join_values(map(other_phones.as_text, value))
    return join_values(value) if isinstance(value, list) else custom_fields.as_text(value)
