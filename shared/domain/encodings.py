"""The encodings of text files, by the names that users give them."""

from __future__ import annotations

CODECS: dict[str, str] = {
    "utf-8": "utf-8",
    **{name: name for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")},
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    "iso-8859-1": "cp1252",
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in (*range(2, 9), 10, 13, 14, 15, 16)},
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    **{
        f"mac-{kind}": f"mac-{kind}"
        for kind in ("roman", "latin2", "cyrillic", "greek", "turkish", "iceland")
    },
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852, 866)},
    "shift-jis": "cp932",
    "cp932": "cp932",
    "euc-jp": "euc-jp",
    "iso-2022-jp": "iso2022-jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "cp950",
    "cp950": "cp950",
    "big5-hkscs": "big5hkscs",
    "euc-kr": "cp949",
    "cp949": "cp949",
}
"""The encodings that a file may have, and Python's codec for each. As in the WHATWG Encoding Standard, an encoding
whose name programs use for a superset of it has the codec of the superset."""
ENCODINGS = tuple(CODECS)

_ALIASES = {
    "utf8sig": "utf-8", "utf8bom": "utf-8", "unicode": "utf-16", "ucs2": "utf-16", "ucs4": "utf-32",
    "ascii": "windows-1252", "usascii": "windows-1252", "ansi": "windows-1252",
    "latin1": "iso-8859-1", "l1": "iso-8859-1", "latin2": "iso-8859-2", "latin3": "iso-8859-3", "latin4": "iso-8859-4",
    "latin5": "iso-8859-9", "latin6": "iso-8859-10", "latin9": "iso-8859-15", "koi8": "koi8-r",
    "macintosh": "mac-roman", "mac": "mac-roman", "xmacroman": "mac-roman", "xmacce": "mac-latin2",
    "xmaccyrillic": "mac-cyrillic", "xmacgreek": "mac-greek", "xmacturkish": "mac-turkish",
    "sjis": "shift-jis", "windows31j": "cp932", "ms932": "cp932", "mskanji": "cp932", "ujis": "euc-jp",
    "cp936": "gbk", "ms936": "gbk", "euccn": "gb2312", "uhc": "cp949", "ms949": "cp949",
    **{f"{kind}{number}": f"windows-{number}" for kind in ("cp", "win") for number in (874, *range(1250, 1259))},
    **{f"{kind}{number}": f"cp{number}" for kind in ("ibm", "dos") for number in (437, 850, 852, 866)},
}  # fmt: skip


def _bare(name: str) -> str:
    return "".join(character for character in name.lower() if character.isascii() and character.isalnum())


_NAMES = {_bare(name): name for name in ENCODINGS} | _ALIASES


def encoding_name(given: str) -> str | None:
    """Return the name in ENCODINGS of an encoding that a caller names in any usual way, such as `Shift_JIS`, `cp1251`
    or `Latin-1`; None for any other text."""
    return _NAMES.get(_bare(given))
