"""Reads `infra/template.yaml`, with the short forms of CloudFormation's functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from local.sources import ROOT

PATH = ROOT / "infra" / "template.yaml"
CODE = "CodeUri: ../build/functions.zip"
"""The line that `sam package`, and `fill_in_code`, replace with the location of the code."""


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


def fill_in_code(code_uri: str, path: Path = PATH) -> str:
    """Return the template's text with the location of the code, as `aws cloudformation package` does."""
    text = path.read_text(encoding="utf-8")
    if text.count(CODE) != 1:
        raise ValueError(f"{path} should say {CODE!r} once")
    return text.replace(CODE, f"CodeUri: {code_uri}")
