"""What the environment tells a function. No other module reads it."""

from __future__ import annotations

import os


def table_name() -> str:
    """The table's name."""
    return os.environ["TABLE_NAME"]


def drop_bucket() -> str:
    """The bucket into whose `tenants/<tenant id>/inbox/` files are dropped."""
    return os.environ["DROP_BUCKET"]


def import_rows_queue_url() -> str:
    """The queue of an import's chunks of rows."""
    return os.environ["IMPORT_ROWS_QUEUE_URL"]


def bulk_queue_url() -> str:
    """The queue of bulk jobs' portions."""
    return os.environ["BULK_QUEUE_URL"]


def bookings_queue_url() -> str:
    """The queue of booking events."""
    return os.environ["BOOKINGS_QUEUE_URL"]


def webhook_events_queue_url() -> str:
    """The queue of published events that are to be spread over webhooks."""
    return os.environ["WEBHOOK_EVENTS_QUEUE_URL"]


def bookings_dlq_url() -> str:
    """The dead-letter queue of booking events."""
    return os.environ["BOOKINGS_DLQ_URL"]


def domain_events_topic_arn() -> str:
    """The topic on which events are published."""
    return os.environ["DOMAIN_EVENTS_TOPIC_ARN"]


def webhook_deliveries_queue_url() -> str:
    """The queue of webhook deliveries to send."""
    return os.environ["WEBHOOK_DELIVERIES_QUEUE_URL"]


def token_issuer() -> str:
    """The `iss` that access tokens must carry."""
    return os.environ["TOKEN_ISSUER"]


def token_audience() -> str:
    """Whom access tokens must be for: the pool's client (`client_id`), or with another issuer what `aud` must name."""
    return os.environ["TOKEN_AUDIENCE"]


def token_jwks_url() -> str:
    """Where the issuer's public keys are."""
    return os.environ["TOKEN_JWKS_URL"]


def user_pool() -> tuple[str, str] | None:
    """The ids of the user pool and of its client; None where people sign in with another issuer."""
    pool_id = os.environ.get("USER_POOL_ID", "")
    return (pool_id, os.environ["USER_POOL_CLIENT_ID"]) if pool_id else None


def invitation_mail() -> tuple[str, str] | None:
    """The sender of invitations, and the address at which they are accepted; None where none are e-mailed."""
    sender, url = os.environ.get("MAIL_FROM", ""), os.environ.get("INVITATION_URL", "")
    return (sender, url) if sender and url else None


def cursor_key() -> bytes:
    """The deployment's secret: signs cursors, and keys digests under which attempts to sign in and e-mails count."""
    return os.environ["CURSOR_KEY"].encode()


def rate_limits() -> bool:
    """Whether calls are limited. They are unless that is switched off."""
    return os.environ.get("RATE_LIMITS") != "off"


def webhook_loopback() -> bool:
    """Whether webhooks may go to plain http on loopback; only on a developer's machine."""
    return os.environ.get("WEBHOOK_LOOPBACK") == "1"


def is_before_snapshot() -> bool:
    """Whether this process is begun so that a snapshot can be taken of it (AWS Lambda developer guide, "Defined runtime
    environment variables").
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
