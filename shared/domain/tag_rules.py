"""The rules by which a tenant's contacts get and lose tags when something happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_RULES = 50
"""The maximum number of a tenant's rules."""
MAX_NAMES = 10
"""The maximum number of tags that one rule adds, and that it removes."""
MAX_NAMES_TOGETHER = 200
"""The maximum number of names in all rules of a tenant. They are part of the tenant's record, which every process reads
often: with this many names of usual length, the rules have about 5 kB.
"""
MAX_BYTES_TOGETHER = 10_000
"""The maximum size of the names in all rules of a tenant, in bytes of UTF-8: MAX_NAMES_TOGETHER names of 50 ASCII
characters, the longest that a tag has.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTrigger:
    """The occasion of a rule: a caller records an interaction of a type, or a booking event leaves its booking in a
    state. The other one is None.
    """

    interaction: str | None = None
    booking: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRule:
    """A rule: on an occasion, it adds tags to the contact and removes tags from it. Tags are named by name or id."""

    on: TagTrigger
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> TagRule:
        """Return a rule from its members, as `dataclasses.asdict` returns them."""
        return cls(
            on=TagTrigger(**values["on"]),
            add=tuple(values.get("add", ())),
            remove=tuple(values.get("remove", ())),
        )
