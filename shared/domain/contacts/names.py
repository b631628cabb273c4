"""First and last name from a full name."""

from __future__ import annotations

from shared.domain.characters import one_line

MAX_LENGTH = 100
"""Characters of a first or last name."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words(
    "dr drs dra prof profa mr mrs ms miss mx sir dame lord lady rev hon herr frau mme mlle sr sra srta señor señora "
    "dott dottssa ing mag dipl-ing"
)
"""Titles that precede a first name."""
_PARTICLES = _words(
    "van von vom zu zum zur der den ter ten te de del della delle dei degli di da do dos das du des la le los las lo "
    "al el bin bint ibn ben af av"
)
"""Particles with which a last name begins, in lower case."""
_SUFFIXES = _words(
    "jr sr jnr snr ii iii iv phd md mdphd dds dmd dvm esq cpa mba msc bsc rn jd llm cfa pe obe mbe cbe "
    "junior senior"
)
"""Suffixes that follow a last name after a comma."""
_COMPANIES = _words(
    "inc incorporated llc llp lp ltd limited corp corporation co company plc pty gmbh mbh ag kg kgaa ohg ug ev eg sa "
    "sas sarl srl spa sl bv nv ab as asa oy oyj aps kft doo sro zrt spzoo"
)
"""The last word of a company's name."""

_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“”", "‘": "’"}
"""Quotation marks, and those that close them."""
_ENDS = "\"'“”’"


def split_name(full_name: str) -> tuple[str, str]:
    """Return the first and last name in a full name, each cut to a hundred characters.

    The first name is the first word, or everything before a particle, together with a title: `Dr. Ada Lovelace`
    returns ("Dr. Ada", "Lovelace"), `Johann Wolfgang von Goethe` ("Johann Wolfgang", "von Goethe"). `Lovelace, Ada`
    is reversed. A suffix after a comma stays with the last name: `King, Martin, Jr.` returns ("Martin", "King, Jr.").
    The name of a company is not split: `Acme, Inc.` returns ("Acme, Inc.", "").
    """
    text = " ".join(_unquoted(one_line(full_name.replace("\0", " "))).split())
    parts = [
        part for piece in text.replace("，", ",").replace("،", ",").split(",") if (part := piece.strip())
    ]
    if not parts:
        return "", ""
    if len(parts) > 1 and any(_is_company(part.split()[-1]) for part in parts[1:]):
        return ", ".join(parts)[:MAX_LENGTH], ""
    names = [parts[0], *(part for part in parts[1:] if not is_suffix(part))]
    suffixes = [part for part in parts[1:] if is_suffix(part)]
    if len(names) > 1:
        first, last = ", ".join(names[1:]), names[0]
    else:
        first, last = _split_words(names[0].split())
    if last:
        last = ", ".join([last, *suffixes])
    else:
        first = ", ".join([first, *suffixes])
    return first[:MAX_LENGTH].strip(), last[:MAX_LENGTH].strip()


def _unquoted(text: str) -> str:
    """Return a text without quotation marks around the whole of it. Those around a part of it are kept."""
    bare = text.strip()
    while len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES[bare[0]]:
        inner = bare[1:-1]
        if any(mark in inner for mark in (bare[0], bare[-1])) and not (
            inner[:1] in _QUOTES and inner[-1:] in _ENDS
        ):
            break
        bare = inner.strip()
    return "" if not bare.strip(_ENDS + "".join(_QUOTES)) else bare


def is_title(text: str) -> bool:
    """Return whether a text is only titles that precede a first name, such as `Dr.` or `Herr Prof.`."""
    words = text.split()
    return bool(words) and all(_normalize(word) in _TITLES for word in words)


def is_suffix(word: str) -> bool:
    """Return whether a word follows a last name without being a part of it, such as `Jr.` or `PhD`."""
    return _normalize(word) in _SUFFIXES


def is_legal_form(word: str) -> bool:
    """Return whether a word at the end of a company's name is its legal form, such as `Ltd` or `GmbH`."""
    return _normalize(word) in _COMPANIES


def _split_words(words: list[str]) -> tuple[str, str]:
    start = 0
    while start < len(words) - 1 and _normalize(words[start]) in _TITLES:
        start += 1
    if start == len(words) - 1:  # one word, with or without a title
        return (" ".join(words[:start]), words[start]) if start else (words[0], "")
    if words[start] in _PARTICLES:  # only a last name
        return (" ".join(words[:start]), " ".join(words[start:])) if start else (" ".join(words), "")
    particle = next((at for at in range(start + 1, len(words) - 1) if words[at] in _PARTICLES), start + 1)
    return " ".join(words[:particle]), " ".join(words[particle:])


def _is_company(word: str) -> bool:
    # Short ones may be names: `Kim, Sa`.
    plain = _normalize(word)
    return plain in _COMPANIES and (len(plain) > 2 or word.isupper() or "." in word)


def _normalize(word: str) -> str:
    return word.replace(".", "").replace(" ", "").casefold()
