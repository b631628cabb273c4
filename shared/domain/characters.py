"""Characters that show nothing, and what becomes of them in a text.

Control and format characters that show nothing are removed: they make two texts differ that look alike. Some of them
do show, by what they make of their neighbours, and stay there: joiners in Persian and Indic words and between emoji,
variation selectors behind a symbol or an ideograph, the tags of a flag. The sets follow the Unicode Character
Database: the general categories Cc and Cf and the property Default_Ignorable_Code_Point (Unicode 15.1).

NUL is not removed. It is in no text that a person typed, so the fields refuse it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Printable for `str.isprintable`, and yet nothing to be seen: fillers, variation selectors, blank symbols.
_BLANK = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef"
)
_SPACES = "\u2800\U00013441\U00013442\U0001d159"
"""Symbols as blank as a space, and as wide."""
_NEVER = (
    "\x01-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00016fe4\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
"""The characters that show nothing wherever they stand."""
_AT_TIMES = "\u115f\u1160\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
"""The characters that show between certain neighbours alone."""
_BREAKS = "\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029"

_BLACK_FLAG, _CANCEL_TAG, _KEYCAP = "\U0001f3f4", "\U000e007f", "\u20e3"
_VIRAMA = 9
"""The canonical combining class of the signs that take a consonant's vowel away."""


@cache
def _pattern(of: str) -> re.Pattern[str]:
    # Made at first use: most texts need none of them, and a cold start is short of time.
    return re.compile(of)


def one_line(text: str) -> str:
    """A text without what shows nothing, as one line: a line break or tab, with the spaces around it, is a space.

    Space at the ends is removed.
    """
    if _is_plain(text):
        return text.strip()
    parts = _pattern(f"[{_BREAKS}]").split(text)
    return _visible(" ".join(bare for part in parts if (bare := part.strip(" ")))).strip()


def several_lines(text: str) -> str:
    """A text without what shows nothing; line breaks and tabs stay, a form feed is a line break.

    Space at the ends is removed.
    """
    if _is_plain(text):
        return text.strip()
    return _visible(_pattern("[\x0b\x0c\x85]").sub("\n", text)).strip()


def comparable(text: str) -> str:
    """A text as it is compared with others that look like it: nothing invisible at all, white space single spaces."""
    if not _is_plain(text):
        text = _pattern(f"[{_NEVER}{_AT_TIMES}]").sub("", one_line(text))
    return " ".join(text.split())


def _is_plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _pattern(f"[{_BLANK}]").search(text))


def _visible(text: str) -> str:
    shown = _pattern(f"[{_NEVER}]").sub("", _pattern(f"[{_SPACES}]").sub(" ", text))
    return _pattern(f"[{_AT_TIMES}]+").sub(_shown_between, shown)


def _shown_between(found: re.Match[str]) -> str:
    """Which of a run of characters that show at times do show, between the two that it stands between."""
    text, run = found.string, found.group()
    before = text[found.start() - 1] if found.start() else " "
    after = text[found.end()] if found.end() < len(text) else " "
    if before == _BLACK_FLAG and run.endswith(_CANCEL_TAG):
        return run if all("\U000e0020" <= tag <= _CANCEL_TAG for tag in run) else ""
    kept = ""
    for number, character in enumerate(run):
        following = run[number + 1] if number + 1 < len(run) else after
        if character in "\u200c\u200d":
            shows = kept[-1:] not in ("\u200c", "\u200d") and _joins(before, after)
        elif character in "\u115f\u1160":
            shows = _is_filled(character, kept[-1:] or before, following)
        else:
            shows = not kept and _varies(character, before, following)
        if shows:
            kept += character
    return kept


def _joins(before: str, after: str) -> bool:
    """Whether a joiner changes what its neighbours look like."""
    return unicodedata.combining(before) == _VIRAMA or (_is_joined(before) and _is_joined(after))


def _is_joined(letter: str) -> bool:
    # Latin, Greek and Cyrillic letters stand alone. Symbols are emoji.
    return (
        letter >= "\u0530"
        and not "\u1e00" <= letter <= "\u1fff"
        and unicodedata.category(letter)[0] in ("L", "M", "N", "S")
    )


def _varies(selector: str, base: str, after: str) -> bool:
    """Whether a variation selector means something behind a character."""
    kind = unicodedata.category(base)[0]
    if "\u180b" <= selector <= "\u180f":
        return "\u1800" <= base <= "\u18af" and (selector != "\u180e" or "\u1800" <= after <= "\u18af")
    if selector in "\ufe0e\ufe0f":
        if base in "0123456789#*":
            return after == _KEYCAP
        return base in "©®" or (base >= "\u2000" and kind in ("S", "P"))
    return selector >= "\ufe00" and base >= "\u1000" and kind in ("L", "N", "S")


def _is_filled(filler: str, before: str, after: str) -> bool:
    """Whether a filler of Hangul stands for the missing part of a syllable."""
    if filler == "\u115f":
        return "\u1161" <= after <= "\u11a7"
    return "\u1100" <= before <= "\u115e"
