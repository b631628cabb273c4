"""The fields of a contact that callers set: the table from which inputs, patches and bulk changes are made.

A new field is one line in `ContactFields`, one in `Contact` (`record.py`) and one in the codec of contacts.
"""

# Without `from __future__ import annotations`: `SETTABLE` is read from the annotations of `ContactFields`.

from typing import Annotated, Any, Final, TypedDict

from pydantic import Field

from shared.domain.contacts.communication import CommunicationInput, CommunicationPatch, Preference
from shared.domain.contacts.custom_fields import MAX_FIELDS, CustomFieldsChange, CustomFieldsInput
from shared.domain.contacts.other_phones import MAX_PHONES, OtherPhone, OtherPhoneInput
from shared.domain.contacts.status import LifecycleStage, RelationshipStatus
from shared.domain.text import (
    MAX_LONG_TEXT,
    GivenName,
    GroupName,
    LabelName,
    Line,
    LongerText,
    LongText,
    Name,
)

MAX_OTHER_EMAILS = 20
"""How many e-mail addresses a contact has at most besides its primary one."""
MAX_TYPES = 20
"""How many types a contact has at most."""
MAX_GROUPS = 100
"""How many static groups a contact is in at most."""

MAX_LISTED = 4_000
"""Entries of a list in one change of a contact. Lists that were united by a merge may be over the limits above, and a
change may keep or shorten them: no contact of 150 kB, the limit of merges, has a list as long."""

TagNames = Annotated[list[LabelName], Field(max_length=100)]
_TypeNames = Annotated[list[LabelName], Field(max_length=MAX_TYPES)]
_GroupNames = Annotated[list[GroupName], Field(max_length=MAX_GROUPS)]
_Email = Annotated[str, Field(max_length=254)]
_OtherEmails = Annotated[list[_Email], Field(max_length=MAX_OTHER_EMAILS)]
_OtherPhones = Annotated[list[OtherPhoneInput], Field(max_length=MAX_PHONES)]
_Longer = Field(max_length=MAX_LISTED)
_ShortId = Annotated[str, Field(max_length=64)]
_TypedPhone = Annotated[str, Field(max_length=64)]

_OR_AS_MANY = ", or as many as a merge has left the contact with."

REQUIRED: Final = object()
"""Instead of an empty value: the field must have a value."""


class Settable:
    """How callers set a field.

    `type`: what inputs accept. `empty`: the value of a contact that is created or replaced without the field, and the
    meaning of null; `list` stands for an empty list. `stays`: a replacement without the field keeps the present value.
    `in_creation`: whether a new contact can have it. `in_bulk`: whether one value can be set on many contacts.
    `name`: its name in inputs, where that differs from its name in `ContactFields`. `patch_type`: what patches accept,
    where that differs; `change_type`: what patches and replacements of one contact accept, where that differs. The rest
    is documentation; each note follows `description` in the inputs of its kind. `change_note`: in patches and
    replacements of one contact.
    """

    def __init__(
        self,
        type: Any,
        empty: Any = None,
        *,
        stays: bool = False,
        in_creation: bool = True,
        in_bulk: bool = False,
        name: str | None = None,
        patch_type: Any = None,
        change_type: Any = None,
        description: str = "",
        creation_note: str = "",
        patch_note: str = "",
        change_note: str = "",
        examples: list[Any] | None = None,
        patch_examples: list[Any] | None = None,
    ) -> None:
        self.type = type
        self.empty = empty
        self.stays = stays
        self.in_creation = in_creation
        self.in_bulk = in_bulk
        self.name = name
        self.patch_type = patch_type
        self.change_type = change_type
        self.description = description
        self.creation_note = creation_note
        self.patch_note = patch_note
        self.change_note = change_note
        self.examples = examples
        self.patch_examples = patch_examples


class ContactFields(TypedDict, total=False):
    """Fields of a contact in their stored form: the product of `cleaning.clean`.

    Each is annotated with its stored type and with how callers set it. Cleaning makes the others: `phone_raw` and
    `whatsapp_raw` are the numbers as they were typed. The last two only a new contact is given.
    """

    first_name: Annotated[str, Settable(GivenName, REQUIRED, in_bulk=True)]
    last_name: Annotated[str, Settable(Name, "", in_bulk=True)]
    email: Annotated[str | None, Settable(_Email, examples=["ada@example.com"])]
    phone: Annotated[str | None, Settable(_TypedPhone, examples=["+442079460958"])]
    phone_raw: str | None
    whatsapp: Annotated[str | None, Settable(_TypedPhone)]
    whatsapp_raw: str | None
    company: Annotated[str, Settable(Line, "", in_bulk=True)]
    department: Annotated[str, Settable(Line, "", in_bulk=True)]
    job_title: Annotated[str, Settable(Line, "", in_bulk=True)]
    about: Annotated[
        str,
        Settable(
            LongText,
            "",
            in_bulk=True,
            change_type=LongerText,
            change_note=f"At most {MAX_LONG_TEXT:,} characters{_OR_AS_MANY}",
        ),
    ]
    tags: Annotated[
        list[str],
        Settable(
            TagNames,
            list,
            in_bulk=True,
            change_type=Annotated[list[LabelName], _Longer],
            change_note=f"At most as many as the setting `max_tags_per_contact` says{_OR_AS_MANY}",
            description="Names of tags. A tag that does not exist yet is created.",
            examples=[["vip"]],
            patch_examples=[["vip"]],
        ),
    ]
    types: Annotated[
        list[str],
        Settable(
            _TypeNames,
            list,
            in_bulk=True,
            change_type=Annotated[list[LabelName], _Longer],
            change_note=f"At most {MAX_TYPES}{_OR_AS_MANY}",
            description="Names of existing types.",
        ),
    ]
    groups: Annotated[
        list[str],
        Settable(
            _GroupNames,
            list,
            stays=True,
            change_type=Annotated[list[GroupName], _Longer],
            change_note=f"At most {MAX_GROUPS}{_OR_AS_MANY}",
            description="Names or ids of existing static groups.",
            patch_note="The contact leaves all groups that are not listed.",
        ),
    ]
    other_emails: Annotated[
        list[str],
        Settable(
            _OtherEmails,
            list,
            change_type=Annotated[list[_Email], _Longer],
            change_note=f"At most {MAX_OTHER_EMAILS}{_OR_AS_MANY}",
            examples=[["ada@home.example.com"]],
            patch_examples=[["ada@home.example.com"]],
        ),
    ]
    other_phones: Annotated[
        list[OtherPhone],
        Settable(
            _OtherPhones,
            list,
            change_type=Annotated[list[OtherPhoneInput], _Longer],
            change_note=f"At most {MAX_PHONES}{_OR_AS_MANY}",
            examples=[[{"label": "mobile", "number": "+12025550143"}]],
            patch_examples=[[{"label": "mobile", "number": "+12025550143"}]],
        ),
    ]
    owner_id: Annotated[
        str | None,
        Settable(
            _ShortId,
            stays=True,
            in_bulk=True,
            description="The user the contact belongs to. Requires `contacts:write:all`.",
            creation_note="A new contact belongs by default to the user who creates it.",
        ),
    ]
    customer_id: Annotated[
        str | None,
        Settable(
            _ShortId,
            description="The customer the contact belongs to, or null.",
            creation_note="The first contact of a customer becomes its primary contact.",
        ),
    ]
    is_primary: Annotated[
        bool,
        Settable(
            bool,
            False,
            stays=True,
            description="Whether this is the primary contact of its customer. `true` replaces the customer's present "
            "primary contact.",
            creation_note="Requires a `customer_id`.",
            patch_note="A primary contact stays primary until another contact replaces it.",
        ),
    ]
    is_active: Annotated[bool, Settable(bool, True, stays=True, in_bulk=True)]
    preferred: Annotated[
        Preference,
        Settable(
            CommunicationInput,
            name="communication",
            in_bulk=True,
            patch_type=CommunicationPatch,
            examples=[{"preferred": "email"}],
            patch_examples=[{"preferred": "email"}],
        ),
    ]
    email_verified: Annotated[
        bool,
        Settable(
            bool,
            False,
            in_creation=False,
            description="Whether the primary address is known to be the contact's. Another address resets it to "
            "`false`. Where the tenant's setting `email_verification` is on, `true` requires `contacts:write:all`.",
        ),
    ]
    custom_fields: Annotated[
        dict[str, Any] | None,
        Settable(
            CustomFieldsInput,
            in_bulk=True,
            change_type=CustomFieldsChange,
            change_note=f"At most {MAX_FIELDS}{_OR_AS_MANY}",
            patch_note="Changes only the fields it names; null removes a field.",
            examples=[{"favourite_colour": "green", "visits": 3}],
            patch_examples=[{"favourite_colour": None, "visits": 4}],
        ),
    ]
    relationship_status: RelationshipStatus | None
    lifecycle_stage: LifecycleStage | None


class LabelledFields(ContactFields, total=False):
    """Fields of a contact whose labels were looked up: their ids beside their names, in the same order."""

    tag_ids: list[str]
    type_ids: list[str]
    group_ids: list[str]


SETTABLE: Final[dict[str, Settable]] = {
    how.name or field: how
    for field, annotation in ContactFields.__annotations__.items()
    for how in getattr(annotation, "__metadata__", ())
}
"""How callers set each field, by its name in inputs, in the order of the documentation."""
STAYING: Final = frozenset(name for name, how in SETTABLE.items() if how.stays)
"""Fields that a replacement without them keeps."""


def empty_value(name: str) -> Any:
    """Return the value that null stands for in a field, by its name in inputs; None for a field that can be null, or
    that must have a value.
    """
    empty = SETTABLE[name].empty if name in SETTABLE else None
    if empty is REQUIRED:
        return None
    return [] if empty is list else empty
