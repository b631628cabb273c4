"""Lambda's event filtering, as far as the event source mappings here use it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Pattern = dict[str, Any]


def passes(record: dict[str, Any], patterns: Iterable[Pattern]) -> bool:
    """Whether one of the patterns matches the event, or there is no pattern.

    >>> passes({"eventName": "INSERT"}, [{"eventName": ["INSERT", "MODIFY"]}])
    True
    """
    alternatives = list(patterns)
    return not alternatives or any(_fits(record, pattern) for pattern in alternatives)


def _fits(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        if "$or" in pattern:
            rest = {name: entry for name, entry in pattern.items() if name != "$or"}
            return _fits(value, rest) and any(_fits(value, choice) for choice in pattern["$or"])
        known = value if isinstance(value, dict) else {}
        return all(_member_fits(known, name, entry) for name, entry in pattern.items())
    raise ValueError(f"a filter's leaf must be a list: {pattern!r}")


def _member_fits(known: dict[str, Any], name: str, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return _fits(known.get(name), pattern)
    return any(_rule_fits(name in known, known.get(name), rule) for rule in pattern)


def _rule_fits(present: bool, value: Any, rule: Any) -> bool:
    if not isinstance(rule, dict):
        return present and value == rule and type(value) is type(rule)
    ((kind, operand),) = rule.items()
    if kind == "exists":
        return present is operand
    if not present:
        return False
    if kind == "anything-but":
        if isinstance(operand, dict):
            return not _rule_fits(True, value, operand)
        return value not in (operand if isinstance(operand, list) else [operand])
    if not isinstance(value, str):
        return False
    match kind:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return value.casefold() == str(operand).casefold()
    raise NotImplementedError(f"filter rule {kind!r}")
