"""The tidied form of a note's text."""

from __future__ import annotations

import re
import unicodedata

from shared.domain.characters import several_lines
from shared.domain.text import MAX_LONG_TEXT

_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")
_SPACES = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_EMPTY_LINES = re.compile("\n{3,}")


def tidy(text: str) -> str:
    """Return a text in Unicode NFC, without invisible characters, with line feeds as its only line ends and with
    single spaces.

    Indentation is kept; white space at the end of a line and all but one of successive empty lines are removed. A text
    that NFC would make longer than the limit of texts is not composed. The result of tidying a tidied text is the same
    text.
    """
    shown = several_lines(_LINE_ENDS.sub("\n", text))
    composed = unicodedata.normalize("NFC", shown)
    if len(composed) > MAX_LONG_TEXT:
        composed = shown
    lines = "\n".join(map(_tidy_line, composed.split("\n")))
    return _EMPTY_LINES.sub("\n\n", lines).strip()


def _tidy_line(line: str) -> str:
    content = line.strip()
    if not content:
        return ""
    indentation = line[: len(line) - len(line.lstrip())]
    return "".join(one if one in " \t" else " " for one in indentation) + _SPACES.sub(" ", content)
