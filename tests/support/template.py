"""Reads infra/template.yaml: the only description of routes, triggers, names and the table.

Loaded with chalice's SAM reader, with functions for what tests need; intrinsic functions are evaluated with the
parameters' defaults (or overrides) and the names of resources that a caller created.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from chalice.package import YAMLTemplateSerializer

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE_PATH = REPOSITORY / "infra" / "template.yaml"

ABSENT: Any = object()
FALLBACK = "/{proxy+}"
"""The path to which API Gateway sends requests that no other route matches."""


class Names(Protocol):
    """The values that CloudFormation would know of resources that exist already."""

    def ref(self, logical_id: str) -> str: ...

    def attribute(self, logical_id: str, attribute: str) -> str: ...


class NoNames:
    """For values that depend on no resource."""

    def ref(self, logical_id: str) -> str:
        raise LookupError(f"!Ref {logical_id}: no resources here")

    def attribute(self, logical_id: str, attribute: str) -> str:
        raise LookupError(f"!GetAtt {logical_id}.{attribute}: no resources here")


@dataclass(frozen=True)
class Route:
    """One API event of a function. `authorizer`: its name, or None when the route is open."""

    method: str
    path: str
    function: str
    authorizer: str | None


@dataclass(eq=False)
class Template:
    """A template. Its document does not change after it is loaded: what is read from it is kept."""

    document: dict[str, Any]
    parameters: dict[str, str] = field(default_factory=dict)
    stack_name: str = "contacts"
    _by_type: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def load(cls, path: Path = TEMPLATE_PATH, **parameters: str) -> Template:
        """Load the template at `path` with these parameters instead of their defaults."""
        return cls.parse(path.read_text(encoding="utf-8"), **parameters)

    @classmethod
    def parse(cls, text: str, **parameters: str) -> Template:
        document = YAMLTemplateSerializer().load_template(text)
        defaults = {
            name: str(parameter["Default"])
            for name, parameter in (document.get("Parameters") or {}).items()
            if "Default" in parameter
        }
        return cls(document, {**defaults, **parameters})

    def resources(self, kind: str) -> Mapping[str, dict[str, Any]]:
        """Return the properties of all resources of a type whose condition holds, by logical id (with intrinsic
        functions).
        """
        if kind not in self._by_type:
            self._by_type[kind] = {
                logical_id: resource.get("Properties") or {}
                for logical_id, resource in self.document["Resources"].items()
                if resource["Type"] == kind and self._wanted(resource)
            }
        return self._by_type[kind]

    def resource(self, kind: str) -> tuple[str, dict[str, Any]]:
        """Return the logical id and properties of the only resource of a type."""
        found = self.resources(kind)
        if len(found) != 1:
            raise LookupError(f"the template has {len(found)} resources of type {kind}, not one")
        return next(iter(found.items()))

    def function(self, logical_id: str) -> dict[str, Any]:
        """Return a function's properties, with those of Globals as defaults."""
        return self._functions[logical_id]

    def functions(self) -> Mapping[str, dict[str, Any]]:
        """Return the properties of all functions, with those of Globals as defaults, by logical id."""
        return self._functions

    @cached_property
    def _functions(self) -> dict[str, dict[str, Any]]:
        common = (self.document.get("Globals") or {}).get("Function") or {}
        return {
            name: _merged(common, own) for name, own in self.resources("AWS::Serverless::Function").items()
        }

    def handler(self, logical_id: str) -> str:
        """Return the dotted path of a function's handler."""
        return str(self.resolve(self.function(logical_id)["Handler"]))

    def role(self, logical_id: str) -> str | None:
        """Return the logical id of a function's role; None when the template names none of its own."""
        role = self.function(logical_id).get("Role")
        return str(role["Fn::GetAtt"][0]) if isinstance(role, dict) and "Fn::GetAtt" in role else None

    def look_ups(self, logical_id: str) -> tuple[str, ...]:
        """Return the beginnings of partition keys, besides tenants', that a function's role lets it reach: `U#`, `K#`,
        …
        """
        name = self.role(logical_id)
        found = self.resources("AWS::IAM::Role").get(name, {}) if name else {}
        keys = [
            key
            for policy in found.get("Policies", [])
            for statement in policy["PolicyDocument"]["Statement"]
            for key in statement.get("Condition", {})
            .get("ForAllValues:StringLike", {})
            .get("dynamodb:LeadingKeys", [])
        ]
        return tuple(dict.fromkeys(key.partition("*")[0] for key in keys if not key.startswith("T#")))

    def events(self, logical_id: str, kind: str) -> dict[str, dict[str, Any]]:
        """Return a function's events of a SAM type (Api, DynamoDB, SQS, Schedule…): their properties by name."""
        return {
            name: event.get("Properties") or {}
            for name, event in (self.function(logical_id).get("Events") or {}).items()
            if event["Type"] == kind
        }

    def event(self, logical_id: str, kind: str) -> dict[str, Any]:
        """Return the properties of a function's only event of a type, evaluated as far as they name no resource."""
        (event,) = self.events(logical_id, kind).values()
        settings = {}
        for name, value in event.items():
            try:
                settings[name] = self.resolve(value)
            except LookupError:
                settings[name] = value
        return settings

    def api(self) -> dict[str, Any]:
        """Return the properties of the only REST API, with those of Globals as defaults."""
        _, own = self.resource("AWS::Serverless::Api")
        common = (self.document.get("Globals") or {}).get("Api") or {}
        return _merged(common, own)

    def routes(self) -> list[Route]:
        """Return every API event of every function, except those of the fallback."""
        return [route for route in self._every_route if route.path != FALLBACK]

    def fallback(self) -> list[Route]:
        """Return the events of the fallback, one for each method."""
        return [route for route in self._every_route if route.path == FALLBACK]

    @cached_property
    def _every_route(self) -> list[Route]:
        return [*self._routes((self.api().get("Auth") or {}).get("DefaultAuthorizer"))]

    def _routes(self, default: str | None) -> Iterator[Route]:
        for function in self.resources("AWS::Serverless::Function"):
            for event in self.events(function, "Api").values():
                chosen = (event.get("Auth") or {}).get("Authorizer", default)
                authorizer = None if chosen in (None, "NONE") else str(chosen)
                path = self.resolve(event["Path"])
                yield Route(str(self.resolve(event["Method"])).upper(), path, function, authorizer)

    def environment(self, logical_id: str, names: Names) -> dict[str, str]:
        """Return a function's environment variables as Lambda would set them."""
        variables = (self.function(logical_id).get("Environment") or {}).get("Variables") or {}
        resolved = {name: self.resolve(value, names) for name, value in variables.items()}
        return {name: _text(value) for name, value in resolved.items() if value is not ABSENT}

    def resolve(self, value: Any, names: Names | None = None) -> Any:
        """Return `value` with its intrinsic functions evaluated. Raises LookupError for an unknown name."""
        return _Resolver(self, names or NoNames()).resolve(value)

    def _wanted(self, resource: dict[str, Any]) -> bool:
        condition = resource.get("Condition")
        return condition is None or _Resolver(self, NoNames()).condition(condition)


@dataclass(frozen=True)
class _Resolver:
    template: Template
    names: Names

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [entry for entry in map(self.resolve, value) if entry is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, operand),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name, operand)
        resolved = {name: self.resolve(entry) for name, entry in value.items()}
        return {name: entry for name, entry in resolved.items() if entry is not ABSENT}

    def _intrinsic(self, name: str, operand: Any) -> Any:
        match name:
            case "Ref":
                return self._ref(operand)
            case "Fn::GetAtt":
                logical_id, attribute = operand if isinstance(operand, list) else operand.split(".", 1)
                return self.names.attribute(logical_id, attribute)
            case "Fn::Sub":
                return self._sub(operand)
            case "Fn::Join":
                separator, parts = operand
                return separator.join(map(_text, self.resolve(parts)))
            case "Fn::If":
                condition, then, otherwise = operand
                return self.resolve(then if self.condition(condition) else otherwise)
            case "Fn::Select":
                index, choices = operand
                return self.resolve(choices)[int(index)]
            case "Fn::Split":
                separator, text = operand
                return self.resolve(text).split(separator)
            case "Fn::FindInMap":
                mapping, first, second = self.resolve(operand)
                return self.template.document["Mappings"][mapping][first][second]
        raise LookupError(f"intrinsic function {name} is not known here")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        known = {
            "AWS::Region": "us-east-1",
            "AWS::AccountId": "123456789012",
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.template.stack_name,
            "AWS::StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{self.template.stack_name}",
            **self.template.parameters,
        }
        return known[name] if name in known else self.names.ref(name)

    def _sub(self, operand: Any) -> str:
        text, own = (operand, {}) if isinstance(operand, str) else operand

        def replaced(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in own:
                return _text(self.resolve(own[name]))
            if "." in name:
                return _text(self.names.attribute(*name.split(".", 1)))
            return _text(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replaced, text)

    def condition(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self.condition(self.template.document["Conditions"][condition])
        ((name, operand),) = condition.items()
        match name:
            case "Condition":
                return self.condition(operand)
            case "Fn::Equals":
                first, second = (_text(self.resolve(entry)) for entry in operand)
                return first == second
            case "Fn::Not":
                return not self.condition(operand[0])
            case "Fn::And":
                return all(map(self.condition, operand))
            case "Fn::Or":
                return any(map(self.condition, operand))
        raise LookupError(f"condition function {name} is not known here")


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge by SAM's rule for Globals: maps are merged, lists are concatenated, everything else is replaced."""
    merged = dict(common)
    for name, value in own.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict) and not _is_intrinsic(value):
            merged[name] = _merged(below, value)
        elif isinstance(below, list) and isinstance(value, list):
            merged[name] = [*below, *value]
        else:
            merged[name] = value
    return merged


def _is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::"))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
