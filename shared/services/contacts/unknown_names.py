"""Names in an input for a contact that do not exist, for refusals of all faults at once.

Loaded only after something was refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.domain.contacts.fields import MAX_GROUPS, MAX_TYPES
from shared.domain.errors import FieldError
from shared.domain.faults import collect_faults
from shared.services.labels.labelling import Labelling


def find_unknown_names(
    given: dict[str, Any], labelling: Labelling, check_owner: Callable[[str], None] | None
) -> tuple[FieldError, ...]:
    """The types, groups and users that `given` names and that there are not. Nobody has checked its form.

    `check_owner` raises Invalid for who can own no contact; None where nobody is to be asked about.
    """

    def names(field: str, most: int) -> list[str]:
        value = given.get(field)
        # A placeholder, which is no name, keeps the places of the others.
        return (
            [one if isinstance(one, str) else "" for one in value[:most]] if isinstance(value, list) else []
        )

    def owner() -> None:
        owner_id = given.get("owner_id")
        if check_owner is not None and isinstance(owner_id, str):
            check_owner(owner_id)

    return collect_faults(
        lambda: labelling.types(names("types", MAX_TYPES)),
        lambda: labelling.static_groups(names("groups", MAX_GROUPS), "groups"),
        owner,
    )
