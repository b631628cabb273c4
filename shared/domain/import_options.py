"""The options of an import: what it does with duplicates, how it reads the file, and what all of its contacts get."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from shared.domain.characters import one_line

OnDuplicate = Literal["skip", "update", "merge"]
"""What happens to a row that matches a contact: nothing, its values replace those of the contact, or its values fill
the empty fields of the contact. In the last two cases lists are united."""
MatchOn = Literal["email", "phone", "customer_number"]
"""What a row and a contact must share to match."""

FIELDS = (
    "email", "other_emails", "phone", "whatsapp", "other_phones",
    "name", "first_name", "middle_name", "last_name", "company", "department", "job_title", "about",
    "tags", "types", "groups", "owner", "customer_number", "relationship_status", "lifecycle_stage", "id",
)  # fmt: skip
"""The fields that a mapping may name, besides `other_phones.<label>` and `custom.<key>`."""
MAX_MAPPING = 500
"""Columns that a mapping may name."""
MAX_BYTES = 32_768
"""Bytes of the options of an import together, as JSON in UTF-8. They are part of its record."""
MAX_DEFAULT_BYTES = 8_192
"""Bytes of a tenant's `import_defaults` together, as JSON in UTF-8. They are part of the tenant's record, which every
process reads often."""
_DELIMITER = re.compile(r"[\t\x01\x1e\x1f !#$%&*+/:;<=>?^_`|~,-]")
_CUSTOM_KEY = re.compile(r"custom\.[a-z][a-z0-9_]{0,49}")
_PHONE_LABEL = re.compile(r"other_phones\.([^\x00]{1,50})", re.DOTALL)


def is_field(name: str) -> bool:
    """Return whether a mapping may name a field. The label in `other_phones.<label>` must be as the API stores it: one
    line, without invisible characters."""
    if name in FIELDS or _CUSTOM_KEY.fullmatch(name):
        return True
    labelled = _PHONE_LABEL.fullmatch(name)
    return labelled is not None and labelled[1] == one_line(labelled[1])


def is_delimiter(text: str) -> bool:
    """Return whether a text can separate the cells of a file: one character that begins no word, number or quoted
    cell."""
    return _DELIMITER.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """The options of an import.

    `dry_run`: nothing is written. `mapping`: fields by the header of their columns; None for a column that is not read.
    `encoding`, `delimiter`: of the file; None to detect them. `tags`, `groups`: names for the contacts
    of all rows. `owner_id`: the owner of contacts whose rows name none. `default_country`: of telephone numbers without
    a country code (ISO 3166-1 alpha-2), where it is not the tenant's.
    """

    on_duplicate: OnDuplicate = "skip"
    match_on: MatchOn = "email"
    dry_run: bool = False
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owner_id: str | None = None
    default_country: str | None = None

    def to_json(self) -> str:
        """Return the options that differ from the defaults, in JSON."""
        defaults = asdict(ImportOptions())
        given = {name: value for name, value in asdict(self).items() if value != defaults[name]}
        return json.dumps(given, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ImportOptions:
        """Return the options of a text that `to_json` returned; the defaults for an empty text."""
        given: dict[str, Any] = json.loads(text) if text else {}
        given |= {name: tuple(given[name]) for name in ("tags", "groups") if name in given}
        return cls(**given)

    def changed(self, **given: Any) -> ImportOptions:
        """Return the options with some of them replaced."""
        return replace(self, **given)
