"""The files of exports in the drop bucket. Their keys are spelled in `shared.files.object_keys`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError

from shared.domain.errors import Unavailable
from shared.domain.exports.formats import MEDIA_TYPES
from shared.domain.exports.record import ExportRun
from shared.domain.ids import new_id
from shared.files import object_keys
from shared.files.requests import sign_url, translate_errors
from shared.services.backoff import AWS_CALL
from shared.services.exports.exporting import FileGone

_COPIED = 5 * 1024 * 1024
"""Bytes of a finished file that are uploaded at a time: the least that S3 takes (Amazon S3 quotas)."""
_GONE = ("NoSuchUpload", "NoSuchKey", "InvalidPart", "404")
"""The codes of S3 for an upload or an object that was removed."""


class ExportFiles:
    """The files of exports, through one S3 client. Its methods raise Unavailable when S3 cannot be reached or stays
    busy, and FileGone for an upload or an object that has been removed."""

    def __init__(self, client: Any, bucket: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    def begin(self, run: ExportRun) -> tuple[str, str]:
        """Start a multipart upload. Returns the key of its object, which no other upload has, and its id."""
        key = self._new_key(run)
        with _translate_errors():
            answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, **_headers_of(run))
        return key, str(answer["UploadId"])

    def put_part(self, key: str, upload_id: str, number: int, body: bytes | bytearray) -> str:
        """Upload a part, and return its ETag. All parts but the last have at least 5 MiB (Amazon S3 quotas)."""
        with _translate_errors():
            answer = self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
            )
        return str(answer["ETag"]).strip('"')

    def finish(self, key: str, upload_id: str, parts: Sequence[tuple[int, str]]) -> None:
        """Make the object of its parts. An upload that was finished before stays as it is."""
        listed = [{"PartNumber": number, "ETag": f'"{etag}"'} for number, etag in parts]
        try:
            with _translate_errors():
                self._client.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
                )
        except FileGone:
            with _translate_errors():
                self._client.head_object(Bucket=self._bucket, Key=key)

    def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload and its parts."""
        with _translate_errors():
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)

    def put(self, run: ExportRun, body: bytes | bytearray) -> str:
        """Write a whole file. Returns its key, which no other file has."""
        key = self._new_key(run)
        with _translate_errors():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **_headers_of(run))
        return key

    def put_file(self, run: ExportRun, file: BinaryIO) -> str:
        """Write a whole file from one on the disk, a block at a time. Returns its key."""
        key, upload_id = self.begin(run)
        parts: list[tuple[int, str]] = []
        while block := file.read(_COPIED):
            number = len(parts) + 1
            parts.append((number, self.put_part(key, upload_id, number, block)))
        self.finish(key, upload_id, parts)
        return key

    def put_rest(self, run: ExportRun, body: bytes | bytearray) -> str:
        """Keep bytes that are too few for a part. Returns their key."""
        key = object_keys.export_rest_key(run.tenant_id, run.id, new_id())
        with _translate_errors():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        return key

    def read_rest(self, key: str) -> bytes:
        """Return bytes that `put_rest` has kept."""
        for _ in AWS_CALL.tries(self._sleep):
            with _translate_errors():
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            try:
                body: bytes = answer["Body"].read()
            except (BotoCoreError, OSError):  # botocore retries the request, but not the reading of the body
                continue
            return body
        raise Unavailable()

    def discard(self, run: ExportRun) -> None:
        """Remove what an export without a file has written: its unfinished upload, and the bytes kept for it."""
        if run.upload_id:
            with suppress(FileGone):
                self.abort(run.object_key, run.upload_id)
        if run.rest:
            self.delete(run.rest)

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""
        with _translate_errors():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def signed_url(self, key: str, seconds: int) -> str:
        """Return an address from which an object can be fetched for some seconds without credentials."""
        return sign_url(self._client, self._bucket, key, seconds)

    def _new_key(self, run: ExportRun) -> str:
        return object_keys.export_key(run.tenant_id, run.id, f"{new_id()}.{run.format}")


def _headers_of(run: ExportRun) -> dict[str, str]:
    return {
        "ContentType": MEDIA_TYPES[run.format],
        "ContentDisposition": f'attachment; filename="{run.file_name()}"',
    }


def _translate_errors() -> AbstractContextManager[None]:
    return translate_errors(_GONE, FileGone)
