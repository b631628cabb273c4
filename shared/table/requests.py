"""Serialization of DynamoDB's requests, without botocore's walk over their shapes.

Our requests have the form of DynamoDB's JSON protocol already: names of parameters are those that are sent, and there
are no times. Only binary values, of which `shared.table.postings` has some, change: into base64. The walk takes a fifth
of the time of an import (docs/decisions/0003); tests/unit/table compares both serializers' requests.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pydantic_core
from botocore.serialize import JSONSerializer

_encode_binary = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, default=lambda value: base64.b64encode(value).decode()
).encode


def _encode(parameters: Any) -> bytes:
    # pydantic takes a quarter of the time of the json module, but its base64 is that of URLs (RFC 4648, section 5).
    body = pydantic_core.to_json(parameters, bytes_mode="base64")
    if b'"B":' in body or b'"BS":' in body:
        return _encode_binary(parameters).encode()
    return body


class PlainSerializer(JSONSerializer):
    """The serializer of the `json` protocol, which sends the parameters as they are given."""

    def serialize_to_request(self, parameters: Any, operation_model: Any) -> dict[str, Any]:
        """Return the request of an operation, as botocore's endpoints take it."""
        metadata = operation_model.metadata
        return {
            "url_path": "/",
            "query_string": "",
            "method": "POST",
            "headers": {
                "X-Amz-Target": f"{metadata['targetPrefix']}.{operation_model.name}",
                "Content-Type": f"application/x-amz-json-{metadata['jsonVersion']}",
            },
            "body": _encode(parameters),
        }
