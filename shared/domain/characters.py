"""Invisible characters, and their removal from texts.

Invisible control and format characters are removed, because with them two texts that look the same differ. Some have a
visible effect on their neighbours, and are kept there: joiners in Persian and Indic words and between emoji, variation
selectors after a symbol or an ideograph, the tags of a flag. The sets follow the Unicode Character Database: the
general categories Cc and Cf and the property Default_Ignorable_Code_Point (Unicode 15.1).

NUL is not removed. It is never typed, so the fields refuse it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Printable according to `str.isprintable` but invisible: fillers, variation selectors, blank symbols.
_BLANK = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef"
)
_SPACES = "\u2800\U00013441\U00013442\U0001d159"
"""Symbols that look like a space."""
_NEVER = (
    "\x01-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u17b4\u17b5\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00016fe4\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
)
"""Characters that are always invisible."""
_SOMETIMES = "\u115f\u1160\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
"""Characters that have an effect only between certain neighbours."""
_BREAKS = "\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029"

_BLACK_FLAG, _CANCEL_TAG, _KEYCAP = "\U0001f3f4", "\U000e007f", "\u20e3"
_VIRAMA = 9
"""The canonical combining class of signs that remove the vowel of a consonant."""


@cache
def _pattern(of: str) -> re.Pattern[str]:
    # Compiled at first use: most texts need none of them, and compiling would slow down the cold start.
    return re.compile(of)


def one_line(text: str) -> str:
    """Return a text as one line without invisible characters. A line break or tab, with the spaces around it, becomes a
    space; white space at the ends is removed.
    """
    if _is_plain(text):
        return text.strip()
    parts = _pattern(f"[{_BREAKS}]").split(text)
    return _remove_invisible(" ".join(bare for part in parts if (bare := part.strip(" ")))).strip()


def several_lines(text: str) -> str:
    """Return a text without invisible characters. Line breaks and tabs are kept, a form feed becomes a line break;
    white space at the ends is removed.
    """
    if _is_plain(text):
        return text.strip()
    return _remove_invisible(_pattern("[\x0b\x0c\x85]").sub("\n", text)).strip()


def comparable(text: str) -> str:
    """Return a text in the form in which look-alikes are equal: without any invisible character, with single spaces."""
    if not _is_plain(text):
        text = _pattern(f"[{_NEVER}{_SOMETIMES}]").sub("", one_line(text))
    return " ".join(text.split())


def _is_plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not _pattern(f"[{_BLANK}]").search(text))


def _remove_invisible(text: str) -> str:
    shown = _pattern(f"[{_NEVER}]").sub("", _pattern(f"[{_SPACES}]").sub(" ", text))
    return _pattern(f"[{_SOMETIMES}]+").sub(_keep_effective, shown)


def _keep_effective(found: re.Match[str]) -> str:
    """Return those characters of a run of sometimes visible ones that have an effect between their neighbours."""
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
    """Return whether a joiner changes how its neighbours look."""
    return unicodedata.combining(before) == _VIRAMA or (_is_joined(before) and _is_joined(after))


def _is_joined(letter: str) -> bool:
    # Latin, Greek and Cyrillic letters do not join. Symbols are emoji.
    return (
        letter >= "\u0530"
        and not "\u1e00" <= letter <= "\u1fff"
        and unicodedata.category(letter)[0] in ("L", "M", "N", "S")
    )


def _varies(selector: str, base: str, after: str) -> bool:
    """Return whether a variation selector has an effect after a character."""
    kind = unicodedata.category(base)[0]
    if "\u180b" <= selector <= "\u180f":
        return "\u1800" <= base <= "\u18af" and (selector != "\u180e" or "\u1800" <= after <= "\u18af")
    if selector in "\ufe0e\ufe0f":
        if base in "0123456789#*":
            return after == _KEYCAP
        return base in "©®" or (base >= "\u2000" and kind in ("S", "P"))
    return selector >= "\ufe00" and base >= "\u1000" and kind in ("L", "N", "S")


def _is_filled(filler: str, before: str, after: str) -> bool:
    """Return whether a Hangul filler replaces the missing part of a syllable."""
    if filler == "\u115f":
        return "\u1161" <= after <= "\u11a7"
    return "\u1100" <= before <= "\u115e"
