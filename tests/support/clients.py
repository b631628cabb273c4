"""AWS clients of the harness, created once per process: creating one takes longer than a call to moto.

moto may be switched off and on between uses; it intercepts calls of any client created since it was imported.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import boto3
import moto  # noqa: F401 - hooks itself into clients made from here on
from botocore.config import Config

from tests.support.lambda_context import REGION


@lru_cache(maxsize=1)
def _session() -> Any:
    return boto3.session.Session("test", "test", region_name=REGION)


@cache
def client(service: str, endpoint_url: str | None = None) -> Any:
    """Return a client for `service` at `endpoint_url`, by default the one of AWS (which moto answers)."""
    known: Any = Config  # whose types lack the option
    # botocore would compose a user agent for each call.
    config = known(ignore_configured_endpoint_urls=True, user_agent="harness")
    return _session().client(service, endpoint_url=endpoint_url, config=config)
