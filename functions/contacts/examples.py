"""Examples of the contacts' routes; see `shared.http.examples`."""

from __future__ import annotations

from functions.contacts.list_query import CompanyCount, ContactStats, CustomerStats, InteractionCounts
from shared.domain.contacts.consent import ConsentEntry
from shared.domain.contacts.status import StatusChange, StatusEntry
from shared.domain.errors import (
    Conflict,
    Duplicate,
    Invalid,
    Merged,
    NotFound,
    PermissionDenied,
    RuleBroken,
    VersionMismatch,
)
from shared.http.examples import (
    ADA,
    ADA_ID,
    ADA_OF_CUSTOMER,
    CUSTOMER_ID,
    GRACE_ID,
    GROUP_ID,
    LIMIT_REFUSED,
    USER_ID,
    Example,
)
from shared.services.paging import Page

_LATER = "2025-05-02T14:05:00.000Z"
_UNSUBSCRIBED = {
    "opted_out": True,
    "at": _LATER,
    "by": f"user:{USER_ID}",
    "source": "unsubscribe link",
    "reason": "too many messages",
}
_CHANGED = {"version": 2, "updated_at": _LATER}
_GIVEN = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "Ada@example.com",
    "other_emails": ["ada@home.example.com"],
    "phone": "+44 20 7946 0958",
    "other_phones": [{"label": "mobile", "number": "+12025550143"}],
    "company": "Analytical Engines",
    "job_title": "Programmer",
    "tags": ["VIP", "newsletter"],
    "communication": {"preferred": "email"},
    "custom_fields": {"favourite_colour": "green", "visits": 3},
}

PARAMETERS = {
    "contact_id": ADA_ID,
    "group_id": GROUP_ID,
    "type": "Supplier",
    "group": "Spring campaign",
    "customer_id": CUSTOMER_ID,
    "search": "ada love",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0958",
    "tags": "vip,newsletter",
    "owner_id": USER_ID,
    "organizer_id": USER_ID,
    "created_from": "2025-04-01",
    "created_to": "2025-04-30",
    "updated_from": "2025-04-01T00:00:00Z",
    "updated_to": "2025-04-30T23:59:59Z",
    "last_booking_from": "2025-04-01T00:00:00Z",
    "last_booking_to": "2025-04-30T23:59:59Z",
    "last_contacted_from": "2025-04-01T00:00:00Z",
    "last_contacted_to": "2025-04-30T23:59:59Z",
}

EXAMPLES = {
    "list_contacts": Example(answer=Page([ADA], None, 1), problems=(LIMIT_REFUSED,)),
    "create_contact": Example(
        request=_GIVEN,
        answer=ADA,
        problems=(
            Duplicate("email", GRACE_ID),
            Invalid.field("email", "email", "This is not a valid e-mail address."),
        ),
    ),
    "contact_stats": Example(
        answer=ContactStats(
            total=1250,
            active=1190,
            inactive=60,
            primary=310,
            customers=CustomerStats(total=320, with_contacts=310, without_contacts=10),
            with_bookings=500,
            bookings=2000,
            bookings_per_contact=1.6,
            interactions=2300,
            interactions_last_7_days=InteractionCounts(total=31, by_type={"call": 24, "meeting": 7}),
            interactions_last_30_days=InteractionCounts(total=140, by_type={"call": 112, "meeting": 28}),
            by_source={"api": 250, "import": 1000},
            by_relationship_status={"prospect": 1250},
            by_lifecycle_stage={"awareness": 1250},
            by_tag={"VIP": 40, "newsletter": 800},
            by_type={"Supplier": 12},
            by_group={"Spring campaign": 312},
            top_companies=[CompanyCount(company="Analytical Engines", contacts=17)],
        ),
        problems=(PermissionDenied.lacking("contacts:read"),),
    ),
    "read_contact": Example(
        answer=ADA,
        problems=(
            NotFound("Contact"),
            RuleBroken(
                "The contact can be read as it was at version 113 and later. Older changes are in its history.",
                code="version_too_old",
            ),
        ),
        parameters={"version": 1},
    ),
    "replace_contact": Example(
        request={**_GIVEN, "tags": ["VIP"]},
        answer=ADA.model_copy(update={**_CHANGED, "tags": ["VIP"]}),
        problems=(VersionMismatch(), Duplicate("email", GRACE_ID), NotFound("Contact")),
    ),
    "patch_contact": Example(
        request={"job_title": "Countess", "company": None, "custom_fields": {"visits": 4}},
        answer=ADA.model_copy(
            update={
                **_CHANGED,
                "job_title": "Countess",
                "company": "",
                "custom_fields": {"favourite_colour": "green", "visits": 4},
            }
        ),
        problems=(VersionMismatch(), Duplicate("email", GRACE_ID), NotFound("Contact")),
    ),
    "delete_contact": Example(problems=(NotFound("Contact"), Merged(ADA_ID, GRACE_ID), VersionMismatch())),
    "toggle_contact_status": Example(
        answer=ADA.model_copy(update={**_CHANGED, "is_active": False}),
        problems=(NotFound("Contact"), VersionMismatch()),
    ),
    "restore_contact": Example(
        answer=ADA.model_copy(update={**_CHANGED, "version": 3}),
        problems=(Duplicate("email", GRACE_ID), NotFound("Contact")),
    ),
    "set_contact_status": Example(
        request={"relationship_status": "qualified_lead", "reason": "asked for an offer"},
        answer=StatusChange(
            contact_id=ADA_ID,
            old_status="prospect",
            new_status="qualified_lead",
            old_lifecycle_stage="awareness",
            new_lifecycle_stage="interest",
            changed_by="Grace Hopper",
            timestamp=_LATER,
            reason="asked for an offer",
            version=2,
        ),
        problems=(
            RuleBroken(
                "Invalid status transition: cannot move from active_client to prospect",
                code="invalid_status_transition",
            ),
            NotFound("Contact"),
            VersionMismatch(),
        ),
    ),
    "list_statuses": Example(
        answer=Page(
            [
                StatusEntry(
                    id="01969150-96e0-7a3c-9f1d-5e2b7c4a8d06",
                    old_status="prospect",
                    new_status="qualified_lead",
                    old_lifecycle_stage="awareness",
                    new_lifecycle_stage="interest",
                    changed_by="Grace Hopper",
                    changed_by_id=USER_ID,
                    timestamp=_LATER,
                    reason="asked for an offer",
                    source="api",
                )
            ],
            None,
        ),
        problems=(NotFound("Contact"),),
    ),
    "give_consent": Example(
        request={
            "channel": "email",
            "opted_out": True,
            "source": "unsubscribe link",
            "reason": "too many messages",
        },
        answer=ADA.model_copy(
            update={
                **_CHANGED,
                "communication": {"preferred": "email", "opt_outs": {"email": _UNSUBSCRIBED}},
            }
        ),
        problems=(NotFound("Contact"),),
    ),
    "list_consents": Example(
        answer=Page(
            [
                ConsentEntry(
                    id="01969150-96e0-7f2b-8a6d-3c0b5e7f4d21",
                    channel="email",
                    opted_out=True,
                    at=_LATER,
                    by=f"user:{USER_ID}",
                    source="unsubscribe link",
                    reason="too many messages",
                )
            ],
            None,
        ),
        problems=(NotFound("Contact"),),
    ),
    "join_group": Example(
        answer=ADA.model_copy(update={**_CHANGED, "groups": ["Spring campaign"]}),
        problems=(
            NotFound("Group"),
            RuleBroken(
                "This group is dynamic: its filter says which contacts are in it.", code="dynamic_group"
            ),
        ),
    ),
    "leave_group": Example(answer=ADA.model_copy(update=_CHANGED), problems=(NotFound("Group"),)),
    "set_primary_contact": Example(
        answer=ADA_OF_CUSTOMER.model_copy(update=_CHANGED),
        problems=(
            Conflict(
                "This contact belongs to no customer, so it can be nobody's primary contact. Set its "
                "customer_id first.",
                code="no_customer",
            ),
            NotFound("Contact"),
        ),
    ),
}
