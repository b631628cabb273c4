"""The fast pattern for plain addresses and the library give the same answers."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.email import _normalize_by_library, normalize_email
from shared.domain.errors import Invalid
from tests.support.budgets import repetitions

_PIECE = st.text("abzXY019.-_+'@ xn", max_size=12)
_TLD = st.sampled_from(
    [
        "com",
        "test",
        "local",
        "co",
        "x",
        "xn--p1ai",
        "arpa",
        "c0m",
        "museum",
        "onion",
        "alt",
        "internal",
        "invalid",
        "zip",
    ]
)
_LABEL = st.text("abn019-x", min_size=1, max_size=8)


def answer(normalize: object, address: str) -> str | None:
    try:
        return normalize(address, "email")  # type: ignore[operator, no-any-return]
    except Invalid:
        return None


@settings(max_examples=repetitions(200))
@given(
    st.one_of(
        _PIECE,
        st.builds("{}@{}.{}".format, _PIECE, _LABEL, _TLD),
        st.builds("{}@{}.{}.{}".format, _PIECE, _LABEL, _LABEL, _TLD),
    )
)
@example("a@xn--abc.com")
@example("a@ab--cd.com")
@example("x" * 64 + "@example.com")
@example("x" * 65 + "@example.com")
@example("a@" + "x" * 63 + ".com")
@example("a@" + "x" * 64 + ".com")
@example("-a-@example.com")
@example("a@1.2")
@example("a@1.com")
@example("_@example.com")
@example("a@b." + "c" * 63)
def test_the_fast_path_agrees_with_the_library(address: str) -> None:
    stripped = address.strip()
    if stripped and not (stripped.startswith("<") and stripped.endswith(">")):
        assert answer(normalize_email, address) == answer(_normalize_by_library, stripped)
