"""E-mail addresses."""

from __future__ import annotations

import pytest

from shared.domain import email
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("<ada@example.com>", "ada@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Jürgen@example.com", "jürgen@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("a.b+c_d-e@sub.example.co.uk", "a.b+c_d-e@sub.example.co.uk"),
    ],
)
def test_an_address_has_one_stored_form(given: str, stored: str) -> None:
    assert normalize_email(given) == stored


@pytest.mark.parametrize(
    "given",
    ["", "<>", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@-x.com", "ada@x-.com",
     "ada..b@example.com", ".ada@example.com", "ada@example..com", "a@b@example.com", "ada@localhost",
     "ada@shop.test", "ada@[127.0.0.1]", "ada\x00@example.com",
     "ada@" + "x" * 64 + ".com", "ada@" + "x." * 130 + "com", "ada@ab--cd.com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalize_email(given, "invitee_email")
    assert refusal.value.errors[0].field == "invitee_email"


def test_decomposed_and_composed_letters_are_one_address() -> None:
    assert normalize_email("ju\u0308rgen@example.com") == normalize_email("j\u00fcrgen@example.com")


def test_nothing_long_is_kept_of_what_strangers_send() -> None:
    """Addresses are remembered in their stored form; what is padded, or far too long, is not."""
    kept = email._normalized.cache_info().currsize
    for number in range(20):
        assert normalize_email(" " * (100_000 + number) + "padded@example.com") == "padded@example.com"
        with pytest.raises(Invalid):
            normalize_email("x" * (100_000 + number) + "@example.com")
    assert email._normalized.cache_info().currsize <= kept + 1
