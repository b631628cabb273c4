"""The people who are notified of a webhook that was disabled (check 74)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import Unavailable
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
        self.notified: list[str] = []
        self.away: set[str] = set()
        self.read = 0

    def get(self, name: str) -> Any:
        return self.webhook if name == "w1" else self.users.get(name)

    def page(self, *, limit: int, after: str | None) -> list[Any]:
        later = [user for name, user in sorted(self.users.items()) if after is None or name > after]
        self.read += len(later[:limit])
        return later[:limit]

    def warn_of_webhook(self, email: str, **given: Any) -> bool:
        name = email.partition("@")[0]
        if name in self.away:
            raise Unavailable
        self.notified.append(name)
        return True

    def notify(self) -> list[str]:
        DisabledWebhooks(lambda _: self, lambda _: self, lambda _: self).notify("t1", "w1")
        return self.notified


@pytest.mark.parametrize("role", ["user", "admin"])
def test_check_74_the_admins_are_notified_when_the_holder_lost_rights(role: str) -> None:
    tables = Tables(HOLDER_LOST_RIGHTS, ("boss", "admin"), ("holder", role), ("other", "user"))
    assert tables.notify() == (["boss"] if role == "user" else ["boss", "holder"])


@pytest.mark.parametrize("reason", [GONE, FAILING])
def test_check_74_a_holder_is_notified_only_while_they_may_manage_webhooks(reason: str) -> None:
    assert Tables(reason, ("boss", "admin"), ("holder", "user")).notify() == ["boss"]
    assert Tables(reason, ("boss", "admin"), ("holder", "admin")).notify() == ["holder"]


def test_no_more_users_are_read_than_ten_admins_take() -> None:
    users = [(f"u{number:04}", "admin") for number in range(1_000)]
    tables = Tables(HOLDER_LOST_RIGHTS, *users)
    assert len(tables.notify()) == MAX_ADMINS
    assert tables.read <= 100
    tables = Tables(HOLDER_LOST_RIGHTS, *[(f"u{number:04}", "user") for number in range(250)], ("z", "admin"))
    assert tables.notify() == ["z"]


def test_check_74_the_event_is_handled_again_only_while_no_one_could_be_notified() -> None:
    """Else those who were would get the e-mail again."""
    tables = Tables(HOLDER_LOST_RIGHTS, ("ada", "admin"), ("grace", "admin"))
    tables.away = {"ada", "grace"}
    with pytest.raises(Unavailable):
        tables.notify()
    tables.away = {"ada"}
    assert tables.notify() == ["grace"]
