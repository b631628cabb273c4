"""Finds labels and users named in an input that do not exist, so that an error lists all faults at once.

Loaded only after an input was refused.
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
    """Return a fault for each type, group and user that `given` names and that does not exist.

    The form of `given` has not been checked. `check_owner` raises Invalid for a user who may not own contacts; None if
    the owner is not to be checked.
    """

    def names(field: str, most: int) -> list[str]:
        value = given.get(field)
        # An empty string, which is no name, keeps the positions of the others.
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
