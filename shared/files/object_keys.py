"""The keys of the drop bucket's objects: the only place that spells and reads them.

| object | key |
|---|---|
| dropped file | `tenants/<tenant id>/inbox/<file>` |
| uploaded file | `uploads/<tenant id>/<import id>` |
| results | `tenants/<tenant id>/results/<import id>/<attempt>/<id>/<file>.results.csv` |
| what an undo kept | `tenants/<tenant id>/results/<import id>/<attempt>/<id>/<file>.kept.csv` |
| rows of a chunk | `parts/<tenant id>/<import id>/<attempt>/in/<chunk>` |
| fates of a chunk's rows | `parts/<tenant id>/<import id>/<attempt>/out/<chunk>-<id>` |
| contacts that a chunk wrote | `writes/<tenant id>/<import id>/<attempt>/<chunk>-<id>` |
| file of an export | `exports/<tenant id>/<export id>/<id>.<format>` |
| rest of an export's portion | `exports/<tenant id>/<export id>/rest/<id>` |

A worker that does what another one has done writes an object of its own, under a new `<id>`, and the record names the
object that counts: what was read of an object once can be read again, with the same ETag.

Parts and writes are kept outside `tenants/` and `uploads/`, since every new object there invokes the function that
imports files.
"""

from __future__ import annotations

import re

from shared.domain.imports.upload import InboxFile, Location, UploadedFile

TENANTS = "tenants/"
"""The prefix of all inboxes and results."""
EXPORTS = "exports/"
"""The prefix of all files of exports."""
_RESULTS = "results"
_MAX_NAME = 100
"""Characters of a file's name in the key of its results, so that the key stays well below S3's limit of 1,024 bytes."""
_INBOX_KEY = re.compile(r"tenants/([^/]+)/inbox/(.*[^/])", re.DOTALL)
_UPLOAD_KEY = re.compile(r"uploads/([^/]+)/([0-9a-f-]{36})")


def inbox_key(tenant_id: str, file_name: str) -> str:
    """Return the key of a file in a tenant's inbox; with an empty name, the prefix of the inbox."""
    return f"{TENANTS}{tenant_id}/inbox/{file_name}"


def inbox_file(key: str) -> InboxFile | None:
    """Return the file of a key in an inbox; None for any other key."""
    found = _INBOX_KEY.fullmatch(key)
    return InboxFile(found[1], found[2]) if found else None


def upload_key(tenant_id: str, import_id: str) -> str:
    """Return the key to which the file of an import is uploaded.

    The file's name is kept in the import's record, so that a key contains nothing that a caller has chosen.
    """
    return f"uploads/{tenant_id}/{import_id}"


def uploaded_file(key: str) -> UploadedFile | None:
    """Return the upload of a key; None for any other key."""
    found = _UPLOAD_KEY.fullmatch(key)
    return UploadedFile(found[1], found[2]) if found else None


def locate(key: str) -> Location | None:
    """Return the file of a key; None when the key is neither that of an upload nor in an inbox."""
    return uploaded_file(key) or inbox_file(key)


def results_key(tenant_id: str, import_id: str, attempt: str, name: str, file_name: str) -> str:
    """Return the key of the results of a run. `name`: of the worker that wrote them. Folders in the file's name are
    left out."""
    return f"{_results_of(tenant_id, import_id, attempt, name, file_name)}.results.csv"


def kept_key(tenant_id: str, import_id: str, attempt: str, name: str, file_name: str) -> str:
    """Return the key of the list of contacts that an undo kept. `name`: of the worker that wrote it."""
    return f"{_results_of(tenant_id, import_id, attempt, name, file_name)}.kept.csv"


def _results_of(tenant_id: str, import_id: str, attempt: str, name: str, file_name: str) -> str:
    shown = file_name.rpartition("/")[2][:_MAX_NAME]
    return f"{TENANTS}{tenant_id}/{_RESULTS}/{import_id}/{attempt}/{name}/{shown}"


def last_results_key(key: str) -> str | None:
    """Return a key after all results of the tenant to whose results a key belongs; None for any other key."""
    folders = key.split("/", 3)
    if len(folders) == 4 and folders[2] == _RESULTS:
        return f"{TENANTS}{folders[1]}/{_RESULTS}/\U0010ffff"
    return None


def parts_prefix(tenant_id: str, import_id: str, attempt: str) -> str:
    """Return the prefix of everything that is kept only while an attempt runs."""
    return f"parts/{tenant_id}/{import_id}/{attempt}/"


def input_key(tenant_id: str, import_id: str, attempt: str, number: int) -> str:
    """Return the key of the rows of a chunk."""
    return f"{parts_prefix(tenant_id, import_id, attempt)}in/{number:06d}"


def output_key(tenant_id: str, import_id: str, attempt: str, name: str) -> str:
    """Return the key of the fates of a chunk's rows. `name`: of the worker that wrote them."""
    return f"{parts_prefix(tenant_id, import_id, attempt)}out/{name}"


def writes_key(tenant_id: str, import_id: str, attempt: str, name: str) -> str:
    """Return the key of the list of contacts that a chunk wrote, which is kept as long as the import can be undone."""
    return f"writes/{tenant_id}/{import_id}/{attempt}/{name}"


def export_key(tenant_id: str, export_id: str, name: str) -> str:
    """Return the key of a file of an export."""
    return f"{EXPORTS}{tenant_id}/{export_id}/{name}"


def export_rest_key(tenant_id: str, export_id: str, name: str) -> str:
    """Return the key of bytes of an export that are too few for a part of its file."""
    return export_key(tenant_id, export_id, f"rest/{name}")
