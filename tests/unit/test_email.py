"""E-mail addresses."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import email
from shared.domain.email import normalize_email
from shared.domain.errors import Invalid


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("<ada@example.com>", "ada@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Jürgen@example.com", "jürgen@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("ＡＤＡ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ada@example.com"),
        ("𝐚𝐝𝐚@example.com", "ada@example.com"),
        ("ﬁona@example.com", "fiona@example.com"),
        ("adⓐ@example.com", "ada@example.com"),
        ("ada@example。com", "ada@example.com"),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ('"Lovelace, Ada" <Ada@Example.com>', "ada@example.com"),
        ("ada@example.com <ada@example.com>", "ada@example.com"),
        ("Ada ＜ada@example.com＞", "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("MAILTO:ada%2Bnews@example.com?subject=Hello", "ada+news@example.com"),
        ("<mailto:ada@example.com>", "ada@example.com"),
        ("ada@example.com​", "ada@example.com"),
        ("‪ada@example.com‬", "ada@example.com"),
        ("﻿ada@example.com ", "ada@example.com"),
        ("ad​a@exam­ple.com", "ada@example.com"),
        ("a.b+c_d-e@sub.example.co.uk", "a.b+c_d-e@sub.example.co.uk"),
    ],
)
def test_an_address_has_one_stored_form(address: str, stored: str) -> None:
    assert normalize_email(address) == stored


@pytest.mark.parametrize(
    "address",
    ["", "<>", "ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@-x.com", "ada@x-.com",
     "ada..b@example.com", ".ada@example.com", "ada@example..com", "a@b@example.com", "ada@localhost",
     "ada@shop.test", "ada@[127.0.0.1]", "ada\x00@example.com",
     "<ada@example.com>, <bob@example.com>", "ada@example.com; bob@example.com", "Ada <>", "mailto:",
     "ada@" + "x" * 64 + ".com", "ada@" + "x." * 130 + "com", "ada@ab--cd.com"],
)  # fmt: skip
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalize_email(address, "invitee_email")
    assert refusal.value.errors[0].field == "invitee_email"


def test_decomposed_and_composed_letters_are_one_address() -> None:
    assert normalize_email("ju\u0308rgen@example.com") == normalize_email("j\u00fcrgen@example.com")


@given(
    st.from_regex(r"[a-zA-Z0-9._+-]{1,20}", fullmatch=True),
    st.sampled_from(["example.com", "Example.CO.UK", "bücher.example"]),
    st.sampled_from(["", "\u200b", "\ufeff", "\u200e", "\u2060", "\xad"]),
    st.sampled_from(["{}", "<{}>", "Ann Lee <{}>", "mailto:{}", " {} "]),
    st.booleans(),
)
def test_all_spellings_of_an_address_are_equal(
    local: str, domain: str, mark: str, written: str, wide: bool
) -> None:
    """check 42: also in the local part."""
    address = f"{local}@{domain}"
    shown = "".join(chr(ord(c) + 0xFEE0) if wide and "!" <= c <= "~" else c for c in address)
    try:
        stored = normalize_email(address)
    except Invalid:
        with pytest.raises(Invalid):
            normalize_email(shown)
    else:
        assert normalize_email(written.format(f"{mark}{shown}{mark}")) == stored


@given(st.text(max_size=20), st.text(max_size=20))
def test_the_stored_form_of_a_stored_form_is_itself(local: str, domain: str) -> None:
    with suppress(Invalid):
        stored = normalize_email(f"{local}@{domain}.com")
        assert normalize_email(stored) == stored


def test_long_texts_from_strangers_are_not_cached() -> None:
    """Only addresses in their stored form are cached, not padded or much too long texts."""
    kept = email._normalize.cache_info().currsize
    for number in range(20):
        assert normalize_email(" " * (100_000 + number) + "padded@example.com") == "padded@example.com"
        with pytest.raises(Invalid):
            normalize_email("x" * (100_000 + number) + "@example.com")
    assert email._normalize.cache_info().currsize <= kept + 1
