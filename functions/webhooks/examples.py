"""Examples of the webhooks' routes; see `shared.http.examples`."""

from __future__ import annotations

from shared.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    RecoveryUnderWay,
    RuleBroken,
    VersionMismatch,
)
from shared.domain.event_patterns import explain_unknown
from shared.domain.jobs.progress import Progress
from shared.domain.webhooks.delivery import Attempt, Delivery
from shared.domain.webhooks.filters import WebhookFilter
from shared.domain.webhooks.recovery import Recovery, RecoveryCounts
from shared.domain.webhooks.secrets import TooManySecrets
from shared.domain.webhooks.subscription import MAX_WEBHOOKS, NewWebhook, Webhook
from shared.http.examples import ADA_ID, LIMIT_REFUSED, USER_ID, Example
from shared.services.paging import Page

_ID = "01962e29-9800-7e61-94b3-0c5a7d8e1f29"
_AT = "2025-04-13T08:00:00.000Z"
_ROTATION_ENDS_AT = "2025-04-15T09:30:00.000Z"
_NEXT_SECRET = "whsec_ci4Rs+uBnFBzOfKYYzXyLIOqFbV2AAAAAAAAAAAAAAA="  # noqa: S105 - of nobody
_SENT_AT = "2025-04-13T08:12:31.000Z"
_LATER = "2025-05-02T14:05:00.000Z"
_CREATED = NewWebhook(
    id=_ID,
    url="https://hooks.example.com/contacts",
    events=["contact.created", "contact.updated"],
    description="Our own books",
    header_names=["Authorization"],
    acts_as=f"user:{USER_ID}",
    created_at=_AT,
    created_by=f"user:{USER_ID}",
    updated_at=_AT,
    updated_by=f"user:{USER_ID}",
    held_since=_AT,
    secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAAAAAAAAAAA=",  # noqa: S106 - of nobody
)
_SHOWN = Webhook(**{name: value for name, value in _CREATED.__dict__.items() if name != "secret"})
_CHANGED = {"version": 2, "updated_at": _LATER}
_DISABLED = Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled")
_DELIVERED = Delivery(
    event_id="01962e35-09b0-7a90-8f27-b4c6d1e03a58",
    event_type="contact.created",
    state="delivered",
    attempts=[Attempt(at=_SENT_AT, status=204, duration_ms=84, error=None, response="")],
    created_at="2025-04-13T08:12:30.000Z",
    webhook_id=_ID,
    entity="contact",
    entity_id=ADA_ID,
)
_TEST = Delivery(
    event_id="019690f8-5c10-7d1b-9a05-2f6e8c3b7a41",
    event_type="webhook.test",
    next_attempt_at=_LATER,
    created_at=_LATER,
    webhook_id=_ID,
    entity="webhook",
    entity_id=_ID,
)

_SENT_AGAIN = _DELIVERED.model_copy(
    update={"state": "pending", "next_attempt_at": "2025-04-14T09:00:00.000Z", "earlier_attempts": 1}
)

_RECOVERY_ID = "01963f5a-7c80-7b12-8d4e-6a9c0f3b2e71"
_RECOVERY = Recovery(
    id=_RECOVERY_ID,
    webhook_id=_ID,
    state="queued",
    after=1_180,
    until=1_204,
    counts=RecoveryCounts(events=0, deliveries=0),
    progress=Progress(rows_done=0, rows_per_second=0.0),
    error=None,
    created_at=_LATER,
    created_by=f"user:{USER_ID}",
    updated_at=_LATER,
    completed_at=None,
    version=1,
)

PARAMETERS = {"recovery_id": _RECOVERY_ID, "webhook_id": _ID, "event_id": _DELIVERED.event_id}

EXAMPLES = {
    "list_webhooks": Example(answer=Page([_SHOWN], None), problems=(LIMIT_REFUSED,)),
    "create_webhook": Example(
        request={
            "url": "https://hooks.example.com/contacts",
            "events": ["contact.created", "contact.updated"],
            "description": "Our own books",
            "headers": {"Authorization": "Bearer 8fK2vTq"},
        },
        answer=_CREATED,
        problems=(
            Invalid.field("events.0", "unknown_event_type", explain_unknown("contact.create")),
            Conflict(
                f"A tenant has at most {MAX_WEBHOOKS} webhooks. Delete one that is no longer needed.",
                code="too_many_webhooks",
            ),
        ),
    ),
    "read_webhook": Example(answer=_SHOWN, problems=(NotFound("Webhook"),)),
    "patch_webhook": Example(
        request={"events": ["contact.*"], "filter": {"source": ["booking"]}},
        answer=_SHOWN.model_copy(
            update={**_CHANGED, "events": ["contact.*"], "filter": WebhookFilter(source=["booking"])}
        ),
        problems=(NotFound("Webhook"), VersionMismatch()),
    ),
    "enable_webhook": Example(
        answer=_SHOWN.model_copy(update=_CHANGED), problems=(NotFound("Webhook"), VersionMismatch())
    ),
    "disable_webhook": Example(
        answer=_SHOWN.model_copy(update={**_CHANGED, "is_active": False, "disabled_reason": "requested"}),
        problems=(NotFound("Webhook"), VersionMismatch()),
    ),
    "rotate_secret": Example(
        request={"overlap_hours": 24},
        answer=_CREATED.model_copy(
            update={**_CHANGED, "rotation_ends_at": _ROTATION_ENDS_AT, "secret": _NEXT_SECRET}
        ),
        problems=(NotFound("Webhook"), VersionMismatch(), TooManySecrets()),
    ),
    "test_webhook": Example(answer=_TEST, problems=(NotFound("Webhook"), _DISABLED)),
    "delete_webhook": Example(problems=(NotFound("Webhook"), VersionMismatch())),
    "list_deliveries": Example(
        parameters={"event_type": "contact.created", "from": "2025-04-01", "to": "2031-12-31"},
        answer=Page([_DELIVERED], None),
        problems=(NotFound("Webhook"), LIMIT_REFUSED),
    ),
    "read_delivery": Example(answer=_DELIVERED, problems=(NotFound("Delivery"),)),
    "redeliver": Example(
        answer=_SENT_AGAIN,
        problems=(
            NotFound("Delivery"),
            Conflict("This webhook is disabled. Enable it first.", code="webhook_disabled"),
        ),
    ),
    "recover_webhook": Example(
        request={"after": 0},
        answer=_RECOVERY,
        problems=(
            RuleBroken("The feed has positions up to 1204 so far.", code="unknown_position"),
            NotFound("Webhook"),
            RecoveryUnderWay(_RECOVERY_ID),
        ),
    ),
    "list_recoveries": Example(answer=Page([_RECOVERY], None), problems=(NotFound("Webhook"), LIMIT_REFUSED)),
    "read_recovery": Example(answer=_RECOVERY, problems=(NotFound("Recovery"),)),
    "cancel_recovery": Example(
        answer=_RECOVERY.model_copy(update={"state": "cancelled", "completed_at": _LATER, "version": 2}),
        problems=(
            NotFound("Recovery"),
            Conflict("The recovery is completed and cannot be cancelled.", code="job_ended"),
        ),
    ),
}
