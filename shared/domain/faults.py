"""The faults of an input as sentences a person can act on, in place of the messages of pydantic.

Loaded only after a refusal, so that an accepted call does not pay for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from shared.domain.errors import FieldError, Invalid
from shared.domain.field_names import nearest
from shared.domain.text import PATTERNS

MAX_SHOWN = 20
"""How many faults one refusal lists."""
MAX_NAMED = 8
"""How many known names the refusal of an unknown name lists. Longer lists are in the documentation."""
MAX_FIELD = 200
"""Characters of the path of a field; longer paths are cut."""

_ALL_AT_ONCE = 200
"""How many findings of pydantic are converted to objects at once."""

Context = Mapping[str, Any]
Path = tuple[int | str, ...]

_UNUSABLE = "This value cannot be used here."


def _at_least(context: Context) -> str:
    least = context["min_length"]
    return "Give at least one entry." if least == 1 else f"Give at least {least:,} entries."


def _shortest(context: Context) -> str:
    least = context["min_length"]
    return "This must not be empty." if least == 1 else f"This must have at least {least:,} characters."


def _pattern(context: Context) -> str:
    return PATTERNS.get(context["pattern"], "This has a character that is not allowed here.")


def _choice(context: Context) -> str:
    return f"This must be {context['expected']}.".replace("'", "`")


def _of_validator(context: Context) -> str:
    text = str(context["error"]).strip()
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else _UNUSABLE


_WHOLE = "This must be a whole number."
_NUMBER = "This must be a number."
_BOOLEAN = "This must be `true` or `false`."
_STRING = "This must be a string."
_OBJECT = "This must be an object with named members."
_TIME = "This must be a time with its offset from UTC, such as 2026-05-04T09:30:00Z."
_DATE = "This must be a date, such as 2026-05-04."

SENTENCES: dict[str, str | Callable[[Context], str]] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such name here.",
    "none_required": "This must be null or left out.",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
    "invalid_key": "A name must be a string.",
    "list_type": "This must be a list.",
    "tuple_type": "This must be a list.",
    "set_type": "This must be a list.",
    "iterable_type": "This must be a list.",
    "too_short": _at_least,
    "too_long": lambda context: f"This has at most {context['max_length']:,} entries.",
    "string_type": _STRING,
    "string_sub_type": _STRING,
    "string_unicode": "This must be text in Unicode.",
    "string_not_ascii": "This must contain only ASCII characters.",
    "string_too_short": _shortest,
    "string_too_long": lambda context: f"This has at most {context['max_length']:,} characters.",
    "string_pattern_mismatch": _pattern,
    "enum": _choice,
    "literal_error": _choice,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "This number has too many digits.",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": "This must be a finite number.",
    "greater_than": lambda context: f"This must be more than {context['gt']:,}.",
    "greater_than_equal": lambda context: f"This must be {context['ge']:,} or more.",
    "less_than": lambda context: f"This must be less than {context['lt']:,}.",
    "less_than_equal": lambda context: f"This must be {context['le']:,} or less.",
    "multiple_of": lambda context: f"This must be a multiple of {context['multiple_of']}.",
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _TIME,
    "timezone_naive": "This must be a time without an offset.",
    "timezone_offset": _TIME,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "uuid_type": "This must be an id.",
    "uuid_parsing": "This must be an id.",
    "value_error": _of_validator,
    "assertion_error": _of_validator,
}
"""A sentence, or a function that makes one from the context of the error, for each error type of pydantic that the
models of this API can produce. The type is the `code` of the fault, so it is part of the API."""


def faults_of(
    error: ValidationError, model: type[BaseModel], most: int = MAX_SHOWN
) -> tuple[FieldError, ...]:
    """Return the first `most` faults that pydantic found in the input of a `model`.

    `field` is the path in the input, such as `other_phones.0.number`, and empty for the input as a whole. No fault
    repeats a value.
    """
    found = _first(error, most)
    return tuple(
        FieldError(
            _join_path(one["loc"]), one["type"], sentence_of(one["type"], one.get("ctx") or {}, one["msg"])
        )
        if one["type"] != "extra_forbidden"
        else _unknown_name(one["loc"], model)
        for one in found
    )


def _first(error: ValidationError, most: int) -> list[dict[str, Any]]:
    """Return the first `most` findings of pydantic, at a cost that hardly grows with the number of the others.

    A body of a megabyte can have a hundred thousand faults, and pydantic makes objects of all of them or of none. So
    many are taken as JSON text, of which only the beginning is parsed.
    """
    if error.error_count() <= _ALL_AT_ONCE:
        return [dict(one) for one in error.errors(include_url=False, include_input=False)[:most]]
    text = error.json(include_url=False, include_input=False)
    found: list[dict[str, Any]] = []
    read, at = json.JSONDecoder().raw_decode, 1  # after the bracket of the list
    while len(found) < most:
        one, at = read(text, at)
        found.append({**one, "loc": tuple(one["loc"])})
        at += 1  # after the comma
    return found


def sentence_of(kind: str, context: Context, message: str) -> str:
    """Return the sentence for an error of a `kind`. `message` is used for the kinds of our own validators."""
    sentence = SENTENCES.get(kind)
    if sentence is None:
        from pydantic_core.core_schema import ErrorType

        return _UNUSABLE if kind in get_args(ErrorType) else message
    return sentence if isinstance(sentence, str) else sentence(context)


def json_fault(error: ValidationError) -> str | None:
    """Return the fault of a text that is not JSON, or None if it is JSON."""
    if error.error_count() > 1:  # a text that cannot be parsed has only this fault
        return None
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] not in ("json_invalid", "json_type"):
        return None
    place = re.search(r"line \d+ column \d+", str((first.get("ctx") or {}).get("error", "")))
    return f"The body is not valid JSON{f' ({place[0]})'.replace(' column', ', column') if place else ''}."


def add_further(
    found: tuple[FieldError, ...], others: Callable[[], Iterable[FieldError]], most: int = MAX_SHOWN
) -> tuple[FieldError, ...]:
    """Return the faults `found` and those of `others` at other paths, at most `most`. `others` is called only if there
    are fewer than that.

    Faults at or below a path that has a fault already are consequences of that fault, and left out.
    """
    if len(found) >= most:
        return found[:most]
    taken = tuple(one.field for one in found)
    new = (
        one for one in others() if not any(one.field == at or one.field.startswith(f"{at}.") for at in taken)
    )
    return (*found, *new)[:most]


def refusal_of(faults: tuple[FieldError, ...]) -> Invalid:
    """Return the refusal that lists `faults`, which must not be empty. Its detail is the first one."""
    first = faults[0]
    return Invalid(f"{first.field or 'body'}: {first.message}", errors=faults)


def collect_faults(*checks: Callable[[], object]) -> tuple[FieldError, ...]:
    """Run all `checks` and return the faults that they raise as Invalid."""
    faults: list[FieldError] = []
    for check in checks:
        try:
            check()
        except Invalid as error:
            faults += error.errors
    return tuple(faults)


def _join_path(path: Path) -> str:
    return ".".join(str(part) for part in path if part != "[key]")[:MAX_FIELD]


def _unknown_name(path: Path, model: type[BaseModel]) -> FieldError:
    holder = _model_at(model, path[:-1])
    known = [field.alias or name for name, field in holder.model_fields.items()] if holder else []
    meant = nearest(str(path[-1]), known)
    message = str(SENTENCES["extra_forbidden"])
    elsewhere: Mapping[str, str] = getattr(holder, "set_elsewhere", {})
    if (hint := elsewhere.get(str(path[-1]))) is not None:
        message += f" {hint}"
    elif meant is not None:
        message += f" Did you mean `{meant}`?"
    elif 0 < len(known) <= MAX_NAMED:
        message += f" The names here are {', '.join(sorted(known))}."
    return FieldError(_join_path(path), "extra_forbidden", message)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model of the object at a path, or None if no model describes it."""
    at: Any = model
    for part in path:
        if isinstance(part, int):
            at = next((one for one in _alternatives(at) if getattr(one, "__origin__", None) is list), None)
            at = get_args(at)[0] if at is not None else None
        else:
            holder = _model_of(at)
            at = holder.model_fields[part].annotation if holder and part in holder.model_fields else None
    return _model_of(at)


def _model_of(annotation: Any) -> type[BaseModel] | None:
    return next(
        (one for one in _alternatives(annotation) if isinstance(one, type) and issubclass(one, BaseModel)),
        None,
    )


def _alternatives(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation without their metadata."""
    if hasattr(annotation, "__metadata__"):
        return _alternatives(annotation.__origin__)
    if isinstance(annotation, type) or getattr(annotation, "__origin__", None) in (list, dict):
        return [annotation]
    return [one for part in get_args(annotation) for one in _alternatives(part)]
