"""Texts that the API accepts as they are, found without asking its models.

Most cells hold such texts. The models of the API take several times as long, and are asked about all others.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from pydantic import StringConstraints

from shared.domain.characters import one_line
from shared.domain.contacts.fields import SETTABLE
from shared.domain.contacts.status import LifecycleStage, RelationshipStatus
from shared.domain.text import GroupName, LabelName

_FEW = 10
"""The most names of labels that are compared here: fewer than any limit of a field."""
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "relationship_status": get_args(RelationshipStatus),
    "lifecycle_stage": get_args(LifecycleStage),
}


def is_accepted(field: str, value: Any) -> bool:
    """Return whether a value of a field, with which a contact is created, is stored as it is.

    False says nothing: the models of the API have to be asked.
    """
    if field in _LONGEST:
        return _is_plain(value, _LONGEST[field])
    if field in _LONGEST_NAMES:
        longest = _LONGEST_NAMES[field]
        names = {
            " ".join(name.split()).casefold()
            for name in value
            if _is_plain(name, longest) and "," not in name
        }
        return 0 < len(names) == len(value) <= _FEW and all(map(str.isascii, names))
    return value in _WORDS.get(field, ())


def _is_plain(text: str, longest: int) -> bool:
    if not (text and len(text) <= longest and text.isprintable()):
        return False
    return text == text.strip() if text.isascii() else text == one_line(text)


def _longest(kind: Any) -> int | None:
    """Return the length of the longest text of a kind, or None if it is no kind of text."""
    limits = (
        one.max_length for one in getattr(kind, "__metadata__", ()) if isinstance(one, StringConstraints)
    )
    return next(limits, None)


_LONGEST: Final[dict[str, int]] = {
    name: longest
    for name, how in SETTABLE.items()
    if name != "email" and (longest := _longest(how.type)) is not None
}
_LONGEST_NAMES: Final[dict[str, int]] = {
    "tags": _longest(LabelName) or 0,
    "types": _longest(LabelName) or 0,
    "groups": _longest(GroupName) or 0,
}
