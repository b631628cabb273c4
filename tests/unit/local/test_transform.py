"""The template is transformed as SAM transforms it."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from samtranslator.swagger import swagger

from local import template
from local.transform import TemplateRefused, transformed
from tests.contract.template.compiled import compiled

CODE_URI = "s3://artifacts/functions.zip"


def text_of(value: Any) -> str:
    """Return a value as text without regard to the order of keys and to the id of the deployment."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{text_of(key)}:{text_of(one)}" for key, one in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return re.sub(r"^(ApiDeployment|RestApi deployment id: )[0-9a-f]+$", r"\1", str(value))


def test_the_result_is_that_of_sam_but_for_the_id_of_the_deployment() -> None:
    given = template.parse(template.fill_in_code(CODE_URI))
    assert text_of(transformed(given, "us-east-1")["Resources"]) == text_of(compiled())


def test_a_refusal_says_why_and_leaves_everything_as_it_was() -> None:
    copy, environment = swagger._deepcopy, dict(os.environ)
    given = template.parse(template.fill_in_code(CODE_URI))
    given["Globals"]["Function"]["NoSuchProperty"] = 1
    with pytest.raises(TemplateRefused, match="NoSuchProperty"):
        transformed(given, "us-east-1")
    assert swagger._deepcopy is copy
    assert dict(os.environ) == environment
