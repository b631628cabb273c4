"""The settings of a tenant by which the rows of an import are read and planned."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, replace

from shared.domain.tenant import TenantSettings, UniqueScope


@dataclass(frozen=True, slots=True)
class RowSettings:
    """The tenant's settings at the start of an attempt. Chunks are worked on minutes or days later; rows of one file
    are read and planned by the same settings nevertheless. The default country is kept with the import's options.
    """

    require_email: bool = True
    unique_scope: UniqueScope = "tenant"
    auto_clean_phone_numbers: bool = True
    max_tags_per_contact: int = 10

    @classmethod
    def of(cls, settings: TenantSettings) -> RowSettings:
        """Return these settings of a tenant as they are."""
        return cls(
            require_email=settings.require_email,
            unique_scope=settings.unique_scope,
            auto_clean_phone_numbers=settings.auto_clean_phone_numbers,
            max_tags_per_contact=settings.max_tags_per_contact,
        )

    def over(self, settings: TenantSettings, *, default_country: str | None) -> TenantSettings:
        """Return the settings of a tenant with these in the place of what they are now."""
        country = default_country or settings.default_country
        return replace(settings, default_country=country, **asdict(self))

    def to_json(self) -> str:
        """Return the settings as text: short, since the record of most imports has less than a kilobyte with them."""
        return json.dumps(astuple(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> RowSettings:
        """Return the settings of a text that `to_json` returned."""
        return cls(*json.loads(text))
