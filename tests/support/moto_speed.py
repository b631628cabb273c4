"""Takes out of moto what costs tests most of their time and has no bearing on what it answers.

Profiled: of a suite's time a sixth went into reading the key of each user pool anew (the file is moto's own, the same
for all), a sixth into looking for every member that an AttributeValue can have, under each name it might go by, and
some into asking for the methods of the same few classes with every request.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import moto.cognitoidp.models as pools
import moto.core.responses as responses
import pytest
from moto.core.serialize import JSONSerializer


@contextmanager
def faster_moto() -> Iterator[None]:
    """moto, answering the same sooner, until the block ends."""
    whole, key = JSONSerializer._serialize_type_structure, pools.jwk

    def serialize(self: JSONSerializer, serialized: Any, value: Any, shape: Any, name: str) -> None:
        if name and shape.name == "AttributeValue" and (plain := plain_value(value)) is not None:
            self._default_serialize(serialized, plain, shape, name)
        else:
            whole(self, serialized, value, shape, name)

    read: Any = functools.cache(lambda members: key.RSAKey.import_key(dict(members)))
    once = SimpleNamespace(import_key=lambda members: read(tuple(sorted(members.items()))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONSerializer, "_serialize_type_structure", serialize)
        patch.setattr(pools, "jwk", SimpleNamespace(RSAKey=once))
        patch.setattr(
            responses, "method_names_from_class", functools.cache(responses.method_names_from_class)
        )
        yield


def plain_value(value: Any) -> dict[str, Any] | None:
    """An attribute's value as it stands in an answer; None for one that is left to moto to serialize.

    >>> plain_value({"L": [{"N": "1"}, {"M": {"a": {"S": "x"}}}]})
    {'L': [{'N': '1'}, {'M': {'a': {'S': 'x'}}}]}
    """
    if type(value) is not dict or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind in ("S", "N"):
        return value if type(content) is str else None
    if kind in ("BOOL", "NULL"):
        return value if type(content) is bool else None
    if kind in ("SS", "NS"):
        return value if type(content) is list and all(type(one) is str for one in content) else None
    if kind == "L" and type(content) is list:
        parts = [plain_value(one) for one in content]
        return None if None in parts else value
    if kind == "M" and type(content) is dict:
        return None if any(plain_value(one) is None for one in content.values()) else value
    return None
