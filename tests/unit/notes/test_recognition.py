"""The findings in a note's text, and its tidied form."""

from __future__ import annotations

import pytest

from shared.domain.notes.recognition import MAX_FOUND, find_in
from shared.domain.notes.tidying import tidy


def shown(text: str, country: str = "US") -> list[tuple[str, str, str]]:
    """The kind, the text and the value of each finding."""
    return [(one["kind"], text[one["start"] : one["end"]], one["value"]) for one in find_in(text, country)]


@pytest.mark.parametrize(
    ("text", "kind", "part", "value"),
    [
        ("Mail <Ada@Example.COM>, please", "email", "Ada@Example.COM", "ada@example.com"),
        ("mailto:ada.l@example.com.", "email", "ada.l@example.com", "ada.l@example.com"),
        ("'ada@example.com'", "email", "ada@example.com", "ada@example.com"),
        ("*ada@example.com*", "email", "ada@example.com", "ada@example.com"),
        ("(ada+tag@example.com)", "email", "ada+tag@example.com", "ada+tag@example.com"),
        ("jürgen@münchen.example", "email", "jürgen@münchen.example", "jürgen@xn--mnchen-3ya.example"),
        ("联系ada@example.com谢谢", "email", "ada@example.com", "ada@example.com"),
        ("用户@例子.公司", "email", "用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
        ("Call (202) 555-0143 now", "phone", "(202) 555-0143", "+12025550143"),
        ("Call +44 20 7946 0958.", "phone", "+44 20 7946 0958", "+442079460958"),
        ("See https://Example.com:443/A(b)?q=1#x).", "url", "https://Example.com:443/A(b)?q=1#x", None),
        ("Call 1-800-FLOWERS!", "phone", "1-800-FLOWERS", "+18003569377"),
        ("(800) GO-FEDEX", "phone", "(800) GO-FEDEX", "+18004633339"),
        (
            "See http://[2001:DB8::1]:8080/x.",
            "url",
            "http://[2001:DB8::1]:8080/x",
            "http://[2001:db8::1]:8080/x",
        ),
        ("[https://u@[::1]]", "url", "https://u@[::1]", "https://u@[::1]/"),
        ("https://example.com/))]", "url", "https://example.com/", "https://example.com/"),
        ("https://https://example.com/", "url", "https://example.com/", "https://example.com/"),
        (
            "https://archive.example/http://example.com/",
            "url",
            "https://archive.example/http://example.com/",
            "https://archive.example/http://example.com/",
        ),
        ("[a](http://example.com/a)", "url", "http://example.com/a", "http://example.com/a"),
        ("HTTP://EXAMPLE.com", "url", "HTTP://EXAMPLE.com", "http://example.com/"),
        ("www.example.com, today", "url", "www.example.com", "http://www.example.com/"),
        ("请看https://example.com请看", "url", "https://example.com", "https://example.com/"),
        ("https://例子.example/路径，谢谢", "url", "https://例子.example/路径", "https://例子.example/路径"),
        ("https://u:p@example.com/", "url", "https://u:p@example.com/", "https://u:p@example.com/"),
        ("An #Offer.", "tag", "#Offer", "offer"),
        ("#two-words-", "tag", "#two-words", "two-words"),
        ("＃標籤", "tag", "＃標籤", "標籤"),
        ("谢谢#标签", "tag", "#标签", "标签"),
        ("#हिन्दी और", "tag", "#हिन्दी", "हिन्दी"),
        ("#می\u200cخواهم", "tag", "#می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_a_finding_has_its_place_and_its_value(text: str, kind: str, part: str, value: str | None) -> None:
    expected = "https://example.com/A(b)?q=1#x" if value is None else value
    assert shown(text) == [(kind, part, expected)]


@pytest.mark.parametrize(
    "text",
    [
        "a@b", "@example.com", "ada@", "ada@@example.com", "a@example.com@b", "ada@example", "ada@example.local",
        "x" * 65 + "@example.com", "#", "#1", "#123-4", "a#b", "##x", "&#x;", "page/#x", "#" + "a" * 51, "#️⃣",
        "http://", "https://...", "www.", "www", "xwww.example", "127.0.0.1", "2026-05-04 09:30", "12345", "555",
        "1-2-3-4-5-6-7-8-9", "4111 1111 1111 1111", "555-FLOWERS", "202-555-CALL", "1-800-FLOWERSHOPS", "1-800-flowers",
        "2026-05-04 TODAY", "http://[]", "http://[::1", "http://[x]", "www.[::1]",
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_no_finding(text: str) -> None:
    assert shown(text) == []


def test_numbers_are_those_of_the_tenant_s_country() -> None:
    assert shown("020 7946 0958", "GB") == [("phone", "020 7946 0958", "+442079460958")]
    assert shown("020 7946 0958", "US") == []


def test_a_vanity_number_is_found_where_its_digits_would_be() -> None:
    assert shown("0800 FLOWERS", "GB") == [("phone", "0800 FLOWERS", "+448003569377")]
    assert shown("1-800-FLOWERS 1-800-356-9377", "DE") == []


def test_urls_without_a_space_between_them_are_two() -> None:
    values = ["http://a.example/", "https://b.example/x"]
    for text in ("http://a.examplehttps://b.example/x", "http://a.example,https://b.example/x"):
        assert [value for _, _, value in shown(text)] == values
    assert [part for _, part, _ in shown("www.a.exampleHTTP://b.example")] == [
        "www.a.example",
        "HTTP://b.example",
    ]


def test_kinds_do_not_overlap() -> None:
    text = "https://example.com/?to=ada@example.com&call=+12025550143#top www.ada@example.com"
    assert [kind for kind, _, _ in shown(text)] == ["url", "url"]


def test_findings_are_in_the_order_of_their_places() -> None:
    text = "#a +12025550143 ada@example.com https://example.com #b"
    assert [kind for kind, _, _ in shown(text)] == ["tag", "phone", "email", "url", "tag"]


def test_the_first_hundred_findings_are_listed() -> None:
    text = "#a ada@example.com " * 200
    found = find_in(text, "US")
    assert len(found) == MAX_FOUND
    assert [one["start"] for one in found] == sorted(one["start"] for one in found)
    assert found[-1]["end"] < len(text[: 51 * 19])


def test_places_count_code_points() -> None:
    text = "\U0001f469\u200d\U0001f4bb \U0001f600 ada@example.com"
    (one,) = find_in(text, "US")
    assert (one["start"], one["end"]) == (6, 21)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x85g", "a\nb\nc\nd\ne\nf\ng"),
        ("  a  b\t\tc \xa0\u3000 d  ", "a b c d"),
        ("a:\n  - b   c  \n\t- d", "a:\n  - b c\n\t- d"),
        ("a\n\n\n\n b\n \n\nc", "a\n\n b\n\nc"),
        ("a\u200b\ufeff\xad\u202eb", "ab"),
        ("e\u0301", "\xe9"),
        ("e\u200b\u0301", "\xe9"),
        ("\u212b", "\xc5"),
        ("\u1100\u1161", "\uac00"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ufb2c" * 10_000, "\ufb2c" * 10_000),
    ],
)
def test_a_text_is_tidied(text: str, expected: str) -> None:
    assert tidy(text) == expected
