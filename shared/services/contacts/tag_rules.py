"""Applies a tenant's tag rules to a contact, as a part of the change that is their occasion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared.domain.contacts.record import Contact
from shared.domain.errors import RuleBroken
from shared.domain.ids import is_id
from shared.domain.tag_rules import TagRule
from shared.domain.tenant import TenantSettings

if TYPE_CHECKING:  # used only by tenants with rules
    from shared.services.labels.labelling import Labelling


class TagRules:
    """The tag rules of one tenant. `labelling` returns the service that finds tags, and creates them, for one call."""

    def __init__(self, settings: Callable[[], TenantSettings], labelling: Callable[[], Labelling]) -> None:
        self._settings = settings
        self._labelling = labelling

    def apply(
        self, contact: Contact, *, interaction: str | None = None, booking: str | None = None
    ) -> tuple[Contact, dict[str, Any]]:
        """Return a contact and the fields that the rules for an occasion change.

        The contact returned has the names of its labels if there are such rules, so that the event of the change lists
        the tags. Tags that do not fit are left out: those beyond `max_tags_per_contact`, those that are new while the
        tenant has the maximum number of tags, and ids of no tag. Costs nothing without rules for the occasion;
        otherwise one read of the stamp of the labels, unless it was read in the last second, and the creation of each
        new tag. At the tenant's maximum, one creation is tried and refused, whatever the number of names.
        """
        settings = self._settings()
        rules = settings.find_tag_rules(interaction=interaction, booking=booking)
        if not rules:
            return contact, {}
        labelling = self._labelling()
        contact = contact.with_label_names(labelling.labels)
        # Tags that were created a moment ago may have no name here. They are the last ones.
        tags: dict[str, str | None] = dict.fromkeys(contact.tag_ids)
        tags.update(zip(contact.tag_ids, contact.tags, strict=False))
        after = _apply(rules, tags, settings.max_tags_per_contact, labelling)
        if list(after) == contact.tag_ids:
            return contact, {}
        return contact, {
            "tag_ids": list(after),
            "tags": [name for name in after.values() if name is not None],
        }


def _apply(
    rules: Sequence[TagRule], before: dict[str, str | None], max_tags: int, labelling: Labelling
) -> dict[str, str | None]:
    """Return the names of a contact's tags by id after `rules`."""
    tags = dict(before)
    may_create = True
    for rule in rules:
        for removed in labelling.known("tag", rule.remove):
            tags.pop(removed.id, None)
        for name in rule.add:
            known = labelling.known("tag", [name])
            if len(tags) >= max_tags and not (known and known[0].id in tags):
                continue
            if not known:
                if is_id(name) or not may_create:
                    continue
                try:
                    known = labelling.tags([name])
                except RuleBroken:  # the tenant has the maximum number of tags
                    may_create = False
                    continue
            tags[known[0].id] = known[0].name
    return tags
