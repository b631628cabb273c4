"""AWS services that answer at once, below botocore: signing, serializing and parsing are real, the network is not."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from botocore.awsrequest import AWSResponse

Answer = Callable[[bytes], dict[str, Any]]
"""Makes an answer from the body of a request."""
_ANSWERS: WeakKeyDictionary[Any, dict[str, bytes | Answer]] = WeakKeyDictionary()


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        contents = self.read()
        while contents:
            yield contents
            contents = self.read()


def answer_with(client: Any, answers: Mapping[str, dict[str, Any] | Answer]) -> None:
    """Make a DynamoDB client answer each operation (by its name, such as GetItem) with a fixed document, or with what a
    function makes of the request.

    A second call for the same client replaces the answers of the operations it names.
    """
    encoded = {
        operation: answer if callable(answer) else json.dumps(answer).encode()
        for operation, answer in answers.items()
    }
    known = _ANSWERS.get(client)
    if known is not None:
        known.update(encoded)
        return
    _ANSWERS[client] = encoded

    def answer(request: Any, **_: Any) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rsplit(".", 1)[1]
        made = encoded[operation]
        return _json(request, json.dumps(made(request.body)).encode() if callable(made) else made)

    client.meta.events.register("before-send.dynamodb.*", answer)


def take_messages(client: Any) -> list[dict[str, Any]]:
    """Make an SQS client accept all messages; return the list that they are added to."""
    taken: list[dict[str, Any]] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent = json.loads(request.body)
        entries = sent.get("Entries") or [sent]
        taken.extend(json.loads(entry["MessageBody"]) for entry in entries)
        done = [
            {
                "Id": entry.get("Id", ""),
                "MessageId": "m",
                "MD5OfMessageBody": hashlib.md5(entry["MessageBody"].encode()).hexdigest(),
            }
            for entry in entries
        ]
        return _json(request, json.dumps({"Successful": done, **done[0]}).encode())

    client.meta.events.register("before-send.sqs.*", answer)
    return taken


def keep_objects(client: Any, folder: Path) -> None:
    """Make an S3 client keep objects as files of a folder. It answers the calls that imports and exports make."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        address = urllib.parse.urlsplit(request.url)
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        path = folder / urllib.parse.quote(urllib.parse.unquote(address.path), safe="")
        if "delete" in query or "list-type" in query:
            return _xml(request, "")
        if request.method == "GET":
            return _read(request, path)
        if request.method == "HEAD":
            return _reply(request, 200, b"", {"Content-Length": str(path.stat().st_size)})
        if "uploads" in query:
            return _xml(request, "<UploadId>u</UploadId>")
        if request.method == "PUT":
            with path.open("ab" if query.get("partNumber", "1") != "1" else "wb") as file:
                file.writelines(_pieces(request))
        return _xml(request, '<ETag>"e"</ETag>')

    client.meta.events.register("before-send.s3.*", answer)


def _read(request: Any, path: Path) -> AWSResponse:
    with path.open("rb") as file:
        wanted = request.headers.get("Range")
        if wanted is None:
            return _reply(request, 200, file.read())
        text = wanted.decode() if isinstance(wanted, bytes) else wanted
        start, end = map(int, text.removeprefix("bytes=").split("-"))
        file.seek(start)
        return _reply(request, 206, file.read(end + 1 - start))


def _pieces(request: Any) -> Iterator[bytes | memoryview]:
    """Yield the object of a PUT, without the chunks in which botocore sends it (`aws-chunked`) and without a copy."""
    body = request.body
    if isinstance(body, bytes | bytearray):
        yield body
        return
    if "X-Amz-Decoded-Content-Length" not in request.headers:
        yield body.read()
        return
    for chunk in body:  # its size, its bytes, and a line break
        size, _, _ = chunk[:20].partition(b"\r\n")
        start = len(size) + 2
        yield memoryview(chunk)[start : start + int(size, 16)]


def _xml(request: Any, content: str) -> AWSResponse:
    return _reply(request, 200, f"<Result>{content}</Result>".encode())


def _reply(request: Any, status: int, body: bytes, more: dict[str, str] | None = None) -> AWSResponse:
    headers = {
        "Content-Length": str(len(body)),
        "ETag": '"e"',
        "Last-Modified": "Mon, 04 May 2026 09:30:00 GMT",
        **(more or {}),
    }
    return AWSResponse(request.url, status, headers, _Raw(body))


def _json(request: Any, body: bytes) -> AWSResponse:
    headers = {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(body))}
    return AWSResponse(request.url, 200, headers, _Raw(body))
