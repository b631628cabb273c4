"""From a contact's fields with the names of labels to fields with their ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from shared.domain.contacts.fields import ContactFields, LabelledFields
from shared.domain.errors import Invalid
from shared.domain.labels.record import Label
from shared.services.labels.labelling import Labelling


def label_fields(fields: ContactFields, labelling: Labelling) -> LabelledFields:
    """Return a contact's fields with the ids of the labels they name, and with the names as the labels spell them. A
    tag that does not exist is created.

    Raises Invalid for types and groups that do not exist and for dynamic groups, RuleBroken when the tenant has too
    many tags.
    """
    labelled = cast("LabelledFields", dict(fields))
    refusals: list[Invalid] = []
    if "types" in fields:
        try:
            types = labelling.types(fields["types"])
        except Invalid as refusal:
            refusals.append(refusal)
        else:
            labelled["type_ids"], labelled["types"] = _distinct(types)
    if "groups" in fields:
        try:
            groups = labelling.static_groups(fields["groups"], "groups")
        except Invalid as refusal:
            refusals.append(refusal)
        else:
            labelled["group_ids"], labelled["groups"] = _distinct(groups)
    if refusals:
        errors = tuple(error for refusal in refusals for error in refusal.errors)
        raise Invalid(f"{errors[0].field}: {errors[0].message}", errors=errors)
    if "tags" in fields:  # last, since tags are created
        labelled["tag_ids"], labelled["tags"] = _distinct(labelling.tags(fields["tags"]))
    return labelled


def _distinct(labels: Iterable[Label]) -> tuple[list[str], list[str]]:
    """Return the ids and the names of labels, each label once: a caller may give both its name and its id."""
    found = {label.id: label.name for label in labels}
    return list(found), list(found.values())
