"""E-mails to strangers are few, whoever asks for them."""

from __future__ import annotations

from shared.domain.errors import Unavailable
from shared.services.mail_limits import LimitedMail
from shared.services.rate_limits import Bucket
from tests.buckets import MemoryBuckets


class Sent:
    """What was sent. `invite` always succeeds."""

    def __init__(self) -> None:
        self.to: list[str] = []

    def invite(self, email: str, token: str) -> bool:
        self.to.append(email)
        return True


class Away(MemoryBuckets):
    """Buckets in a table that is away."""

    def of_caller(self, tenant_id: str, actor: str | None) -> Bucket:
        raise Unavailable()


def test_an_invitation_is_e_mailed_twice_and_then_once_in_five_minutes() -> None:
    now, sent = [1_800_000_000.0], Sent()
    mail = LimitedMail(sent, "T1", MemoryBuckets(), clock=lambda: now[0])
    assert [mail.invite("i1", "ada@example.com", "t") for _ in range(5)] == [True, True, False, False, False]
    assert mail.invite("i2", "grace@example.com", "t")
    now[0] += 301
    assert [mail.invite("i1", "ada@example.com", "t") for _ in range(2)] == [True, False]


def test_a_tenant_sends_fifty_and_then_one_in_five_minutes_and_others_are_not_touched() -> None:
    now, sent, buckets = [1_800_000_000.0], Sent(), MemoryBuckets()
    mail = LimitedMail(sent, "T1", buckets, clock=lambda: now[0])
    assert sum(mail.invite(f"i{number}", "ada@example.com", "t") for number in range(200)) == 50
    assert LimitedMail(sent, "T10", buckets, clock=lambda: now[0]).invite("i", "ada@example.com", "t")
    now[0] += 3_600
    assert sum(mail.invite(f"j{number}", "ada@example.com", "t") for number in range(200)) <= 12


def test_while_the_table_is_away_none_is_sent() -> None:
    sent = Sent()
    assert not LimitedMail(sent, "T1", Away()).invite("i1", "ada@example.com", "t")
    assert sent.to == []
