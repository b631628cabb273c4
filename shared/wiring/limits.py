"""Rate limits, attempts to sign in, and limits for e-mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import store
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.identity.mail import Mail
    from shared.services.limits.mail_limits import LimitedMail
    from shared.services.limits.rate_limits import RateLimits
    from shared.services.limits.sign_in_gate import OpenGate, SignInGate
    from shared.services.limits.webhook_tests import WebhookTestLimit


@kept
def rate_limits() -> RateLimits | None:
    """The limits for callers' calls; None where limits are switched off."""
    if not environment.rate_limits():
        return None
    from shared.services.limits.rate_limits import RateLimits
    from shared.table.limits import BucketTable

    return RateLimits(BucketTable(store()), report=_report_uncounted)


def _report_uncounted() -> None:
    from shared import observability

    observability.warn("calls go uncounted: the table is busy or away")


@kept
def sign_in_gate() -> SignInGate | OpenGate:
    """The limits for attempts to sign in."""
    from shared.services.limits.sign_in_gate import OpenGate, SignInGate
    from shared.table.limits import BucketTable

    if not environment.rate_limits():
        return OpenGate()
    return SignInGate(BucketTable(store()), environment.cursor_key())


def webhook_test_limit(tenant_id: str) -> WebhookTestLimit:
    """The limit on test events of a tenant's webhooks."""
    from shared.services.limits.webhook_tests import WebhookTestLimit
    from shared.table.limits import BucketTable

    return WebhookTestLimit(BucketTable(store()), tenant_id)


def limited_mail(mail: Mail, tenant_id: str) -> LimitedMail:
    """A mailer that sends within a tenant's limits."""
    from shared.services.limits.mail_limits import LimitedMail
    from shared.table.limits import BucketTable

    return LimitedMail(mail, tenant_id, BucketTable(store()), environment.cursor_key())
