"""A contact as it will be once rows are written: what each row changes, and what all of them change together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from shared.domain.contacts.communication import NO_PREFERENCE
from shared.domain.contacts.custom_fields import as_text, merge_custom_fields
from shared.domain.contacts.fields import MAX_GROUPS, MAX_OTHER_EMAILS, MAX_TYPES
from shared.domain.contacts.other_phones import MAX_PHONES, OtherPhone
from shared.domain.contacts.record import LABEL_ID_FIELDS, Contact
from shared.domain.contacts.status import STAGES, STATUS_FIELDS, RelationshipStatus
from shared.domain.errors import FieldError, Invalid
from shared.domain.events import differ
from shared.domain.import_options import OnDuplicate
from shared.domain.imports.results import RowOutcome
from shared.domain.text import fold_name

LABEL_FIELDS = ("tags", "types", "groups")
"""The fields that name a contact's labels, in the order of LABEL_ID_FIELDS."""

_NUMBERS = ("phone", "whatsapp")
_FORMER = {"phone": "former", "whatsapp": "whatsapp"}
"""The labels of numbers that a row has replaced, by the field in which they were."""
_BESIDE = {"phone": "", "whatsapp": "whatsapp"}
"""The labels of a row's numbers that its contact gets beside its own, by the field in which they are."""
_MOVABLE = {*_FORMER.values(), *_BESIDE.values()}
"""The labels of further numbers that leave their place when they become the telephone or WhatsApp number."""
_LISTS = ("email", "other_emails", "other_phones", "custom_fields", *LABEL_FIELDS, *STATUS_FIELDS)
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_STORED = (
    *("first_name", "last_name", "email", "other_emails", "phone", "phone_raw", "whatsapp", "whatsapp_raw"),
    *("other_phones", "company", "department", "job_title", "about", "is_active", "custom_fields"),
    *("owner_id", "customer_id", *STATUS_FIELDS),
)
_LEFT_OUT = {
    "tags": ("too_many_tags", "A contact has at most {limit} tags. Left out: {names}."),
    "types": ("too_many_types", "A contact has at most {limit} types. Left out: {names}."),
    "groups": ("too_many_groups", "A contact is in at most {limit} groups. Left out: {names}."),
    "other_emails": (
        "too_many_emails",
        "A contact has at most {limit} further addresses. Left out: {names}.",
    ),
    "other_phones": ("too_many_phones", "A contact has at most {limit} further numbers. Left out: {names}."),
}

NamedLabels = Mapping[str, "str | None"]
"""The names of labels by their ids. A tag to be created has the key of `new_tag` instead of an id; a label that was
created a moment ago may have no name."""


def new_tag(name: str) -> str:
    """Return the key of a tag that does not exist yet: the same for all spellings of its name."""
    return f"+{fold_name(name)}"


def is_new_tag(key: str) -> bool:
    """Return whether a key is that of a tag that does not exist yet."""
    return key.startswith("+")


@dataclass(slots=True)
class VirtualContact:
    """A contact as it will be after the rows that have been applied to it.

    `before`: the contact as it is; None for a new one. `values`: its fields, without labels. `labels`: its labels, by
    the field that names them. `outcomes`: what became of the rows that are about it, by their numbers.
    """

    id: str
    before: Contact | None
    values: dict[str, Any]
    labels: dict[str, dict[str, str | None]]
    outcomes: dict[int, RowOutcome] = field(default_factory=dict)

    @classmethod
    def of(cls, contact: Contact) -> VirtualContact:
        """Return a contact as it is, before any row."""
        values = {name: getattr(contact, name) for name in _STORED}
        values["preferred"] = contact.communication["preferred"]
        return cls(contact.id, contact, values, _labels_of(contact))

    @classmethod
    def create(cls, contact_id: str, fields: Mapping[str, Any], owner_id: str | None) -> VirtualContact:
        """Return a new contact without labels. `fields`: those of the row, in their stored form."""
        values = {name: value for name, value in fields.items() if name not in LABEL_FIELDS}
        return cls(contact_id, None, values | {"owner_id": owner_id}, {name: {} for name in LABEL_FIELDS})

    @property
    def addresses(self) -> list[str]:
        """All of its e-mail addresses, the primary one first."""
        primary = self.values.get("email")
        return [*([primary] if primary else []), *self.values.get("other_emails", ())]

    @property
    def numbers(self) -> list[str]:
        """All of its telephone numbers."""
        return numbers_in(self.values)

    def apply(self, fields: Mapping[str, Any], mode: OnDuplicate) -> list[FieldError]:
        """Apply a row's fields, except its labels. Returns warnings for what was left out.

        `update` replaces single values by those of the row that are not empty; `merge` only fills empty ones. Both
        unite lists. The status stays.
        """
        replaces = mode == "update"
        warnings: list[FieldError] = []
        for name, value in fields.items():
            if name in _LISTS or name in _NUMBERS or name.endswith("_raw") or value in _EMPTY:
                continue
            if self._takes(name, value, replaces):
                self.values[name] = value
        warnings += self._unite_addresses(fields, replaces)
        warnings += self._unite_numbers(fields, replaces)
        if given := fields.get("custom_fields"):
            warnings += self._set_custom_fields(given, replaces)
        warnings += self._keep_status(fields)
        return warnings

    def add_labels(
        self, name: str, given: NamedLabels, most: int, typed: Mapping[str, str]
    ) -> list[FieldError]:
        """Add labels to the field `name`, which has at most `most` of them. Returns a warning for those left out.

        `typed`: the names as they were given, by the keys of the labels.
        """
        present = self.labels[name]
        new = [(key, label) for key, label in given.items() if key not in present]
        room = max(most - len(present), 0)
        present.update(new[:room])
        return _left_out(name, most, [typed[key] for key, _ in new[room:]])

    def changes(self) -> dict[str, Any]:
        """Return the fields that differ from the contact as it is, without labels; all fields of a new contact."""
        if self.before is None:
            return dict(self.values)
        before = VirtualContact.of(self.before).values
        changed = {name: value for name, value in self.values.items() if differ(value, before.get(name))}
        for name in _NUMBERS:
            if name in changed:
                changed[f"{name}_raw"] = self.values.get(f"{name}_raw")
            else:
                changed.pop(f"{name}_raw", None)
        return changed

    def changed_labels(self) -> list[str]:
        """Return the fields whose labels differ from those of the contact as it is."""
        if self.before is None:
            return [name for name in LABEL_FIELDS if self.labels[name]]
        before = _labels_of(self.before)
        return [name for name in LABEL_FIELDS if list(self.labels[name]) != list(before[name])]

    @property
    def is_changed(self) -> bool:
        """Whether it has to be written."""
        return self.before is None or bool(self.changes() or self.changed_labels())

    def shown(self) -> dict[str, Any]:
        """Return the fields that are not empty, with labels by their names."""
        named = {name: [one for one in self.labels[name].values() if one] for name in LABEL_FIELDS}
        return {name: value for name, value in (self.values | named).items() if value not in _EMPTY}

    def _takes(self, name: str, value: Any, replaces: bool) -> bool:
        present = self.values.get(name)
        if name == "preferred" and present == NO_PREFERENCE:
            present = None
        return not _is_same(present, value) and (replaces or present in _EMPTY)

    def _unite_addresses(self, fields: Mapping[str, Any], replaces: bool) -> list[FieldError]:
        """Unite the addresses. A primary address that is replaced becomes a further one: contacts are found by it."""
        given = fields.get("email")
        present = self.values.get("email")
        others: list[str] = list(self.values.get("other_emails") or ())
        further = [*([given] if given else []), *(fields.get("other_emails") or ())]
        if given and given != present and (replaces or not present):
            kept = [one for one in others if one != given]
            if present and len(kept) >= MAX_OTHER_EMAILS:
                return _left_out("other_emails", MAX_OTHER_EMAILS, [given])
            self.values["email"] = given
            others = [*kept, *([present] if present else [])]
        primary = self.values.get("email")
        new = [one for one in dict.fromkeys(further) if one != primary and one not in others]
        room = max(MAX_OTHER_EMAILS - len(others), 0)
        if new or others != list(self.values.get("other_emails") or ()):
            self.values["other_emails"] = [*others, *new[:room]]
        return _left_out("other_emails", MAX_OTHER_EMAILS, new[room:])

    def _unite_numbers(self, fields: Mapping[str, Any], replaces: bool) -> list[FieldError]:
        """Unite the numbers. A telephone or WhatsApp number that is replaced, or that the row has beside that of the
        contact, becomes a further one. No number of the contact ever leaves it, so a row has the same warnings when it
        is applied again.
        """
        given: list[OtherPhone] = list(fields.get("other_phones") or ())
        others: list[OtherPhone] = list(self.values.get("other_phones") or ())
        labelled = {one["number"]: one for one in reversed(given)}
        new = {
            one: fields[one] for one in _NUMBERS if fields.get(one) and fields[one] != self.values.get(one)
        }
        chosen = [one for one in new if replaces or not self.values.get(one)]
        while (placed := self._place_former({one: new[one] for one in chosen}, others, labelled)) is None:
            chosen.pop()
        for name in chosen:
            self.values |= {name: new[name], f"{name}_raw": fields.get(f"{name}_raw")}
        beside = [
            labelled.get(new[one])
            or OtherPhone(label=_BESIDE[one], number=new[one], raw=fields.get(f"{one}_raw"))
            for one in new
            if one not in chosen
        ]
        had = {*numbers_in({"other_phones": placed}), *(self.values.get(one) for one in _NUMBERS)}
        added = [*{one["number"]: one for one in [*beside, *given] if one["number"] not in had}.values()]
        room = max(MAX_PHONES - len(placed), 0)
        if placed != others or added[:room]:
            self.values["other_phones"] = [*placed, *added[:room]]
        return _left_out("other_phones", MAX_PHONES, [one["number"] for one in added[room:]])

    def _place_former(
        self, new: Mapping[str, str], others: Sequence[OtherPhone], labelled: Mapping[str, OtherPhone]
    ) -> list[OtherPhone] | None:
        """Return further numbers together with those that new ones replace; None if there are too many. `new`: by
        field. `labelled`: the row's further numbers, whose labels are preferred.

        A former number takes the place of a further one that is to replace it, unless that has a label to be kept and
        there is room for both.
        """
        placed, own = list(others), {**{one: self.values.get(one) for one in _NUMBERS}, **new}
        places = [at for at, one in enumerate(others) if one["number"] in new.values()]
        places.sort(key=lambda at: others[at]["label"] not in _MOVABLE)
        for name in new:
            number = self.values.get(name)
            if not number or number in {*own.values(), *numbers_in({"other_phones": placed})}:
                continue
            former = labelled.get(number) or OtherPhone(
                label=_FORMER[name], number=number, raw=self.values.get(f"{name}_raw")
            )
            if places and (others[places[0]]["label"] in _MOVABLE or len(placed) >= MAX_PHONES):
                placed[places.pop(0)] = former
            elif len(placed) < MAX_PHONES:
                placed.append(former)
            else:
                return None
        return placed

    def _set_custom_fields(self, given: Mapping[str, Any], replaces: bool) -> Iterable[FieldError]:
        present: dict[str, Any] = self.values.get("custom_fields") or {}
        # A cell is a text: where it is how the present value is written, the value keeps its kind.
        new = {
            name: value
            for name, value in given.items()
            if value not in _EMPTY
            and (
                present.get(name) in _EMPTY
                or (replaces and not _is_same(as_text(present[name]), as_text(value)))
            )
        }
        if not new:
            return ()
        try:
            self.values["custom_fields"] = merge_custom_fields(present, new)
        except Invalid as refusal:
            return refusal.errors
        return ()

    def _keep_status(self, fields: Mapping[str, Any]) -> list[FieldError]:
        status: RelationshipStatus = self.values.get("relationship_status") or "prospect"
        present = {
            "relationship_status": status,
            "lifecycle_stage": self.values.get("lifecycle_stage") or STAGES.get(status, "awareness"),
        }
        return [
            FieldError(name, "status_kept", f"The contact keeps its {name}, {present[name]}.")
            for name in STATUS_FIELDS
            if fields.get(name) and fields[name] != present[name]
        ]


MOST_LABELS = {"types": MAX_TYPES, "groups": MAX_GROUPS}
"""How many types and static groups a contact has at most. How many tags is a setting of the tenant."""


def addresses_in(fields: Mapping[str, Any]) -> list[str]:
    """Return the e-mail addresses in the fields of a row, each once, the primary one first."""
    return list(dict.fromkeys([*filter(None, [fields.get("email")]), *(fields.get("other_emails") or ())]))


def numbers_in(fields: Mapping[str, Any]) -> list[str]:
    """Return the telephone numbers in the fields of a row or a contact, each once."""
    others = [one["number"] for one in fields.get("other_phones") or ()]
    return list(dict.fromkeys([*filter(None, (fields.get(name) for name in _NUMBERS)), *others]))


def _labels_of(contact: Contact) -> dict[str, dict[str, str | None]]:
    return {
        name: dict(zip_longest(getattr(contact, ids), getattr(contact, name)))
        for name, ids in zip(LABEL_FIELDS, LABEL_ID_FIELDS, strict=True)
    }


def _left_out(field_name: str, limit: int, names: list[str]) -> list[FieldError]:
    if not names:
        return []
    code, message = _LEFT_OUT[field_name]
    return [FieldError(field_name, code, message.format(limit=limit, names=", ".join(names)))]


def _is_same(present: Any, given: Any) -> bool:
    """Return whether a row gives a value that a contact has already. Spreadsheets replace the line breaks of a text by
    their own kind, which is no change.
    """
    if isinstance(present, str) and isinstance(given, str):
        return present.splitlines() == given.splitlines()
    return not differ(present, given)
