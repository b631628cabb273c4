"""Removes slow work that this stack does not need from the emulator's start."""

from __future__ import annotations

import gzip
import json
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

from cryptography.hazmat.primitives import serialization
from ministack import app
from ministack.core import responses

from local.emulator_parts import require

_UNUSED = ("appsync",)
"""Services that are dropped: reading their empty state imports more (GraphQL) than the rest of the emulator's start."""
_HEAD = 4_096
"""The number of characters at the beginning of a service's model that contain its metadata."""


def install() -> None:
    """Replace the emulator's parts with those below. Exits if the emulator no longer has one of their names."""
    names = require(responses, "_BOTOCORE_NAME")
    require(responses, "_service_model")
    responses._service_model = lambda service: _protocol(names.get(service, service))
    # The keys are those that the emulator has written. Checking that their numbers are primes takes 40 ms for each.
    serialization.load_pem_private_key = partial(
        serialization.load_pem_private_key, unsafe_skip_rsa_key_validation=True
    )
    for name in _UNUSED:
        del require(app, "_state_map")[name]


@cache
def _protocol(service: str) -> SimpleNamespace | None:
    """Return the `metadata` of a service's model, which decide the form of responses, without importing botocore."""
    botocore = find_spec("botocore")
    assert botocore is not None
    assert botocore.submodule_search_locations is not None
    models = Path(botocore.submodule_search_locations[0]) / "data" / service
    if not models.is_dir():
        return None
    newest = max(path for path in models.iterdir() if path.is_dir())
    with gzip.open(newest / "service-2.json.gz", "rt", encoding="utf-8") as file:
        head = file.read(_HEAD)
    start = head.index("{", head.index('"metadata"'))
    return SimpleNamespace(metadata=json.JSONDecoder().raw_decode(head, start)[0])
