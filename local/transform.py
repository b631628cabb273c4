"""Transforms the template as CloudFormation does (AWS::Serverless-2016-10-31), with the same code, in less time."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.swagger import swagger
from samtranslator.translator.transform import transform

# SAM warns of each feature that AWS may switch on by an account's configuration; here there is none.
logging.getLogger("samtranslator.feature_toggle").setLevel(logging.ERROR)


class TemplateRefused(Exception):
    """SAM refuses the template; the message says why."""


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def transformed(template: dict[str, Any], region: str) -> dict[str, Any]:
    """Return the template with SAM's resources replaced by CloudFormation's. Raises TemplateRefused.

    Changes `template`. The result differs from that of SAM in the logical id of the API's deployment, which follows
    from the order of keys in the API's document.
    """
    with _settings(region):
        try:
            result: dict[str, Any] = transform(template, {}, _NoManagedPolicies())
        except InvalidDocumentException as error:
            raise TemplateRefused("\n".join(cause.message for cause in error.causes)) from error
    return result


@contextmanager
def _settings(region: str) -> Iterator[None]:
    # For each route, SAM copies the document of the API twice, and replaces it by the copy: most of its time.
    copy, swagger._deepcopy = swagger._deepcopy, lambda document: document
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = region
    try:
        yield
    finally:
        swagger._deepcopy = copy
        del os.environ["AWS_DEFAULT_REGION"]
        if before is not None:
            os.environ["AWS_DEFAULT_REGION"] = before
