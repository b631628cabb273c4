"""A DynamoDB that answers at once, below botocore: signing, serializing and parsing are real, the network is not."""

from __future__ import annotations

import io
import json
from typing import Any
from weakref import WeakKeyDictionary

from botocore.awsrequest import AWSResponse

_ANSWERS: WeakKeyDictionary[Any, dict[str, bytes]] = WeakKeyDictionary()


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        contents = self.read()
        while contents:
            yield contents
            contents = self.read()


def answer_with(client: Any, answers: dict[str, dict[str, Any]]) -> None:
    """Make a botocore client answer each operation (by its name, such as GetItem) with a fixed document.

    A second call for the same client replaces the documents of the operations it names.
    """
    encoded = {operation: json.dumps(answer).encode() for operation, answer in answers.items()}
    known = _ANSWERS.get(client)
    if known is not None:
        known.update(encoded)
        return
    _ANSWERS[client] = encoded

    def answer(request: Any, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rsplit(".", 1)[1]
        body = encoded[operation]
        headers = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(body))}
        return AWSResponse(request.url, 200, headers, _Raw(body))

    client.meta.events.register("before-send.dynamodb.*", answer)
