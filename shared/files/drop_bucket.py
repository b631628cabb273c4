"""The drop bucket: files to import, and the results of imports.

Its keys are spelled in `shared.files.object_keys`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError

from shared.domain.errors import Conflict, Unavailable
from shared.domain.ids import new_id
from shared.domain.imports.file import FileReplaced
from shared.domain.imports.malware import STATUS_TAG
from shared.domain.imports.upload import DroppedFile, Location, StoredFile
from shared.domain.timestamps import from_milliseconds
from shared.files import object_keys
from shared.files.requests import sign_url, translate_errors
from shared.services.backoff import AWS_CALL

_BLOCK = 1024 * 1024
"""Bytes of a file that are held at a time."""
_UPLOAD_PART = 5 * 1024 * 1024
"""Bytes of an upload's part. S3 takes at most 10,000 parts of 5 MiB and more."""
_AT_ONCE = 8
"""Inputs and outputs of chunks that are read or written at the same time."""
_DELETE = 1000
"""Objects in one DeleteObjects (limit of S3)."""
_GONE = ("PreconditionFailed", "NoSuchKey", "InvalidRange", "412", "404")
"""The codes of S3 for an object that was removed or has other content."""


class DropBucket:
    """The bucket, through one S3 client. Its methods raise Unavailable when S3 cannot be reached or stays busy."""

    def __init__(self, client: Any, bucket: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._bucket

    def locate(self, key: str) -> Location | None:
        """Return the file of a key; None when it is neither that of an upload nor in an inbox."""
        return object_keys.locate(key)

    def upload_key(self, tenant_id: str, import_id: str) -> str:
        """Return the key to which the file of an import is uploaded."""
        return object_keys.upload_key(tenant_id, import_id)

    def find(self, key: str, etag: str | None = None) -> DroppedFile:
        """Return the file of a key, in an inbox or uploaded. Raises FileReplaced when it does not exist or has another
        `etag`."""
        answer = self._head(key, etag)
        return self._to_file(key, answer["ETag"].strip('"'), answer["ContentLength"], answer["LastModified"])

    def describe(self, key: str, etag: str | None = None) -> StoredFile:
        """Return the state of an object with any key. Raises FileReplaced when it does not exist or has another
        `etag`."""
        answer = self._head(key, etag)
        return StoredFile(answer["ETag"].strip('"'), answer["ContentLength"])

    def _head(self, key: str, etag: str | None) -> dict[str, Any]:
        condition = {} if etag is None else {"IfMatch": f'"{etag}"'}
        with _translate_errors():
            answer: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=key, **condition)
        if etag is not None:
            self._check(answer, etag)
        return answer

    def scan_status(self, key: str) -> str | None:
        """Return the result of an object's scan for malware; None while it has none.

        Raises FileReplaced when the object does not exist.
        """
        with _translate_errors():
            answer = self._client.get_object_tagging(Bucket=self._bucket, Key=key)
        return next((tag["Value"] for tag in answer["TagSet"] if tag["Key"] == STATUS_TAG), None)

    def upload_form(self, key: str, max_bytes: int, seconds: int) -> tuple[str, dict[str, str]]:
        """Return the address and fields of an upload form (Amazon S3 API Reference, "POST Policy"). For some seconds it
        takes an object of 1 to `max_bytes` bytes, only for this key."""
        form = self._client.generate_presigned_post(
            Bucket=self._bucket,
            Key=key,
            Conditions=[["content-length-range", 1, max_bytes]],
            ExpiresIn=seconds,
        )
        return form["url"], form["fields"]

    def read(self, key: str, etag: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end` (not included) of an object, in blocks.

        Raises FileReplaced when the object was removed, or has other content than `etag` says.
        """
        while start < end:
            until = min(end, start + _BLOCK)
            block = self._read_block(key, etag, start, until)
            yield block
            if len(block) < until - start:  # the object ends before `end`
                return
            start = until

    def _read_block(self, key: str, etag: str, start: int, until: int) -> bytes:
        # botocore retries the request, but not the reading of the response's body.
        for _ in AWS_CALL.tries(self._sleep):
            with _translate_errors():
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=key, IfMatch=f'"{etag}"', Range=f"bytes={start}-{until - 1}"
                )
            self._check(answer, etag)
            try:
                block: bytes = answer["Body"].read()
            except (BotoCoreError, OSError):
                continue
            return block
        raise Unavailable()

    def _check(self, answer: dict[str, Any], etag: str) -> None:
        # Checked again after If-Match, which not every implementation of S3 knows.
        if answer["ETag"].strip('"') != etag:
            raise FileReplaced()

    def put_inputs(
        self, tenant_id: str, import_id: str, attempt: str, inputs: Iterable[tuple[int, bytes]]
    ) -> int:
        """Write the inputs of chunks, each given with its number. Returns how many there were."""
        count = 0
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            under_way: deque[Future[None]] = deque()
            for number, body in inputs:
                count += 1
                if len(under_way) == _AT_ONCE:
                    under_way.popleft().result()
                key = object_keys.input_key(tenant_id, import_id, attempt, number)
                under_way.append(threads.submit(self._put, key, body, _AS_JSON_LINES))
            while under_way:
                under_way.popleft().result()
        return count

    def read_input(self, tenant_id: str, import_id: str, attempt: str, number: int) -> bytes:
        """Return the input of a chunk. Raises Conflict when it was removed: the attempt has ended meanwhile."""
        return self._read_whole(object_keys.input_key(tenant_id, import_id, attempt, number))

    def read_inputs(
        self, tenant_id: str, import_id: str, attempt: str, numbers: Iterable[int]
    ) -> Iterator[bytes | None]:
        """Yield the inputs of many chunks; None for one that was removed."""
        return self._read_all(
            object_keys.input_key(tenant_id, import_id, attempt, number) for number in numbers
        )

    def put_output(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str:
        """Write the fates of a chunk's rows. Returns the key."""
        key = object_keys.output_key(tenant_id, import_id, attempt, name)
        self._put(key, body, _AS_JSON_LINES)
        return key

    def read_outputs(self, keys: Iterable[str]) -> Iterator[bytes | None]:
        """Yield the objects of keys that `put_output` returned; None for one that was removed."""
        return self._read_all(keys)

    def put_writes(self, tenant_id: str, import_id: str, attempt: str, name: str, body: bytes) -> str:
        """Write which contacts a chunk has written. Returns the key."""
        key = object_keys.writes_key(tenant_id, import_id, attempt, name)
        self._put(key, body, _AS_JSON_LINES)
        return key

    def read_writes(self, key: str) -> bytes:
        """Return the object of a key that `put_writes` returned."""
        return self._read_whole(key)

    def put_results(
        self,
        tenant_id: str,
        import_id: str,
        attempt: str,
        file_name: str,
        header: bytes,
        blocks: Iterable[bytes],
    ) -> str:
        """Write the results of a run: the header, and then some blocks. Returns their key, which is new each time: a
        retry may be reading what was written before."""
        return self._put_csv(
            object_keys.results_key(tenant_id, import_id, attempt, _worker_name(), file_name), header, blocks
        )

    def put_kept(
        self,
        tenant_id: str,
        import_id: str,
        attempt: str,
        file_name: str,
        header: bytes,
        blocks: Iterable[bytes],
    ) -> str:
        """Write the list of contacts that an undo kept, as `put_results` does. Returns its key."""
        return self._put_csv(
            object_keys.kept_key(tenant_id, import_id, attempt, _worker_name(), file_name), header, blocks
        )

    def _put_csv(self, key: str, header: bytes, blocks: Iterable[bytes]) -> str:
        buffer, upload = bytearray(header), _Upload(self._client, self._bucket, key)
        try:
            for block in blocks:
                buffer += block
                if len(buffer) >= _UPLOAD_PART:
                    upload.add(bytes(buffer))
                    buffer.clear()
            if not upload.has_started:
                self._put(key, bytes(buffer), _AS_CSV)
            else:
                upload.finish(bytes(buffer))
        except Exception:
            upload.abort()
            raise
        return key

    def _read_all(self, keys: Iterable[str]) -> Iterator[bytes | None]:
        """Yield the objects of many keys, in order, reading some ahead; None for one that is not there."""

        def read(key: str) -> bytes | None:
            try:
                return self._read_whole(key)
            except Conflict:
                return None

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            ahead: deque[Future[bytes | None]] = deque()
            for key in keys:
                ahead.append(threads.submit(read, key))
                if len(ahead) == _AT_ONCE:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _read_whole(self, key: str) -> bytes:
        for _ in AWS_CALL.tries(self._sleep):
            try:
                with _translate_errors():
                    answer = self._client.get_object(Bucket=self._bucket, Key=key)
            except FileReplaced as error:
                raise Conflict("A part of the results is gone.", code="part_gone") from error
            try:
                body: bytes = answer["Body"].read()
            except (BotoCoreError, OSError):
                continue
            return body
        raise Unavailable()

    def drop_parts(self, tenant_id: str, import_id: str, attempt: str) -> None:
        """Remove the inputs and outputs of an attempt's chunks, including those of workers that were not counted."""
        while True:
            with _translate_errors():
                answer = self._client.list_objects_v2(
                    Bucket=self._bucket,
                    Prefix=object_keys.parts_prefix(tenant_id, import_id, attempt),
                    MaxKeys=_DELETE,
                )
            found = [{"Key": entry["Key"]} for entry in answer.get("Contents", ())]
            if not found:
                return
            with _translate_errors():
                removed = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": found, "Quiet": True}
                )
            if removed.get("Errors"):
                raise Unavailable()
            if not answer.get("IsTruncated"):
                return

    def dropped_files(self, after: str) -> tuple[list[DroppedFile], str]:
        """Return files in the inboxes of all tenants whose keys follow `after`, in the order of keys, and the key to
        continue after, which is empty at the end.

        It makes one request, whatever the bucket holds. Results that continue beyond a page are skipped.
        """
        with _translate_errors():
            answer = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=object_keys.TENANTS, StartAfter=after or object_keys.TENANTS
            )
        entries = answer.get("Contents", ())
        files = [
            self._to_file(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"])
            for entry in entries
            if object_keys.inbox_file(entry["Key"])
        ]
        if not answer.get("IsTruncated"):
            return files, ""
        last = str(entries[-1]["Key"])
        return files, object_keys.last_results_key(last) or last

    def signed_url(self, key: str, seconds: int) -> str:
        """Return an address from which an object can be fetched for some seconds without credentials."""
        return sign_url(self._client, self._bucket, key, seconds)

    def _to_file(self, key: str, etag: str, size: int, modified: datetime) -> DroppedFile:
        # A listing may have fractions of seconds and a read has none, but both must name the same import.
        modified_at = from_milliseconds(int(modified.timestamp()) * 1000)
        location = object_keys.locate(key)
        if location is None:
            raise ValueError("an object that is neither in an inbox nor uploaded")
        return DroppedFile(self._bucket, key, etag, size, modified_at, location)

    def _put(self, key: str, body: bytes, kind: Mapping[str, str]) -> None:
        with _translate_errors():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, **kind)


_AS_JSON_LINES = {"ContentType": "application/jsonl"}
_AS_CSV = {"ContentType": "text/csv; charset=utf-8", "ContentDisposition": "attachment"}


def _worker_name() -> str:
    """Return a name for what one worker writes: the random end of an id, which keeps the records of imports short."""
    return new_id()[-12:]


class _Upload:
    """An upload in parts (S3 "multipart upload"), which starts with the first part."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._target = {"Bucket": bucket, "Key": key}
        self._parts: list[dict[str, Any]] = []
        self._id: str | None = None

    @property
    def has_started(self) -> bool:
        return self._id is not None

    def add(self, body: bytes) -> None:
        with _translate_errors():
            if self._id is None:
                self._id = self._client.create_multipart_upload(**self._target, **_AS_CSV)["UploadId"]
            number = len(self._parts) + 1
            answer = self._client.upload_part(**self._target, UploadId=self._id, PartNumber=number, Body=body)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})

    def finish(self, rest: bytes) -> None:
        if rest:
            self.add(rest)
        with _translate_errors():
            self._client.complete_multipart_upload(
                **self._target, UploadId=self._id, MultipartUpload={"Parts": self._parts}
            )

    def abort(self) -> None:
        if self._id is not None:
            with _translate_errors():
                self._client.abort_multipart_upload(**self._target, UploadId=self._id)


def _translate_errors() -> AbstractContextManager[None]:
    return translate_errors(_GONE, FileReplaced)
