"""Rules of the domain as pydantic validators, so that one refusal lists their findings together with those of form."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from shared.domain.characters import comparable
from shared.domain.errors import Invalid


def validated_by(rule: Callable[[str], object]) -> AfterValidator:
    """Return a validator that refuses a value if `rule` raises Invalid, with the code and message of the rule.

    The value is not changed. The refusal names the field by its path in the input, not by the name in the rule.
    """

    def validate(value: str) -> str:
        try:
            rule(value)
        except Invalid as refused:
            first = refused.errors[0]
            # The message is a value of the template, so that braces in it are not placeholders.
            raise PydanticCustomError(first.code, "{message}", {"message": first.message}) from refused
        return value

    return AfterValidator(validate)


def unless_blank(rule: Callable[[str], object]) -> Callable[[str], object]:
    """Return `rule` for values that are not blank: an optional field may be empty or have only invisible characters."""
    return lambda value: rule(value) if comparable(value) else None
