"""Whatever a note says, in whatever script: places lead to what was found, and tidying ends at once."""

from __future__ import annotations

import unicodedata

import phonenumbers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.characters import several_lines
from shared.domain.notes.finding import Finding
from shared.domain.notes.recognition import MAX_FOUND, find_in
from shared.domain.notes.tidying import tidy
from shared.domain.search import found_in_text, prefixes_of
from shared.domain.text import MAX_LONG_TEXT
from tests.support.budgets import repetitions

_SIGNS = st.sampled_from(
    [*"@#＃.,;:!?()[]<>'\"*_-/&+ \t\n\r", "\u200b", "\u200d", "\ufeff", "\u0301", "\ufe0f", "，", "。"]
)
_WORDS = st.sampled_from(
    [
        "ada",
        "Grüße",
        "привет",
        "你好",
        "สวัสดี",
        "नमस्ते",
        "שלום",
        "مرحبا",
        "안녕",
        "こんにちは",
        "😀",
        "👩\u200d💻",
        "🇩🇪",
        "7",
    ]
)
_FINDINGS = st.sampled_from(
    [
        "ada@example.com", "Jürgen@müller.example", "用户@例子.公司", "https://example.com/a?b=c#d", "www.example.org",
        "https://例子.example/路径", "http://[2001:db8::1]/a", "1-800-FLOWERS",
        "+44 20 7946 0958", "(202) 555-0143", "#offer", "#标签", "#हिन्दी", "#tag_1",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(_SIGNS, _WORDS, _FINDINGS, st.text(max_size=8), st.just(" ")), max_size=40).map(
    "".join
)


@settings(max_examples=repetitions(300), deadline=None)
@given(text=TEXTS, country=st.sampled_from(["US", "DE", "IN"]))
@example(text="İ@İ.İ #İ", country="DE")
def test_each_place_leads_to_what_was_found(text: str, country: str) -> None:
    body = tidy(text)
    found = find_in(body, country)
    assert len(found) <= MAX_FOUND
    end = 0
    for one in found:
        assert end <= one["start"] < one["end"] <= len(body)
        end = one["end"]
        assert fits(one, body[one["start"] : one["end"]], country), one
    assert find_in(body, country) == found


def fits(one: Finding, part: str, country: str) -> bool:
    """Whether a part of a text is what the value of a finding normalizes."""
    match one["kind"]:
        case "email":
            local, _, domain = one["value"].partition("@")
            normal = unicodedata.normalize("NFKC", part.lower())
            return normal.partition("@")[0] == local and domain.isascii() and part[-1:] not in ".-"
        case "phone":
            number = phonenumbers.parse(part, country)
            return one["value"] == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        case "url":
            return one["value"].lower().startswith(("http://", "https://")) and not any(
                c.isspace() for c in part
            )
        case "tag":
            return part[0] in "#＃" and one["value"] == unicodedata.normalize("NFC", part[1:].lower())


@settings(max_examples=repetitions(300), deadline=None)
@given(text=st.one_of(TEXTS, st.text(max_size=200)))
@example(text="a\u200d\u0301\u200d")
@example(text="\u0915\u200d\u093c")
def test_a_tidied_text_is_tidy(text: str) -> None:
    body = tidy(text)
    assert tidy(body) == body
    assert len(body) <= MAX_LONG_TEXT
    assert bool(body) == bool(several_lines(text))
    assert body == body.strip()
    assert not any(one in body for one in ("\r", "\u2028", "\u2029", "\n\n\n", " \n", "\t\n"))


@settings(max_examples=repetitions(200), deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["ada", "Grüße", "C++", "привет", "naïve", "12", "Straße", "x" * 30]), min_size=1
    ),
    fill=st.integers(0, 3_000),
    chosen=st.data(),
)
def test_each_word_is_found_by_its_beginning_wherever_it_is(
    words: list[str], fill: int, chosen: st.DataObject
) -> None:
    text = " ".join(["filler"] * (fill // 7) + words)
    word = chosen.draw(st.sampled_from(words))
    start = word[: chosen.draw(st.integers(1, len(word)))]
    assert found_in_text(prefixes_of(start.upper()), text)
    assert not found_in_text(prefixes_of("absent"), text)
    assert not found_in_text(prefixes_of(f"{start} absent"), text)
