"""The TOKEN authorizers of the template, and the policies and contexts that they return."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from chalice.local import ARNMatcher

from tests.support.template import Template

DEFAULT_CACHE_SECONDS = 300
"""API Gateway's default time of keeping an authorizer's response."""


@dataclass
class Authorizer:
    """A TOKEN authorizer of the template."""

    function: str
    header: str
    validation: str | None
    cache_seconds: float
    cached: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)


def allows(policy: dict[str, Any], arn: str) -> bool:
    """Whether an authorizer's policy allows invoking `arn`: an explicit Deny wins, and silence denies."""
    verdict = False
    for statement in policy["Statement"]:
        actions, resources = _listed(statement["Action"]), _listed(statement["Resource"])
        if not ARNMatcher("execute-api:Invoke").does_any_resource_match(actions):
            continue
        if ARNMatcher(arn).does_any_resource_match(resources):
            if statement["Effect"] == "Deny":
                return False
            verdict = verdict or statement["Effect"] == "Allow"
    return verdict


def read_authorizers(template: Template, api: dict[str, Any]) -> dict[str, Authorizer]:
    """Return the authorizers of the template's API, by name."""
    functions = template.resources("AWS::Serverless::Function")
    found = {}
    for name, settings in ((api.get("Auth") or {}).get("Authorizers") or {}).items():
        mentioned = [known for known in functions if known in _names_in(settings["FunctionArn"])]
        if len(mentioned) != 1:
            raise LookupError(
                f"authorizer {name} names no function of the template: {settings['FunctionArn']}"
            )
        if settings.get("FunctionPayloadType", "TOKEN") != "TOKEN":
            raise NotImplementedError(f"authorizer {name} is not a TOKEN authorizer")
        identity = template.resolve(settings.get("Identity") or {})
        found[name] = Authorizer(
            mentioned[0],
            identity.get("Header", "Authorization"),
            identity.get("ValidationExpression"),
            float(identity.get("ReauthorizeEvery", DEFAULT_CACHE_SECONDS)),
        )
    return found


def _names_in(value: Any) -> set[str]:
    """Return every logical id that an intrinsic function may name."""
    if isinstance(value, dict):
        return set().union(*(_names_in(entry) for entry in value.values()))
    if isinstance(value, list):
        return set().union(*(_names_in(entry) for entry in value))
    return set(re.findall(r"\w+", str(value)))


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def context_text(value: Any) -> str:
    """Return a value of an authorizer's context as the text that functions receive."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("an authorizer's context may hold only strings, numbers and booleans")
