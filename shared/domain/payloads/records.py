"""The payloads of events of labels, customers, accounts, jobs, files and webhooks."""

from __future__ import annotations

from dataclasses import fields as fields_of_dataclass
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field

from shared.domain.accounts.api_client import ApiClient
from shared.domain.accounts.invitation import Invitation
from shared.domain.accounts.user import User
from shared.domain.callers import PERMISSIONS, Level
from shared.domain.customers.record import Customer, CustomerShown
from shared.domain.exports.formats import Format
from shared.domain.groups.record import Group
from shared.domain.import_options import ImportOptions
from shared.domain.imports.progress import Counts
from shared.domain.jobs.bulk import Action, BulkCounts, BulkJob
from shared.domain.labels.record import ContactType, Label, Tag
from shared.domain.payloads.parts import Changes, Data, Part, absent, fields_of
from shared.domain.tenant import RateLimit, TenantSettings
from shared.domain.timestamps import Timestamp
from shared.domain.webhooks.filters import WebhookFilter
from shared.domain.webhooks.subscription import Include, Webhook

_AS_SENT = "With `include` `full`: the record when the request was sent."


def _label(kind: type[Label]) -> dict[str, Any]:
    return fields_of(kind, without={kind.counted_in})


def _members_of(kind: type[Any], prefix: str = "") -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    types = get_type_hints(kind, include_extras=True)
    return {f"{prefix}{field.name}": types[field.name] for field in fields_of_dataclass(kind)}


_TENANT: dict[str, Any] = {
    "name": str,
    "suspended": bool,
    **_members_of(TenantSettings),
    **_members_of(RateLimit, "rate_limit."),
    **_members_of(ImportOptions, "import_defaults."),
    "tag_rules": list[dict[str, Any]],
}
for _group in ("rate_limit", "import_defaults"):
    del _TENANT[_group]


class _TagData(Data):
    object: Literal["tag"]
    changes: Annotated[Any, Changes("TagChanges", _label(Tag))]
    record: Tag = absent(_AS_SENT)


class TagCreated(_TagData):
    """A tag was created."""


class TagUpdated(_TagData):
    """A tag was changed: renamed, recoloured, …"""


class TagDeleted(_TagData):
    """A tag was deleted, and no contact has it any longer."""


class _TypeData(Data):
    object: Literal["type"]
    changes: Annotated[Any, Changes("ContactTypeChanges", _label(ContactType))]
    record: ContactType = absent(_AS_SENT)


class TypeCreated(_TypeData):
    """A contact type was created."""


class TypeUpdated(_TypeData):
    """A contact type was changed: renamed, …"""


class TypeDeleted(_TypeData):
    """A contact type was deleted, and no contact has it any longer."""


class _GroupData(Data):
    object: Literal["group"]
    record: Group = absent(_AS_SENT)


class _GroupChange(_GroupData):
    changes: Annotated[Any, Changes("GroupChanges", _label(Group))]


class GroupCreated(_GroupChange):
    """A group was created."""


class GroupUpdated(_GroupChange):
    """A group was changed: renamed, recoloured, …"""


class GroupDeleted(_GroupChange):
    """A group was deleted, and no contact is in it any longer."""


class GroupMemberAdded(_GroupData):
    """A contact joined a static group, or was created in it. This follows from the event of the contact and is sent
    beside it; the feed has only that one. `version` is the contact's.
    """

    changes: dict[str, Any] = Field(
        description="Always empty: the group itself does not change.", max_length=0
    )
    contact_id: str


class GroupMemberRemoved(GroupMemberAdded):
    """A contact left a static group; like the one before. When a contact is deleted or restored, or a group is deleted,
    there is no such event: see `contact.deleted`, `contact.restored` and `group.deleted`.
    """


class _CustomerData(Data):
    object: Literal["customer"]
    changes: Annotated[Any, Changes("CustomerChanges", fields_of(Customer))]
    record: CustomerShown = absent(_AS_SENT)


class CustomerCreated(_CustomerData):
    """A customer was created."""


class CustomerUpdated(_CustomerData):
    """A customer's fields changed, or its contacts: `contact_count`, `primary_contact` (a contact's id)."""


class CustomerDeleted(_CustomerData):
    """A customer was deleted; it had no contacts."""


class _TenantData(Data):
    object: Literal["tenant"]
    changes: Annotated[Any, Changes("TenantChanges", _TENANT)]


class TenantCreated(_TenantData):
    """A business registered, or the operator opened its tenant. `changes` has the name and the settings that differ
    from the defaults.
    """


class TenantUpdated(_TenantData):
    """The tenant's settings were changed, or the operator suspended the tenant or ended its suspension."""


class _UserData(Data):
    object: Literal["user"]
    changes: Annotated[Any, Changes("UserChanges", fields_of(User, without={"username"}))]
    record: User = absent(_AS_SENT)


class UserCreated(_UserData):
    """A person registered a business or accepted an invitation, or the operator added a user."""

    invitation_id: str = absent("of the invitation")


class UserUpdated(_UserData):
    """A user's names, `role`, `scheduling_id` or `is_active` changed, or the operator added the user again, perhaps
    with another address.
    """


class UserDeleted(_UserData):
    """A user was removed; after three minutes their contacts and open follow-ups get a successor, or no one, one by
    one.
    """


class _InvitationData(Data):
    object: Literal["invitation"]
    changes: Annotated[
        Any, Changes("InvitationChanges", {"email": str, "role": get_type_hints(Invitation)["role"]})
    ]
    record: Invitation = absent(_AS_SENT)


class UserInvited(_InvitationData):
    """A person was invited, or got another token."""


class UserInvitationRevoked(_InvitationData):
    """An invitation was revoked."""


class _ApiClientData(Data):
    object: Literal["api_client"]
    changes: Annotated[
        Any,
        Changes(
            "ApiClientChanges",
            {
                "name": str,
                "description": str,
                "is_active": bool,
                **{f"permissions.{word}": Level for word in PERMISSIONS},
            },
        ),
    ]
    record: ApiClient = absent(_AS_SENT)


class ApiClientCreated(_ApiClientData):
    """An API client was created."""

    key_id: str


class ApiClientUpdated(_ApiClientData):
    """An API client's name, description or state was changed, or its permissions, each as a field of its own:
    `permissions.contacts:read`.
    """


class ApiClientDeleted(_ApiClientData):
    """An API client was deleted, with its keys."""


class ApiClientKeyRotated(_ApiClientData):
    """An API client got another key."""

    key_id: str
    replaced_key_id: str
    replaced_key_valid_until: Timestamp


class _ImportData(Data):
    object: Literal["import"]
    changes: Annotated[Any, Changes("ImportChanges", {"state": str})]


class ImportCompleted(_ImportData):
    """A file has been imported."""

    counts: Counts
    dry_run: bool = absent("true if nothing was written")


class UndoneCounts(Part):
    """The number of contacts that an import had written, by what its undo did with them."""

    total: int
    removed: int
    restored: int
    kept: int
    failed: int


class ImportUndone(_ImportData):
    """An import has been undone."""

    counts: UndoneCounts


class BulkJobCompleted(Data):
    """A bulk job has finished with all contacts that matched."""

    object: Literal["bulk_job"]
    changes: Annotated[Any, Changes("BulkJobChanges", {"state": str})]
    action: Action
    counts: BulkCounts
    record: BulkJob = absent(_AS_SENT)


class FileCounts(Part):
    """The number of rows in a file, and its size in bytes."""

    rows: int
    bytes: int


class ExportCompleted(Data):
    """The file of an export can be downloaded."""

    object: Literal["export"]
    changes: Annotated[Any, Changes("ExportChanges", {"state": str})]
    format: Format
    counts: FileCounts


# To write the default of a webhook's filter into a schema, pydantic needs the filter's serializer.
WebhookFilter.model_rebuild()


class _WebhookData(Data):
    object: Literal["webhook"]
    changes: Annotated[
        Any,
        Changes(
            "WebhookChanges",
            {
                "url": str,
                "events": list[str],
                "filter": WebhookFilter,
                "include": Include,
                "description": str,
                "header_names": list[str],
                "acts_as": str,
                "is_active": bool,
                "disabled_reason": str,
            },
        ),
    ]
    record: Webhook = absent(_AS_SENT)


class WebhookCreated(_WebhookData):
    """A webhook was created. Of its URL, `changes` has the scheme and the host only, and no secrets."""


class WebhookUpdated(_WebhookData):
    """A webhook was changed. `url` in `changes` with equal values: its path or query was."""


class WebhookDeleted(_WebhookData):
    """A webhook was deleted."""


class WebhookEnabled(_WebhookData):
    """A disabled webhook was enabled again."""


class WebhookDisabled(_WebhookData):
    """A webhook was disabled, by a user or API client or by the system."""

    reason: str


class WebhookSecretRotated(_WebhookData):
    """A webhook got another secret."""

    previous_secret_valid_until: Timestamp | None


class WebhookTest(_WebhookData):
    """A test of this webhook was asked for. The event goes only to this webhook."""
