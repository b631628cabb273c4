"""Who is told of a webhook that was disabled (check 74)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.stamp import Stamp
from shared.domain.webhooks.subscription import FAILING, GONE, HOLDER_LOST_RIGHTS, Webhook, WebhookInput
from shared.services.webhooks.notices import MAX_ADMINS, DisabledWebhooks


class Tables:
    """A webhook of the user `holder`, the users of the tenant, and the e-mails."""

    def __init__(self, reason: str, *users: tuple[str, str]) -> None:
        stamp = Stamp(new_id(), "2026-01-01T00:00:00.000Z", Caller("t1", "user", "holder", "admin"))
        given = WebhookInput(url="https://hooks.example.com/", events=["contact.created"])
        made, _ = Webhook.create(given, webhook_id="w1", stamp=stamp, loopback=False)
        disabled = made.disable(reason, stamp=stamp)
        assert disabled is not None
        self.webhook = disabled[0]
        self.users = {
            name: SimpleNamespace(id=name, role=role, is_active=True, email=f"{name}@example.com")
            for name, role in users
        }
        self.told: list[str] = []
        self.read = 0

    def get(self, name: str) -> Any:
        return self.webhook if name == "w1" else self.users.get(name)

    def page(self, *, limit: int, after: str | None) -> list[Any]:
        later = [user for name, user in sorted(self.users.items()) if after is None or name > after]
        self.read += len(later[:limit])
        return later[:limit]

    def warn_of_webhook(self, email: str, **given: Any) -> bool:
        self.told.append(email.partition("@")[0])
        return True

    def tell(self) -> list[str]:
        DisabledWebhooks(lambda _: self, lambda _: self, lambda _: self).tell("t1", "w1")
        return self.told


@pytest.mark.parametrize("role", ["user", "admin"])
def test_check_74_the_admins_are_told_when_the_holder_lost_rights(role: str) -> None:
    tables = Tables(HOLDER_LOST_RIGHTS, ("boss", "admin"), ("holder", role), ("other", "user"))
    assert tables.tell() == (["boss"] if role == "user" else ["boss", "holder"])


@pytest.mark.parametrize("reason", [GONE, FAILING])
def test_check_74_a_holder_is_told_only_while_they_may_manage_webhooks(reason: str) -> None:
    assert Tables(reason, ("boss", "admin"), ("holder", "user")).tell() == ["boss"]
    assert Tables(reason, ("boss", "admin"), ("holder", "admin")).tell() == ["holder"]


def test_no_more_users_are_read_than_ten_admins_take() -> None:
    users = [(f"u{number:04}", "admin") for number in range(1_000)]
    tables = Tables(HOLDER_LOST_RIGHTS, *users)
    assert len(tables.tell()) == MAX_ADMINS
    assert tables.read <= 100
    tables = Tables(HOLDER_LOST_RIGHTS, *[(f"u{number:04}", "user") for number in range(250)], ("z", "admin"))
    assert tables.tell() == ["z"]
