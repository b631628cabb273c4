"""Examples of the labels' routes; see `shared.http.examples`."""

from __future__ import annotations

from typing import Any

from shared.domain.contacts.bulk import BulkResult
from shared.domain.errors import Invalid, NameTaken, NotFound, VersionMismatch
from shared.domain.groups.record import Group
from shared.domain.labels.record import ContactType, Tag
from shared.http.bulk import build_answer
from shared.http.examples import ADA, ADA_ID, GROUP_ID, LIMIT_REFUSED, REQUEST_ID, USER_ID, Example
from shared.services.paging import Page

_TAG_ID = "01962e29-9800-7f10-8a01-3b5c7d9e0f11"
_TYPE_ID = "01962e29-9800-7f10-8a02-3b5c7d9e0f22"
_OTHER_ID = "01962e29-9800-7f10-8a04-3b5c7d9e0f44"
_LATER = "2025-05-02T14:05:00.000Z"
_CHANGED = {"version": 2, "updated_at": _LATER}
_MADE: dict[str, Any] = {
    "created_at": "2025-04-06T09:30:00.000Z",
    "created_by": f"user:{USER_ID}",
    "updated_at": "2025-04-06T09:30:00.000Z",
    "updated_by": f"user:{USER_ID}",
}
_VIP = Tag(id=_TAG_ID, name="VIP", color="#cc9900", category="loyalty", **_MADE)
_SUPPLIER = ContactType(id=_TYPE_ID, name="Supplier", description="Companies that we buy from", **_MADE)
_SPRING = Group(
    id=GROUP_ID, name="Spring campaign", description="Contacts who get the spring letter", **_MADE
)
_BEST = Group(
    id=_OTHER_ID,
    name="Best customers",
    kind="dynamic",
    filter={"tags": "VIP", "has_bookings": True},
    contact_count=None,
    **_MADE,
)

PARAMETERS = {"tag_id": _TAG_ID, "type_id": _TYPE_ID, "group_id": GROUP_ID, "prefix": "vi"}

EXAMPLES = {
    "list_tags": Example(
        answer=Page([_VIP.model_copy(update={"usage_count": 40})], None, 1), problems=(LIMIT_REFUSED,)
    ),
    "create_tag": Example(
        request={"name": "VIP", "color": "#cc9900", "category": "loyalty"},
        answer=_VIP,
        problems=(NameTaken("tag", _OTHER_ID), Invalid.field("name", "required", "A name is required.")),
    ),
    "read_tag": Example(answer=_VIP.model_copy(update={"usage_count": 40}), problems=(NotFound("Tag"),)),
    "patch_tag": Example(
        request={"name": "Gold"},
        answer=_VIP.model_copy(update={**_CHANGED, "name": "Gold", "usage_count": 40}),
        problems=(NameTaken("tag", _OTHER_ID), VersionMismatch(), NotFound("Tag")),
    ),
    "delete_tag": Example(problems=(NotFound("Tag"), VersionMismatch())),
    "list_types": Example(answer=Page([_SUPPLIER], None, 1), problems=(LIMIT_REFUSED,)),
    "create_type": Example(
        request={"name": "Supplier", "description": "Companies that we buy from"},
        answer=_SUPPLIER,
        problems=(NameTaken("type", _OTHER_ID), Invalid.field("name", "required", "A name is required.")),
    ),
    "read_type": Example(answer=_SUPPLIER, problems=(NotFound("Type"),)),
    "patch_type": Example(
        request={"description": "Companies that we pay"},
        answer=_SUPPLIER.model_copy(update={**_CHANGED, "description": "Companies that we pay"}),
        problems=(NameTaken("type", _OTHER_ID), VersionMismatch(), NotFound("Type")),
    ),
    "delete_type": Example(problems=(NotFound("Type"), VersionMismatch())),
    "list_groups": Example(
        answer=Page([_BEST, _SPRING.model_copy(update={"contact_count": 312})], None, 2),
        problems=(LIMIT_REFUSED,),
    ),
    "create_group": Example(
        request={
            "name": "Best customers",
            "kind": "dynamic",
            "filter": {"tags": "VIP", "has_bookings": True},
        },
        answer=_BEST,
        problems=(
            Invalid.field("filter", "required", "A dynamic group has a filter of at least one condition."),
            NameTaken("group", GROUP_ID),
        ),
    ),
    "read_group": Example(
        answer=_SPRING.model_copy(update={"contact_count": 312}), problems=(NotFound("Group"),)
    ),
    "patch_group": Example(
        request={"name": "Spring letter", "color": "#339966"},
        answer=_SPRING.model_copy(
            update={**_CHANGED, "name": "Spring letter", "color": "#339966", "contact_count": 312}
        ),
        problems=(NameTaken("group", _OTHER_ID), VersionMismatch(), NotFound("Group")),
    ),
    "delete_group": Example(problems=(NotFound("Group"), VersionMismatch())),
    "list_group_contacts": Example(
        answer=Page([ADA.model_copy(update={"groups": ["Spring campaign"]})], None, 1),
        problems=(NotFound("Group"),),
    ),
    "add_group_contacts": Example(
        request={"contact_ids": [ADA_ID]},
        parameters={"contact_id": ADA_ID},
        answer=build_answer([BulkResult(ADA_ID)], done=200, request_id=REQUEST_ID),
        problems=(NotFound("Group"),),
    ),
    "remove_group_contacts": Example(
        request={"contact_ids": [ADA_ID]},
        parameters={"contact_id": ADA_ID},
        answer=build_answer([BulkResult(ADA_ID)], done=200, request_id=REQUEST_ID),
        problems=(NotFound("Group"),),
    ),
}
