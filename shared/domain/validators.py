"""Rules of the domain as validators of pydantic's, so that a refusal lists their findings beside those of form."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.domain.characters import comparable
from shared.domain.errors import Invalid


def validated_by(rule: Callable[[str], object]) -> AfterValidator:
    """A validator that refuses what `rule` raises Invalid for, in the rule's code and words, and changes nothing.

    The rule's own name for the field is dropped: the field's place in the input is what the refusal names.
    """

    def follow(value: str) -> str:
        try:
            rule(value)
        except Invalid as refused:
            first = refused.errors[0]
            # As a value of the template: braces in a message are no placeholders.
            raise PydanticCustomError(first.code, "{message}", {"message": first.message}) from refused
        return value

    return AfterValidator(follow)


def unless_blank(rule: Callable[[str], object]) -> Callable[[str], object]:
    """`rule`, for what is not blank: an optional field may be sent empty, or with nothing that shows."""
    return lambda value: rule(value) if comparable(value) else None
