"""E-mails to strangers are few, whoever asks for them."""

from __future__ import annotations

import pytest

from shared.domain.errors import Unavailable
from shared.services.limits.mail_limits import LimitedMail
from tests.buckets import MemoryBucket, MemoryBuckets


class Sent:
    """What was sent. `invite` always succeeds. `is_away`: whether notices of webhooks cannot be sent."""

    def __init__(self) -> None:
        self.to: list[str] = []
        self.is_away = False

    def invite(self, email: str, token: str) -> bool:
        self.to.append(email)
        return True

    def warn_of_webhook(self, email: str, *, host: str, webhook_id: str, reason: str) -> bool:
        if self.is_away:
            raise Unavailable
        self.to.append(email)
        return True


class Away(MemoryBuckets):
    """Buckets in a table that is away."""

    def of_caller(self, tenant_id: str, actor: str | None) -> MemoryBucket:
        raise Unavailable()


def mail_of(tenant_id: str, sent: Sent, buckets: MemoryBuckets, now: list[float]) -> LimitedMail:
    return LimitedMail(sent, tenant_id, buckets, b"secret", clock=lambda: now[0])


def test_an_address_gets_three_and_then_one_an_hour_whoever_asks_for_them() -> None:
    now, sent, buckets = [1_800_000_000.0], Sent(), MemoryBuckets()
    tenants = [mail_of(f"T{number}", sent, buckets, now) for number in range(20)]
    assert sum(mail.invite("ada@example.com", "t") for _ in range(50) for mail in tenants) == 3
    assert tenants[0].invite("grace@example.com", "t")
    now[0] += 3_601
    assert sum(mail.invite("ada@example.com", "t") for mail in tenants) == 1


def test_a_tenant_sends_fifty_and_then_one_in_five_minutes_and_others_are_not_touched() -> None:
    now, sent, buckets = [1_800_000_000.0], Sent(), MemoryBuckets()
    mail = mail_of("T1", sent, buckets, now)
    assert sum(mail.invite(f"a{number}@example.com", "t") for number in range(200)) == 50
    assert mail_of("T10", sent, buckets, now).invite("ada@example.com", "t")
    now[0] += 3_600
    assert sum(mail.invite(f"b{number}@example.com", "t") for number in range(200)) <= 12


def test_all_tenants_together_send_five_hundred_and_then_one_in_two_seconds() -> None:
    now, sent, buckets = [1_800_000_000.0], Sent(), MemoryBuckets()
    tenants = [mail_of(f"T{number}", sent, buckets, now) for number in range(20)]
    asked = [(mail, f"a{number}@example.com") for number in range(50) for mail in tenants]
    assert sum(mail.invite(f"{position}{email}", "t") for position, (mail, email) in enumerate(asked)) == 500
    now[0] += 61
    more = [mail_of(f"U{number}", sent, buckets, now) for number in range(100)]
    assert 25 <= sum(mail.invite(f"{number}@example.org", "t") for number, mail in enumerate(more)) <= 31


def test_no_address_can_be_read_from_what_is_counted() -> None:
    now, buckets = [1_800_000_000.0], MemoryBuckets()
    assert mail_of("T1", Sent(), buckets, now).invite("ada@example.com", "t")
    assert "ada" not in str(buckets.all) and "example" not in str(buckets.all)


def test_while_the_table_is_away_none_is_sent() -> None:
    sent = Sent()
    assert not mail_of("T1", sent, Away(), [1_800_000_000.0]).invite("ada@example.com", "t")
    assert sent.to == []


def warn(mail: LimitedMail) -> bool:
    return mail.warn_of_webhook("ada@example.com", host="b.example", webhook_id="w", reason="gone")


def test_a_notice_that_cannot_be_sent_now_is_sent_later_and_counts_once() -> None:
    sent, now = Sent(), [1_800_000_000.0]
    with pytest.raises(Unavailable):
        warn(mail_of("T1", sent, Away(), now))
    mail, sent.is_away = mail_of("T1", sent, MemoryBuckets(), now), True
    for _ in range(10):
        with pytest.raises(Unavailable):
            warn(mail)
    sent.is_away = False
    assert [warn(mail) for _ in range(4)] == [True, True, True, False]


def test_what_is_not_sent_since_all_is_used_up_does_not_count_for_address_and_tenant() -> None:
    now, sent, buckets = [1_800_000_000.0], Sent(), MemoryBuckets()
    for number in range(10):
        others = mail_of(f"O{number}", sent, buckets, now)
        assert all(others.invite(f"{number}-{one}@example.org", "t") for one in range(50))
    mail = mail_of("T1", sent, buckets, now)
    assert not any(mail.invite("ada@example.com", "t") for _ in range(60))
    now[0] += 600
    assert [mail.invite("ada@example.com", "t") for _ in range(4)] == [True, True, True, False]
