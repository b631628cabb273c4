"""`infra/template.yaml` as SAM transforms it: the resources that CloudFormation creates."""

from __future__ import annotations

import os
from functools import cache
from typing import Any
from unittest.mock import patch

from samtranslator.translator.transform import transform

from local import template


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@cache
def compiled() -> dict[str, dict[str, Any]]:
    """Return the resources by logical id. Raises SAM's exception if the template is invalid."""
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}):
        # As `sam package` fills it in.
        given = template.parse(template.fill_in_code("s3://artifacts/functions.zip"))
        made: dict[str, Any] = transform(given, {}, _NoManagedPolicies())
    resources: dict[str, dict[str, Any]] = made["Resources"]
    return resources
