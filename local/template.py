"""Reads `infra/template.yaml`, with the short forms of CloudFormation's functions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from local.sources import ROOT

PATH = ROOT / "infra" / "template.yaml"
_CODE = re.compile(r"\bCodeUri: \.\./build/[a-z-]+\.zip$", re.MULTILINE)
"""The lines that name packages, which `sam package`, and `fill_in_code`, replace with the location of the code."""


# The same loader written in C takes a tenth of the time. PyYAML is built without it on some systems.
_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc,valid-type] # chosen at run time
    pass


def _short_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if tag == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path = PATH) -> dict[str, Any]:
    """Return the template with its short forms (`!Ref x`) expanded (`{"Ref": x}`)."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> dict[str, Any]:
    """Parse the text of a template; return the same as `load`."""
    loaded = yaml.load(text, _Loader)  # noqa: S506 - derived from SafeLoader
    assert isinstance(loaded, dict)
    return loaded


def functions(path: Path = PATH) -> dict[str, dict[str, Any]]:
    """Return the properties of the functions by logical id, with those that all functions share."""
    loaded = load(path)
    common = loaded["Globals"]["Function"]
    return {
        name: {**common, **resource["Properties"]}
        for name, resource in loaded["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def fill_in_code(code_uri: str, path: Path = PATH) -> str:
    """Return the template's text with the location of the code, as `aws cloudformation package` does.

    All functions get the same code: on a developer's machine, each has all packages of the environment.
    """
    text, count = _CODE.subn(f"CodeUri: {code_uri}", path.read_text(encoding="utf-8"))
    if count != text.count("CodeUri:"):
        raise ValueError(f"{path} names code that is no package of `make package`")
    return text
