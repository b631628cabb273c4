"""The vault of webhooks: their secrets and own headers, sealed for the table."""

from __future__ import annotations

import json

from shared.domain.webhooks.secrets import SECRET_PREFIX, SigningSecret, WebhookSecrets
from shared.services.sealing import Seal, Unsealable


class Vault:
    """Seals and opens the secrets of webhooks."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def seal(self, tenant_id: str, webhook_id: str, secrets: WebhookSecrets) -> bytes:
        """Return the secrets of a webhook, encrypted: `Webhook.sealed`. Raises Unavailable."""
        content = {
            "secrets": [{"secret": one.secret, "until": one.until} for one in secrets.secrets],
            "headers": dict(secrets.headers),
        }
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return self._seal.seal(tenant_id, _purpose(webhook_id), text.encode())

    def open(self, tenant_id: str, webhook_id: str, sealed: bytes) -> WebhookSecrets:
        """Return the secrets of a webhook.

        Raises Unavailable, and Unsealable when `sealed` is damaged or is another webhook's.
        """
        if sealed.startswith(SECRET_PREFIX.encode()):
            # A webhook from before decision 0053. Whatever seals its secrets again encrypts them.
            return WebhookSecrets((SigningSecret(sealed.decode()),))
        content = self._seal.open(tenant_id, _purpose(webhook_id), sealed)
        try:
            members = json.loads(content)
            kept = tuple(SigningSecret(one["secret"], one["until"]) for one in members["secrets"])
            return WebhookSecrets(kept, dict(members["headers"]))
        except (KeyError, TypeError, ValueError):
            raise Unsealable from None


def _purpose(webhook_id: str) -> tuple[str, str]:
    return "webhook", webhook_id
