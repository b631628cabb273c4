"""The configuration of a function, from its environment variables. No other module reads them."""

from __future__ import annotations

import os


def table_name() -> str:
    """The name of the table."""
    return os.environ["TABLE_NAME"]


def drop_bucket() -> str:
    """The name of the bucket that receives files in `tenants/<tenant id>/inbox/`."""
    return os.environ["DROP_BUCKET"]


def import_files_queue_url() -> str:
    """The URL of the queue of imports' steps that read or write whole files."""
    return os.environ["IMPORT_FILES_QUEUE_URL"]


def import_rows_queue_url() -> str:
    """The URL of the queue of imports' chunks."""
    return os.environ["IMPORT_ROWS_QUEUE_URL"]


def import_limits() -> dict[str, int]:
    """The limits of files to import that the deployment sets, by name."""
    limits = os.environ.get("IMPORT_LIMITS", "").split()
    return {name: int(value) for name, _, value in (one.partition("=") for one in limits)}


def malware_scan() -> bool:
    """Whether files to import wait for a scan for malware: `MALWARE_SCAN` is `on`."""
    return os.environ.get("MALWARE_SCAN") == "on"


def bulk_queue_url() -> str:
    """The URL of the queue of bulk jobs' portions."""
    return os.environ["BULK_QUEUE_URL"]


def bookings_queue_url() -> str:
    """The URL of the queue of booking events."""
    return os.environ["BOOKINGS_QUEUE_URL"]


def note_events_queue_url() -> str:
    """The URL of the queue of notes to process."""
    return os.environ["NOTE_EVENTS_QUEUE_URL"]


def webhook_events_queue_url() -> str:
    """The URL of the queue of published events, from which webhook deliveries are created."""
    return os.environ["WEBHOOK_EVENTS_QUEUE_URL"]


def bookings_dlq_url() -> str:
    """The URL of the dead-letter queue of booking events."""
    return os.environ["BOOKINGS_DLQ_URL"]


def domain_events_topic_arn() -> str:
    """The ARN of the topic to which events are published."""
    return os.environ["DOMAIN_EVENTS_TOPIC_ARN"]


def webhook_deliveries_queue_url() -> str:
    """The URL of the queue of webhook deliveries to send."""
    return os.environ["WEBHOOK_DELIVERIES_QUEUE_URL"]


def secrets_key_arn() -> str:
    """The ARN of the KMS key that encrypts the tenants' data keys."""
    return os.environ["SECRETS_KEY_ARN"]


def webhook_exhausted_dlq_url() -> str:
    """The URL of the dead-letter queue of webhook deliveries whose attempts have all failed."""
    return os.environ["WEBHOOK_EXHAUSTED_DLQ_URL"]


def token_issuer() -> str:
    """The `iss` that access tokens must have."""
    return os.environ["TOKEN_ISSUER"]


def token_audience() -> str:
    """The audience of access tokens: `client_id` with the user pool, a value of `aud` with another issuer."""
    return os.environ["TOKEN_AUDIENCE"]


def token_jwks_url() -> str:
    """The URL of the issuer's public keys."""
    return os.environ["TOKEN_JWKS_URL"]


def user_pool() -> tuple[str, str] | None:
    """The ids of the user pool and of its client; None where users sign in with another issuer."""
    pool_id = os.environ.get("USER_POOL_ID", "")
    return (pool_id, os.environ["USER_POOL_CLIENT_ID"]) if pool_id else None


def webhook_notices_queue_url() -> str:
    """The URL of the queue of disabled webhooks to tell of."""
    return os.environ["WEBHOOK_NOTICES_QUEUE_URL"]


def mail_sender() -> str:
    """The sender of e-mails; empty where none are sent."""
    return os.environ.get("MAIL_FROM", "")


def invitation_mail() -> tuple[str, str] | None:
    """The sender of invitations and the URL at which they are accepted; None where invitations are not e-mailed."""
    sender, url = os.environ.get("MAIL_FROM", ""), os.environ.get("INVITATION_URL", "")
    return (sender, url) if sender and url else None


def cursor_key() -> bytes:
    """The deployment's secret. It signs cursors, and is the key of the digests that identify rate limits of attempts to
    sign in and of e-mails.
    """
    return os.environ["CURSOR_KEY"].encode()


def rate_limits() -> bool:
    """Whether calls are limited. They are, unless `RATE_LIMITS` is `off`."""
    return os.environ.get("RATE_LIMITS") != "off"


def webhook_loopback() -> bool:
    """Whether webhooks may use plain HTTP on the loopback interface. Only for a developer's machine."""
    return os.environ.get("WEBHOOK_LOOPBACK") == "1"


def is_before_snapshot() -> bool:
    """Whether Lambda started this process to take a snapshot of it (AWS Lambda developer guide, "Defined runtime
    environment variables").
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
