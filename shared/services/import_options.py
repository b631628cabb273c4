"""The check of the options of imports against what the tenant has."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.errors import FieldError, Invalid
from shared.domain.import_options import ImportOptions
from shared.domain.tenant import TenantSettings
from shared.services.labels.labelling import Labelling


def check_options(
    options: ImportOptions,
    settings: TenantSettings,
    labelling: Labelling,
    is_active_user: Callable[[str], bool],
    *,
    field: str,
) -> None:
    """Check that the owner is an active user, that contacts may have so many tags, and that the groups are static
    groups of the tenant.

    `field`: the name of the options in the request. Raises Invalid, naming each option at fault.
    """
    errors: list[FieldError] = []
    if options.owner_id is not None and not is_active_user(options.owner_id):
        errors.append(
            FieldError(f"{field}.owner_id", "unknown_owner", "This is not the id of an active user.")
        )
    limit = settings.max_tags_per_contact
    if len(options.tags) > limit:
        errors.append(FieldError(f"{field}.tags", "too_many_tags", f"A contact has at most {limit} tags."))
    if options.groups:
        try:
            labelling.static_groups(options.groups, f"{field}.groups")
        except Invalid as refusal:
            errors += refusal.errors
    if errors:
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=tuple(errors))
